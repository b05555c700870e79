"""The fleet: one step for each instance per pass, each in its own file, none waiting for another."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, Self

import structlog

from orchestrator.fleet.avoid import MEMORY
from orchestrator.fleet.demand import Demand, Demands
from orchestrator.fleet.destroy import Destroy
from orchestrator.fleet.drain import Drain, working_instances
from orchestrator.fleet.instance import (
    ALIVE,
    Instance,
    InstanceFailure,
    InstanceState,
    draining,
    given_up,
)
from orchestrator.fleet.launch import Launch, Renting
from orchestrator.fleet.limits import FleetLimits
from orchestrator.fleet.listing import Listing, Lookout
from orchestrator.fleet.liveness import Liveness
from orchestrator.fleet.readiness import Readiness
from orchestrator.fleet.reaper import Reaper
from orchestrator.fleet.scaler import Fleetwide, ScalePlan, plan_scale
from orchestrator.fleet.settle import Settle
from orchestrator.jobs.job import Job
from orchestrator.money.budget import Budget
from orchestrator.ports import Cloud, CloudForbidden, CloudState, CloudUnavailable, Ledger, WorkerLinks
from servicekit.clock import Clock
from servicekit.errors import SpotreelError
from servicekit.waiting import wait_for_any
from servicekit.wakeup import Wakeup

_MOST_INSTANCES = 1000
_MOST_JOBS = 200
_BREAK_SECONDS = 2.0
# How long an end waits for the answers to creates; they take a second or two as a rule.
_CREATE_SECONDS = 10.0
_SETTLED = frozenset({InstanceState.READY, InstanceState.DRAINING})
_PASS, _LOOKOUT, _REAPER, _SETTLE = "pass", "lookout", "reaper", "settle"
# Of a listing that is older than so many intervals nothing is concluded that starts a machine.
_STALE_INTERVALS = 3.0


@dataclass(frozen=True, slots=True)
class Situation:
    """Why there is no machine just now, for people; empty where there is one. `pulling`: one loads its image."""

    words: str = ""
    pulling: bool = False


class Fleet:
    """Keeps the instances of one cloud while its `async with` block runs; they stay when it is left."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        cloud: Cloud,
        links: WorkerLinks,
        clock: Clock,
        limits: FleetLimits,
        deployment: str,
        bell: Wakeup,
        dispatch_bell: Wakeup,
        demands: Demands | None = None,
        renting: Renting | None = None,
        adopt: bool = True,
        dismiss_idle: bool = False,
    ) -> None:
        """Takes `bell`, which starts a pass early, and `dispatch_bell`, rung when an instance came or went.

        `demands` tells which queued jobs to start instances for (none: only the minimum is kept), `renting` on what
        terms they are rented (none: they cost nothing). Without `adopt` the instances of an earlier run are known to
        have ended with it, and are not held against it. With `dismiss_idle` those that have nothing to do are destroyed
        when the block is left; those at work stay.
        """
        self._ledger = ledger
        self._cloud = cloud
        self._clock = clock
        self._limits = limits
        self._bell = bell
        self._dispatch_bell = dispatch_bell
        self._demands = demands
        self._adopt = adopt
        self._dismiss_idle = dismiss_idle
        self._budget = Budget() if renting is None else renting.budget
        self._image = "" if renting is None else renting.image
        self._lookout = Lookout(cloud=cloud, clock=clock)
        self._launch = Launch(
            ledger=ledger, cloud=cloud, clock=clock, limits=limits, deployment=deployment, renting=renting
        )
        self._readiness = Readiness(ledger=ledger, cloud=cloud, links=links, clock=clock, limits=limits)
        self._liveness = Liveness(ledger=ledger, cloud=cloud, links=links, clock=clock, limits=limits)
        self._drain = Drain(ledger=ledger)
        self._destroy = Destroy(ledger=ledger, cloud=cloud, clock=clock, limits=limits)
        self._reaper = Reaper(ledger=ledger, cloud=cloud, clock=clock, limits=limits, deployment=deployment)
        self._settle = (
            None
            if renting is None
            else Settle(ledger=ledger, cloud_name=cloud.name, market=renting.market, clock=clock)
        )
        self._plan = ScalePlan()
        self._idle_since: dict[str, float] = {}
        self._outage = ""
        self._trouble: dict[str, str] = {}
        self._launches = itertools.count(1)
        self._steps: dict[str, asyncio.Task[None]] = {}
        self._loop_task: asyncio.Task[None] | None = None
        self._log = structlog.get_logger("fleet").bind(cloud=cloud.name)

    async def __aenter__(self) -> Self:
        if not self._adopt:
            for instance in await self._alive():
                await self._ledger.change_instance(instance.id, lambda one: given_up(one, failure=None))
        self._loop_task = asyncio.create_task(self._loop(), name=f"fleet {self._cloud.name}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._loop_task is not None
        await self._end_launches()
        steps = list(self._steps.values())
        for step in steps:
            step.cancel()
        await asyncio.gather(*steps, return_exceptions=True)
        await self._liveness.close()
        if self._dismiss_idle:
            await self._dismiss()

    async def _end_launches(self) -> None:
        """Waits a while for creates that are under way: a machine whose number is known can be ended."""
        assert self._loop_task is not None
        self._loop_task.cancel()
        await asyncio.gather(self._loop_task, return_exceptions=True)
        creates = [task for key, task in self._steps.items() if key.startswith("launch ")]
        if creates:
            await wait_for_any(_all(creates), seconds=_CREATE_SECONDS, clock=self._clock)

    def wake(self) -> None:
        """Says that something changed in the ledger: a job was queued, an instance is to go."""
        self._bell.ring()

    def situation(self) -> Situation:
        """Returns why there is no machine just now."""
        listing = self._lookout.latest
        pulling = listing is not None and any(one.state is CloudState.PULLING for one in listing.instances.values())
        return Situation(words=self._plan.situation, pulling=pulling)

    # --- passes ---

    async def _loop(self) -> None:
        while True:
            try:
                pause = await self._pass()
            except SpotreelError as error:
                # The ledger cannot be read or written; it may be back for the next pass.
                self._note_trouble("fleet_pass_failed", _PASS, error)
                pause = _BREAK_SECONDS
            except Exception:  # noqa: BLE001 - the fleet must go on
                self._log.exception("fleet_pass_failed")
                pause = _BREAK_SECONDS
            else:
                self._trouble.pop(_PASS, None)
            await self._bell.wait(pause)

    async def _pass(self) -> float:
        """Gives each instance its step and returns the seconds until the next pass."""
        alive = await self._alive()
        # What does not answer may have been stopped by its cloud, which says so at once.
        doubtful = self._plan.launches != () or self._liveness.in_doubt
        brisk = doubtful or any(one.state not in _SETTLED for one in alive)
        interval = self._limits.brisk_seconds if brisk else self._limits.watch_seconds
        if self._lookout.due(interval):
            self._begin(_LOOKOUT, self._look())
        for instance in alive:
            self._step(instance)
        await self._scale(alive, interval)
        return min(interval, self._limits.poll_seconds)

    async def _look(self) -> bool:
        listing = await self._lookout.look()
        self._begin(_REAPER, self._reap(listing))
        if self._settle is not None:
            self._begin(_SETTLE, self._settle.step())
        self._outage = ""
        # The steps wait for it.
        self._bell.ring()
        return False

    async def _reap(self, listing: Listing) -> bool:
        await self._reaper.step(listing)
        return False

    def _step(self, instance: Instance) -> None:
        listing = self._lookout.latest
        match instance.state:
            case InstanceState.REQUESTED | InstanceState.UNKNOWN:
                if listing is not None and not self._launch.is_at(instance.id):
                    self._begin(instance.id, self._launch.resolve(instance, listing))
            case InstanceState.STARTING:
                if listing is not None:
                    self._begin(instance.id, self._readiness.step(instance, listing))
            case InstanceState.READY:
                self._begin(instance.id, self._liveness.step(instance, listing))
            case InstanceState.DRAINING:
                self._begin(instance.id, self._drained(instance, listing))
            case _:
                self._begin(instance.id, self._destroyed(instance, listing))

    async def _drained(self, instance: Instance, listing: Listing | None) -> bool:
        return await self._liveness.step(instance, listing) or await self._drain.step(instance)

    async def _destroyed(self, instance: Instance, listing: Listing | None) -> bool:
        self._readiness.forget(instance.id)
        await self._liveness.forget(instance.id)
        return await self._destroy.step(instance, listing)

    # --- size ---

    async def _scale(self, alive: Sequence[Instance], interval: float) -> None:
        now = self._clock.now()
        # Before the rows are read: one that is written meanwhile counts twice, and none goes uncounted.
        unwritten = self._launch.without_row
        instances = await self._ledger.instances_since(self._cloud.name, now - MEMORY)
        busy = await self._busy()
        before = self._plan
        self._plan = plan_scale(
            Fleetwide(
                instances=instances,
                unwritten=unwritten,
                demands=await self._queued(),
                free={one.id: max(one.slots - busy[one.id], 0) for one in alive},
                idle=self._idle(alive, busy),
                now=now,
                limits=self._limits,
                budget=self._budget,
                image=self._image,
                blocked=self._blocked(interval),
            )
        )
        for wish in self._plan.launches:
            self._begin(f"launch {next(self._launches)}", self._launch.run(wish))
        for instance_id in self._plan.drain:
            self._log.info("instance_draining", instance=instance_id)
            await self._ledger.change_instance(instance_id, draining)
        for instance_id in self._plan.end:
            failure = InstanceFailure(reason="BUDGET_EXCEEDED", message=self._plan.end_reason)
            self._log.error("instance_ended_by_budget", instance=instance_id, detail=failure.message)
            await self._ledger.change_instance(instance_id, partial(given_up, failure=failure))
        if self._plan.drain or self._plan.end:
            self._bell.ring()
        if self._plan.situation != before.situation or self._plan.end:
            self._dispatch_bell.ring()

    async def _queued(self) -> Sequence[Demand]:
        if self._demands is None:
            return ()
        jobs: Sequence[Job] = await self._ledger.queued_jobs(_MOST_JOBS)
        return await self._demands.queued(jobs)

    async def _busy(self) -> Counter[str]:
        attempts = [job.running_attempt for job in await self._ledger.unfinished_jobs()]
        return Counter(one.instance_id for one in attempts if one is not None and one.spooled is None)

    def _idle(self, alive: Sequence[Instance], busy: Counter[str]) -> dict[str, float]:
        """Returns for how many seconds each READY instance has had nothing to do, as far as this process has seen."""
        now = self._clock.monotonic()
        idle = [one.id for one in alive if one.state is InstanceState.READY and not busy[one.id]]
        self._idle_since = {one: self._idle_since.get(one, now) for one in idle}
        return {one: now - since for one, since in self._idle_since.items()}

    def _blocked(self, interval: float) -> str:
        """Returns why nothing can be launched whatever the ledger says; a listing that failed is no reason to."""
        if self._outage:
            return self._outage
        if self._lookout.age() > interval * _STALE_INTERVALS + self._limits.watch_seconds:
            return "The cloud is being asked what there is."
        return self._launch.blocked()

    # --- the end ---

    async def _dismiss(self) -> None:
        try:
            working = await working_instances(self._ledger)
            alive = await self._alive()
        except SpotreelError:
            # They end by themselves in a while.
            self._log.exception("idle_instances_not_dismissed")
            return
        await asyncio.gather(*(self._guarded_end(one) for one in alive if one.id not in working))

    async def _guarded_end(self, instance: Instance) -> None:
        try:
            ending = await self._ledger.change_instance(instance.id, lambda one: given_up(one, failure=None))
            if not await self._destroy.at_once(ending):
                self._log.warning("idle_instance_left", instance=instance.id, detail="It is not proved to be gone.")
        except CloudUnavailable as error:
            # It is on its way out in the ledger; where nobody comes back to see to it, its dead-man switch ends it.
            self._log.warning("idle_instance_left", instance=instance.id, detail=str(error))
        except Exception:  # noqa: BLE001 - the others are to end all the same
            self._log.exception("idle_instance_not_dismissed", instance=instance.id)

    async def _alive(self) -> Sequence[Instance]:
        everywhere = await self._ledger.list_instances(states=ALIVE, limit=_MOST_INSTANCES)
        return [one for one in everywhere if one.cloud == self._cloud.name]

    # --- steps ---

    def _begin(self, key: str, step: Coroutine[Any, Any, bool]) -> None:
        """Starts a step unless the last one of the same instance is still at it."""
        if key in self._steps:
            step.close()
            return
        self._steps[key] = asyncio.create_task(self._guard(key, step), name=f"fleet {key}")
        # One that is cancelled before its first turn is never awaited.
        self._steps[key].add_done_callback(lambda _: step.close())

    async def _guard(self, key: str, step: Coroutine[Any, Any, bool]) -> None:
        moved = False
        try:
            moved = await step
            self._trouble.pop(key.partition(" ")[0], None)
        except CloudForbidden as error:
            self._outage = f"The marketplace does not accept the key of this server. {error}".strip()
            self._note_trouble("cloud_forbidden", key, error)
        except CloudUnavailable as error:
            # Says nothing about what exists; a later pass asks again.
            if key == _LOOKOUT:
                self._outage = f"The marketplace does not answer. {error}".strip()
            self._note_trouble("cloud_unavailable", key, error)
        except SpotreelError as error:
            # The ledger again.
            self._note_trouble("fleet_step_failed", key, error)
        except Exception:  # noqa: BLE001 - one instance must not stop the others
            self._log.exception("fleet_step_failed", step=key)
        finally:
            del self._steps[key]
        if moved:
            self._bell.ring()
            self._dispatch_bell.ring()

    def _note_trouble(self, event: str, key: str, error: Exception) -> None:
        """Logs what a cloud or the ledger answered once, not at every try: an outage lasts for thousands of them."""
        key, words = key.partition(" ")[0], f"{event} {error}"
        if self._trouble.get(key) != words:
            self._trouble[key] = words
            # A marketplace that does not answer comes back by itself; for the rest somebody has to do something.
            harmless = isinstance(error, CloudUnavailable) and not isinstance(error, CloudForbidden)
            log = self._log.warning if harmless else self._log.error
            log(event, step=key, detail=str(error))


async def _all(tasks: Sequence[asyncio.Task[None]]) -> None:
    await asyncio.wait(tasks)
