"""A marketplace that is down, that forgets, and whose answers are lost."""

from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from orchestrator.fleet.instance import InstanceState
from tests.service.fleet.conftest import HOUR, MINUTE, failed, offers
from tests.simulators.clock import FakeClock
from tests.simulators.rental import Rental


async def test_a_revoked_key_is_loud_and_concludes_nothing(rental: Rental) -> None:
    async with rental.fleet() as fleet:
        await rental.queue()
        await rental.until(rental.is_ready, seconds=5 * MINUTE)
        fault = rental.market.faults.arm("key_revoked", times=10_000)
        for _ in range(12):
            await rental.queue()
        with capture_logs() as log:
            await rental.clock.advance(HOUR / 2)
        assert "error" in {one["log_level"] for one in log if one["event"] == "cloud_forbidden"}
        assert "does not accept the key" in fleet.situation().words
        assert fault.fired > 0
        # Its heartbeats go on; that the listing is refused says nothing about it.
        assert await rental.states() == [InstanceState.READY]
        assert len(rental.ours) == 1
        rental.market.faults.disarm()
        await rental.clock.advance(2 * MINUTE)
        assert "does not accept the key" not in fleet.situation().words


async def test_an_hour_without_the_api_ends_no_job_and_forgets_no_destroy(rental: Rental) -> None:
    async with rental.fleet():
        await rental.queue()
        await rental.until(rental.is_ready, seconds=5 * MINUTE)
        one = await rental.newest()
        await rental.assign(one)
        down = rental.market.faults.arm("api_down", times=10_000, seconds=HOUR)
        await rental.clock.advance(HOUR - 1)
        assert down.fired > 10
        assert (await rental.newest()).state is InstanceState.READY
        # Work ends while nobody can be told to destroy the machine.
        await rental.ledger.change_instance(one.id, lambda it: replace(it, state=InstanceState.DESTROYING))
        await rental.clock.advance(MINUTE)
        await rental.until(lambda: not rental.ours, seconds=3 * MINUTE)
    assert rental.market.creates == 1


async def test_a_failed_listing_starts_nothing(clock: FakeClock) -> None:
    """Elsewhere a list that answered 410 was read as "no instances", and machine after machine was rented."""
    rental = Rental(clock, offers=offers(*["RTX 4090"] * 9))
    async with rental.fleet():
        for _ in range(12):
            await rental.queue()
        await rental.until(lambda: len(rental.ours) == 3, seconds=5 * MINUTE)
        fault = rental.market.faults.arm("list_v0_style_410", times=10_000)
        await rental.clock.advance(HOUR)
        assert fault.fired > 30
        rental.market.faults.disarm()
        await rental.clock.advance(10 * MINUTE)
    assert rental.market.creates == 3


@pytest.mark.parametrize(("fault", "value"), [("create_answer_lost", "timeout"), ("bad_gateway_after_effect", 502)])
async def test_a_lost_answer_is_adopted(rental: Rental, fault: str, value: Any) -> None:
    knob = rental.market.faults.arm(fault, value=value, match={"endpoint": "create"})
    async with rental.fleet():
        await rental.queue()
        await rental.until(rental.is_ready, seconds=6 * MINUTE)
    assert knob.fired == 1
    assert rental.market.creates == 1


async def test_a_lost_answer_is_adopted_although_first_reads_do_not_show_it(rental: Rental) -> None:
    lost = rental.market.faults.arm("create_answer_lost")
    hidden = rental.market.faults.arm("hidden_first_reads", value=6)
    async with rental.fleet():
        await rental.queue()
        await rental.until(rental.is_ready, seconds=6 * MINUTE)
    assert lost.fired == hidden.fired == 1
    assert rental.market.creates == 1


async def test_a_lost_request_is_given_up_after_a_while(rental: Rental) -> None:
    knob = rental.market.faults.arm("create_request_lost")
    async with rental.fleet():
        await rental.queue()
        await rental.until(rental.is_ready, seconds=10 * MINUTE)
    assert knob.fired == 1
    assert rental.market.creates == 1
    assert await failed(rental) == ["LAUNCH_LOST"]


async def test_what_was_made_although_it_was_refused_is_destroyed(rental: Rental) -> None:
    knob = rental.market.faults.arm("half_success")
    async with rental.fleet():
        await rental.queue()
        await rental.until(rental.is_ready, seconds=8 * MINUTE)
    assert knob.fired == 1
    assert await failed(rental) == ["LAUNCH_STILLBORN"]
    assert len(rental.ours) == 1


async def test_reads_that_lack_an_instance_now_and_then_lose_nothing(rental: Rental) -> None:
    hidden = rental.market.faults.arm("hidden_first_reads", value=3)
    async with rental.fleet():
        await rental.queue()
        await rental.until(rental.is_ready, seconds=5 * MINUTE)
        twice = rental.market.faults.arm("duplicate_rows", probability=0.3)
        await rental.clock.advance(20 * MINUTE)
    assert hidden.fired == 1
    assert twice.fired > 0
    assert rental.market.creates == 1
    assert await rental.states() == [InstanceState.READY]
