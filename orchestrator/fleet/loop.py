"""The fleet: one step for each instance per pass, each in its own file, none waiting for another."""

import asyncio
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self

import structlog

from orchestrator.fleet.destroy import Destroy
from orchestrator.fleet.drain import Drain, working_instances
from orchestrator.fleet.instance import ALIVE, Instance, InstanceState, draining, given_up
from orchestrator.fleet.launch import Launch
from orchestrator.fleet.limits import FleetLimits
from orchestrator.fleet.liveness import Liveness
from orchestrator.fleet.readiness import Readiness
from orchestrator.fleet.reaper import Reaper
from orchestrator.fleet.scaler import ScalePlan, plan_scale
from orchestrator.ports import Cloud, CloudUnavailable, Ledger, WorkerLinks
from servicekit.clock import Clock
from servicekit.errors import SpotreelError
from servicekit.wakeup import Wakeup

_MOST_INSTANCES = 1000
# How far back the scaler looks for failures.
_RECENT_INSTANCES = 50
_BREAK_SECONDS = 2.0
_SETTLED = frozenset({InstanceState.READY, InstanceState.DRAINING})
_REAPER = "reaper"


class Fleet:
    """Keeps the wanted number of instances while its `async with` block runs; they stay when it is left."""

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
        adopt: bool = True,
        dismiss_idle: bool = False,
    ) -> None:
        """Takes `bell`, which starts a pass early, and `dispatch_bell`, rung when an instance came or went.

        Without `adopt` the instances of an earlier run are known to have ended with it, and are not held against it.
        With `dismiss_idle` those that have nothing to do are destroyed when the block is left; those at work stay.
        """
        self._ledger = ledger
        self._clock = clock
        self._limits = limits
        self._bell = bell
        self._dispatch_bell = dispatch_bell
        self._adopt = adopt
        self._dismiss_idle = dismiss_idle
        self._launch = Launch(ledger=ledger, cloud=cloud, clock=clock, limits=limits, deployment=deployment)
        self._readiness = Readiness(ledger=ledger, cloud=cloud, links=links, clock=clock, limits=limits)
        self._liveness = Liveness(ledger=ledger, cloud=cloud, links=links, clock=clock, limits=limits)
        self._drain = Drain(ledger=ledger)
        self._destroy = Destroy(ledger=ledger, cloud=cloud, clock=clock)
        self._reaper = Reaper(ledger=ledger, cloud=cloud, clock=clock, limits=limits, deployment=deployment)
        self._plan = ScalePlan()
        self._reaped_at = float("-inf")
        self._steps: dict[str, asyncio.Task[None]] = {}
        self._loop_task: asyncio.Task[None] | None = None
        self._log = structlog.get_logger("fleet")

    async def __aenter__(self) -> Self:
        if not self._adopt:
            for instance in await self._ledger.list_instances(states=ALIVE, limit=_MOST_INSTANCES):
                await self._ledger.change_instance(instance.id, lambda one: given_up(one, failure=None))
        self._loop_task = asyncio.create_task(self._loop(), name="fleet")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._loop_task is not None
        for tasks in ([self._loop_task], list(self._steps.values())):
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        await self._liveness.close()
        if self._dismiss_idle:
            await self._dismiss()

    def situation(self) -> str:
        """Returns why there is no machine just now, for people; empty where there is one."""
        return self._plan.situation

    async def _loop(self) -> None:
        while True:
            try:
                pause = await self._pass()
            except Exception:  # noqa: BLE001 - the ledger may be back for the next pass
                self._log.exception("fleet_pass_failed")
                pause = _BREAK_SECONDS
            await self._bell.wait(pause)

    async def _pass(self) -> float:
        """Gives each instance its step and returns the seconds until the next pass."""
        alive = await self._ledger.list_instances(states=ALIVE, limit=_MOST_INSTANCES)
        for instance in alive:
            self._begin(instance.id, self._step(instance))
        recent = await self._ledger.list_instances(states=frozenset(InstanceState), limit=_RECENT_INSTANCES)
        before, self._plan = self._plan, plan_scale(instances=recent, now=self._clock.now(), limits=self._limits)
        await self._scale(self._plan)
        if self._plan.situation != before.situation:
            self._dispatch_bell.ring()
        if self._clock.monotonic() - self._reaped_at >= self._limits.reaper_seconds:
            self._reaped_at = self._clock.monotonic()
            self._begin(_REAPER, self._reap())
        brisk = self._plan.launch > 0 or any(one.state not in _SETTLED for one in alive)
        return self._limits.brisk_poll_seconds if brisk else self._limits.poll_seconds

    async def _scale(self, plan: ScalePlan) -> None:
        for _ in range(plan.launch):
            instance = await self._launch.intend()
            self._log.info("instance_requested", instance=instance.id)
            self._begin(instance.id, self._launch.create(instance))
        for instance_id in plan.drain:
            await self._ledger.change_instance(instance_id, draining)

    def _step(self, instance: Instance) -> Coroutine[Any, Any, bool]:
        match instance.state:
            case InstanceState.REQUESTED | InstanceState.UNKNOWN:
                return self._launch.resolve(instance)
            case InstanceState.STARTING:
                return self._readiness.step(instance)
            case InstanceState.READY:
                return self._liveness.step(instance)
            case InstanceState.DRAINING:
                return self._drained(instance)
            case _:
                return self._destroyed(instance)

    async def _drained(self, instance: Instance) -> bool:
        return await self._liveness.step(instance) or await self._drain.step(instance)

    async def _destroyed(self, instance: Instance) -> bool:
        await self._liveness.forget(instance.id)
        return await self._destroy.step(instance)

    async def _dismiss(self) -> None:
        try:
            working = await working_instances(self._ledger)
            alive = await self._ledger.list_instances(states=ALIVE, limit=_MOST_INSTANCES)
        except SpotreelError:
            # They end by themselves in a while.
            self._log.exception("idle_instances_not_dismissed")
            return
        await asyncio.gather(*(self._guarded_end(one) for one in alive if one.id not in working))

    async def _guarded_end(self, instance: Instance) -> None:
        try:
            ending = await self._ledger.change_instance(instance.id, lambda one: given_up(one, failure=None))
            await self._destroy.step(ending)
        except Exception:  # noqa: BLE001 - the others are to end all the same
            self._log.exception("idle_instance_not_dismissed", instance=instance.id)

    async def _reap(self) -> bool:
        await self._reaper.step()
        return False

    def _begin(self, key: str, step: Coroutine[Any, Any, bool]) -> None:
        """Starts a step unless the last one of the same instance is still at it."""
        if key in self._steps:
            step.close()
            return
        self._steps[key] = asyncio.create_task(self._guard(key, step), name=f"fleet {key}")

    async def _guard(self, key: str, step: Coroutine[Any, Any, bool]) -> None:
        moved = False
        try:
            moved = await step
        except CloudUnavailable as error:
            # Says nothing about what exists; the next pass asks again.
            self._log.warning("cloud_unavailable", instance=key, detail=str(error))
        except Exception:  # noqa: BLE001 - one instance must not stop the others
            self._log.exception("fleet_step_failed", instance=key)
        finally:
            del self._steps[key]
        if moved:
            self._bell.ring()
            self._dispatch_bell.ring()
