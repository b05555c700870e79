"""A dispatcher whose every step the test takes, on the real ledger, feed, spools and store."""

import asyncio
import hashlib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from orchestrator.dispatch.spools import SpoolFolder
from orchestrator.jobs.feed import JobFeed
from orchestrator.jobs.job import (
    Failure,
    Job,
    JobOutput,
    JobState,
    Progress,
    Stage,
    attempt_failed,
    cancelled,
    started,
    succeeded,
)
from orchestrator.ports import BlobStore, Ledger
from servicekit.clock import Clock
from servicekit.growing import GrowingFile
from tests.simulators.records import make_output

KEEP = timedelta(days=7)


class ScriptedDispatch:
    """Counts what it is told, and does nothing by itself."""

    def __init__(
        self, *, ledger: Ledger, feed: JobFeed, spools: SpoolFolder, blobs: BlobStore, clock: Clock, folder: Path
    ) -> None:
        self._ledger = ledger
        self._feed = feed
        self._spools = spools
        self._blobs = blobs
        self._clock = clock
        self._folder = folder
        self.wakes = 0
        self.cancels: list[str] = []

    def wake(self) -> None:
        self.wakes += 1

    def cancel(self, job_id: str) -> None:
        self.cancels.append(job_id)

    async def start(self, job_id: str) -> Job:
        """Gives a queued job to a machine."""
        return await self._change(job_id, lambda job: started(job, instance_id="i1", now=self._clock.now()))

    def progress(self, job_id: str, fraction: float) -> None:
        """Says how far it is."""
        self._feed.progress(job_id, Progress(stage=Stage.ENCODING, fraction=fraction, encoder="libx264"))

    async def spool(self, job_id: str, data: bytes) -> GrowingFile:
        """Lets output come home, behind what is there."""
        job = await self._ledger.get_job(job_id)
        assert job.attempt is not None
        current = self._spools.current(job_id)
        if current is None or current[0] != job.attempt.number:
            await self._spools.restart(job_id, job.attempt.number)
            current = self._spools.current(job_id)
        assert current is not None
        await asyncio.to_thread(current[1].write, data)
        return current[1]

    async def break_off(self, job_id: str) -> None:
        """Stops following the attempt, and takes it up again: what is at home counts."""
        job = await self._ledger.get_job(job_id)
        assert job.attempt is not None
        self._spools.detach(job_id)
        await self._spools.open(job_id, job.attempt.number)

    async def succeed(self, job_id: str, data: bytes) -> JobOutput:
        """Stores the output and ends the job."""
        job = await self._ledger.get_job(job_id)
        assert job.attempt is not None
        blob, path = f"outputs/{job_id}/{job.attempt.number}.mp4", self._folder / job_id
        path.write_bytes(data)
        await self._blobs.store(blob, path)
        output = make_output(blob=blob, size_bytes=len(data), sha256=hashlib.sha256(data).digest())
        await self._change(job_id, lambda one: succeeded(one, output=output, now=self._clock.now(), keep=KEEP))
        await self._spools.remove(job_id)
        return output

    async def fail(self, job_id: str, *, retryable: bool) -> Job:
        """Ends the attempt, and the job unless another one may help."""
        failure = Failure(reason="INSTANCE_LOST", message="The machine is gone.", retryable=retryable)
        job = await self._change(
            job_id, lambda one: attempt_failed(one, failure=failure, now=self._clock.now(), keep=KEEP)
        )
        await self._spools.remove(job_id)
        return job

    async def confirm_cancel(self, job_id: str) -> Job:
        """Ends a job that is CANCELLING."""
        job = await self._change(job_id, lambda one: cancelled(one, now=self._clock.now(), keep=KEEP))
        assert job.state is JobState.CANCELLED
        return job

    async def _change(self, job_id: str, change: Callable[[Job], Job]) -> Job:
        job = await self._ledger.change_job(job_id, change)
        self._feed.publish(job)
        return job
