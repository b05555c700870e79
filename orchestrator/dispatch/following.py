"""Follows a task on its worker: what it says, and the bytes that it makes, at the same time."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from datetime import timedelta

from orchestrator.dispatch.failures import TaskFailed
from orchestrator.dispatch.spools import SpoolFolder
from orchestrator.jobs.job import Failure, Progress, SpooledOutput, Stage
from orchestrator.ports import TaskProgress, TaskState, TaskStatus, WorkerLink
from servicekit.behind import OneBehind
from servicekit.growing import CHUNK_BYTES, GrowingFile

_STAGES = {
    "WAITING": Stage.WAITING,
    "FETCHING_INPUT": Stage.FETCHING_INPUT,
    "ENCODING": Stage.ENCODING,
    # The worker's own check, while the rest comes home; a job is VERIFYING when all of it is here.
    "VERIFYING": Stage.TRANSFERRING,
}
# The rest is for bringing it home, into its form, and into storage.
_FRACTION_OF_THE_TASK = 0.99
# Going to a thread and back for each MiB cost a tenth of the rate of a transfer.
_CHUNKS_TOGETHER = 4
_DISK_FULL_DETAIL = "The orchestrator's disk is full; waiting for space on it."


class TaskFollower:
    """Follows one task of one attempt."""

    def __init__(
        self,
        *,
        link: WorkerLink,
        spools: SpoolFolder,
        task_id: str,
        instance_id: str,
        show: Callable[[Progress], None],
    ) -> None:
        """Takes `show`, which hears of each progress."""
        self._link = link
        self._spools = spools
        self._task_id = task_id
        self._instance_id = instance_id
        self._show = show
        self._status: TaskStatus | None = None
        self._detail = ""

    async def follow(self, spool: GrowingFile) -> SpooledOutput:
        """Appends the output to the spool until the task has SUCCEEDED and all has come.

        Raises TaskFailed, and what the link and the spool raise, alone or in an ExceptionGroup.
        """
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(self._watch(spool), name=f"watch {self._task_id}")
            group.create_task(self._copy(spool), name=f"copy {self._task_id}")
        status = watching.result()
        return SpooledOutput(size_bytes=status.size_bytes, sha256=status.sha256)

    @property
    def received_bytes(self) -> int:
        """The bytes of input that the worker has got for the task, as far as it has said."""
        return 0 if self._status is None else self._status.progress.input_bytes

    async def _watch(self, spool: GrowingFile) -> TaskStatus:
        async with aclosing(self._link.watch(self._task_id)) as statuses:  # type: ignore[type-var]  # generators all
            async for status in statuses:
                self._status = status
                self._report(spool)
                if status.state is TaskState.SUCCEEDED:
                    return status
                if status.state in (TaskState.FAILED, TaskState.CANCELLED):
                    raise TaskFailed(status.failure or _cancelled_there())
        raise AssertionError("a watch ends with a final state")

    async def _copy(self, spool: GrowingFile) -> None:
        async with (
            aclosing(self._link.read_output(self._task_id, spool.size)) as chunks,  # type: ignore[type-var]
            OneBehind(f"spool {self._task_id}") as writing,
        ):
            together: list[bytes] = []
            async for chunk in chunks:
                together.append(chunk.data)
                # A short chunk says that the worker has no more for now.
                if len(together) == _CHUNKS_TOGETHER or len(chunk.data) < CHUNK_BYTES:
                    await writing.do(self._append(spool, together))
                    together = []
            await writing.do(self._append(spool, together))

    async def _append(self, spool: GrowingFile, pieces: Sequence[bytes]) -> None:
        await self._spools.append(spool, pieces, on_wait=lambda: self._wait_for_space(spool))
        self._detail = ""
        self._report(spool)

    def _wait_for_space(self, spool: GrowingFile) -> None:
        self._detail = _DISK_FULL_DETAIL
        self._report(spool)

    def _report(self, spool: GrowingFile) -> None:
        if self._status is not None:
            self._show(self._progress(self._status.progress, self._status.state, spool.size))

    def _progress(self, task: TaskProgress, state: TaskState, bytes_at_home: int) -> Progress:
        ended = state is TaskState.SUCCEEDED
        return Progress(
            stage=Stage.TRANSFERRING if ended else _STAGES.get(task.stage, Stage.ENCODING),
            fraction=_FRACTION_OF_THE_TASK * (1.0 if ended else min(task.fraction, 1.0)),
            frames=task.frames,
            frames_per_second=task.frames_per_second,
            speed=task.speed,
            media_time=task.media_time,
            media_duration=task.media_duration,
            eta=timedelta() if ended else task.eta,
            output_bytes=bytes_at_home,
            encoder=task.encoder,
            instance_id=self._instance_id,
            detail=self._detail or task.detail,
        )


def _cancelled_there() -> Failure:
    return Failure(reason="INTERNAL", message="The task was cancelled on the worker by somebody else.", retryable=True)
