"""Scaler: how many instances to start or to drain now, out of what the ledger shows. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from orchestrator.fleet.instance import Instance, InstanceState
from orchestrator.fleet.limits import FleetLimits

_COMING = frozenset({InstanceState.REQUESTED, InstanceState.UNKNOWN, InstanceState.STARTING})


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalePlan:
    """What to do now: how many to launch, which to drain; and why there is no machine, for people."""

    launch: int = 0
    drain: tuple[str, ...] = ()
    situation: str = ""


def plan_scale(*, instances: Sequence[Instance], now: datetime, limits: FleetLimits) -> ScalePlan:
    """Returns the plan for the instances of the ledger, the newest first, those that ended lately among them."""
    ready = [one for one in instances if one.state is InstanceState.READY]
    coming = [one for one in instances if one.state in _COMING]
    missing = limits.wanted - len(ready) - len(coming)
    if missing < 0:
        # Newest first: the oldest has proved itself.
        return ScalePlan(drain=tuple(one.id for one in ready[:-missing]))
    failed = _failed_starts(instances)
    if limits.wanted == 0:
        return ScalePlan(situation="There is no machine, and none is wanted: local workers are switched off.")
    pause = max(_backoff_left(failed, now, limits), _breaker_left(instances, now, limits))
    situation = _situation(failed, pause, coming=len(coming))
    return ScalePlan(launch=0 if pause > 0 else missing, situation="" if ready else situation)


def _failed_starts(instances: Sequence[Instance]) -> list[Instance]:
    """The starts that failed since one succeeded, the newest first."""
    failed: list[Instance] = []
    for one in instances:
        if one.ready_time is not None:
            break
        if one.failure is not None:
            failed.append(one)
    return failed


def _backoff_left(failed: Sequence[Instance], now: datetime, limits: FleetLimits) -> float:
    if not failed:
        return 0.0
    doubled = limits.backoff_seconds * float(1 << min(len(failed) - 1, 30))
    pause = min(doubled, limits.longest_backoff_seconds)
    return pause - _age(failed[0], now)


def _breaker_left(instances: Sequence[Instance], now: datetime, limits: FleetLimits) -> float:
    """Seconds until the oldest of too many failures, of starts or of machines that ran, is old enough."""
    ages = [_age(one, now) for one in instances if one.failure is not None]
    recent = sorted(age for age in ages if age < limits.breaker_seconds)
    if len(recent) < limits.breaker_failures:
        return 0.0
    return limits.breaker_seconds - recent[limits.breaker_failures - 1]


def _age(instance: Instance, now: datetime) -> float:
    return (now - (instance.end_time or instance.create_time)).total_seconds()


def _situation(failed: Sequence[Instance], pause: float, *, coming: int) -> str:
    if not failed:
        return "A machine is being started." if coming or pause <= 0 else _again("Machines keep failing.", pause)
    failure = failed[0].failure
    why = f"The last {len(failed)} starts of a machine failed." if len(failed) > 1 else "The start of a machine failed."
    why += f" {failure.message}" if failure is not None else ""
    return f"{why} Another one is being started." if coming or pause <= 0 else _again(why, pause)


def _again(why: str, pause: float) -> str:
    return f"{why} The next try is in {pause:.0f} s."
