"""Reaper: what carries our label and no row of the ledger claims is destroyed."""

import structlog

from orchestrator.fleet.instance import ALIVE
from orchestrator.fleet.launch import label_prefix
from orchestrator.fleet.limits import FleetLimits
from orchestrator.fleet.listing import Listing
from orchestrator.ports import Cloud, CloudUnavailable, Ledger
from servicekit.clock import Clock

_MOST_INSTANCES = 1000


class Reaper:
    """Reads the ledger after the cloud was listed: what is made between the two has its row by then."""

    def __init__(self, *, ledger: Ledger, cloud: Cloud, clock: Clock, limits: FleetLimits, deployment: str) -> None:
        self._ledger = ledger
        self._cloud = cloud
        self._clock = clock
        self._limits = limits
        self._prefix = label_prefix(deployment)
        self._unclaimed_since: dict[str, float] = {}
        self._log = structlog.get_logger("fleet")

    async def step(self, listing: Listing) -> None:
        """Destroys what has been unclaimed for long enough; again with each listing that shows it.

        One that came back after it was proved to be gone is unclaimed too. Other labels are never touched.
        """
        listed = [one for one in listing.instances.values() if one.label.startswith(self._prefix)]
        rows = await self._ledger.list_instances(states=ALIVE, limit=_MOST_INSTANCES) if listed else []
        # A second instance with the label of a row that has another one is nobody's either.
        claims = {row.label: row.provider_id for row in rows}
        unclaimed = {
            one.provider_id: one.label for one in listed if claims.get(one.label, "-") not in ("", one.provider_id)
        }
        now = self._clock.monotonic()
        self._unclaimed_since = {one: self._unclaimed_since.get(one, now) for one in unclaimed}
        for provider_id, since in self._unclaimed_since.items():
            if now - since >= self._limits.unclaimed_seconds:
                await self._destroy(provider_id, unclaimed[provider_id])

    async def _destroy(self, provider_id: str, label: str) -> None:
        """One that cannot be destroyed must not keep the others alive."""
        try:
            await self._cloud.destroy(provider_id)
        except CloudUnavailable as error:
            self._log.error("unclaimed_instance_stays", provider_id=provider_id, label=label, detail=str(error))
        else:
            self._log.error("unclaimed_instance_destroyed", provider_id=provider_id, label=label)
