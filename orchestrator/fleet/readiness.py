"""Readiness: an instance that was made gets an address, and its worker answers there, within a time limit for each."""

import contextlib
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from orchestrator.fleet.instance import Instance, InstanceFailure, became_ready, given_up, seen_running
from orchestrator.fleet.limits import FleetLimits
from orchestrator.fleet.listing import Absences, Listing
from orchestrator.ports import (
    Cloud,
    CloudInstance,
    CloudState,
    CloudUnavailable,
    Ledger,
    WorkerLinks,
    WorkerReady,
    WorkerUnreachable,
)
from servicekit.clock import Clock
from servicekit.errors import SpotreelError
from servicekit.waiting import wait_for_any

# One try; the worker answers once it has probed its encoders, which takes seconds.
_ASK_SECONDS = 20.0
_DIAL_PAUSE_SECONDS = 0.05
_LOG_SECONDS = 20.0


class Readiness:
    """STARTING → READY | DESTROYING."""

    def __init__(self, *, ledger: Ledger, cloud: Cloud, links: WorkerLinks, clock: Clock, limits: FleetLimits) -> None:
        self._ledger = ledger
        self._cloud = cloud
        self._links = links
        self._clock = clock
        self._limits = limits
        self._absences = Absences()
        self._problems = Absences()
        self._phases: dict[str, tuple[str, float]] = {}
        self._begun: dict[str, float] = {}
        self._not_running: dict[str, datetime] = {}
        self._log = structlog.get_logger("fleet")

    async def step(self, instance: Instance, listing: Listing) -> bool:
        """Returns whether the instance moved on."""
        seen = listing.instances.get(instance.provider_id)
        if seen is None:
            return await self._missing(instance, listing)
        self._absences.seen(instance.id)
        if seen.problem is not None and self._is_certain(instance, seen.problem.reason, listing):
            return await self._give_up(instance, seen.problem.reason, seen.problem.message)
        if seen.state is CloudState.STOPPED:
            return await self._give_up(instance, "START_STOPPED", f"It stopped while it started. {seen.status}".strip())
        if seen.state is not CloudState.RUNNING:
            self._not_running[instance.id] = self._clock.now() - self._age(listing)
        elif instance.running_time is None:
            # It may have begun right after it was last seen not to run, and nobody may have looked for long since.
            since = max(self._not_running.get(instance.id, instance.create_time), instance.create_time)
            instance = await self._ledger.change_instance(instance.id, lambda one: seen_running(one, since=since))
        if seen.state is CloudState.RUNNING and seen.address:
            return await self._dial(instance, seen.address)
        return await self._wait(instance, seen, listing)

    def _age(self, listing: Listing) -> timedelta:
        return timedelta(seconds=self._clock.monotonic() - listing.taken_at)

    def _is_certain(self, instance: Instance, reason: str, listing: Listing) -> bool:
        """Words of failure may be followed by another try; what still stands after a few listings is meant."""
        listings, _ = self._problems.missed(f"{instance.id} {reason}", listing)
        return listings >= self._cloud.reads_to_believe

    def forget(self, instance_id: str) -> None:
        """Drops what was noted of an instance that is not starting any more."""
        self._phases.pop(instance_id, None)
        self._begun.pop(instance_id, None)
        self._not_running.pop(instance_id, None)
        self._absences.seen(instance_id)

    async def _missing(self, instance: Instance, listing: Listing) -> bool:
        listings, seconds = self._absences.missed(instance.id, listing)
        if listings < self._cloud.reads_to_believe or seconds < self._limits.unknown_seconds:
            return False
        return await self._give_up(instance, "START_VANISHED", "It was gone before its worker ever answered.")

    async def _wait(self, instance: Instance, seen: CloudInstance, listing: Listing) -> bool:
        """Time counts up to the listing only: one that is old does not tell how far it is by now."""
        scheduling = seen.state is CloudState.SCHEDULING
        limit = self._limits.schedule_seconds if scheduling else self._limits.pull_seconds
        waited = self._seconds_in(instance, "schedule" if scheduling else "pull", until=listing.taken_at)
        if waited <= limit and self._seconds_in_all(instance, until=listing.taken_at) <= self._limits.start_seconds:
            return False
        what = "was not even being loaded" if scheduling else "had no address"
        words = f"It {what} after {limit:g} s. {seen.status}".strip()
        return await self._give_up(instance, "START_TIMEOUT", words)

    async def _dial(self, instance: Instance, address: str) -> bool:
        waited = self._seconds_in(instance, "dial", until=self._clock.monotonic())
        at_address = await self._ledger.change_instance(instance.id, lambda one: _at(one, address))
        try:
            ready = await self._answer(at_address)
        except Exception as error:  # noqa: BLE001 - whatever keeps it from answering, its time is limited
            if not waited and not isinstance(error, WorkerUnreachable | SpotreelError):
                # Said once, not at each try.
                self._log.exception("dial_failed", instance=instance.id)
            in_all = self._seconds_in_all(instance, until=self._clock.monotonic())
            if waited > self._limits.dial_seconds or in_all > self._limits.start_seconds:
                return await self._give_up(instance, "WORKER_UNREACHABLE", str(error))
            return False
        if unfit := _unfit(instance, ready):
            return await self._give_up(instance, "WORKER_UNFIT", unfit)
        self.forget(instance.id)
        now = self._clock.now()
        await self._ledger.change_instance(
            instance.id,
            lambda one: became_ready(
                one,
                address=address,
                slots=ready.slots,
                capabilities=ready.capabilities,
                hardware_codecs=ready.hardware_codecs,
                now=now,
            ),
        )
        seconds = round((now - instance.create_time).total_seconds(), 2)
        self._log.info("instance_ready", instance=instance.id, slots=ready.slots, start_seconds=seconds)
        return True

    async def _answer(self, instance: Instance) -> WorkerReady:
        """Asks until the worker answers, or another listing may tell what became of it: it listens a moment after its
        container runs. Raises WorkerUnreachable, and what the worker refuses with."""
        end = self._clock.monotonic() + self._limits.brisk_seconds
        link = self._links.connect(instance)
        try:
            while True:
                try:
                    return await link.ready(timeout=min(_ASK_SECONDS, self._limits.dial_seconds))
                except WorkerUnreachable:
                    if self._clock.monotonic() + _DIAL_PAUSE_SECONDS >= end:
                        raise
                    await self._clock.sleep(_DIAL_PAUSE_SECONDS)
        finally:
            await link.close()

    def _seconds_in(self, instance: Instance, phase: str, *, until: float) -> float:
        """Returns for how long it has been in this phase of its start, as far as this process has seen."""
        known, since = self._phases.get(instance.id, ("", until))
        if known != phase:
            since = until
            self._phases[instance.id] = (phase, since)
        return until - since

    def _seconds_in_all(self, instance: Instance, *, until: float) -> float:
        """Returns for how long it has been starting, the time before a restart included."""
        if instance.id not in self._begun:
            # Asked of the wall clock once only, so that a jump of it ends no start.
            age = max((self._clock.now() - instance.create_time).total_seconds(), 0.0)
            self._begun[instance.id] = self._clock.monotonic() - age
        return until - self._begun[instance.id]

    async def _give_up(self, instance: Instance, reason: str, message: str) -> bool:
        self.forget(instance.id)
        tail = await self._log_tail(instance)
        failure = InstanceFailure(reason=reason, message=message, log_tail=tail)
        await self._ledger.change_instance(instance.id, lambda one: given_up(one, failure=failure))
        self._log.warning("start_failed", instance=instance.id, reason=reason, detail=message, log_tail=tail)
        return True

    async def _log_tail(self, instance: Instance) -> str:
        """Returns the end of its log, where that is to be had soon: until it is there the machine bills."""
        tails: list[str] = []

        async def fetch() -> None:
            with contextlib.suppress(CloudUnavailable):
                tails.append(await self._cloud.log_tail(instance.provider_id))

        await wait_for_any(fetch(), seconds=_LOG_SECONDS, clock=self._clock)
        return "".join(tails)


def _unfit(instance: Instance, ready: WorkerReady) -> str:
    if ready.slots < 1:
        return "Its worker has no slot."
    if instance.encoder and instance.encoder not in ready.hardware_codecs:
        found = ", ".join(sorted(ready.hardware_codecs)) or "nothing"
        words = f"Its GPU was to encode {instance.encoder}, but in the worker's test it encodes {found}."
        return f"{words} {ready.objections.get(instance.encoder, '')}".rstrip()
    return ""


def _at(instance: Instance, address: str) -> Instance:
    return instance if instance.address == address else replace(instance, address=address)
