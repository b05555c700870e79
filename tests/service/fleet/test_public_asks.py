"""What users of other systems that rent machines ask for in public threads, numbered as in docs/robustness.md."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.cloud.vast.search import RentalTerms
from orchestrator.fleet.instance import ALIVE, Instance, InstanceState
from orchestrator.money.budget import Budget
from orchestrator.offers.requirements import Requirements
from tests.service.fleet.conftest import HOUR, MINUTE, is_settled
from tests.simulators.clock import FakeClock
from tests.simulators.nvidia.pretence import DRIVER_FLOOR
from tests.simulators.rental import Rental
from tests.simulators.vast.offers import Offer


def offers(count: int, **fields: Any) -> Sequence[Offer]:
    """Offers of as many machines, the first the cheapest."""
    common = {"gpu_name": "RTX 4090", "driver_version": "575.51.03"} | fields
    return [Offer(id=100 + n, machine_id=10 + n, dph_base=0.2 + n / 10, **common) for n in range(count)]


async def work(rental: Rental, instance: Instance, *, seconds: float) -> str:
    """Lets a queued job run on an instance and succeed; returns its id."""
    job = await rental.assign(instance)
    await rental.clock.advance(seconds)
    await rental.succeed(job)
    return job.id


@pytest.mark.parametrize(
    ("fault", "value"),
    [
        ("list_v0_style_410", None),
        ("list_truncated", "token"),
        ("list_truncated", "short"),
        ("list_truncated", "cut"),
        ("bad_gateway", 502),
        ("not_json", None),
        ("wrong_redirect", 301),
        ("success_false_200", "Something went wrong"),
        ("rate_limit_json", None),
        ("key_revoked", 404),
    ],
)
async def test_ask_1_a_listing_that_fails_is_never_read_as_no_instances(
    clock: FakeClock, fault: str, value: Any
) -> None:
    """skypilot-org/skypilot#10517, dstackai/dstack#4031: launched again and again, all of it billed."""
    rental = Rental(clock, offers=offers(30))
    async with rental.fleet(max_instances=10, jobs_per_instance=4):
        for _ in range(12):
            await rental.queue()
        await rental.until(lambda: len(rental.ours) == 3, seconds=5 * MINUTE)
        knob = rental.market.faults.arm(fault, times=10_000, value=value, match={"endpoint": "list"})
        await rental.clock.advance(HOUR / 2)
        while_it_failed = await rental.states()
        rental.market.faults.disarm()
        await rental.clock.advance(3 * MINUTE)

        assert knob.fired > 10
        assert while_it_failed in ([InstanceState.STARTING] * 3, [InstanceState.READY] * 3)
        assert await rental.states() == [InstanceState.READY] * 3
    assert rental.market.creates == 3


async def test_ask_2_no_machine_leaks_and_no_destroy_fails_silently(clock: FakeClock) -> None:
    """skypilot#4392, #4605, dstack#4030, #3453: an end that was asked for counts as one only when it is proved."""
    rental = Rental(clock, offers=offers(4))
    arm = rental.market.faults.arm
    # Each would be enough for a leak: the answer to the create is lost, the destroy is refused, then ignored, then
    # denied, and in the end the machine comes back.
    knobs = [
        arm("create_answer_lost"),
        arm("hidden_first_reads", value=4),
        arm("destroy_rate_limited"),
        arm("destroy_ignored", times=2),
        arm("destroy_not_found", times=2),
        arm("resurrect", value=200.0),
    ]
    async with rental.fleet():
        await rental.queue()
        await rental.until(rental.is_ready, seconds=10 * MINUTE)
        await work(rental, await rental.newest(), seconds=MINUTE)
        while rental.ours:
            (one,) = await rental.instances()
            assert one.state in ALIVE, "a machine that bills counts as gone"
            await rental.clock.advance(1)
            assert clock.monotonic() < HOUR
        await rental.clock.advance(201)
        assert len(rental.ours) == 1, "it should have come back"
        await rental.until(lambda: not rental.ours, seconds=4 * MINUTE)
        await rental.clock.advance(HOUR)

    assert [one.fired for one in knobs] == [1, 1, 1, 2, 2, 1]
    assert not rental.ours


