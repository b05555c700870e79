"""What bad luck gets: a fleet on the simulated marketplace, on a clock that the test moves."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from orchestrator.cloud.vast.search import RentalTerms
from orchestrator.fleet.instance import Instance, InstanceState
from orchestrator.jobs.job import JobState, Placement
from orchestrator.money.budget import Budget
from orchestrator.money.cost import cost_so_far
from orchestrator.offers.requirements import Requirements
from orchestrator.ports import LaunchOrder
from tests.simulators.clock import FakeClock
from tests.simulators.cloud import SimulatedLink
from tests.simulators.rental import MarketLinks, Rental
from tests.simulators.vast.offers import Offer
from tests.simulators.vast.world import MarketSettings

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
        await rental.until(lambda: _states_are(rental, *GONE), seconds=MINUTE)
    assert rental.market.creates == 1


async def _states_are(rental: Rental, *states: InstanceState) -> bool:
    return await rental.states() == list(states)


async def test_a_job_that_only_copies_rents_nothing(rental: Rental) -> None:
    async with rental.fleet():
        await rental.queue(copy=True)
        await rental.clock.advance(10 * MINUTE)
    assert rental.market.creates == 0


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


async def test_one_that_cannot_be_destroyed_keeps_no_other_unclaimed_machine_alive(rental: Rental) -> None:
    async with rental.marketplace() as vast:
        await _rent(rental, vast, "spotreel/test/first")
        await _rent(rental, vast, "spotreel/test/second")
    first, second = rental.ours
    path = f"*/instances/{first.id}/*"
    stuck = rental.market.faults.arm("api_down", times=10_000, match={"path": path, "method": "DELETE"})
    async with rental.fleet():
        await rental.until(lambda: second.destroyed is not None, seconds=6 * MINUTE)
        assert stuck.fired > 0
        assert first.destroyed is None
        rental.market.faults.disarm()
        await rental.until(lambda: not rental.ours, seconds=3 * MINUTE)


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
        await rental.until(lambda: _is_ended(rental, one), seconds=10 * MINUTE)
    assert gone.fired == 1
    assert rental.market.creates == 0


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


async def test_an_old_driver_is_found_out_by_the_workers_own_test(rental: Rental) -> None:
    knob = rental.market.faults.arm("old_driver")
    async with rental.fleet():
        await rental.queue()
        await rental.until(rental.is_ready, seconds=10 * MINUTE)
    assert knob.fired == 1
    assert await failed(rental) == ["WORKER_UNFIT"]


@pytest.mark.parametrize("fault", ["outbid", "credit_stop", "contract_end"])
async def test_what_is_stopped_by_others_is_lost_destroyed_and_replaced(rental: Rental, fault: str) -> None:
    knob = rental.market.faults.arm(fault, value=200.0)
    async with rental.fleet(rental=RentalTerms(interruptible=fault == "outbid")):
        await rental.queue()
        await rental.until(rental.is_ready, seconds=5 * MINUTE)
        first = await rental.newest()
        await rental.until(lambda: _is_ended(rental, first), seconds=10 * MINUTE)
        if fault == "credit_stop":
            rental.market.set_credit(20.0)
        await rental.until(rental.is_ready, seconds=20 * MINUTE)

    assert knob.fired == 1
    assert "INSTANCE_STOPPED" in await failed(rental)
    assert len(rental.ours) == 1


async def _is_ended(rental: Rental, instance: Instance) -> bool:
    return (await rental.ledger.get_instance(instance.id)).state is InstanceState.DESTROYED


async def test_a_host_that_comes_back_from_the_dead_finds_its_instance_destroyed(rental: Rental) -> None:
    gone = rental.market.faults.arm("host_offline", value=100.0)
    back = rental.market.faults.arm("host_comes_back", value=300.0)
    async with rental.fleet():
        await rental.queue()
        await rental.until(rental.is_ready, seconds=5 * MINUTE)
        first = await rental.newest()
        await rental.until(lambda: _is_ended(rental, first), seconds=20 * MINUTE)
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
        await rental.until(lambda: _states_are(rental, *GONE), seconds=MINUTE)
    assert rental.market.requests["destroy"] > 4


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


async def test_foreign_instances_are_never_touched(clock: FakeClock) -> None:
    rental = Rental(clock)
    async with rental.marketplace() as vast:
        for label in ("spotreel/other/1", "somebody else's", "spotreel/test"):
            await _rent(rental, vast, label)
    async with rental.fleet():
        await rental.clock.advance(HOUR)
    assert sorted(one.label or "" for one in rental.market.contracts) == [
        "somebody else's",
        "spotreel/other/1",
        "spotreel/test",
    ]


async def test_what_no_row_claims_is_destroyed_after_a_while(rental: Rental) -> None:
    async with rental.marketplace() as vast:
        await _rent(rental, vast, "spotreel/test/forgotten")
    async with rental.fleet():
        await rental.clock.advance(MINUTE)
        assert len(rental.ours) == 1
        await rental.until(lambda: not rental.ours, seconds=4 * MINUTE)


async def _rent(rental: Rental, vast: Any, label: str) -> None:
    async def rent() -> None:
        found = await vast.search(Requirements(encoder="h264", min_disk_bytes=20_000_000_000))
        taken = {str(one.offer.machine_id) for one in rental.market.contracts}
        offer = next(one for one in found if one.machine_id not in taken and one.direct_ports)
        await vast.create(LaunchOrder(instance_id="x", label=label, secret=bytes(32), offer=offer))

    await rental.through(rent())


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


async def test_launches_that_find_nothing_together_are_put_off_once(clock: FakeClock) -> None:
    rental = Rental(clock, offers=offers("A100 SXM4"))
    with capture_logs() as log:
        async with rental.fleet(jobs_per_instance=1):
            for _ in range(3):
                await rental.queue()
            await rental.clock.advance(45)
    assert [one["seconds"] for one in log if one["event"] == "launch_put_off"] == [30.0, 60.0]


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


async def test_idle_machines_end_with_the_orchestrator_and_busy_ones_stay(clock: FakeClock) -> None:
    rental = Rental(clock, offers=offers(*["RTX 4090"] * 4))
    async with rental.fleet(dismiss_idle=False, min_instances=2):
        await rental.queue()
        await rental.until(lambda: _ready(rental, 2), seconds=6 * MINUTE)
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
        await rental.until(lambda: _states_are(rental, *GONE), seconds=MINUTE)
    assert rental.ours == ()


async def _ready(rental: Rental, count: int) -> bool:
    return (await rental.states()).count(InstanceState.READY) == count


async def test_what_an_instance_cost_is_settled_to_the_micro_dollar(rental: Rental) -> None:
    async with rental.fleet():
        await rental.queue()
        await rental.until(rental.is_ready, seconds=5 * MINUTE)
        one = await rental.newest()
        await run_and_finish(rental, one)
        await rental.until(lambda: not rental.ours, seconds=10 * MINUTE)
        await rental.until(lambda: _is_settled(rental, one), seconds=20 * MINUTE)

    settled = await rental.ledger.get_instance(one.id)
    assert settled.charged is not None
    billed = rental.market.billed_usd_micros(int(settled.provider_id))
    assert settled.charged.total_usd_micros == pytest.approx(billed, abs=5)
    ((job_id, _),) = await rental.ledger.attempts_on(one.id)
    job = await rental.ledger.get_job(job_id)
    assert job.cost.final
    assert job.cost.total_usd_micros == settled.charged.total_usd_micros


async def _is_settled(rental: Rental, instance: Instance) -> bool:
    return (await rental.ledger.get_instance(instance.id)).charged is not None
