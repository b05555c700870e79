"""Destroy: repeated until the cloud shows, often enough, that there is no such instance."""

from dataclasses import dataclass, replace

import structlog

from orchestrator.fleet.instance import Instance, destroyed
from orchestrator.fleet.limits import FleetLimits
from orchestrator.fleet.listing import Absences, Listing
from orchestrator.ports import Cloud, Ledger
from servicekit.clock import Clock

# One that takes longer is said out loud: somebody pays for it.
_STUCK_SECONDS = 300.0


@dataclass(slots=True)
class _Ending:
    begun: float
    asked: float = float("-inf")
    accepted: float | None = None
    complained: float = 0.0


class Destroy:
    """DESTROYING → DESTROYED."""

    def __init__(self, *, ledger: Ledger, cloud: Cloud, clock: Clock, limits: FleetLimits) -> None:
        self._ledger = ledger
        self._cloud = cloud
        self._clock = clock
        self._limits = limits
        self._absences = Absences()
        self._endings: dict[str, _Ending] = {}
        self._log = structlog.get_logger("fleet")

    async def step(self, instance: Instance, listing: Listing | None) -> bool:
        """Returns whether the instance is proved to be gone. Raises CloudUnavailable."""
        ending = self._endings.setdefault(instance.id, _Ending(begun=self._clock.monotonic()))
        self._complain(instance, ending)
        if not instance.provider_id:
            return listing is not None and await self._without_id(instance, listing)
        if self._clock.monotonic() - ending.asked >= self._limits.destroy_seconds:
            ending.asked = self._clock.monotonic()
            await self._cloud.destroy(instance.provider_id)
            ending.accepted = self._clock.monotonic() if ending.accepted is None else ending.accepted
        if await self._is_gone(instance, ending, listing):
            return await self._note(instance)
        return False

    async def at_once(self, instance: Instance) -> bool:
        """The same without waiting for listings, for an end of the orchestrator; returns whether it is gone."""
        if not instance.provider_id:
            # Its create may have been cut off just now.
            found = next((one for one in await self._cloud.list() if one.label == instance.label), None)
            if found is None:
                return False
            instance = await self._ledger.change_instance(
                instance.id, lambda one: replace(one, provider_id=found.provider_id)
            )
        await self._cloud.destroy(instance.provider_id)
        for _ in range(self._cloud.reads_to_believe):
            if await self._cloud.get(instance.provider_id) is not None:
                return False
        return await self._note(instance)

    async def _is_gone(self, instance: Instance, ending: _Ending, listing: Listing | None) -> bool:
        """The answer to a destroy is a promise; what is read afterwards counts."""
        if ending.accepted is None or listing is None or listing.taken_at < ending.accepted:
            return False
        if instance.provider_id in listing.instances:
            self._absences.seen(instance.id)
            return False
        listings, _ = self._absences.missed(instance.id, listing)
        return listings >= self._cloud.reads_to_believe

    async def _without_id(self, instance: Instance, listing: Listing) -> bool:
        """It was given up before anybody knew whether it exists."""
        found = listing.labelled(instance.label)
        if found is not None:
            await self._ledger.change_instance(instance.id, lambda one: replace(one, provider_id=found.provider_id))
            return True
        listings, seconds = self._absences.missed(instance.id, listing)
        if listings >= self._cloud.reads_to_believe and seconds >= self._limits.unknown_seconds:
            return await self._note(instance)
        return False

    async def _note(self, instance: Instance) -> bool:
        self._endings.pop(instance.id, None)
        self._absences.seen(instance.id)
        now = self._clock.now()
        await self._ledger.change_instance(instance.id, lambda one: destroyed(one, now=now))
        self._log.info("instance_destroyed", instance=instance.id)
        return True

    def _complain(self, instance: Instance, ending: _Ending) -> None:
        seconds = self._clock.monotonic() - ending.begun
        if seconds - ending.complained >= _STUCK_SECONDS:
            ending.complained = seconds
            self._log.error(
                "destroy_stuck", instance=instance.id, provider_id=instance.provider_id, seconds=round(seconds)
            )
