"""One attempt at a job, from its inputs on the way to the worker to its output in storage.

Every step may be repeated, and the ledger says which ones are done: an attempt that was cut off by a crash goes on
where it was, with the same task and at the stored offset, when it is run again.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

import structlog

from orchestrator.dispatch.delivery import OutputDelivery
from orchestrator.dispatch.failures import (
    BudgetExceeded,
    InstanceLost,
    LedgerAway,
    OutputDamaged,
    TaskFailed,
    bug,
    failure_of,
)
from orchestrator.dispatch.following import TaskFollower
from orchestrator.dispatch.interruption import Interrupted, to_the_end, unless
from orchestrator.dispatch.spools import SpoolFolder
from orchestrator.fleet.instance import Instance, InstanceFailure, InstanceState, given_up, moved_bytes
from orchestrator.jobs.job import (
    Attempt,
    AttemptCost,
    Job,
    Progress,
    SpooledOutput,
    Stage,
    attempt_failed,
    cancelled,
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
    TaskState,
    WorkerLink,
    WorkerLinks,
    WorkerUnreachable,
)
from servicekit.clock import Clock
from servicekit.errors import (
    AlreadyExists,
    FailedPrecondition,
    NotFound,
    OutOfRange,
    ResourceExhausted,
    SpotreelError,
    Unavailable,
)
from servicekit.growing import GrowingFile
from servicekit.wakeup import Wakeup

T = TypeVar("T")

_FINAL = frozenset({TaskState.SUCCEEDED, TaskState.FAILED, TaskState.CANCELLED})
# What stopping a task that nobody wants any more may take, before the attempt is ended without its confirmation.
_STOP_SECONDS = 20.0
_DELETE_SECONDS = 5.0
# A start that was sent is waited for, so that a cancel behind it finds the task.
_START_PATIENCE_SECONDS = 2.0
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
        self._progress = job.progress
        self._received = 0
        self._sent = 0
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
            spool = await self._shop.spools.open(self._job.id, self._attempt.number)
            if not self._is_home(spool):
                spool = await unless(
                    self._bring_home(spool),
                    *(self._cancel, self._lost, self._overspent),
                    name=f"fetch {self._attempt.task_id}",
                )
            spool.finish()
            await unless(self._deliver(spool), self._cancel, name=f"deliver {self._attempt.task_id}")
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
        if self.holds_slot:
            await self._confirm_end()
        self._log.info("attempt_cancelled")
        await self._end(lambda job: cancelled(job, now=self._now(), keep=self._shop.keep))

    async def _fail(self, error: Exception) -> None:
        failure = failure_of(error)
        if failure is None:
            self._log.error("attempt_broke", exc_info=error)
            failure = bug()
        if self.holds_slot:
            await self._leave_worker(error)
        ended = failure
        self._log.warning("attempt_failed", reason=failure.reason, detail=failure.message)
        await self._end(lambda job: attempt_failed(job, failure=ended, now=self._now(), keep=self._shop.keep))

    async def _superseded(self, error: FailedPrecondition) -> None:
        """The job moved on without us: what was written before a cancel, say. The ledger is right."""
        self._log.info("attempt_superseded", detail=error.message)
        job = await self._shop.ledger.get_job(self._job.id)
        self._shop.news.publish(job)
        await self._clear()

    # --- bringing the output home ---

    def _is_home(self, spool: GrowingFile) -> bool:
        there = self._attempt.spooled
        # After a power cut the end of the file may be missing although the ledger was written after it.
        return there is not None and there.size_bytes == spool.size and there.sha256 == spool.sha256

    async def _bring_home(self, spool: GrowingFile) -> GrowingFile:
        limit = self._job.spec.limits.run_timeout * _OUTER_FACTOR + _OUTER_MARGIN
        async with asyncio.timeout(limit.total_seconds()):
            if spool.size == 0:
                # With bytes of it at home the task was started for certain; starting it again, on a worker that was
                # started anew, would mix the bytes of two runs.
                await self._start_task()
            spool = await self._fetch(spool)
        self._log.info("output_at_home", size_bytes=spool.size)
        home = SpooledOutput(size_bytes=spool.size, sha256=spool.sha256)
        encoder = self._progress.encoder
        job = await self._change(lambda job: spooled(job, output=home, encoder=encoder, now=self._now()))
        self._attempt = job.attempts[-1]
        self._shop.bell.ring()
        self._shop.wake_fleets()
        return spool

    async def _start_task(self) -> None:
        spec = self._job.spec
        request = TaskRequest(
            task_id=self._attempt.task_id,
            operation=spec.operation,
            output=spec.output,
            run_timeout=spec.limits.run_timeout,
            stall_timeout=self._shop.patience.stall_timeout,
            max_input_bytes=spec.limits.max_input_bytes,
            fetch_idle_timeout=self._shop.patience.fetch_idle_timeout,
            copy_only=self._copy_only,
        )
        await self._send_inputs()
        try:
            await self._start(request)
        except FailedPrecondition as error:
            if error.reason != "INPUT_MISSING":
                raise
            # The worker removed what no task had used for a while, between our question and the start.
            await self._send_inputs()
            await self._start(request)

    async def _start(self, request: TaskRequest) -> None:
        try:
            await to_the_end(self._link.start(request), patience=_START_PATIENCE_SECONDS)
        except AlreadyExists as error:
            # Ours all the same, started before a restart with another patience in our settings.
            self._log.info("task_started_earlier", detail=error.message)

    async def _send_inputs(self) -> None:
        for name in sorted(self._job.spec.assets):
            asset = await _ledgers(self._shop.ledger.get_asset(name.removeprefix("assets/")))
            self._show(replace(self._progress, stage=Stage.FETCHING_INPUT, detail="Sending an input to the worker."))
            await self._link.send_input(asset, partial(self._read, asset.blob))
        self._show(replace(self._progress, detail=""))

    async def _read(self, blob: str, offset: int, length: int) -> AsyncIterator[bytes]:
        yield await self._shop.blobs.read(blob, offset, length)

    async def _fetch(self, spool: GrowingFile) -> GrowingFile:
        """Follows the task until its output is at home; once more from the start where something else came."""
        if await self._follow(spool):
            return spool
        self._log.warning("output_fetched_anew", size_bytes=spool.size)
        spool = await self._shop.spools.restart(self._job.id, self._attempt.number)
        if await self._follow(spool):
            return spool
        raise OutputDamaged("The output arrived damaged, twice: its size or SHA-256 is not what the worker says.")

    async def _follow(self, spool: GrowingFile) -> bool:
        """Returns whether what is at home is what the worker made."""
        follower = TaskFollower(
            link=self._link,
            spools=self._shop.spools,
            task_id=self._attempt.task_id,
            instance_id=self._instance.id,
            show=self._show,
        )
        before = spool.size
        try:
            made = await follower.follow(spool)
        except BaseExceptionGroup as group:
            # More is at home than the worker ever made.
            if group.subgroup(OutOfRange) is not None:
                return False
            raise
        finally:
            self._received = max(self._received, follower.received_bytes)
            self._sent += spool.size - before
        return made.size_bytes == spool.size and made.sha256 == spool.sha256

    async def _deliver(self, spool: GrowingFile) -> None:
        self._show(replace(self._progress, stage=Stage.VERIFYING, output_bytes=spool.size, eta=None, detail=""))
        output = await self._shop.delivery.deliver(
            self._job,
            spool,
            expected=self._progress.media_time,
            on_wait=lambda: self._show(
                replace(self._progress, detail="The orchestrator's disk is full; waiting for space on it.")
            ),
        )
        self._log.info("attempt_succeeded", size_bytes=output.size_bytes)
        await self._end(lambda job: succeeded(job, output=output, now=self._now(), keep=self._shop.keep))

    # --- the end ---

    async def _leave_worker(self, error: Exception) -> None:
        """Frees the slot as far as that can be seen to; a wished cancel is not over before it can."""
        if _has(error, WorkerUnreachable):
            failure = failure_of(error)
            await self._give_up_instance(failure.message if failure else "")
        if self._cancel.is_set():
            await self._confirm_end()
        elif not _has(error, (TaskFailed, TaskGone, InstanceLost, WorkerUnreachable)):
            with contextlib.suppress(TimeoutError, TaskGone, WorkerUnreachable, SpotreelError):
                async with asyncio.timeout(_STOP_SECONDS):
                    await self._stop_task()

    async def _confirm_end(self) -> None:
        """Returns when the task's process is gone: its worker says so, or there is no such machine any more."""
        try:
            await unless(self._stop_task(), self._lost, name=f"cancel {self._attempt.task_id}")
        except TaskGone:
            return
        except Interrupted:
            await self._instance_gone()
        except (WorkerUnreachable, SpotreelError) as error:
            await self._give_up_instance(str(error))
            await self._instance_gone()

    async def _stop_task(self) -> None:
        await self._link.cancel(self._attempt.task_id)
        async with aclosing(self._link.watch(self._attempt.task_id)) as statuses:  # type: ignore[type-var]
            async for status in statuses:
                if status.state in _FINAL:
                    return

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
            await self._change(ended)
            await self._count_traffic()
            await self._clear()

        await to_the_end(end())

    async def _count_traffic(self) -> None:
        """Adds what the attempt moved to the instance's account, where that costs something."""
        if self._instance.offer is not None:
            with contextlib.suppress(NotFound):
                await self._shop.ledger.change_instance(
                    self._instance.id, lambda one: moved_bytes(one, received=self._received, sent=self._sent)
                )

    async def _clear(self) -> None:
        """Removes what the attempt leaves at home and on the worker. A worker that is away removes it in time."""
        await self._shop.spools.remove(self._job.id)
        if not self._lost.is_set():
            with contextlib.suppress(TimeoutError, WorkerUnreachable, SpotreelError):
                async with asyncio.timeout(_DELETE_SECONDS):
                    await self._link.delete(self._attempt.task_id)

    async def _change(self, transition: Callable[[Job], Job]) -> Job:
        progress, number = self._progress, self._attempt.number

        def change(job: Job) -> Job:
            if job.running_attempt is None or job.running_attempt.number != number:
                raise FailedPrecondition(
                    f"Attempt {number} at {job.name} has ended already.", reason="JOB_STATE", subject=job.name
                )
            return transition(replace(job, progress=progress))

        # A transaction that is under way cannot be called off; its outcome has to be known.
        job = await _ledgers(to_the_end(self._shop.ledger.change_job(self._job.id, change)))
        self._shop.news.publish(job)
        return job

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


async def _ledgers(answer: Awaitable[T]) -> T:
    """Returns what the ledger answers. Raises LedgerAway, and what it says of the job."""
    try:
        return await answer
    except (ResourceExhausted, Unavailable) as error:
        raise LedgerAway(error.message) from error


def _has(error: BaseException, kinds: type[Exception] | tuple[type[Exception], ...]) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return error.subgroup(kinds) is not None
    return isinstance(error, kinds)
