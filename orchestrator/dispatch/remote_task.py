"""One task of an attempt: started at its worker, its output brought home, and ended."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import TypeVar

import structlog

from orchestrator.assets.asset import Asset
from orchestrator.dispatch.failures import LedgerAway, OutputDamaged
from orchestrator.dispatch.following import TaskFollower
from orchestrator.dispatch.interruption import to_the_end
from orchestrator.dispatch.spools import SpoolFolder
from orchestrator.jobs.job import Progress, Stage
from orchestrator.ports import BlobStore, Ledger, TaskRequest, TaskState, Tracks, WorkerLink
from servicekit.errors import AlreadyExists, FailedPrecondition, OutOfRange, ResourceExhausted, Unavailable
from servicekit.growing import GrowingFile

T = TypeVar("T")

_FINAL = frozenset({TaskState.SUCCEEDED, TaskState.FAILED, TaskState.CANCELLED})
# A start that was sent is waited for, so that a cancel behind it finds the task.
_START_PATIENCE_SECONDS = 2.0


class RemoteTask:
    """Brings one task's output home; what is done already is not done again."""

    def __init__(
        self,
        *,
        request: TaskRequest,
        job_id: str,
        attempt: int,
        instance_id: str,
        assets: frozenset[str],
        link: WorkerLink,
        ledger: Ledger,
        blobs: BlobStore,
        spools: SpoolFolder,
        show: Callable[[Progress], None],
    ) -> None:
        """Takes `show`, which hears of each progress of the task."""
        self.task_id = request.task_id
        self._request = request
        self._job_id = job_id
        self._attempt = attempt
        self._instance_id = instance_id
        self._assets = assets
        self._link = link
        self._ledger = ledger
        self._blobs = blobs
        self._spools = spools
        self._show = show
        self._spool: GrowingFile | None = None
        self.received_bytes = 0
        self.sent_bytes = 0
        self._log = structlog.get_logger("dispatch").bind(job=job_id, attempt=attempt)

    @property
    def spool(self) -> GrowingFile:
        """The file that its output comes to; `open` it before anything else."""
        assert self._spool is not None, "it was not opened"
        return self._spool

    async def open(self) -> None:
        """Opens the spool behind what is there. Raises OSError."""
        if self._request.tracks is Tracks.SOUND:
            self._spool = await self._spools.open_sound(self._job_id, self._attempt)
        else:
            self._spool = await self._spools.open(self._job_id, self._attempt)

    async def start(self) -> None:
        """Sends the inputs and starts the task, unless some of its output is at home.

        The task was started for certain then; starting it again, on a worker that was started anew, would mix the bytes
        of two runs. Raises what the link raises, LedgerAway, and what the ledger says of an asset.
        """
        if self.spool.size:
            return
        await self._send_inputs()
        try:
            await self._start()
        except FailedPrecondition as error:
            if error.reason != "INPUT_MISSING":
                raise
            # The worker removed what no task had used for a while, between our question and the start.
            await self._send_inputs()
            await self._start()

    async def fetch(self) -> None:
        """Follows the task until its output is at home; once more from the start where something else came.

        Raises TaskFailed, OutputDamaged, what the link and the spool raise, alone or in an ExceptionGroup.
        """
        if await self._follow():
            return
        self._log.warning("output_fetched_anew", task=self.task_id, size_bytes=self.spool.size)
        if self._request.tracks is Tracks.SOUND:
            self._spool = await self._spools.restart_sound(self._job_id, self._attempt)
        else:
            self._spool = await self._spools.restart(self._job_id, self._attempt)
        if not await self._follow():
            raise OutputDamaged("The output arrived damaged, twice: its size or SHA-256 is not what the worker says.")

    async def stop(self) -> None:
        """Cancels the task and returns when its process is gone. Raises TaskGone, what the link raises."""
        await self._link.cancel(self.task_id)
        async with aclosing(self._link.watch(self.task_id)) as statuses:  # type: ignore[type-var]  # generators all
            async for status in statuses:
                if status.state in _FINAL:
                    return

    async def delete(self) -> None:
        """Removes the task, which is final, from its worker. Raises what the link raises."""
        await self._link.delete(self.task_id)

    async def _start(self) -> None:
        try:
            await to_the_end(self._link.start(self._request), patience=_START_PATIENCE_SECONDS)
        except AlreadyExists as error:
            # Ours all the same, started before a restart with another patience in our settings.
            self._log.info("task_started_earlier", detail=error.message)

    async def _send_inputs(self) -> None:
        sending = Progress(stage=Stage.FETCHING_INPUT, instance_id=self._instance_id)
        for name in sorted(self._assets):
            asset = await self._asset(name)
            self._show(replace(sending, detail="Sending an input to the worker."))
            await self._link.send_input(asset, partial(self._read, asset.blob))
        self._show(sending)

    async def _asset(self, name: str) -> Asset:
        return await ledgers(self._ledger.get_asset(name.removeprefix("assets/")))

    async def _read(self, blob: str, offset: int, length: int) -> AsyncIterator[bytes]:
        yield await self._blobs.read(blob, offset, length)

    async def _follow(self) -> bool:
        """Returns whether what is at home is what the worker made."""
        spool = self.spool
        follower = TaskFollower(
            link=self._link,
            spools=self._spools,
            task_id=self.task_id,
            instance_id=self._instance_id,
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
            self.received_bytes = max(self.received_bytes, follower.received_bytes)
            self.sent_bytes += spool.size - before
        return made.size_bytes == spool.size and made.sha256 == spool.sha256


async def ledgers(answer: Awaitable[T]) -> T:
    """Returns what the ledger answers. Raises LedgerAway, and what it says of the job."""
    try:
        return await answer
    except (ResourceExhausted, Unavailable) as error:
        raise LedgerAway(error.message) from error
