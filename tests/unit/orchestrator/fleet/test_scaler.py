"""How many instances are started, drained and ended: one row of the table at a time."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from orchestrator.fleet.demand import Demand
from orchestrator.fleet.instance import Instance, InstanceFailure, InstanceState
from orchestrator.fleet.limits import rental_limits
from orchestrator.fleet.scaler import Fleetwide, ScalePlan, plan_scale
from orchestrator.jobs.job import Placement
from orchestrator.money.budget import Budget
from orchestrator.offers.requirements import Work
from tests.simulators.records import START, make_instance, make_offer

NOW = START + timedelta(hours=1)


def demands(count: int, encoder: str = "h264", placement: Placement = Placement.CHEAPEST) -> list[Demand]:
    """So many queued jobs."""
    work = Work(frames=10, encoder=encoder)
    return [
        Demand(job_id=f"j{n}", encoder=encoder, disk_bytes=100 + n, work=work, placement=placement)
        for n in range(count)
    ]


def instance(name: str, state: InstanceState = InstanceState.READY, **fields: Any) -> Instance:
    """A rented instance that encodes H.264."""
    known: dict[str, Any] = {"offer": make_offer(), "hardware_codecs": frozenset({"h264"}), "image": "worker:1"}
    if state in (InstanceState.READY, InstanceState.DRAINING):
        known |= {"ready_time": NOW - timedelta(minutes=30), "at": NOW - timedelta(minutes=32), "slots": 1}
    return make_instance(name, state=state, **(known | fields))


def failed(name: str, reason: str, *, minutes_ago: float = 1, **fields: Any) -> Instance:
    """A start that failed."""
    ended = NOW - timedelta(minutes=minutes_ago)
    failure = InstanceFailure(reason=reason, message=f"{reason} happened.")
    return instance(name, InstanceState.DESTROYED, failure=failure, end_time=ended, at=ended, **fields)


def plan(instances: Sequence[Instance] = (), queued: Sequence[Demand] = (), **fields: Any) -> ScalePlan:
    """The plan of a fleet with at most 3 instances, for 4 jobs each."""
    sizes = {"min_instances": 0, "max_instances": 3, "jobs_per_instance": 4, "idle_seconds": 0.0}
    limits = rental_limits(**(sizes | {name: fields.pop(name) for name in list(fields) if name in sizes}))
    known: dict[str, Any] = {"free": {}, "idle": {}, "image": "worker:1", "now": NOW}
    return plan_scale(Fleetwide(instances=instances, demands=queued, limits=limits, **(known | fields)))


@pytest.mark.parametrize(
    ("instances", "queued", "launches"),
    [
        ([], demands(0), 0),
        ([], demands(1), 1),
        ([], demands(4), 1),
        ([], demands(5), 2),
        ([], demands(50), 3),
        # One that starts takes its share of the queue, one that works too.
        ([instance("a", InstanceState.STARTING)], demands(4), 0),
        ([instance("a", InstanceState.STARTING)], demands(5), 1),
        ([instance("a")], demands(4), 0),
        ([instance("a")], demands(9), 2),
        # What is not proved to be gone counts.
        ([instance(n, InstanceState.DESTROYING) for n in "abc"], demands(9), 0),
        ([instance("a", InstanceState.UNKNOWN), instance("b", InstanceState.DRAINING)], demands(50), 1),
        # No machine here encodes AV1.
        ([instance("a", hardware_codecs=frozenset({"h264", "hevc"}))], demands(1, "av1"), 1),
        # One that starts is expected to do what its model can.
        ([instance("a", InstanceState.STARTING, offer=make_offer(gpu_name="RTX 3090"))], demands(1, "av1"), 1),
        ([instance("a", InstanceState.STARTING)], demands(1, "av1"), 0),
        # What needs no encoder runs anywhere.
        ([instance("a", hardware_codecs=frozenset())], demands(1, ""), 0),
    ],
)
def test_how_many_are_started(instances: list[Instance], queued: list[Demand], launches: int) -> None:
    assert len(plan(instances, queued).launches) == launches


def test_a_launch_knows_what_it_is_for() -> None:
    wish, other = plan(queued=[*demands(2), *demands(1, "av1"), *demands(1, "", Placement.FASTEST)]).launches

    assert (wish.encoder, wish.disk_bytes, wish.work.frames, wish.placement) == ("h264", 101, 30, Placement.FASTEST)
    assert (other.encoder, other.placement) == ("av1", Placement.CHEAPEST)


def test_the_minimum_is_kept_without_work() -> None:
    assert [wish.encoder for wish in plan(min_instances=2).launches] == ["h264", "h264"]
    assert plan([instance("a"), instance("b")], min_instances=2, idle={"a": 9999.0, "b": 9999.0}).drain == ()


def test_too_many_are_drained_the_newest_first() -> None:
    assert plan([instance(n) for n in "cba"], max_instances=1).drain == ("c", "b")


@pytest.mark.parametrize(
    ("idle_timeout", "start_minutes", "patience"),
    [(300.0, 2.0, 300.0), (0.0, 2.0, 120.0), (0.0, 0.1, 60.0), (0.0, 60.0, 900.0)],
)
def test_an_idle_instance_is_kept_as_long_as_a_start_takes(
    idle_timeout: float, start_minutes: float, patience: float
) -> None:
    ready = NOW - timedelta(hours=1)
    one = instance("a", at=ready - timedelta(minutes=start_minutes), ready_time=ready)
    assert plan([one], idle={"a": patience - 1}, idle_seconds=idle_timeout).drain == ()
    assert plan([one], idle={"a": patience}, idle_seconds=idle_timeout).drain == ("a",)
    # Work that is about to come to it keeps it.
    assert plan([one], demands(1), idle={"a": patience}, idle_seconds=idle_timeout).drain == ()


def test_starts_that_fail_are_put_off_and_explained() -> None:
    soon = plan([failed("a", "START_TIMEOUT", minutes_ago=0.01)], demands(1))
    later = plan([failed("a", "START_TIMEOUT", minutes_ago=1)], demands(1))
    assert soon.launches == ()
    assert "START_TIMEOUT happened. The next try is in" in soon.situation
    assert len(later.launches) == 1


@pytest.mark.parametrize("reason", ["CREDIT_EXHAUSTED", "LAUNCH_INVALID"])
def test_what_no_other_machine_does_better_is_not_hammered(reason: str) -> None:
    assert plan([failed("a", reason, minutes_ago=9)], demands(1)).launches == ()
    assert len(plan([failed("a", reason, minutes_ago=11)], demands(1)).launches) == 1


@pytest.mark.parametrize("reason", ["IMAGE_NOT_FOUND", "REGISTRY_DENIED"])
def test_what_one_host_says_of_the_image_counts_when_another_one_says_it_too(reason: str) -> None:
    first, again = failed("a", reason, minutes_ago=1), failed("b", reason, minutes_ago=1)
    other = failed("c", reason, minutes_ago=1, offer=make_offer("2", machine_id="m2"))
    assert len(plan([first], demands(1)).launches) == 1
    assert len(plan([again, first], demands(1)).launches) == 1
    assert plan([other, first], demands(1)).launches == ()


def test_another_image_is_tried_at_once() -> None:
    assert len(plan([failed("a", "IMAGE_NOT_FOUND", minutes_ago=0.1)], demands(1), image="worker:2").launches) == 1
    # Whose fault is the host's does not become better by it.
    assert plan([failed("a", "HOST_BROKEN", minutes_ago=0.01)], demands(1), image="worker:2").launches == ()


def test_the_breaker_counts_failures_and_creates() -> None:
    failures = [failed(str(n), "START_TIMEOUT", minutes_ago=30) for n in range(10)]
    assert plan(failures, demands(50)).launches == ()
    # Creates that never failed, whatever became of them: a listing that lies must not start one after the other.
    ended = NOW - timedelta(minutes=10)
    creates = [instance(str(n), InstanceState.DESTROYED, at=ended, end_time=ended, ready_time=ended) for n in range(20)]
    assert plan(creates, demands(50)).launches == ()
    assert len(plan(creates[:19], demands(50)).launches) == 1
    assert plan(creates[:10], demands(1)).launches == ()


def test_nothing_is_started_while_it_is_not_known_what_there_is() -> None:
    blocked = plan(queued=demands(9), blocked="The marketplace does not answer.")
    assert (blocked.launches, blocked.situation) == ((), "The marketplace does not answer.")


def test_a_used_up_budget_ends_everything_and_one_that_runs_out_only_the_taking_of_work() -> None:
    fleet = [
        instance("a", running_time=NOW - timedelta(hours=1)),
        instance("b", InstanceState.STARTING),
        instance("c", InstanceState.DESTROYING),
    ]
    used = plan(fleet, demands(1), budget=Budget(usd_micros_per_day=300_000))
    short = plan(fleet, demands(1), budget=Budget(usd_micros_per_day=400_000))

    assert (used.end, used.launches) == (("a", "b"), ())
    assert "are spent" in used.end_reason
    assert (short.drain, short.end, short.launches) == (("a",), (), ())
    assert "Nothing new is started" in short.situation


def test_a_clock_that_jumped_back_puts_nothing_off_for_ever() -> None:
    assert len(plan([failed("a", "START_TIMEOUT", minutes_ago=-600)], demands(1)).launches) == 1
