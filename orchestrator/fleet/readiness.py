"""Readiness: an instance that was made gets an address, and its worker answers there, within a time limit for each."""

import contextlib
from dataclasses import replace

import structlog

from orchestrator.fleet.instance import Instance, InstanceFailure, became_ready, given_up
from orchestrator.fleet.limits import FleetLimits
from orchestrator.ports import Cloud, CloudState, CloudUnavailable, Ledger, WorkerLinks, WorkerUnreachable
from servicekit.clock import Clock
from servicekit.errors import SpotreelError

# One try; the worker answers once it has probed its encoders, which takes seconds.
_ASK_SECONDS = 20.0


class Readiness:
    """STARTING → READY | DESTROYING."""

    def __init__(self, *, ledger: Ledger, cloud: Cloud, links: WorkerLinks, clock: Clock, limits: FleetLimits) -> None:
        self._ledger = ledger
        self._cloud = cloud
        self._links = links
        self._clock = clock
        self._limits = limits
        self._dialled_since: dict[str, float] = {}
        self._log = structlog.get_logger("fleet")

    async def step(self, instance: Instance) -> bool:
        """Returns whether the instance moved on. Raises CloudUnavailable."""
        seen = await self._cloud.get(instance.provider_id)
        if seen is None:
            return await self._give_up(instance, "START_VANISHED", "It was gone before its worker ever answered.")
        if seen.state is CloudState.STOPPED:
            return await self._give_up(instance, "START_STOPPED", f"It stopped while it started. {seen.status}".strip())
        if seen.address:
            return await self._dial(instance, seen.address)
        waited = (self._clock.now() - instance.create_time).total_seconds()
        if waited > self._limits.appear_seconds:
            words = f"It had no address after {self._limits.appear_seconds:g} s. {seen.status}".strip()
            return await self._give_up(instance, "START_TIMEOUT", words)
        return False

    async def _dial(self, instance: Instance, address: str) -> bool:
        since = self._dialled_since.setdefault(instance.id, self._clock.monotonic())
        at_address = await self._ledger.change_instance(instance.id, lambda one: _at(one, address))
        link = self._links.connect(at_address)
        try:
            ready = await link.ready(timeout=min(_ASK_SECONDS, self._limits.dial_seconds))
        except (WorkerUnreachable, SpotreelError) as error:
            if self._clock.monotonic() - since > self._limits.dial_seconds:
                return await self._give_up(instance, "WORKER_UNREACHABLE", str(error))
            return False
        finally:
            await link.close()
        self._dialled_since.pop(instance.id, None)
        if ready.slots < 1:
            return await self._give_up(instance, "WORKER_UNFIT", "Its worker has no slot.")
        now = self._clock.now()
        await self._ledger.change_instance(
            instance.id,
            lambda one: became_ready(one, address=address, slots=ready.slots, capabilities=ready.capabilities, now=now),
        )
        seconds = round((now - instance.create_time).total_seconds(), 2)
        self._log.info("instance_ready", instance=instance.id, slots=ready.slots, start_seconds=seconds)
        return True

    async def _give_up(self, instance: Instance, reason: str, message: str) -> bool:
        self._dialled_since.pop(instance.id, None)
        tail = ""
        with contextlib.suppress(CloudUnavailable):
            tail = await self._cloud.log_tail(instance.provider_id)
        failure = InstanceFailure(reason=reason, message=message, log_tail=tail)
        await self._ledger.change_instance(instance.id, lambda one: given_up(one, failure=failure))
        self._log.warning("start_failed", instance=instance.id, reason=reason, detail=message, log_tail=tail)
        return True


def _at(instance: Instance, address: str) -> Instance:
    return instance if instance.address == address else replace(instance, address=address)
