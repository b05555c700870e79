"""Machines that are lost, that do not go, and that come back."""

import pytest

from orchestrator.cloud.vast.search import RentalTerms
from tests.service.fleet.conftest import GONE, HOUR, MINUTE, failed, is_ended, rent, run_and_finish, states_are
from tests.simulators.clock import FakeClock
from tests.simulators.rental import Rental


@pytest.mark.parametrize("fault", ["outbid", "credit_stop", "contract_end"])
async def test_what_is_stopped_by_others_is_lost_destroyed_and_replaced(rental: Rental, fault: str) -> None:
    knob = rental.market.faults.arm(fault, value=200.0)
    async with rental.fleet(rental=RentalTerms(interruptible=fault == "outbid")):
        await rental.queue()
        await rental.until(rental.is_ready, seconds=5 * MINUTE)
        first = await rental.newest()
        await rental.until(lambda: is_ended(rental, first), seconds=10 * MINUTE)
        if fault == "credit_stop":
            rental.market.set_credit(20.0)
        await rental.until(rental.is_ready, seconds=20 * MINUTE)

    assert knob.fired == 1
    assert "INSTANCE_STOPPED" in await failed(rental)
    assert len(rental.ours) == 1


async def test_a_worker_that_ends_by_itself_is_held_against_its_machine(rental: Rental) -> None:
    async with rental.fleet():
        await rental.queue()
        await rental.until(rental.is_ready, seconds=5 * MINUTE)
        (bad,) = rental.ours
        await rental.market.do(bad.id, "kill")
        await rental.until(lambda: bad.destroyed is not None, seconds=2 * MINUTE)
        await rental.until(rental.is_ready, seconds=6 * MINUTE)
    assert await failed(rental) == ["WORKER_EXITED"]
    assert [one.offer.machine_id for one in rental.ours] != [bad.offer.machine_id]


async def test_a_host_that_comes_back_from_the_dead_finds_its_instance_destroyed(rental: Rental) -> None:
    gone = rental.market.faults.arm("host_offline", value=100.0)
    back = rental.market.faults.arm("host_comes_back", value=300.0)
    async with rental.fleet():
        await rental.queue()
        await rental.until(rental.is_ready, seconds=5 * MINUTE)
        first = await rental.newest()
        await rental.until(lambda: is_ended(rental, first), seconds=20 * MINUTE)
        await rental.clock.advance(10 * MINUTE)
        labels = [one.label for one in rental.ours]

    assert gone.fired == back.fired == 1
    assert first.label not in labels


async def test_an_instance_that_resurrects_is_destroyed_again(rental: Rental) -> None:
    knob = rental.market.faults.arm("resurrect", value=120.0)
    async with rental.fleet():
        await rental.queue()
        await rental.until(rental.is_ready, seconds=5 * MINUTE)
        await run_and_finish(rental, await rental.newest())
        await rental.until(lambda: knob.fired == 1, seconds=20 * MINUTE)
        await rental.clock.advance(121)
        assert len(rental.ours) == 1
        await rental.until(lambda: not rental.ours, seconds=4 * MINUTE)


@pytest.mark.parametrize("fault", ["destroy_ignored", "destroy_not_found", "destroy_rate_limited"])
async def test_a_destroy_is_repeated_until_it_is_true(rental: Rental, fault: str) -> None:
    knob = rental.market.faults.arm(fault, times=4)
    async with rental.fleet():
        await rental.queue()
        await rental.until(rental.is_ready, seconds=5 * MINUTE)
        await run_and_finish(rental, await rental.newest())
        await rental.until(lambda: knob.fired == 4, seconds=20 * MINUTE)
        await rental.until(lambda: not rental.ours, seconds=5 * MINUTE)
        await rental.until(lambda: states_are(rental, *GONE), seconds=MINUTE)
    assert rental.market.requests["destroy"] > 4


async def test_what_no_row_claims_is_destroyed_after_a_while(rental: Rental) -> None:
    async with rental.marketplace() as vast:
        await rent(rental, vast, "spotreel/test/forgotten")
    async with rental.fleet():
        await rental.clock.advance(MINUTE)
        assert len(rental.ours) == 1
        await rental.until(lambda: not rental.ours, seconds=4 * MINUTE)


async def test_one_that_cannot_be_destroyed_keeps_no_other_unclaimed_machine_alive(rental: Rental) -> None:
    async with rental.marketplace() as vast:
        await rent(rental, vast, "spotreel/test/first")
        await rent(rental, vast, "spotreel/test/second")
    first, second = rental.ours
    path = f"*/instances/{first.id}/*"
    stuck = rental.market.faults.arm("api_down", times=10_000, match={"path": path, "method": "DELETE"})
    async with rental.fleet():
        await rental.until(lambda: second.destroyed is not None, seconds=6 * MINUTE)
        assert stuck.fired > 0
        assert first.destroyed is None
        rental.market.faults.disarm()
        await rental.until(lambda: not rental.ours, seconds=3 * MINUTE)


async def test_foreign_instances_are_never_touched(clock: FakeClock) -> None:
    rental = Rental(clock)
    async with rental.marketplace() as vast:
        for label in ("spotreel/other/1", "somebody else's", "spotreel/test"):
            await rent(rental, vast, label)
    async with rental.fleet():
        await rental.clock.advance(HOUR)
    assert sorted(one.label or "" for one in rental.market.contracts) == [
        "somebody else's",
        "spotreel/other/1",
        "spotreel/test",
    ]
