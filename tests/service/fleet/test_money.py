"""Credit, budgets, and what a machine and its jobs cost."""

import pytest

from orchestrator.jobs.job import JobState, Placement
from orchestrator.money.budget import Budget
from orchestrator.money.cost import cost_so_far
from tests.service.fleet.conftest import HOUR, MINUTE, is_settled, offers, run_and_finish
from tests.simulators.clock import FakeClock
from tests.simulators.rental import Rental
from tests.simulators.vast.world import MarketSettings


async def test_exhausted_credit_makes_jobs_wait_with_a_reason(clock: FakeClock) -> None:
    rental = Rental(clock, settings=MarketSettings(credit_usd=0.001))
    async with rental.fleet() as fleet:
        job = await rental.queue()
        await rental.clock.advance(MINUTE)
        assert "Add credit" in fleet.situation().words
        await rental.clock.advance(HOUR)
        assert "create" not in rental.market.requests
        rental.market.set_credit(20.0)
        await rental.until(rental.is_ready, seconds=20 * MINUTE)
    assert (await rental.ledger.get_job(job.id)).state is JobState.QUEUED


async def test_credit_that_ends_at_the_create_is_not_hammered_either(rental: Rental) -> None:
    fault = rental.market.faults.arm("insufficient_credit", times=100)
    async with rental.fleet() as fleet:
        await rental.queue()
        await rental.clock.advance(MINUTE)
        assert "Add credit" in fleet.situation().words
        await rental.clock.advance(HOUR)
    assert 1 < fault.fired <= 8


async def test_what_ran_while_nobody_could_look_counts_against_the_budget(rental: Rental) -> None:
    """It began to run during an outage: its GPU costs from then on, not from when that is first seen."""
    async with rental.fleet():
        await rental.queue()
        await rental.until(lambda: rental.ours, seconds=MINUTE)
        rental.market.faults.arm("api_down", times=10_000, seconds=HOUR)
        await rental.clock.advance(HOUR)
        await rental.until(rental.is_ready, seconds=5 * MINUTE)
        one, (contract,) = await rental.newest(), rental.ours
        billed = rental.market.billed_usd_micros(contract.id)
        assert billed > 30_000
        cost = cost_so_far(one, now=rental.clock.now())
        assert billed <= cost.total_usd_micros < billed * 1.1


async def test_the_hourly_budget_bounds_how_many_run_together(clock: FakeClock) -> None:
    rental = Rental(clock, offers=offers(*["RTX 4090"] * 5))
    async with rental.fleet(budget=Budget(usd_micros_per_hour=600_000)) as fleet:
        for _ in range(20):
            await rental.queue()
        await rental.clock.advance(10 * MINUTE)
        assert "more than the 0.600 $ that are allowed" in fleet.situation().words
    assert len(rental.ours) == 2


async def test_what_is_too_dear_for_the_hourly_budget_leaves_room_for_what_is_not(clock: FakeClock) -> None:
    rental = Rental(clock, offers=offers("RTX 4090", "RTX 5090", "RTX PRO 6000 S"))
    async with rental.fleet(budget=Budget(usd_micros_per_hour=250_000)):
        await rental.queue(placement=Placement.FASTEST)
        await rental.until(rental.is_ready, seconds=5 * MINUTE)
    assert [one.offer.gpu_name for one in rental.ours] == ["RTX 4090"]


async def test_the_daily_budget_ends_machines_and_frees_itself(clock: FakeClock) -> None:
    rental = Rental(clock, offers=offers("RTX 4090"))
    budget = Budget(usd_micros_per_day=300_000)
    async with rental.fleet(budget=budget, min_instances=1, max_instances=1) as fleet:
        await rental.until(rental.is_ready, seconds=5 * MINUTE)
        await rental.until(lambda: not rental.ours, seconds=3 * HOUR, step=10.0)
        assert "are spent" in fleet.situation().words
        spent = rental.market.billed_usd_micros()
        assert spent <= 300_000
        await rental.clock.advance(12 * HOUR)
        assert rental.market.billed_usd_micros() == spent
        await rental.until(rental.is_ready, seconds=14 * HOUR, step=10.0)


async def test_what_an_instance_cost_is_settled_to_the_micro_dollar(rental: Rental) -> None:
    async with rental.fleet():
        await rental.queue()
        await rental.until(rental.is_ready, seconds=5 * MINUTE)
        one = await rental.newest()
        await run_and_finish(rental, one)
        await rental.until(lambda: not rental.ours, seconds=10 * MINUTE)
        await rental.until(lambda: is_settled(rental, one), seconds=20 * MINUTE)

    settled = await rental.ledger.get_instance(one.id)
    assert settled.charged is not None
    billed = rental.market.billed_usd_micros(int(settled.provider_id))
    assert settled.charged.total_usd_micros == pytest.approx(billed, abs=5)
    ((job_id, _),) = await rental.ledger.attempts_on(one.id)
    job = await rental.ledger.get_job(job_id)
    assert job.cost.final
    assert job.cost.total_usd_micros == settled.charged.total_usd_micros
