"""Machines that failed are avoided, ever longer."""

from datetime import timedelta

import pytest

from orchestrator.fleet.avoid import avoided_machines
from orchestrator.fleet.instance import Instance, InstanceFailure, InstanceState
from tests.simulators.records import START, make_instance, make_offer

HOUR = timedelta(hours=1)


def failure(name: str, reason: str, hours: float) -> Instance:
    """An instance of machine m1 that failed so many hours after START."""
    return make_instance(
        name,
        state=InstanceState.DESTROYED,
        offer=make_offer(),
        end_time=START + hours * HOUR,
        failure=InstanceFailure(reason=reason, message=""),
    )


@pytest.mark.parametrize(("failures", "hours"), [(1, 1), (2, 2), (3, 4), (5, 16), (6, 24), (9, 24)])
def test_the_time_grows_with_each_failure(failures: int, hours: int) -> None:
    past = [failure(str(n), "HOST_BROKEN", -n) for n in range(failures)]
    assert avoided_machines(past, now=START + (hours - 0.1) * HOUR).keys() == {"m1"}
    assert avoided_machines(past, now=START + (hours + 0.1) * HOUR) == {}


@pytest.mark.parametrize("reason", ["CREDIT_EXHAUSTED", "LAUNCH_INVALID", "OFFER_GONE", "INSTANCE_STOPPED", "BUDGET"])
def test_a_machine_is_not_held_to_what_it_cannot_help(reason: str) -> None:
    assert avoided_machines([failure("a", reason, 0)], now=START) == {}


def test_old_failures_are_forgotten_and_the_reason_is_told() -> None:
    past = [failure("new", "WORKER_UNFIT", 0), *(failure(str(n), "HOST_BROKEN", -80) for n in range(9))]
    assert avoided_machines(past, now=START)["m1"].startswith("WORKER_UNFIT, until 2026-01-01 01:00")
