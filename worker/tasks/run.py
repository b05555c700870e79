"""One task from its inputs to its verified output.

    fetch inputs ─▶ wait for a slot ─▶ plan ─▶ FFmpeg ─▶ verify
    (as far ahead as one task more than there are slots, so that a GPU does not wait for a download)

Inputs and working files lie in a folder of the task's own that is gone on every way out.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

from servicekit.clock import Clock
from servicekit.media.forms import output_form
from servicekit.media.operations import AssetSource, MediaSource, sources
from worker.errors import FailureReason, TaskFailed
from worker.ffmpeg.estimate import Estimator
from worker.ffmpeg.progress import Progress
from worker.ffmpeg.runner import RunLimits
from worker.media.plan import Plan
from worker.media.thumbnails import PicturesPlan
from worker.ports import Engine, Fetcher, FetchLimits, Machine
from worker.spool.folder import WorkFolder
from worker.spool.inputs import InputStore
from worker.spool.output import OutputSpool
from worker.tasks.slots import Slots
from worker.tasks.task import TaskLimits, TaskOutput, TaskRequest, TaskStage

# A server that sends a byte now and then is never silent, and would hold its place for ever.
_FETCH_SECONDS = 3600.0
# What is left after encoding is the check, which takes a fraction of a second.
_ENCODED = 0.99


class TaskBoard(Protocol):
    """Where a run tells how far it is; everybody who watches the task sees it."""

    def started(self) -> None:
        """The task has its slot."""
        ...

    def update(self, **changes: Any) -> None:
        """Fields of TaskProgress have new values."""
        ...


class TaskRunner:
    """Runs tasks; holds what they share."""

    def __init__(
        self, *, machine: Machine, fetcher: Fetcher, inputs: InputStore, folder: WorkFolder, clock: Clock
    ) -> None:
        self._machine = machine
        self._fetcher = fetcher
        self._inputs = inputs
        self._folder = folder
        self._clock = clock
        self._slots = Slots(self._slot_count)
        self._places = Slots(self._slot_count, extra=1)

    async def complete(self, request: TaskRequest, *, spool: OutputSpool, board: TaskBoard) -> TaskOutput:
        """Does all of it and returns what was made, which the spool holds; raises TaskFailed.

        The assets it names must be pinned. The spool is neither finished nor removed here.
        """
        async with AsyncExitStack() as held:
            workdir = await held.enter_async_context(self._folder.task(request.task_id))
            async with self._places.take():
                paths = await self._fetch_all(request, workdir, board)
                board.update(stage=TaskStage.WAITING, detail="Waits for a slot.")
                await held.enter_async_context(self._slots.take())
            board.started()
            return await self._make(request, paths, workdir, spool, board)

    async def _make(
        self, request: TaskRequest, paths: Mapping[str, Path], workdir: Path, spool: OutputSpool, board: TaskBoard
    ) -> TaskOutput:
        started = self._clock.monotonic()
        board.update(stage=TaskStage.ENCODING, detail="")
        engine = await self._machine.engine()
        plan = await self._plan(engine, request, paths)
        board.update(encoder=plan.encoder, media_duration=plan.expected.duration)
        result = await engine.run(
            plan,
            workdir=workdir,
            sink=spool,
            on_progress=_progress_reporter(plan, spool, board, self._clock),
            limits=_run_limits(request.limits, self._clock.monotonic() - started),
        )
        board.update(stage=TaskStage.VERIFYING, output_bytes=spool.size, eta=timedelta())
        media_info = await engine.verify(plan, spool.path, result)
        return TaskOutput(
            size_bytes=spool.size,
            sha256=spool.sha256,
            content_type=output_form(request.operation, request.output).content_type,
            media_info=media_info,
        )

    async def _plan(self, engine: Engine, request: TaskRequest, paths: Mapping[str, Path]) -> Plan | PicturesPlan:
        try:
            plan = await engine.plan(request.operation, request.output, paths, request.part)
        except TaskFailed as error:
            # That there is no encoder for it says that one is needed.
            if request.copy_only and error.reason is FailureReason.ENCODER_UNAVAILABLE:
                raise _needs_encoder() from error
            raise
        if request.copy_only and plan.needs_encoder:
            raise _needs_encoder()
        return plan

    async def _fetch_all(self, request: TaskRequest, workdir: Path, board: TaskBoard) -> dict[str, Path]:
        """Fetches all inputs at once; the first that fails ends the others."""
        board.update(stage=TaskStage.FETCHING_INPUT, detail="")
        received: dict[str, int] = {}
        failures: list[TaskFailed] = []
        paths = {role: workdir / role for role, _ in sources(request.operation)}
        try:
            async with asyncio.timeout(_FETCH_SECONDS), asyncio.TaskGroup() as fetches:
                for role, source in sources(request.operation):
                    fetches.create_task(
                        self._fetch(source, paths[role], request.limits, _byte_counter(role, received, board)),
                        name=f"fetch {role}",
                    )
        except* TaskFailed as group:
            failures.extend(error for error in group.exceptions if isinstance(error, TaskFailed))
        except* TimeoutError:
            message = f"The inputs could not be fetched within {_FETCH_SECONDS:g} s; put them on a faster server."
            failures.append(TaskFailed(FailureReason.INPUT_TIMEOUT, message))
        if failures:
            raise failures[0]
        return paths

    async def _fetch(
        self, source: MediaSource, target: Path, limits: TaskLimits, on_bytes: Callable[[int], None]
    ) -> None:
        if not isinstance(source, AssetSource):
            fetch_limits = FetchLimits(
                max_bytes=limits.max_input_bytes, idle_seconds=limits.fetch_idle_timeout.total_seconds()
            )
            await self._fetcher.fetch(source.uri, target, limits=fetch_limits, on_bytes=on_bytes)
            return
        with self._inputs.pin(source.sha256) as stored:
            size = stored.stat().st_size
            if size > limits.max_input_bytes:
                raise TaskFailed(
                    FailureReason.INPUT_TOO_LARGE,
                    f"{source.asset} has {size} bytes, more than the {limits.max_input_bytes} allowed.",
                    metadata={"asset": source.asset, "max_input_bytes": str(limits.max_input_bytes)},
                )
            # Under the name of its role, which is what messages about it then show.
            target.symlink_to(stored)
            on_bytes(size)

    async def _slot_count(self) -> int:
        return (await self._machine.capabilities()).slots


def _needs_encoder() -> TaskFailed:
    message = "The picture cannot be copied: it has to be encoded, and this worker may only copy."
    return TaskFailed(FailureReason.ENCODER_UNAVAILABLE, message, metadata={"needs_encoder": "true"})


def _run_limits(limits: TaskLimits, elapsed: float) -> RunLimits:
    left = max(limits.run_timeout - timedelta(seconds=elapsed), timedelta())
    return RunLimits(run_timeout=left, stall_timeout=limits.stall_timeout)


def _byte_counter(role: str, received: dict[str, int], board: TaskBoard) -> Callable[[int], None]:
    def count(size: int) -> None:
        # A download that starts over does not take back what was shown.
        received[role] = max(received.get(role, 0), size)
        board.update(input_bytes=sum(received.values()))

    return count


def _progress_reporter(
    plan: Plan | PicturesPlan, spool: OutputSpool, board: TaskBoard, clock: Clock
) -> Callable[[Progress], None]:
    estimator = Estimator(plan.expected.duration)

    def report(progress: Progress) -> None:
        estimate = estimator.update(progress, clock.monotonic())
        board.update(
            fraction=estimate.fraction * _ENCODED,
            frames=progress.frames,
            frames_per_second=estimate.frames_per_second,
            speed=estimate.speed,
            media_time=progress.media_time,
            eta=estimate.eta,
            output_bytes=spool.size,
        )

    return report
