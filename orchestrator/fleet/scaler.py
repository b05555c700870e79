"""Scaler: which instances to start, to drain and to end now, out of what the ledger shows. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from orchestrator.fleet.demand import Demand
from orchestrator.fleet.instance import Instance, InstanceState
from orchestrator.fleet.limits import FleetLimits
from orchestrator.jobs.job import Placement
from orchestrator.money.budget import Budget
from orchestrator.offers.requirements import Work

_COMING = frozenset({InstanceState.REQUESTED, InstanceState.UNKNOWN, InstanceState.STARTING})
_OPEN = _COMING | {InstanceState.READY, InstanceState.DRAINING}
# Nothing that another machine would do better: somebody has to pay, or to push an image.
_BLOCKING = frozenset({"CREDIT_EXHAUSTED", "IMAGE_NOT_FOUND", "LAUNCH_INVALID", "REGISTRY_DENIED"})
_OURS = _BLOCKING - {"CREDIT_EXHAUSTED"}
_HOSTS_WORDS = frozenset({"IMAGE_NOT_FOUND", "REGISTRY_DENIED"})
# An instance that cost as long to start as these is kept as long; shorter and longer starts count as these.
_SHORTEST_IDLE_SECONDS, _LONGEST_IDLE_SECONDS = 60.0, 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchWish:
    """An instance that is to be started: what its GPU has to encode (empty: nothing), its disk, and what for."""

    encoder: str = ""
    disk_bytes: int = 0
    work: Work = field(default_factory=Work)
    placement: Placement = Placement.CHEAPEST


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalePlan:
    """What to do now: what to launch, which to drain, which to end at once and why; and why there is no machine."""

    launches: tuple[LaunchWish, ...] = ()
    drain: tuple[str, ...] = ()
    end: tuple[str, ...] = ()
    end_reason: str = ""
    situation: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleetwide:
    """All that a plan is made of.

    `instances` are the newest first, with those that ended lately; `unwritten` counts the launches under way that are
    not among them yet; `free` the free slots of the READY ones; `idle` for how many seconds an instance has had nothing
    to do; `image` what a launch would run now; `blocked` why nothing can be launched whatever the ledger says.
    """

    instances: Sequence[Instance]
    unwritten: int = 0
    demands: Sequence[Demand] = ()
    free: Mapping[str, int]
    idle: Mapping[str, float]
    now: datetime
    limits: FleetLimits
    budget: Budget = field(default_factory=Budget)
    image: str = ""
    blocked: str = ""


def plan_scale(state: Fleetwide) -> ScalePlan:
    """Returns what to do now."""
    now, instances = state.now, state.instances
    if used_up := state.budget.is_used_up(instances, now=now):
        words = f"{used_up} All machines are ended."
        return ScalePlan(end=_ids(instances, _OPEN), end_reason=used_up, situation=words)
    ready = [one for one in instances if one.state is InstanceState.READY]
    if short := state.budget.is_running_out(instances, now=now):
        return ScalePlan(drain=tuple(one.id for one in ready), situation=f"{short} Nothing new is started on it.")
    coming = [one for one in instances if one.state in _COMING]
    surplus = len(ready) + len(coming) - state.limits.max_instances
    if surplus > 0:
        # Newest first: the oldest has proved itself.
        return ScalePlan(drain=tuple(one.id for one in ready[:surplus]))
    # Those that are under way were wished for before.
    wishes = _wishes(state, ready, coming)[state.unwritten :]
    pause = _pause(state)
    room = 0 if pause > 0 or state.blocked else min(_room(state), _left_by_the_breaker(state))
    situation = "" if ready and not wishes else _situation(state, pause, coming=len(coming) + state.unwritten)
    return ScalePlan(launches=wishes[:room], drain=_idle(state, ready, coming), situation=situation)


def _wishes(state: Fleetwide, ready: Sequence[Instance], coming: Sequence[Instance]) -> tuple[LaunchWish, ...]:
    """Returns the instances that are missing: one for so many queued jobs, and what the minimum asks."""
    share = state.limits.jobs_per_instance
    places = {one.id: state.free.get(one.id, 0) + share for one in (*ready, *coming)}
    wishes: list[LaunchWish] = []
    taken: list[int] = []
    for demand in state.demands:
        place = next((one for one in (*ready, *coming) if places[one.id] > 0 and demand.fits(one)), None)
        if place is not None:
            places[place.id] -= 1
            continue
        joined = next((n for n, one in enumerate(wishes) if taken[n] < share and _serves(one, demand)), None)
        if joined is None:
            wishes.append(_joined(LaunchWish(encoder=demand.encoder), demand))
            taken.append(1)
        else:
            wishes[joined] = _joined(wishes[joined], demand)
            taken[joined] += 1
    missing = state.limits.min_instances - len(ready) - len(coming) - len(wishes)
    return (*wishes, *(LaunchWish(encoder=state.limits.default_encoder) for _ in range(missing)))


def _serves(wish: LaunchWish, demand: Demand) -> bool:
    return demand.encoder in ("", wish.encoder)


def _joined(wish: LaunchWish, demand: Demand) -> LaunchWish:
    return replace(
        wish,
        disk_bytes=max(wish.disk_bytes, demand.disk_bytes),
        work=wish.work + demand.work,
        placement=demand.placement if demand.placement is Placement.FASTEST else wish.placement,
    )


def _room(state: Fleetwide) -> int:
    """Returns how many more may exist. One that is not proved to be gone may bill, so it counts."""
    alive = sum(one.state is not InstanceState.DESTROYED for one in state.instances)
    return max(state.limits.max_instances - alive - state.unwritten, 0)


def _left_by_the_breaker(state: Fleetwide) -> int:
    """Returns how many creates the launch breaker still allows, whatever a listing says: a listing that lies must not
    make the fleet launch again and again."""
    limits = state.limits
    recent = sum(_age(one.create_time, state.now) < limits.breaker_seconds for one in state.instances)
    asked = max(len(state.demands), limits.min_instances, 1)
    return max(min(limits.breaker_creates, asked * limits.breaker_failures) - recent - state.unwritten, 0)


def _idle(state: Fleetwide, ready: Sequence[Instance], coming: Sequence[Instance]) -> tuple[str, ...]:
    """Returns the instances that have had nothing to do for too long, as far as the minimum allows, newest first."""
    spare = len(ready) + len(coming) - state.limits.min_instances
    waiting = [
        one
        for one in ready
        if state.idle.get(one.id, 0.0) >= _patience(one, state.limits)
        and not any(demand.fits(one) for demand in state.demands)
    ]
    return tuple(one.id for one in waiting[: max(spare, 0)])


def _patience(instance: Instance, limits: FleetLimits) -> float:
    if limits.idle_seconds or instance.ready_time is None:
        return limits.idle_seconds
    started = (instance.ready_time - instance.create_time).total_seconds()
    return min(max(started, _SHORTEST_IDLE_SECONDS), _LONGEST_IDLE_SECONDS)


def _failed_starts(state: Fleetwide) -> list[Instance]:
    """The starts that failed since one succeeded, the newest first; none of another image's making."""
    failed: list[Instance] = []
    for one in state.instances:
        if one.ready_time is not None:
            break
        if one.failure is not None and not (one.failure.reason in _OURS and one.image != state.image):
            failed.append(one)
    return failed


