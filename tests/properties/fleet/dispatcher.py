"""Stands in for the dispatcher: the same transitions of jobs in the ledger, by tasks that only take time."""

from dataclasses import dataclass
from datetime import timedelta

from orchestrator.dispatch.routing import LOCAL, Routing
from orchestrator.fleet.instance import Instance, InstanceFailure, InstanceState, given_up
from orchestrator.fleet.loop import Fleet
from orchestrator.jobs.job import Attempt, Failure, Job, SpooledOutput, attempt_failed, spooled, started, succeeded
from orchestrator.ports import Ledger, TaskGone, WorkerUnreachable
from servicekit.clock import Clock
from tests.simulators.records import make_output
from tests.simulators.rental import MarketLinks
from tests.simulators.vast.market import Market

SECONDS = "seconds"
"""The label of a job that says how long its task takes."""

_KEEP = timedelta(days=7)
_PASS_SECONDS = 2.0
# After so long without an answer a link gives up, and its worker with it, as `worker_link` does.
_SILENCE_SECONDS = 30.0
_USABLE = frozenset({InstanceState.READY, InstanceState.DRAINING})
_MOST = 1000


@dataclass(frozen=True, slots=True)
class _Task:
    contract: tuple[int, int]
    done_at: float


class Containers:
    """The tasks of all workers. They outlive the orchestrator, and end with the run of the container that they are
    in; what runs on this machine runs for ever."""

    def __init__(self, *, market: Market, links: MarketLinks, clock: Clock) -> None:
        self._market = market
        self._links = links
        self._clock = clock
        self._tasks: dict[str, _Task] = {}
        self.gone: set[str] = set()
        """The tasks that ended with their container, and somebody asked for."""

    async def work(self, instance: Instance, task_id: str, *, seconds: float) -> bool:
        """Starts a task unless it was; returns whether it is done. Raises WorkerUnreachable, TaskGone."""
        contract = await self._contract(instance)
        task = self._tasks.setdefault(task_id, _Task(contract, self._clock.monotonic() + seconds))
        if task.contract != contract:
            self.gone.add(task_id)
            raise TaskGone
        return self._clock.monotonic() >= task.done_at

    async def _contract(self, instance: Instance) -> tuple[int, int]:
        """Returns which run of which container answers."""
        if instance.cloud == LOCAL:
            return 0, 0
        link = self._links.connect(instance)
        try:
            await link.ready(timeout=1.0)
        finally:
            await link.close()
        one = next(one for one in self._market.contracts if one.label == instance.label)
        return one.id, one.generation


class Dispatcher:
    """Level-triggered, like the real one: all that it knows is in the ledger and at the workers."""

    def __init__(self, *, ledger: Ledger, containers: Containers, clock: Clock, fleet: Fleet) -> None:
        self._ledger = ledger
        self._containers = containers
        self._clock = clock
        self._fleet = fleet
        self._routing = Routing(rents=True)
        self._silent: dict[str, float] = {}

    async def run(self) -> None:
        """Passes over the jobs, for ever."""
        while True:
            await self._pass()
            await self._clock.sleep(_PASS_SECONDS)

    async def _pass(self) -> None:
        unfinished = await self._ledger.unfinished_jobs()
        usable = {one.id: one for one in await self._ledger.list_instances(states=_USABLE, limit=_MOST)}
        for job in unfinished:
            attempt = job.running_attempt
            assert attempt is not None
            if attempt.spooled is not None:
                await self._deliver(job)
            elif (instance := usable.get(attempt.instance_id)) is None:
                await self._lose(job, "The machine that worked on it was lost.")
            else:
                await self._follow(job, attempt, instance)
        await self._assign([one for one in usable.values() if one.state is InstanceState.READY])

    async def _follow(self, job: Job, attempt: Attempt, instance: Instance) -> None:
        now = self._clock.monotonic()
        try:
            seconds = float(job.spec.labels[SECONDS])
            done = await self._containers.work(instance, attempt.task_id, seconds=seconds)
        except TaskGone:
            await self._lose(job, "The worker was started anew and no longer knows the task.")
        except WorkerUnreachable as error:
            if now - self._silent.setdefault(attempt.task_id, now) >= _SILENCE_SECONDS:
                failure = InstanceFailure(reason="WORKER_UNREACHABLE", message=str(error))
                await self._ledger.change_instance(instance.id, lambda one: given_up(one, failure=failure))
                await self._lose(job, str(error))
                self._fleet.wake()
        else:
            self._silent.pop(attempt.task_id, None)
            if done:
                home = SpooledOutput(size_bytes=10, sha256=b"\1" * 32)
                moment = self._clock.now()
                await self._ledger.change_job(job.id, lambda one: spooled(one, output=home, encoder="", now=moment))

    async def _deliver(self, job: Job) -> None:
        now = self._clock.now()
        output = make_output(blob=job.id)
        await self._ledger.change_job(job.id, lambda one: succeeded(one, output=output, now=now, keep=_KEEP))

    async def _lose(self, job: Job, message: str) -> None:
        now = self._clock.now()
        failure = Failure(reason="INSTANCE_LOST", message=message, retryable=True)
        await self._ledger.change_job(job.id, lambda one: attempt_failed(one, failure=failure, now=now, keep=_KEEP))

    async def _assign(self, ready: list[Instance]) -> None:
        attempts = [job.running_attempt for job in await self._ledger.unfinished_jobs()]
        busy = [one.instance_id for one in attempts if one is not None and one.spooled is None]
        free = {one.id: one.slots - busy.count(one.id) for one in ready}
        for job in await self._ledger.queued_jobs(_MOST):
            possible = [one for one in ready if free[one.id] > 0 and self._routing.may_run(job, one)]
            if possible:
                instance = max(possible, key=lambda one: (self._routing.prefers(one), free[one.id]))
                free[instance.id] -= 1
                await self._begin(job, instance)

    async def _begin(self, job: Job, instance: Instance) -> None:
        now = self._clock.now()
        await self._ledger.change_job(job.id, lambda one: started(one, instance_id=instance.id, now=now))
