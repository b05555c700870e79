"""What the tests of a fleet on the simulated marketplace share; its clock is moved by the test."""

from collections.abc import Sequence
from typing import Any

import pytest

from orchestrator.fleet.instance import Instance, InstanceState
from orchestrator.offers.requirements import Requirements
from orchestrator.ports import LaunchOrder
from tests.simulators.clock import FakeClock
from tests.simulators.rental import Rental
from tests.simulators.vast.offers import Offer

MINUTE, HOUR = 60.0, 3600.0
GONE = (InstanceState.DESTROYED,)


@pytest.fixture
def rental(clock: FakeClock) -> Rental:
    return Rental(clock)


def offers(*gpus: str, **fields: Any) -> Sequence[Offer]:
    """One offer of each model, on a machine of its own; the first is the cheapest."""
    return [
        Offer(id=100 + n, machine_id=10 + n, gpu_name=gpu, dph_base=0.2 + n / 10, driver_version="575.51.03", **fields)
        for n, gpu in enumerate(gpus)
    ]


async def failed(rental: Rental) -> list[str]:
    """The reasons of the instances that were given up, the newest first."""
    return [one.failure.reason for one in await rental.instances() if one.failure is not None]


async def run_and_finish(rental: Rental, instance: Instance) -> None:
    """Gives a queued job to an instance and lets it succeed a minute later."""
    job = await rental.assign(instance)
    await rental.clock.advance(MINUTE)
    await rental.succeed(job)


async def states_are(rental: Rental, *states: InstanceState) -> bool:
    return await rental.states() == list(states)


async def is_ended(rental: Rental, instance: Instance) -> bool:
    return (await rental.ledger.get_instance(instance.id)).state is InstanceState.DESTROYED


async def rent(rental: Rental, vast: Any, label: str) -> None:
    """Rents a machine past the fleet, under a label."""

    async def create() -> None:
        found = await vast.search(Requirements(encoder="h264", min_disk_bytes=20_000_000_000))
        taken = {str(one.offer.machine_id) for one in rental.market.contracts}
        offer = next(one for one in found if one.machine_id not in taken and one.direct_ports)
        await vast.create(LaunchOrder(instance_id="x", label=label, secret=bytes(32), offer=offer))

    await rental.through(create())


async def ready(rental: Rental, count: int) -> bool:
    return (await rental.states()).count(InstanceState.READY) == count


async def is_settled(rental: Rental, instance: Instance) -> bool:
    return (await rental.ledger.get_instance(instance.id)).charged is not None
