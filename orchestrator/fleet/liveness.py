"""Liveness: an instance that its cloud calls stopped, or whose worker has been silent for too long, is lost."""

import structlog

from orchestrator.fleet.instance import Instance, InstanceFailure, given_up
from orchestrator.fleet.limits import FleetLimits
from orchestrator.fleet.listing import Absences, Listing
from orchestrator.ports import Cloud, CloudState, Ledger, WorkerLink, WorkerLinks, WorkerUnreachable
from servicekit.clock import Clock
from servicekit.errors import SpotreelError

_ASK_SECONDS = 5.0


class _Pulse:
    """When an instance was asked for a sign of life, and since when it gave none."""

    def __init__(self, link: WorkerLink) -> None:
        self.link = link
        self.asked = float("-inf")
        self.silent_since: float | None = None


class Liveness:
    """READY | DRAINING → DESTROYING. Its heartbeats are also what keeps a worker from ending itself."""

    def __init__(self, *, ledger: Ledger, cloud: Cloud, links: WorkerLinks, clock: Clock, limits: FleetLimits) -> None:
        self._ledger = ledger
        self._cloud = cloud
        self._links = links
        self._clock = clock
        self._limits = limits
        self._pulses: dict[str, _Pulse] = {}
        self._absences = Absences()
        self._log = structlog.get_logger("fleet")

    async def step(self, instance: Instance, listing: Listing | None) -> bool:
        """Returns whether the instance was found to be lost.

        Heartbeats go on also while there is no listing, which says nothing about the instance.
        """
        if listing is not None and await self._stopped(instance, listing):
            return True
        silence = await self._silence(instance)
        if silence > self._limits.unreachable_seconds:
            return await self._lose(instance, "WORKER_UNREACHABLE", f"Its worker was silent for {silence:.0f} s.")
        return False

    async def _stopped(self, instance: Instance, listing: Listing) -> bool:
        seen = listing.instances.get(instance.provider_id)
        if seen is None:
            listings, seconds = self._absences.missed(instance.id, listing)
            believed = listings >= self._cloud.reads_to_believe and seconds >= self._limits.missing_seconds
            return believed and await self._lose(instance, "INSTANCE_VANISHED", "Its cloud no longer knows it.")
        self._absences.seen(instance.id)
        if seen.state is CloudState.STOPPED and seen.problem is not None:
            return await self._lose(instance, seen.problem.reason, seen.problem.message)
        if seen.state is CloudState.STOPPED:
            return await self._lose(instance, "INSTANCE_STOPPED", f"It was stopped by its cloud. {seen.status}".strip())
        return False

    @property
    def in_doubt(self) -> bool:
        """Whether an instance did not answer the last time it was asked."""
        return any(pulse.silent_since is not None for pulse in self._pulses.values())

    async def close(self) -> None:
        """Closes the connections."""
        for instance_id in list(self._pulses):
            await self.forget(instance_id)

    async def forget(self, instance_id: str) -> None:
        """Closes the connection to an instance that is not watched any more."""
        self._absences.seen(instance_id)
        if pulse := self._pulses.pop(instance_id, None):
            await pulse.link.close()

    async def _silence(self, instance: Instance) -> float:
        """Returns for how many seconds it has not answered although it was asked; asks again when it is time.

        Time in which nobody asked, because this machine slept say, does not count against it.
        """
        pulse = self._pulses.get(instance.id)
        if pulse is None:
            pulse = self._pulses[instance.id] = _Pulse(self._links.connect(instance))
        now = self._clock.monotonic()
        if now - pulse.asked >= self._limits.heartbeat_seconds:
            pulse.asked = now
            try:
                await pulse.link.ready(timeout=_ASK_SECONDS)
                pulse.silent_since = None
            except Exception as error:  # noqa: BLE001 - whatever keeps it from answering, silence has its limit
                if pulse.silent_since is None and not isinstance(error, WorkerUnreachable | SpotreelError):
                    self._log.exception("heartbeat_failed", instance=instance.id)
                pulse.silent_since = now if pulse.silent_since is None else pulse.silent_since
                self._log.info("heartbeat_missed", instance=instance.id, detail=str(error))
        return 0.0 if pulse.silent_since is None else self._clock.monotonic() - pulse.silent_since

    async def _lose(self, instance: Instance, reason: str, message: str) -> bool:
        failure = InstanceFailure(reason=reason, message=message)
        await self.forget(instance.id)
        await self._ledger.change_instance(instance.id, lambda one: given_up(one, failure=failure))
        self._log.warning("instance_lost", instance=instance.id, reason=reason, detail=message)
        return True
