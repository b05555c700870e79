"""Searches the marketplace and chooses, with what the ledger knows of its machines."""

from collections.abc import Collection
from datetime import timedelta

from orchestrator.fleet.avoid import MEMORY, avoided_machines
from orchestrator.fleet.instance import Instance
from orchestrator.jobs.job import Placement
from orchestrator.offers.choice import Choice, choose
from orchestrator.offers.requirements import Requirements, Work
from orchestrator.ports import Ledger, Marketplace
from servicekit.clock import Clock

FRESH = timedelta(seconds=60)


class OfferSearch:
    """Finds the best offers for some work."""

    def __init__(self, *, ledger: Ledger, market: Marketplace, cloud_name: str, clock: Clock) -> None:
        self._ledger = ledger
        self._market = market
        self._cloud_name = cloud_name
        self._clock = clock

    async def choose(
        self,
        requirements: Requirements,
        *,
        work: Work,
        placement: Placement = Placement.CHEAPEST,
        without: Collection[str] = (),
        max_age: timedelta = FRESH,
        broad: bool = False,
    ) -> Choice:
        """Returns the choice among what is on offer, but for the offers in `without`. Raises CloudUnavailable.

        `broad` looks at offers too that the requirements rule out, so that it can be said why.
        """
        found = await self._market.search(requirements, max_age=max_age, broad=broad)
        now = self._clock.now()
        past = await self._ledger.instances_since(self._cloud_name, now - MEMORY)
        return choose(
            [one for one in found if one.offer_id not in without],
            requirements,
            work=work,
            placement=placement,
            avoided=avoided_machines(past, now=now),
            starts=start_times(past),
        )


def start_times(instances: Collection[Instance]) -> dict[str, timedelta]:
    """Returns how long each machine took to start when it last did; the instances are the newest first."""
    times: dict[str, timedelta] = {}
    for one in instances:
        if one.offer is not None and one.ready_time is not None:
            times.setdefault(one.offer.machine_id, one.ready_time - one.create_time)
    return times