async def test_ask_3_a_price_ceiling_and_a_budget_hold_and_each_job_has_its_cost(clock: FakeClock) -> None:
    """skypilot#3103, #8766, #7837, #1670, remotion#1563: the jobs of a machine pay exactly what it was billed."""
    rental = Rental(clock, offers=offers(6))
    ceiling = Requirements(driver_floor=DRIVER_FLOOR, max_usd_micros_per_hour=450_000)
    async with rental.fleet(terms=ceiling, budget=Budget(usd_micros_per_hour=300_000), max_instances=5) as fleet:
        for _ in range(20):
            await rental.queue()
        await rental.until(rental.is_ready, seconds=10 * MINUTE)
        (contract,) = rental.ours
        assert "that are allowed" in fleet.situation().words
        one = await rental.newest()
        jobs = [await work(rental, one, seconds=seconds) for seconds in (30, 90, 200)]
        await rental.ledger.change_instance(one.id, _ended)
        await rental.until(lambda: is_settled(rental, one), seconds=20 * MINUTE)
        billed = rental.market.billed_usd_micros(contract.id)

    costs = [(await rental.ledger.get_job(job)).cost for job in jobs]
    settled = await rental.ledger.get_instance(one.id)
    assert settled.charged is not None
    assert contract.offer.dph_base == pytest.approx(0.2)
    assert all(cost.final for cost in costs)
    assert sum(cost.total_usd_micros for cost in costs) == settled.charged.total_usd_micros
    assert settled.charged.total_usd_micros == pytest.approx(billed, abs=5)
    assert costs[0].total_usd_micros < costs[1].total_usd_micros < costs[2].total_usd_micros


async def test_ask_4_a_start_that_is_stuck_ends_in_time_and_another_machine_is_tried(clock: FakeClock) -> None:
    """dstack#2809, #3040: pulls of 11 GB that never end; nobody waits longer than a quarter of an hour for one."""
    rental = Rental(clock, offers=offers(4))
    stuck = rental.market.faults.arm("stuck_loading", times=2)
    async with rental.fleet() as fleet:
        await rental.queue()
        await rental.clock.advance(3 * MINUTE)
        assert fleet.situation().pulling
        await rental.until(rental.is_ready, seconds=40 * MINUTE, step=5.0)

    machines = [one.offer.machine_id for one in (*rental.market.history, *rental.ours)]
    assert stuck.fired == 2
    assert len(machines) == len(set(machines)) == 3
    assert [one.failure.reason for one in await rental.instances() if one.failure] == ["START_TIMEOUT"] * 2


async def test_ask_5_a_machine_that_is_outbid_is_replaced_at_a_price_that_was_agreed(clock: FakeClock) -> None:
    """dstack#4026, Tdarr#188, #677, PeerTube#5157, Remotion#2671: what was rented by bid may go at any moment."""
    rental = Rental(clock, offers=offers(4))
    outbid = rental.market.faults.arm("outbid", value=200.0)
    async with rental.fleet(rental=RentalTerms(interruptible=True)):
        await rental.queue()
        await rental.until(rental.is_ready, seconds=5 * MINUTE)
        first = await rental.newest()
        assert first.offer is not None
        assert first.offer.interruptible
        (contract,) = rental.ours
        # What is paid is the bid, not the price on demand.
        assert contract.gpu_usd_per_hour * 1e6 + first.offer.storage_usd_micros_per_hour == pytest.approx(
            first.offer.usd_micros_per_hour, rel=0.01
        )
        await rental.until(lambda: outbid.fired, seconds=10 * MINUTE)
        await rental.until(lambda: _is_ready_again(rental, first), seconds=10 * MINUTE)

    assert contract.destroyed is not None
    assert len(rental.ours) == 1


async def test_ask_6_a_gpu_whose_encoder_cannot_start_never_gets_a_job(clock: FakeClock) -> None:
    """jvdillon/netv#42, ladaapp/lada#130, go-livepeer#1601: a driver too old by its offer is not rented; one that is
    older than its offer said, and a chip that cannot, are found out by a test encode before the first job."""
    old = offers(1, driver_version="470.82.01")
    good = [
        Offer(id=200 + n, machine_id=20 + n, gpu_name="RTX 4090", dph_base=0.9, driver_version="575.51.03")
        for n in range(3)
    ]
    rental = Rental(clock, offers=[*old, *good])
    knobs = [rental.market.faults.arm("old_driver"), rental.market.faults.arm("no_nvenc_chip", script=[False, True])]
    async with rental.fleet():
        await rental.queue()
        await rental.until(rental.is_ready, seconds=20 * MINUTE)

    assert [knob.fired for knob in knobs] == [1, 1]
    assert [one.failure.reason for one in await rental.instances() if one.failure] == ["WORKER_UNFIT"] * 2
    assert old[0].machine_id not in {one.offer.machine_id for one in (*rental.market.history, *rental.ours)}


def _ended(instance: Instance) -> Instance:
    return replace(instance, state=InstanceState.DESTROYING)


async def _is_ready_again(rental: Rental, first: Instance) -> bool:
    newest = await rental.newest()
    return newest.id != first.id and newest.state is InstanceState.READY
