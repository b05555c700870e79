"""A machine that is rented: for what work, which one, for how long, and what it costs."""

from datetime import timedelta

from structlog.testing import capture_logs

from orchestrator.fleet.instance import InstanceState
from orchestrator.jobs.job import Failure, attempt_failed, started
from servicekit.media.operations import Transcode
from tests.service.fleet.conftest import GONE, HOUR, MINUTE, offers, ready, run_and_finish, states_are
from tests.simulators.clock import FakeClock
from tests.simulators.rental import VIDEO, Rental

KEEP = timedelta(days=7)


async def test_nothing_is_rented_without_work(rental: Rental) -> None:
    async with rental.fleet():
        await rental.clock.advance(HOUR)
    assert rental.market.creates == 0


async def test_one_job_gets_one_machine_which_goes_when_it_is_idle(rental: Rental) -> None:
    async with rental.fleet():
        await rental.queue()
        await rental.until(rental.is_ready, seconds=5 * MINUTE)
        (contract,) = rental.ours
        one = await rental.newest()
        assert one.offer is not None
        assert str(contract.offer.id) == one.offer.offer_id
        assert "h264" in one.hardware_codecs
        await run_and_finish(rental, one)
        # Kept for as long as its start took, since another job may come.
        assert one.ready_time is not None
        start = (one.ready_time - one.create_time).total_seconds()
        await rental.clock.advance(start - 10)
        assert rental.ours
        await rental.until(lambda: not rental.ours, seconds=MINUTE)
        await rental.until(lambda: states_are(rental, *GONE), seconds=MINUTE)
    assert rental.market.creates == 1


async def test_a_job_that_only_copies_rents_nothing(rental: Rental) -> None:
    async with rental.fleet():
        await rental.queue(copy=True)
        await rental.clock.advance(10 * MINUTE)
    assert rental.market.creates == 0


async def test_for_what_may_be_a_copy_one_machine_is_rented_once_it_is_known_to_be_none(rental: Rental) -> None:
    looked = Failure(reason="ENCODER_UNAVAILABLE", message="", retryable=True, metadata={"needs_encoder": "true"})
    now = rental.clock.now()
    async with rental.fleet():
        job = await rental.queue(operation=Transcode(video=VIDEO))
        await rental.clock.advance(10 * MINUTE)
        assert rental.market.creates == 0

        await rental.ledger.change_job(job.id, lambda one: started(one, instance_id="house", now=now))
        await rental.ledger.change_job(job.id, lambda one: attempt_failed(one, failure=looked, now=now, keep=KEEP))
        await rental.until(rental.is_ready, seconds=10 * MINUTE)
        await rental.clock.advance(10 * MINUTE)
    assert rental.market.creates == 1


async def test_gpus_without_an_encoder_are_never_rented(clock: FakeClock) -> None:
    rental = Rental(clock, offers=offers("A100 SXM4", "H100 SXM", "A30", "CMP 170HX", "RTX 4090"))
    async with rental.fleet():
        await rental.queue()
        await rental.until(rental.is_ready, seconds=5 * MINUTE)
    assert [one.offer.gpu_name for one in rental.ours] == ["RTX 4090"]


async def test_an_offer_that_is_gone_is_followed_by_the_next(clock: FakeClock) -> None:
    rental = Rental(clock, offers=offers("RTX 4090", "RTX 4080S", "RTX 3090"))
    fault = rental.market.faults.arm("offer_gone_410", times=2)
    async with rental.fleet():
        await rental.queue()
        await rental.until(rental.is_ready, seconds=5 * MINUTE)

    assert fault.fired == 2
    assert [one.offer.gpu_name for one in rental.ours] == ["RTX 3090"]
    assert len(await rental.instances()) == 1, "one row, whatever was tried for it"


async def test_no_offer_at_all_is_a_visible_reason_and_no_hammering(clock: FakeClock) -> None:
    rental = Rental(clock, offers=offers("A100 SXM4", "H100 SXM"))
    async with rental.fleet() as fleet:
        await rental.queue()
        await rental.clock.advance(MINUTE)
        assert "no offer at all" in fleet.situation().words
        await rental.clock.advance(HOUR)
    assert rental.market.creates == 0
    assert rental.market.requests.get("search", 0) < 20


async def test_launches_that_find_nothing_together_are_put_off_once(clock: FakeClock) -> None:
    rental = Rental(clock, offers=offers("A100 SXM4"))
    with capture_logs() as log:
        async with rental.fleet(jobs_per_instance=1):
            for _ in range(3):
                await rental.queue()
            await rental.clock.advance(45)
    assert [one["seconds"] for one in log if one["event"] == "launch_put_off"] == [30.0, 60.0]


async def test_an_orderly_end_waits_for_a_create_and_gives_its_machine_back(rental: Rental) -> None:
    slow = rental.market.faults.arm("slow_answer", value=5.0, match={"endpoint": "create"})

    async def start_and_stop() -> None:
        async with rental.fleet(dismiss_idle=True):
            await rental.queue()
            while not slow.fired:
                await rental.clock.sleep(0.5)

    await rental.through(start_and_stop())
    assert rental.market.creates == 1
    assert rental.ours == ()


async def test_idle_machines_end_with_the_orchestrator_and_busy_ones_stay(clock: FakeClock) -> None:
    rental = Rental(clock, offers=offers(*["RTX 4090"] * 4))
    async with rental.fleet(dismiss_idle=False, min_instances=2):
        await rental.queue()
        await rental.until(lambda: ready(rental, 2), seconds=6 * MINUTE)
        busy, idle = await rental.instances()
        await rental.assign(busy)

    async def start_and_stop() -> None:
        async with rental.fleet(dismiss_idle=True, min_instances=2):
            await clock.sleep(5)

    await rental.through(start_and_stop())
    assert [one.label for one in rental.ours] == [busy.label]
    assert (await rental.ledger.get_instance(idle.id)).state is InstanceState.DESTROYED


async def test_an_idle_machine_that_cannot_be_ended_with_the_orchestrator_is_ended_by_the_next(rental: Rental) -> None:
    async with rental.fleet(min_instances=1):
        await rental.until(rental.is_ready, seconds=6 * MINUTE)
    knob = rental.market.faults.arm("destroy_rate_limited")

    async def start_and_stop() -> None:
        async with rental.fleet(dismiss_idle=True):
            pass

    with capture_logs() as log:
        await rental.through(start_and_stop())
    assert knob.fired == 1
    assert [one["log_level"] for one in log if one["event"] == "idle_instance_left"] == ["warning"]
    assert await rental.states() == [InstanceState.DESTROYING]
    async with rental.fleet():
        await rental.until(lambda: states_are(rental, *GONE), seconds=MINUTE)
    assert rental.ours == ()
