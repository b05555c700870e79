"""The tasks of this worker: started once however often it is asked, watched without polling, ended for certain."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Sequence
from contextlib import ExitStack, aclosing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import structlog

from servicekit.bell import Bell
from servicekit.clock import Clock
from servicekit.errors import (
    AlreadyExists,
    FailedPrecondition,
    NotFound,
    ResourceExhausted,
    SpotreelError,
    Unavailable,
)
from servicekit.media.operations import AssetSource, sources
from worker.spool.inputs import InputStore
from worker.spool.output import OutputChunk, OutputSpool
from worker.tasks.failure import failure_of
from worker.tasks.run import TaskBoard
from worker.tasks.task import Task, TaskFailure, TaskOutput, TaskRequest, TaskState

# As many as ListTasks gives in one page.
MAX_TASKS = 500
MAX_WAITING = 100
HEARTBEAT_SECONDS = 10.0
# The contract promises at most four messages a second.
_WATCH_SECONDS = 0.25
_RETRY_DELAY = timedelta(seconds=10)


class Runner(Protocol):
    """Does the work of a task; `worker.tasks.run.TaskRunner` is the implementation."""

    async def complete(self, request: TaskRequest, *, spool: OutputSpool, board: TaskBoard) -> TaskOutput:
        """Returns what was made. However it ends, nothing of it is left but the spool."""
        ...


class TaskTable:
    """Owns the tasks and their running; use as `async with`: leaving cancels what runs and waits for its end."""

    def __init__(self, *, runner: Runner, inputs: InputStore, outputs: Path, clock: Clock) -> None:
        """Takes the folder that outputs are kept in until their task is deleted."""
        self._runner = runner
        self._inputs = inputs
        self._outputs = outputs
        self._clock = clock
        self._entries: dict[str, _Entry] = {}
        self._started = 0
        self._closing = False
        self._running = asyncio.TaskGroup()

    async def __aenter__(self) -> Self:
        await self._running.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing = True
        for entry in self._entries.values():
            entry.cancel()
        await self._running.__aexit__(None, None, None)

    def start(self, request: TaskRequest) -> Task:
        """Starts a task, or returns the one that this request has started before.

        Raises AlreadyExists (TASK_EXISTS), FailedPrecondition (INPUT_MISSING), ResourceExhausted (TOO_MANY_TASKS),
        Unavailable (SHUTTING_DOWN).
        """
        known = self._entries.get(request.task_id)
        if known is not None:
            if known.task.request != request:
                raise _exists(request.task_id)
            return known.task
        self._check_room()
        with ExitStack() as pins:
            for _, source in sources(request.operation):
                if isinstance(source, AssetSource):
                    pins.enter_context(self._inputs.pin(source.sha256))
            self._started += 1
            # The number keeps a new task apart from the output of a deleted one that is still being removed.
            spool = OutputSpool(self._outputs / f"{request.task_id}.{self._started}", clock=self._clock)
            entry = _Entry(request, number=self._started, spool=spool, clock=self._clock)
            self._entries[request.task_id] = entry
            entry.launch(self._running, self._run(entry, pins.pop_all()))
        structlog.get_logger().info("task_accepted", task=entry.task.name)
        return entry.task

    def get(self, task_id: str) -> Task:
        """Returns the task as it is; raises NotFound (TASK_NOT_FOUND), like all that follow."""
        return self._entry(task_id).task

    def list(self, *, after: int, limit: int) -> Sequence[tuple[int, Task]]:
        """Returns at most `limit` tasks with their numbers, which rise, that come after the number `after`."""
        found = [(entry.number, entry.task) for entry in self._entries.values() if entry.number > after]
        return found[:limit]

    async def watch(self, task_id: str, *, after_sequence: int) -> AsyncGenerator[Task, None]:
        """Yields the task whenever it changes, at most four times a second, at least every 10 s, until it is final."""
        entry = self._entry(task_id)
        if after_sequence == entry.task.sequence:
            await entry.change(after_sequence, not_before=0.0)
        while True:
            task = entry.task
            yield task
            if task.state.is_final:
                return
            await entry.change(task.sequence, not_before=_WATCH_SECONDS)

    async def read(self, task_id: str, *, offset: int, limit: int) -> AsyncGenerator[OutputChunk, None]:
        """Yields the output; see OutputSpool.read. Raises FailedPrecondition (TASK_FAILED, TASK_CANCELLED) too."""
        async with aclosing(self._entry(task_id).spool.read(offset, limit)) as chunks:
            async for chunk in chunks:
                yield chunk

    def cancel(self, task_id: str) -> Task:
        """Asks a task to end and returns it as it is then; it is CANCELLED when nothing of it is left."""
        entry = self._entry(task_id)
        entry.cancel()
        return entry.task

    async def delete(self, task_id: str) -> None:
        """Forgets a task that is final and removes its output; raises FailedPrecondition (TASK_NOT_FINISHED)."""
        entry = self._entry(task_id)
        if not entry.task.state.is_final:
            raise FailedPrecondition(
                f"{entry.task.name} is {entry.task.state}; cancel it first.",
                reason="TASK_NOT_FINISHED",
                subject=entry.task.name,
                metadata={"task": entry.task.name, "state": entry.task.state},
            )
        del self._entries[task_id]
        await _discard(entry.spool)

    async def expire(self, *, age: timedelta) -> int:
        """Deletes tasks that ended so long ago; returns how many."""
        limit = self._clock.now() - age
        old = [
            task_id
            for task_id, entry in self._entries.items()
            if entry.task.end_time is not None and entry.task.end_time <= limit
        ]
        for task_id in old:
            await self.delete(task_id)
        return len(old)

    async def _run(self, entry: "_Entry", pins: ExitStack) -> None:
        output: TaskOutput | None = None
        failure: TaskFailure | None = None
        try:
            with pins, structlog.contextvars.bound_contextvars(task=entry.task.name):
                entry.begin()
                await entry.spool.open()
                output = await self._runner.complete(entry.task.request, spool=entry.spool, board=entry)
        except asyncio.CancelledError:
            if entry.task.state is not TaskState.CANCELLING:
                raise
        except Exception as error:  # noqa: BLE001 - whatever a task dies of, the worker lives on
            failure = failure_of(error)
        if output is None or entry.task.state is TaskState.CANCELLING:
            # Readers first: one that came when the file is gone would find no file, and no reason either.
            entry.refuse_readers()
            await _discard(entry.spool)
        entry.conclude(output, failure)

    def _entry(self, task_id: str) -> "_Entry":
        entry = self._entries.get(task_id)
        if entry is None:
            name = f"tasks/{task_id}"
            raise NotFound(
                f"There is no {name} on this worker; it was deleted, or the worker was started anew.",
                reason="TASK_NOT_FOUND",
                resource_type="spotreel.worker.v1/Task",
                resource_name=name,
                metadata={"task": name},
            )
        return entry

    def _check_room(self) -> None:
        if self._closing:
            raise Unavailable("This worker is being stopped; use another.", reason="SHUTTING_DOWN")
        waiting = sum(entry.task.state is TaskState.ACCEPTED for entry in self._entries.values())
        if waiting >= MAX_WAITING or len(self._entries) >= MAX_TASKS:
            raise ResourceExhausted(
                f"{waiting} tasks wait here and {len(self._entries)} are kept, of at most {MAX_WAITING} and "
                f"{MAX_TASKS}; delete what is done, or try again later.",
                reason="TOO_MANY_TASKS",
                retry_delay=_RETRY_DELAY,
                metadata={"waiting": str(waiting), "tasks": str(len(self._entries))},
            )


class _Entry:
    """One task of the table: the record that changes, and who is to be told."""

    def __init__(self, request: TaskRequest, *, number: int, spool: OutputSpool, clock: Clock) -> None:
        self.task = Task(request=request, create_time=clock.now())
        self.number = number
        self.spool = spool
        self._clock = clock
        self._bell = Bell(clock)
        self._work: asyncio.Task[None] | None = None
        self._begun = False

    def launch(self, group: asyncio.TaskGroup, work: Coroutine[Any, Any, None]) -> None:
        self._work = group.create_task(work, name=self.task.name)

    def begin(self) -> None:
        """Raises CancelledError where the task was cancelled before its first step, which could not be interrupted."""
        self._begun = True
        if self.task.state is TaskState.CANCELLING:
            raise asyncio.CancelledError

    def started(self) -> None:
        if self.task.state is TaskState.ACCEPTED:
            self._change(state=TaskState.RUNNING, start_time=self._clock.now())

    def update(self, **changes: Any) -> None:
        progress = replace(self.task.progress, **changes)
        if progress != self.task.progress:
            self._change(progress=progress)

    def cancel(self) -> None:
        if self.task.state.is_final or self.task.state is TaskState.CANCELLING:
            return
        self._change(state=TaskState.CANCELLING)
        if self._begun and self._work is not None:
            self._work.cancel()

    def refuse_readers(self) -> None:
        """Ends whoever reads the output, now and later: it will never be whole."""
        if self.task.state is TaskState.CANCELLING:
            self.spool.fail(_ended(self.task, "TASK_CANCELLED", "was cancelled"))
        else:
            self.spool.fail(_ended(self.task, "TASK_FAILED", "failed"))

    def conclude(self, output: TaskOutput | None, failure: TaskFailure | None) -> None:
        """Makes the task final and, where it SUCCEEDED, its output whole."""
        end: dict[str, Any] = {"end_time": self._clock.now()}
        if self.task.state is TaskState.CANCELLING:
            self._change(state=TaskState.CANCELLED, **end)
        elif output is not None:
            self.spool.finish()
            progress = replace(self.task.progress, fraction=1.0, output_bytes=output.size_bytes, detail="")
            self._change(state=TaskState.SUCCEEDED, output=output, progress=progress, **end)
        else:
            self._change(state=TaskState.FAILED, failure=failure, **end)
        reason = failure.reason if failure is not None else ""
        structlog.get_logger().info("task_ended", task=self.task.name, state=self.task.state, reason=reason)

    async def change(self, sequence: int, *, not_before: float) -> None:
        """Waits until the task has changed since `sequence`, or for a heartbeat's time.

        Returns `not_before` seconds from now at the earliest, unless the task becomes final.
        """
        begin = self._clock.monotonic()
        while not self.task.state.is_final:
            changed = self.task.sequence != sequence
            wait = (not_before if changed else HEARTBEAT_SECONDS) - (self._clock.monotonic() - begin)
            if wait <= 0:
                return
            await self._bell.wait(wait)

    def _change(self, **changes: Any) -> None:
        self.task = replace(self.task, sequence=self.task.sequence + 1, **changes)
        self._bell.ring()


async def _discard(spool: OutputSpool) -> None:
    try:
        await spool.discard()
    except OSError:
        # It goes with the worker's folder at the latest; until then it only takes space.
        structlog.get_logger().exception("output_not_removed", file=spool.path.name)


def _exists(task_id: str) -> AlreadyExists:
    name = f"tasks/{task_id}"
    return AlreadyExists(
        f"{name} was started with another request; choose another id.", reason="TASK_EXISTS", metadata={"task": name}
    )


def _ended(task: Task, reason: str, word: str) -> SpotreelError:
    return FailedPrecondition(
        f"{task.name} {word}, so its output will never be complete; GetTask tells why.",
        reason=reason,
        subject=task.name,
        metadata={"task": task.name},
    )
