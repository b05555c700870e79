"""Which queued job goes to which free slot, and who follows the ones that run.

Level-triggered: each pass compares the ledger with the runs of this process, so that a restart, a lost bell or a run
that broke are all the same: what is unfinished and followed by nobody is followed again.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

import structlog

from orchestrator.dispatch.routing import Routing
from orchestrator.dispatch.runner import AttemptRun, Workshop
from orchestrator.fleet.instance import Instance, InstanceState
from orchestrator.fleet.loop import Situation
from orchestrator.jobs.job import Job, JobState, Progress, Stage, nothing_kept, started
from orchestrator.ports import Ledger
from servicekit.clock import Clock
from servicekit.errors import FailedPrecondition, NotFound
from servicekit.wakeup import Wakeup

_POLL_SECONDS = 5.0
# A run that broke, a ledger that does not answer: not at once again.
_BREAK_SECONDS = 2.0
_MOST_INSTANCES = 1000
# Queued jobs that hear in one pass why they wait; the others wait for these first.
_MOST_EXPLAINED = 200
_USABLE = frozenset({InstanceState.READY, InstanceState.DRAINING})


class Scheduler:
    """Brings jobs to instances while its `async with` block runs.

    Leaving the block only ends the following: tasks go on at their workers, and are found again by the next scheduler.
    """

    def __init__(
        self,
        *,
        workshop: Workshop,
        situation: Callable[[Job], Situation],
        routing: Routing | None = None,
        demand_bell: Wakeup | None = None,
    ) -> None:
        """Takes `situation`: why there is no machine for a job just now, for its owner; `demand_bell` is rung when jobs
        are waiting for which there is none."""
        self._shop = workshop
        self._situation = situation
        self._routing = routing or Routing()
        self._demand_bell = demand_bell
        self._ledger: Ledger = workshop.ledger
        self._clock: Clock = workshop.clock
        self._bell: Wakeup = workshop.bell
        self._runs: dict[str, AttemptRun] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._loop_task: asyncio.Task[None] | None = None
        self._swept = False
        self._explained: dict[str, Progress] = {}
        self._log = structlog.get_logger("dispatch")

    async def __aenter__(self) -> Self:
        self._loop_task = asyncio.create_task(self._loop(), name="scheduler")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._loop_task is not None
        # The loop first: it would start new runs for those that end.
        for tasks in ([self._loop_task], list(self._tasks.values())):
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def wake(self) -> None:
        """Says that something changed in the ledger."""
        self._bell.ring()

    def cancel(self, job_id: str) -> None:
        """Says that a job is CANCELLING in the ledger."""
        if run := self._runs.get(job_id):
            run.cancel()
        self._bell.ring()

    async def _loop(self) -> None:
        while True:
            try:
                await self._pass()
            except Exception:  # noqa: BLE001 - the ledger may be back for the next pass
                self._log.exception("scheduling_failed")
                await self._clock.sleep(_BREAK_SECONDS)
            await self._bell.wait(_POLL_SECONDS)

    async def _pass(self) -> None:
        unfinished = await self._ledger.unfinished_jobs()
        if not self._swept:
            await self._sweep()
            self._swept = True
        for job_id in self._shop.spools.waiting:
            await self._see_to_kept(job_id)
        usable = {one.id: one for one in await self._ledger.list_instances(states=_USABLE, limit=_MOST_INSTANCES)}
        for job in unfinished:
            await self._attend(job, usable)
        await self._assign(usable, unfinished)

    async def _sweep(self) -> None:
        """Removes the outputs on their way home that an earlier process left and nobody needs."""
        for job_id in await asyncio.to_thread(self._shop.spools.jobs):
            await self._see_to_kept(job_id)

    async def _see_to_kept(self, job_id: str) -> None:
        """Removes what is at home of a job that ended while it waited, by a cancel say."""
        try:
            job = await self._ledger.get_job(job_id)
        except NotFound:
            job = None
        if job is not None and job.state is JobState.QUEUED and job.kept:
            self._shop.spools.set_aside(job_id)
        elif job is None or job.running_attempt is None:
            await self._shop.spools.remove(job_id)

    async def _attend(self, job: Job, usable: Mapping[str, Instance]) -> None:
        """Sees to it that an unfinished job is followed, and that its run knows what became of job and instance."""
        attempt = job.running_attempt
        if attempt is None:
            self._log.error("job_without_attempt", job=job.id, state=job.state)
            return
        run = self._runs.get(job.id)
        if run is None:
            run = await self._resume(job, usable.get(attempt.instance_id))
        if run is not None and run.attempt_number == attempt.number:
            if job.state is JobState.CANCELLING:
                run.cancel()
            if attempt.instance_id not in usable:
                run.lose()

    async def _resume(self, stale: Job, instance: Instance | None) -> AttemptRun | None:
        # The run may have ended between our reading the jobs and now; the ledger knows.
        job = await self._ledger.get_job(stale.id)
        attempt = job.running_attempt
        if attempt is None or job.id in self._runs:
            return None
        if instance is None:
            instance = await self._instance(attempt.instance_id)
        self._log.info("attempt_resumed", job=job.id, attempt=attempt.number, instance=instance.id)
        return self._follow(job, instance)

    async def _instance(self, instance_id: str) -> Instance:
        try:
            return await self._ledger.get_instance(instance_id)
        except NotFound:
            gone = self._clock.now()
            return Instance(
                id=instance_id, cloud="", label="", secret=b"", create_time=gone, state=InstanceState.DESTROYED
            )

    async def _assign(self, usable: Mapping[str, Instance], unfinished: list[Job]) -> None:
        ready = [one for one in usable.values() if one.state is InstanceState.READY]
        free = self._free_slots(ready, unfinished)
        queued = [
            job
            for job in await self._ledger.queued_jobs(sum(free.values()) + _MOST_EXPLAINED)
            if job.id not in self._runs
        ]
        for job in queued:
            instance = self._place(job, ready, free)
            if instance is not None and await self._start(job, instance):
                free[instance.id] -= 1
        self._explain([job for job in queued if job.id not in self._runs], ready)

    def _place(self, job: Job, ready: list[Instance], free: Counter[str]) -> Instance | None:
        """Returns the instance that a job goes to: what costs nothing first, then the emptiest, since tasks of one
        machine share its encoder."""
        possible = [one for one in ready if free[one.id] > 0 and self._routing.may_run(job, one)]
        return max(possible, key=lambda one: (self._routing.prefers(one), free[one.id]), default=None)

    def _free_slots(self, ready: list[Instance], unfinished: list[Job]) -> Counter[str]:
        busy = Counter(
            attempt.instance_id
            for job in unfinished
            if (attempt := job.running_attempt) is not None and attempt.spooled is None
        )
        return Counter({one.id: max(one.slots - busy[one.id], 0) for one in ready})

    async def _start(self, job: Job, instance: Instance) -> bool:
        now = self._clock.now()
        sizes = {attempt.number: kept.size_bytes for attempt, kept in job.kept}
        there = self._shop.spools.claim(job.id, sizes)

        def start(job: Job) -> Job:
            # What was kept may have given way to other outputs on a full disk.
            return started(job if there else nothing_kept(job), instance_id=instance.id, now=now)

        try:
            job = await self._ledger.change_job(job.id, start)
        except (FailedPrecondition, NotFound):
            # Cancelled, expired or deleted since it was read.
            return False
        self._shop.news.publish(job)
        self._log.info("attempt_started", job=job.id, attempt=len(job.attempts), instance=instance.id)
        self._follow(job, instance)
        return True

    def _follow(self, job: Job, instance: Instance) -> AttemptRun:
        run = AttemptRun(job=job, instance=instance, workshop=self._shop, copy_only=self._routing.only_copies(instance))
        self._runs[job.id] = run
        self._tasks[job.id] = asyncio.create_task(self._guard(job.id, run), name=f"run {job.attempts[-1].task_id}")
        return run

    async def _guard(self, job_id: str, run: AttemptRun) -> None:
        try:
            await run.run()
        except Exception:  # noqa: BLE001 - the ledger did not take the end; a pass takes the job up again
            self._log.exception("run_broke", job=job_id)
            await self._clock.sleep(_BREAK_SECONDS)
        finally:
            del self._runs[job_id], self._tasks[job_id]
            self._bell.ring()
            self._shop.wake_fleets()

    def _explain(self, waiting: list[Job], ready: list[Instance]) -> None:
        """Tells the owners of jobs that wait why they do; once, since every word wakes all who watch."""
        before, self._explained = self._explained, {}
        homeless = False
        for job in waiting:
            if any(self._routing.may_run(job, one) for one in ready):
                progress = Progress(stage=Stage.WAITING, detail=job.progress.detail)
            else:
                homeless = True
                progress = self._provisioning(job)
            self._explained[job.id] = progress
            if before.get(job.id) != progress:
                self._shop.news.progress(job.id, progress)
        if homeless and self._demand_bell is not None and self._explained.keys() - before.keys():
            self._demand_bell.ring()

    def _provisioning(self, job: Job) -> Progress:
        situation = self._situation(job)
        stage = Stage.PULLING_IMAGE if situation.pulling else Stage.PROVISIONING
        return Progress(stage=stage, detail=situation.words or job.progress.detail)
