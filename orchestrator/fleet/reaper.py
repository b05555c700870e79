"""Reaper: what carries our label and no row of the ledger claims is destroyed."""

import structlog

from orchestrator.fleet.instance import ALIVE
from orchestrator.fleet.launch import label_prefix
from orchestrator.fleet.limits import FleetLimits
from orchestrator.ports import Cloud, Ledger
from servicekit.clock import Clock

_MOST_INSTANCES = 1000


class Reaper:
    """Lists the cloud first and the ledger second: what is made between the two has its row by then."""

    def __init__(self, *, ledger: Ledger, cloud: Cloud, clock: Clock, limits: FleetLimits, deployment: str) -> None:
        self._ledger = ledger
        self._cloud = cloud
        self._clock = clock
        self._limits = limits
        self._prefix = label_prefix(deployment)
        self._unclaimed_since: dict[str, float] = {}
        self._log = structlog.get_logger("fleet")

    async def step(self) -> None:
        """Destroys what has been unclaimed for long enough. Raises CloudUnavailable, having concluded nothing."""
        listed = [one for one in await self._cloud.list() if one.label.startswith(self._prefix)]
        rows = await self._ledger.list_instances(states=ALIVE, limit=_MOST_INSTANCES)
        claimed = {row.label for row in rows}
        unclaimed = {one.provider_id: one.label for one in listed if one.label not in claimed}
        now = self._clock.monotonic()
        self._unclaimed_since = {one: self._unclaimed_since.get(one, now) for one in unclaimed}
        for provider_id, since in self._unclaimed_since.items():
            if now - since >= self._limits.unclaimed_seconds:
                self._log.error("unclaimed_instance_destroyed", provider_id=provider_id, label=unclaimed[provider_id])
                await self._cloud.destroy(provider_id)
