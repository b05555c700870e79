"""Reading what a job made: out of storage when it is done, and, if it is progressive, while it grows."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace

from orchestrator.jobs.feed import HEARTBEAT_SECONDS, JobFeed
from orchestrator.jobs.job import Job, JobOutput, JobState
from orchestrator.ports import BlobStore, Ledger, OutputInterrupted, Spools
from servicekit.clock import Clock
from servicekit.errors import Aborted, FailedPrecondition, OutOfRange
from servicekit.growing import CHUNK_BYTES, GrowingFile
from servicekit.media.forms import output_form
from servicekit.media.outputs import Delivery
from servicekit.media.validation import Problems
from servicekit.waiting import wait_for_any


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputPart:
    """Bytes at an offset of an output, none in a heartbeat; `whole` comes with the last part."""

    offset: int
    data: bytes = b""
    attempt: int = 0
    content_type: str = ""
    whole: JobOutput | None = None


class JobOutputs:
    """Hands out outputs from any offset."""

    def __init__(self, *, ledger: Ledger, feed: JobFeed, blobs: BlobStore, spools: Spools, clock: Clock) -> None:
        self._ledger = ledger
        self._feed = feed
        self._blobs = blobs
        self._spools = spools
        self._clock = clock

    async def read(self, job_id: str, *, offset: int, limit: int, attempt: int) -> AsyncGenerator[OutputPart, None]:
        """Yields the output from an offset on, at most `limit` bytes (0: to the end), of that attempt (0: any).

        Raises InvalidArgument, NotFound (JOB_NOT_FOUND), FailedPrecondition (OUTPUT_NOT_READY, JOB_FAILED,
        JOB_CANCELLED), OutOfRange (OFFSET_BEYOND_END), Aborted (OUTPUT_RESTARTED), DataLoss (BLOB_MISSING).
        """
        _check(read_offset=offset, read_limit=limit, attempt=attempt)
        reading = _Reading(offset=offset, limit=limit, attempt=attempt)
        with self._feed.watching(job_id) as view:
            while True:
                changed = view.changed
                job = await self._ledger.get_job(job_id)
                _refuse_unreadable(job)
                spool = self._spools.current(job_id)
                if job.output is not None:
                    parts = self._stored(reading, job, job.output)
                else:
                    parts = self._growing(reading, job, spool)
                async with aclosing(parts):
                    async for part in parts:
                        yield part
                if reading.done() or job.output is not None:
                    return
                waits = (changed.wait(), self._other_spool(job_id, spool))
                if not await wait_for_any(*waits, seconds=HEARTBEAT_SECONDS, clock=self._clock):
                    yield reading.part(job)

    async def _other_spool(self, job_id: str, seen: tuple[int, GrowingFile] | None) -> None:
        """Returns when another output is current than the one seen."""
        # This is begun a moment after that one was looked at, and the spools only tell of what comes from now on.
        if self._spools.current(job_id) == seen:
            await self._spools.changed(job_id)

    async def _stored(self, reading: "_Reading", job: Job, output: JobOutput) -> AsyncGenerator[OutputPart, None]:
        assert job.attempt is not None, "an output was made by an attempt"
        reading.hold_to(job.attempt.number)
        reading.refuse_beyond(output.size_bytes)
        end = output.size_bytes if reading.end is None else min(reading.end, output.size_bytes)
        async with aclosing(self._chunks(output.blob, reading.offset, end)) as chunks:
            async for data in chunks:
                yield reading.take(job, data)
        if end == output.size_bytes:
            yield reading.part(job, whole=output)

    async def _chunks(self, blob: str, offset: int, end: int) -> AsyncGenerator[bytes, None]:
        """Reads a blob one chunk ahead, so that the store and the network work at the same time."""

        def fetch(start: int) -> asyncio.Task[bytes] | None:
            if start >= end:
                return None
            wanted = min(CHUNK_BYTES, end - start)
            return asyncio.create_task(self._blobs.read(blob, start, wanted), name="read ahead")

        ahead = fetch(offset)
        try:
            while ahead is not None:
                data = await ahead
                offset += len(data)
                ahead = fetch(offset)
                yield data
        finally:
            if ahead is not None:
                ahead.cancel()
                await asyncio.gather(ahead, return_exceptions=True)

    async def _growing(
        self, reading: "_Reading", job: Job, spool: tuple[int, GrowingFile] | None
    ) -> AsyncGenerator[OutputPart, None]:
        """Follows the output of the running attempt as far as it goes; the rest comes from storage."""
        if spool is None:
            return
        number, file = spool
        if file.failure is not None:
            return
        reading.hold_to(number)
        if file.complete:
            reading.refuse_beyond(file.size)
        chunks = file.read(reading.offset, 0 if reading.end is None else reading.end - reading.offset)
        async with aclosing(chunks):
            try:
                async for data in chunks:
                    yield reading.take(job, data)
            except (FileNotFoundError, OutputInterrupted):
                # Removed this moment, since the job is final: storage has it, or it will never be. Or it will go on.
                return
            except Aborted:
                # Its attempt was lost. What became of the job says more, where that is final.
                _refuse_unreadable(await self._ledger.get_job(job.id))
                raise
        if file.complete:
            reading.refuse_beyond(file.size)


class _Reading:
    """How far a reader is, and which attempt it is held to."""

    def __init__(self, *, offset: int, limit: int, attempt: int) -> None:
        self.offset = offset
        self.end = offset + limit if limit else None
        self._attempt = attempt

    def done(self) -> bool:
        """Whether all that was asked for has been given."""
        return self.end is not None and self.offset >= self.end

    def hold_to(self, attempt: int) -> None:
        """Takes this attempt's bytes and no other's from here on; raises Aborted (OUTPUT_RESTARTED)."""
        if self._attempt not in (0, attempt):
            raise Aborted(
                f"Attempt {self._attempt}, whose output was read, is over, and attempt {attempt} makes it anew. Throw "
                "away what you have and read from 0.",
                reason="OUTPUT_RESTARTED",
                metadata={"attempt": str(attempt)},
            )
        self._attempt = attempt

    def refuse_beyond(self, size: int) -> None:
        """Raises OutOfRange (OFFSET_BEYOND_END) where nothing can be at the offset."""
        if self.offset > size:
            raise OutOfRange(
                f"read_offset {self.offset} lies behind the end of the output, which has {size} bytes.",
                reason="OFFSET_BEYOND_END",
                metadata={"read_offset": str(self.offset), "size_bytes": str(size)},
            )

    def take(self, job: Job, data: bytes) -> OutputPart:
        """Returns the next bytes as a part, and goes on behind them."""
        part = replace(self.part(job), data=data)
        self.offset += len(data)
        return part

    def part(self, job: Job, *, whole: JobOutput | None = None) -> OutputPart:
        """Returns a part without bytes."""
        form = output_form(job.spec.operation, job.spec.output)
        content_type = form.content_type if whole is None else whole.content_type
        return OutputPart(offset=self.offset, attempt=self._attempt, content_type=content_type, whole=whole)


def _check(**counts: int) -> None:
    problems = Problems()
    for field, value in counts.items():
        if value < 0:
            problems.add(field, f"must not be negative, but is {value}")
    problems.raise_if_any()


def _refuse_unreadable(job: Job) -> None:
    """Raises FailedPrecondition where there is no output, and none to follow."""
    metadata = {"name": job.name, "state": job.state.value}
    if job.state is JobState.FAILED:
        why = "" if job.failure is None else f" ({job.failure.reason})"
        raise FailedPrecondition(
            f"{job.name} has failed{why}; it has no output.", reason="JOB_FAILED", subject=job.name, metadata=metadata
        )
    if job.state is JobState.CANCELLED:
        raise FailedPrecondition(
            f"{job.name} was cancelled; it has no output.",
            reason="JOB_CANCELLED",
            subject=job.name,
            metadata=metadata,
        )
    if job.state is not JobState.SUCCEEDED and job.spec.output.delivery is not Delivery.PROGRESSIVE:
        raise FailedPrecondition(
            f"{job.name} is {job.state}, and its output can be read when it has SUCCEEDED. Watch it and call again.",
            reason="OUTPUT_NOT_READY",
            subject=job.name,
            metadata=metadata,
        )