def _pause(state: Fleetwide) -> float:
    """Returns the seconds until the next launch may be tried; zero or less: now."""
    return max(_backoff_left(state), _breaker_left(state))


def _backoff_left(state: Fleetwide) -> float:
    failed, limits = _failed_starts(state), state.limits
    if not failed:
        return 0.0
    doubled = 1 << min(len(failed) - 1, 30)
    pause = min(limits.backoff_seconds * doubled, limits.longest_backoff_seconds)
    if _reason(failed[0]) in _BLOCKING - _HOSTS_WORDS or _say_several_machines(failed, _reason(failed[0])):
        pause = max(pause, limits.blocked_seconds)
    return pause - _age(_ended(failed[0]), state.now)


def _say_several_machines(failed: Sequence[Instance], reason: str) -> bool:
    """Whether what one host says is confirmed by another one: some hosts cannot reach a registry that others can."""
    machines = {one.offer.machine_id for one in failed if one.offer is not None and _reason(one) == reason}
    return reason in _HOSTS_WORDS and (len(machines) > 1 or not machines)


def _breaker_left(state: Fleetwide) -> float:
    """Seconds until the oldest of too many failures, of starts or of machines that ran, is old enough."""
    limits = state.limits
    ages = [_age(_ended(one), state.now) for one in state.instances if one.failure is not None]
    recent = sorted(age for age in ages if age < limits.breaker_seconds)
    if len(recent) < limits.breaker_failures:
        return 0.0
    return limits.breaker_seconds - recent[limits.breaker_failures - 1]


def _situation(state: Fleetwide, pause: float, *, coming: int) -> str:
    if state.blocked:
        return state.blocked
    if state.limits.max_instances == 0:
        return "There is no machine, and none is wanted: the server's settings allow none."
    failed = _failed_starts(state)
    going_on = coming or pause <= 0
    if not failed:
        return "A machine is being started." if going_on else _again("Machines keep failing.", pause)
    failure = failed[0].failure
    why = f"The last {len(failed)} starts of a machine failed." if len(failed) > 1 else "The start of a machine failed."
    why += f" {failure.message}" if failure is not None else ""
    return f"{why} Another one is being started." if going_on else _again(why, pause)


def _again(why: str, pause: float) -> str:
    return f"{why} The next try is in {pause:.0f} s."


def _ids(instances: Sequence[Instance], states: frozenset[InstanceState]) -> tuple[str, ...]:
    return tuple(one.id for one in instances if one.state in states)


def _reason(instance: Instance) -> str:
    return "" if instance.failure is None else instance.failure.reason


def _ended(instance: Instance) -> datetime:
    return instance.end_time or instance.create_time


def _age(moment: datetime, now: datetime) -> float:
    """Returns the seconds since a moment. One in the future is from before the clock was set back, who knows when: it
    must not put anything off until the clock has caught up."""
    seconds = (now - moment).total_seconds()
    return seconds if seconds >= 0 else float("inf")
