"""Starts that fail: which machine is tried next, and when none is."""

from dataclasses import replace

import pytest

from orchestrator.fleet.instance import Instance, InstanceState
from orchestrator.jobs.job import JobState
from tests.service.fleet.conftest import HOUR, MINUTE, failed, is_ended, offers
from tests.simulators.clock import FakeClock
from tests.simulators.cloud import SimulatedLink
from tests.simulators.rental import MarketLinks, Rental


@pytest.mark.parametrize(
    ("fault", "reason", "within"),
    [
        ("stuck_scheduling", "START_TIMEOUT", 6 * MINUTE),
        ("stuck_loading", "START_TIMEOUT", 17 * MINUTE),
        ("docker_build_error", "START_STOPPED", 3 * MINUTE),
        ("pull_error_network", "HOST_NETWORK", 3 * MINUTE),
        ("cdi_failure", "HOST_BROKEN", 3 * MINUTE),
        ("exits_at_start", "START_STOPPED", 6 * MINUTE),
        ("dead_worker", "WORKER_UNREACHABLE", 6 * MINUTE),
        ("unreachable_port", "WORKER_UNREACHABLE", 6 * MINUTE),
        ("port_missing", "START_TIMEOUT", 19 * MINUTE),
        ("port_null", "START_TIMEOUT", 19 * MINUTE),
        ("no_nvenc_chip", "WORKER_UNFIT", 4 * MINUTE),
    ],
)
async def test_a_start_that_fails_costs_one_try_and_the_machine_its_place(
    rental: Rental, fault: str, reason: str, within: float
) -> None:
    knob = rental.market.faults.arm(fault)
    async with rental.fleet():
        await rental.queue()
        await rental.until(lambda: knob.fired == 1, seconds=MINUTE)
        (bad,) = rental.ours
        await rental.until(rental.is_ready, seconds=within + 5 * MINUTE, step=2.0)
        (good,) = rental.ours

    found = await failed(rental)
    assert len(found) == 1
    assert found[0] in (reason, "WORKER_EXITED", "HOST_BROKEN") if reason == "START_STOPPED" else found == [reason]
    assert good.offer.machine_id != bad.offer.machine_id
    assert bad.destroyed is not None


async def test_an_image_that_does_not_exist_stops_launching_and_says_so(clock: FakeClock) -> None:
    rental = Rental(clock, offers=offers(*["RTX 4090"] * 12))
    fault = rental.market.faults.arm("image_not_found", times=100)
    async with rental.fleet() as fleet:
        await rental.queue()
        await rental.clock.advance(10 * MINUTE)
        assert "The worker's image does not exist" in fleet.situation().words
        await rental.clock.advance(HOUR)
    assert 1 < fault.fired <= 9
    assert set(await failed(rental)) == {"IMAGE_NOT_FOUND"}
    assert rental.ours == ()


async def test_a_single_host_that_cannot_get_the_image_is_passed_over(clock: FakeClock) -> None:
    rental = Rental(clock, offers=offers(*["RTX 4090"] * 3))
    fault = rental.market.faults.arm("image_not_found", times=100, match={"machine": "10"}, value="unauthorized")
    async with rental.fleet():
        await rental.queue()
        await rental.until(rental.is_ready, seconds=15 * MINUTE)
    assert fault.fired == 1
    assert [one.offer.machine_id for one in rental.ours] == [11]


async def test_an_old_driver_is_found_out_by_the_workers_own_test(rental: Rental) -> None:
    knob = rental.market.faults.arm("old_driver")
    async with rental.fleet():
        await rental.queue()
        await rental.until(rental.is_ready, seconds=10 * MINUTE)
    assert knob.fired == 1
    assert await failed(rental) == ["WORKER_UNFIT"]
    (told,) = [one.failure.message for one in await rental.instances() if one.failure]
    assert told == (
        "Its GPU was to encode h264, but in the worker's test it encodes nothing. "
        "The NVIDIA driver is too old for this FFmpeg."
    )


async def test_whatever_keeps_a_worker_from_answering_its_start_is_limited(rental: Rental) -> None:
    class BrokenLinks(MarketLinks):
        def connect(self, instance: Instance) -> SimulatedLink:
            raise RuntimeError("a bug")

    rental.links = BrokenLinks(rental.market)
    async with rental.fleet():
        await rental.queue()
        await rental.until(lambda: len(rental.ours) == 1, seconds=MINUTE)
        (bad,) = rental.ours
        await rental.until(lambda: bad.destroyed is not None, seconds=6 * MINUTE)
    assert (await failed(rental))[-1] == "WORKER_UNREACHABLE"


async def test_a_log_that_takes_long_does_not_keep_a_failed_start_alive(rental: Rental) -> None:
    broken = rental.market.faults.arm("cdi_failure")
    slow = rental.market.faults.arm("slow_answer", times=1000, value=20.0, match={"endpoint": "log_file"})
    late = rental.market.faults.arm("log_not_ready", value=50)
    async with rental.fleet():
        await rental.queue()
        await rental.until(lambda: slow.fired > 0, seconds=10 * MINUTE)
        bad = rental.ours[0]
        await rental.clock.advance(MINUTE)
    assert bad.destroyed is not None
    assert broken.fired == late.fired == 1


async def test_a_machine_that_is_ended_while_its_offer_is_gone_is_not_rented_any_more(clock: FakeClock) -> None:
    rental = Rental(clock, offers=offers("RTX 4090", "RTX 3090"))
    gone = rental.market.faults.arm("offer_gone_410")
    slow = rental.market.faults.arm("slow_answer", value=15.0, match={"endpoint": "create"})
    async with rental.fleet(max_instances=1):
        job = await rental.queue()
        await rental.until(lambda: slow.fired == 1, seconds=MINUTE)
        one = await rental.newest()
        await rental.ledger.change_instance(one.id, lambda it: replace(it, state=InstanceState.DESTROYING))
        await rental.ledger.change_job(job.id, lambda it: replace(it, state=JobState.CANCELLED))
        await rental.until(lambda: is_ended(rental, one), seconds=10 * MINUTE)
    assert gone.fired == 1
    assert rental.market.creates == 0
