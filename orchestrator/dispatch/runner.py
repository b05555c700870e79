"""One attempt at a job, from its inputs on the way to the worker to its output in storage.

Every step may be repeated, and the ledger says which ones are done: an attempt that was cut off by a crash goes on
where it was, with the same task and at the stored offset, when it is run again.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from orchestrator.dispatch.delivery import Joining, OutputDelivery
from orchestrator.dispatch.failures import (
    BudgetExceeded,
    InstanceLost,
    LedgerAway,
    OtherEncoder,
    TaskFailed,
    bug,
    ends_a_part,
    failure_of,
)
from orchestrator.dispatch.interruption import Interrupted, to_the_end, unless
from orchestrator.dispatch.joining import Part, check_part
from orchestrator.dispatch.kept_parts import kept_part, may_be_kept, parts_before
from orchestrator.dispatch.remote_task import RemoteTask, ledgers
from orchestrator.dispatch.spools import SpoolFolder
from orchestrator.fleet.instance import Instance, InstanceFailure, InstanceState, given_up, moved_bytes
from orchestrator.jobs.job import (
    Attempt,
    AttemptCost,
    Failure,
    Job,
    KeptPart,
    Progress,
    SpooledOutput,
    Stage,
    attempt_failed,
    cancelled,
    nothing_kept,
    spooled,
    succeeded,
    with_attempt_cost,
)
from orchestrator.money.price import Cost, rent, traffic
from orchestrator.ports import (
    BlobStore,
    JobNews,
    Ledger,
    TaskGone,
    TaskRequest,
    Tracks,
    WorkerLink,
    WorkerLinks,
    WorkerUnreachable,
)
from servicekit.checksums import Sha256
from servicekit.clock import Clock
from servicekit.errors import FailedPrecondition, NotFound, SpotreelError
from servicekit.wakeup import Wakeup

# What stopping a task that nobody wants any more may take, before the attempt is ended without its confirmation.
_STOP_SECONDS = 20.0
_DELETE_SECONDS = 5.0
_GONE_POLL_SECONDS = 1.0
# The worker keeps the run time limit; this is for one that does not. Inputs and output travel outside of that limit.
_OUTER_FACTOR = 2
_OUTER_MARGIN = timedelta(hours=6)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskPatience:
    """How long a task may send no byte of an input, and get nowhere with its output."""

    fetch_idle_timeout: timedelta = timedelta(seconds=30)
    stall_timeout: timedelta = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """What every attempt needs.

    `keep` is how long a final job is kept. `bell` is rung when a slot became free before its attempt ended,
    `wake_fleets` called when an instance was given up or has less to do, whose idle time counts from when it is seen.
    """

    ledger: Ledger
    links: WorkerLinks
    spools: SpoolFolder
    delivery: OutputDelivery
    blobs: BlobStore
    news: JobNews
    clock: Clock
    keep: timedelta
    patience: TaskPatience
    bell: Wakeup
    wake_fleets: Callable[[], None]


class AttemptRun:
    """Runs the latest attempt of a job. `cancel` and `lose` may be called at any time, and more than once."""

    def __init__(self, *, job: Job, instance: Instance, workshop: Workshop, copy_only: bool) -> None:
        """Takes `copy_only`: whether the worker must not encode."""
        self._job = job
        self._attempt: Attempt = job.attempts[-1]
        self._instance = instance
        self._shop = workshop
        self._copy_only = copy_only
        self._link: WorkerLink = workshop.links.connect(instance)
        self._cancel = asyncio.Event()
        self._lost = asyncio.Event()
        self._overspent = asyncio.Event()
        self._other_encoder = asyncio.Event()
        self._progress = job.progress
        self._picture, self._sound = self._tasks()
        self._log = structlog.get_logger("dispatch").bind(job=job.id, attempt=self._attempt.number)

    @property
    def attempt_number(self) -> int:
        """Which attempt it runs."""
        return self._attempt.number

    @property
    def holds_slot(self) -> bool:
        """Whether the worker is still needed."""
        return self._attempt.spooled is None

    def cancel(self) -> None:
        """Says that the job is CANCELLING."""
        self._cancel.set()

    def lose(self) -> None:
        """Says that the instance is gone or given up; without meaning when the output is at home."""
        self._lost.set()

    async def run(self) -> None:
        """Brings the attempt to an end that the ledger knows of.

        Being cancelled only ends the following: the task goes on at its worker. Raises LedgerAway, and what else the
        ledger raises; the attempt may be taken up again.
        """
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._link.close)
            stack.callback(self._shop.spools.detach, self._job.id)
            try:
                await self._work()
            except Interrupted as interruption:
                await self._interrupted(interruption)
            except FailedPrecondition as error:
                if error.reason != "JOB_STATE":
                    raise
                await self._superseded(error)

    async def _work(self) -> None:
        try:
            for task in self._all_tasks:
                await task.open()
            if not self._is_home():
                await unless(
                    self._bring_home(),
                    *(self._cancel, self._lost, self._overspent, self._other_encoder),
                    name=f"fetch {self._attempt.task_id}",
                )
            self._picture.spool.finish()
            await unless(self._deliver(), self._cancel, name=f"deliver {self._attempt.task_id}")
        except (Interrupted, LedgerAway):
            raise
        except Exception as error:
            if isinstance(error, FailedPrecondition) and error.reason == "JOB_STATE":
                raise
            await self._fail(error)

    async def _interrupted(self, interruption: Interrupted) -> None:
        if interruption.by is self._lost and not self._cancel.is_set():
            await self._fail(InstanceLost("The machine that worked on it was lost."))
            return
        if interruption.by is self._overspent and not self._cancel.is_set():
            await self._fail(BudgetExceeded(self._job.spec.limits.max_cost_usd_micros))
            return
        if interruption.by is self._other_encoder and not self._cancel.is_set():
            await self._fail(OtherEncoder(kept=self._kept_encoder, here=self._progress.encoder))
            return
        if self.holds_slot:
            await self._confirm_end()
        self._log.info("attempt_cancelled")
        await self._end(lambda job: cancelled(job, now=self._now(), keep=self._shop.keep))

    async def _fail(self, error: Exception) -> None:
        failure = failure_of(error)
        if failure is None:
            self._log.error("attempt_broke", exc_info=error)
            failure = bug()
        kept = None
        if self.holds_slot:
            kept = await self._keep_part(failure)
            await self._leave_worker(error)
        if gives_up := self._attempt.range_start is not None and ends_a_part(error, failure):
            failure = replace(failure, retryable=True)
        ended = failure
        self._log.warning("attempt_failed", reason=failure.reason, detail=failure.message, parts_given_up=gives_up)

        def transition(job: Job) -> Job:
            job = nothing_kept(job) if gives_up else job
            return attempt_failed(job, failure=ended, now=self._now(), keep=self._shop.keep, kept=kept)

        await self._end(transition)

    async def _keep_part(self, failure: Failure) -> KeptPart | None:
        """Returns what of the picture is at home and complete, where the next attempt can go on behind it."""
        encoder = self._progress.encoder
        if not may_be_kept(self._job.spec, encoder=encoder, reason=failure.reason):
            return None
        before = self._job.kept[-1][1] if self._job.kept else None
        path = self._shop.spools.path(self._job.id, self._attempt.number)
        kept = await asyncio.to_thread(kept_part, path, self._attempt, before)
        if kept is not None:
            self._log.info("part_kept", frames=kept.frames, end_seconds=kept.end.total_seconds())
        return kept

    async def _superseded(self, error: FailedPrecondition) -> None:
        """The job moved on without us: what was written before a cancel, say. The ledger is right."""
        self._log.info("attempt_superseded", detail=error.message)
        job = await self._shop.ledger.get_job(self._job.id)
        self._shop.news.publish(job)
        await self._clear(frozenset(one.number for one, _ in job.kept))

    # --- bringing the output home ---

    def _tasks(self) -> tuple[RemoteTask, RemoteTask | None]:
        """Returns the task for the output; for a part of its picture, and one for its sound where it has any."""
        start, task_id = self._attempt.range_start, self._attempt.task_id
        if start is None:
            return self._task(task_id, show=self._show), None
        picture = self._task(task_id, show=self._show_part, tracks=Tracks.PICTURE, range_start=start)
        if not any(kept.sound for _, kept in self._job.kept):
            return picture, None
        return picture, self._task(f"{task_id}-sound", show=_unseen, tracks=Tracks.SOUND)

    def _task(
        self,
        task_id: str,
        *,
        show: Callable[[Progress], None],
        tracks: Tracks = Tracks.ALL,
        range_start: timedelta | None = None,
    ) -> RemoteTask:
        spec, shop = self._job.spec, self._shop
        request = TaskRequest(
            task_id=task_id,
            operation=spec.operation,
            output=spec.output,
            run_timeout=spec.limits.run_timeout,
            stall_timeout=shop.patience.stall_timeout,
            max_input_bytes=spec.limits.max_input_bytes,
            fetch_idle_timeout=shop.patience.fetch_idle_timeout,
            copy_only=self._copy_only,
            tracks=tracks,
            range_start=range_start,
        )
        return RemoteTask(
            request=request,
            job_id=self._job.id,
            attempt=self._attempt.number,
            instance_id=self._instance.id,
            assets=spec.assets,
            link=self._link,
            ledger=shop.ledger,
            blobs=shop.blobs,
            spools=shop.spools,
            show=show,
        )

    @property
    def _all_tasks(self) -> list[RemoteTask]:
        return [self._picture] if self._sound is None else [self._sound, self._picture]

    @property
    def _parts(self) -> Sequence[Part]:
        """What was kept of other attempts; none where this one makes the whole."""
        return () if self._attempt.range_start is None else parts_before(self._job, self._attempt, self._shop.spools)

    def _is_home(self) -> bool:
        # After a power cut the end of the file may be missing although the ledger was written after it.
        return self._attempt.spooled is not None and self._attempt.spooled == self._at_home()

    def _at_home(self) -> SpooledOutput:
        picture = self._picture.spool
        if self._sound is None:
            return SpooledOutput(size_bytes=picture.size, sha256=picture.sha256)
        sound = self._sound.spool
        both = Sha256().update(picture.sha256 + sound.sha256).digest()
        return SpooledOutput(size_bytes=picture.size + sound.size, sha256=both)

    async def _bring_home(self) -> None:
        limit = self._job.spec.limits.run_timeout * _OUTER_FACTOR + _OUTER_MARGIN
        async with asyncio.timeout(limit.total_seconds()):
            for part in self._parts:
                # Before a machine works for nothing.
                await asyncio.to_thread(check_part, part)
            for task in self._all_tasks:
                await task.start()
            async with asyncio.TaskGroup() as group:
                for task in self._all_tasks:
                    group.create_task(task.fetch(), name=f"fetch {task.task_id}")
        home = self._at_home()
        self._log.info("output_at_home", size_bytes=home.size_bytes)
        encoder = self._progress.encoder
        job = await self._change(lambda job: spooled(job, output=home, encoder=encoder, now=self._now()))
        self._attempt = job.attempts[-1]
        self._shop.bell.ring()
        self._shop.wake_fleets()

    async def _deliver(self) -> None:
        spool = self._picture.spool
        self._show(replace(self._progress, stage=Stage.VERIFYING, output_bytes=spool.size, eta=None, detail=""))
        output = await self._shop.delivery.deliver(
            self._job,
            spool,
            joining=self._joining(),
            expected=self._progress.media_time,
            on_wait=lambda: self._show(
                replace(self._progress, detail="The orchestrator's disk is full; waiting for space on it.")
            ),
        )
        self._log.info("attempt_succeeded", size_bytes=output.size_bytes)
        await self._end(lambda job: succeeded(job, output=output, now=self._now(), keep=self._shop.keep))

    def _joining(self) -> Joining | None:
        if self._attempt.range_start is None:
            return None
        spool = self._picture.spool
        rest = Part(path=spool.path, size_bytes=spool.size, start=self._attempt.range_start)
        sound = None if self._sound is None else self._sound.spool.path
        return Joining(parts=[*self._parts, rest], sound=sound)

    # --- the end ---

    async def _leave_worker(self, error: Exception) -> None:
        """Frees the slot as far as that can be seen to; a wished cancel is not over before it can."""
        if _has(error, WorkerUnreachable):
            failure = failure_of(error)
            await self._give_up_instance(failure.message if failure else "")
        if self._cancel.is_set():
            await self._confirm_end()
        elif not _has(error, self._nothing_runs_after):
            with contextlib.suppress(TimeoutError, TaskGone, WorkerUnreachable, SpotreelError):
                async with asyncio.timeout(_STOP_SECONDS):
                    await self._stop_tasks()

    async def _confirm_end(self) -> None:
        """Returns when the task's process is gone: its worker says so, or there is no such machine any more."""
        try:
            await unless(self._stop_tasks(), self._lost, name=f"cancel {self._attempt.task_id}")
        except Interrupted:
            await self._instance_gone()
        except (WorkerUnreachable, SpotreelError) as error:
            await self._give_up_instance(str(error))
            await self._instance_gone()

    @property
    def _nothing_runs_after(self) -> tuple[type[Exception], ...]:
        alone = (TaskFailed,) if self._sound is None else ()
        return (*alone, TaskGone, InstanceLost, WorkerUnreachable)

    async def _stop_tasks(self) -> None:
        for task in self._all_tasks:
            with contextlib.suppress(TaskGone):
                await task.stop()

    async def _give_up_instance(self, message: str) -> None:
        failure = InstanceFailure(reason="WORKER_UNREACHABLE", message=message)
        with contextlib.suppress(NotFound):
            await self._shop.ledger.change_instance(self._instance.id, lambda one: given_up(one, failure=failure))
        self._shop.wake_fleets()

    async def _instance_gone(self) -> None:
        with contextlib.suppress(NotFound):
            while True:
                instance = await self._shop.ledger.get_instance(self._instance.id)
                if instance.state is InstanceState.DESTROYED:
                    return
                await self._shop.clock.sleep(_GONE_POLL_SECONDS)

    async def _end(self, transition: Callable[[Job], Job]) -> None:
        """Ends the attempt in the ledger and clears up, in one piece: nobody would come back for what is left."""

        cost = None if self._instance.offer is None else AttemptCost(own=self._cost())

        def ended(job: Job) -> Job:
            after = transition(job)
            return after if cost is None else with_attempt_cost(after, number=self._attempt.number, cost=cost)

        async def end() -> None:
            job = await self._change(ended)
            await self._count_traffic()
            await self._clear(frozenset(one.number for one, _ in job.kept))

        await to_the_end(end())

    async def _count_traffic(self) -> None:
        """Adds what the attempt moved to the instance's account, where that costs something."""
        if self._instance.offer is not None:
            with contextlib.suppress(NotFound):
                await self._shop.ledger.change_instance(
                    self._instance.id, lambda one: moved_bytes(one, received=self._received, sent=self._sent)
                )

    async def _clear(self, kept: frozenset[int] = frozenset()) -> None:
        """Removes what the attempt leaves at home, but for what is kept of these, and on the worker.

        A worker that is away removes it in time.
        """
        if kept:
            await self._shop.spools.keep(self._job.id, kept)
        else:
            await self._shop.spools.remove(self._job.id)
        if not self._lost.is_set():
            with contextlib.suppress(TimeoutError, WorkerUnreachable, SpotreelError):
                async with asyncio.timeout(_DELETE_SECONDS):
                    for task in self._all_tasks:
                        await task.delete()

    @property
    def _received(self) -> int:
        return sum(task.received_bytes for task in self._all_tasks)

    @property
    def _sent(self) -> int:
        return sum(task.sent_bytes for task in self._all_tasks)

    async def _change(self, transition: Callable[[Job], Job]) -> Job:
        progress, number = self._progress, self._attempt.number

        def change(job: Job) -> Job:
            if job.running_attempt is None or job.running_attempt.number != number:
                raise FailedPrecondition(
                    f"Attempt {number} at {job.name} has ended already.", reason="JOB_STATE", subject=job.name
                )
            return transition(replace(job, progress=progress))

        # A transaction that is under way cannot be called off; its outcome has to be known.
        job = await ledgers(to_the_end(self._shop.ledger.change_job(self._job.id, change)))
        self._shop.news.publish(job)
        return job

    def _show_part(self, progress: Progress) -> None:
        """Shows the progress of a task that makes the rest as that of the whole."""
        start = self._attempt.range_start or timedelta()
        rest = progress.media_duration
        whole = None if rest is None else start + rest
        share = start / whole if whole else 0.0
        self._show(
            replace(
                progress,
                fraction=share + (1 - share) * progress.fraction if whole else 0.0,
                frames=progress.frames + sum(kept.frames for _, kept in self._job.kept),
                media_time=start + progress.media_time,
                media_duration=whole,
            )
        )
        if progress.encoder and progress.encoder != self._kept_encoder:
            self._other_encoder.set()

    @property
    def _kept_encoder(self) -> str:
        return self._job.kept[-1][0].encoder if self._job.kept else ""

    def _show(self, progress: Progress) -> None:
        # Fetching anew, and attaching again, start to count at the front.
        fraction = max(progress.fraction, self._progress.fraction)
        spent = self._job.cost.total_usd_micros + self._cost().total_usd_micros
        self._progress = replace(progress, fraction=fraction, cost_usd_micros=spent)
        limit = self._job.spec.limits.max_cost_usd_micros
        if limit and spent > limit:
            self._overspent.set()
        self._shop.news.progress(self._job.id, self._progress)

    def _cost(self) -> Cost:
        """What the attempt has cost so far, as if it had its machine to itself."""
        if self._instance.offer is None:
            return Cost()
        time = self._now() - self._attempt.start_time
        rented = rent(self._instance.offer, existing=time, running=time)
        return rented + traffic(self._instance.offer, received_bytes=self._received, sent_bytes=self._sent)

    def _now(self) -> datetime:
        return self._shop.clock.now()


def _unseen(_progress: Progress) -> None:
    """The sound of a part is a small piece of the work, and has no progress of its own."""


def _has(error: BaseException, kinds: type[Exception] | tuple[type[Exception], ...]) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return error.subgroup(kinds) is not None
    return isinstance(error, kinds)
