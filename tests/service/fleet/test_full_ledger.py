"""A ledger that cannot be written: what is not written down is not rented, and what is rented is not lost."""

from collections.abc import Callable

from orchestrator.fleet.instance import Instance, InstanceState
from orchestrator.ledger.memory import MemoryLedger
from servicekit.errors import ResourceExhausted
from tests.service.fleet.conftest import MINUTE
from tests.simulators.clock import FakeClock
from tests.simulators.rental import Rental


class FullLedger(MemoryLedger):
    """Refuses to write instances while it is `full`, and counts how often it did."""

    full = False
    refused = 0

    async def add_instance(self, instance: Instance) -> None:
        self._check_space()
        await super().add_instance(instance)

    async def change_instance(self, instance_id: str, change: Callable[[Instance], Instance]) -> Instance:
        self._check_space()
        return await super().change_instance(instance_id, change)

    def _check_space(self) -> None:
        if self.full:
            self.refused += 1
            raise ResourceExhausted("The server's disk is full, so nothing was changed.", reason="DISK_FULL")


async def test_without_space_for_the_intent_nothing_is_rented(clock: FakeClock) -> None:
    ledger = FullLedger(clock=clock)
    rental = Rental(clock, ledger=ledger)
    ledger.full = True
    async with rental.fleet():
        await rental.queue()
        await clock.advance(5 * MINUTE)
        assert ledger.refused > 0
        assert rental.market.creates == 0
        ledger.full = False
        await rental.until(rental.is_ready, seconds=10 * MINUTE)


async def test_without_space_for_the_answer_the_machine_is_adopted_when_there_is_some(clock: FakeClock) -> None:
    ledger = FullLedger(clock=clock)
    rental = Rental(clock, ledger=ledger)
    async with rental.fleet():
        await rental.queue()
        slow = rental.market.faults.arm("slow_answer", value=5.0, match={"endpoint": "create"})
        await rental.until(lambda: slow.fired == 1, seconds=MINUTE)
        ledger.full = True
        await clock.advance(2 * MINUTE)
        assert ledger.refused > 0
        assert len(rental.ours) == 1
        assert await rental.states() == [InstanceState.REQUESTED]
        ledger.full = False
        await rental.until(rental.is_ready, seconds=10 * MINUTE)

    assert rental.market.creates == 1
