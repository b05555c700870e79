"""Outputs come home: resumed where they broke, and believed only when size and SHA-256 agree."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from pathlib import Path

import google_crc32c

from spotreel.allocator import keep_freed_chunks
from spotreel.connection import Connection
from spotreel.errors import Aborted, DataCorrupted, LocalFile, OffsetOutOfRange, ServerUnavailable
from spotreel.orchestrator.v1.job_service_pb2 import ReadJobOutputRequest, ReadJobOutputResponse
from spotreel.partial_file import PartialFile
from spotreel.retry import BrokenStream
from spotreel.streams import ResumingStream

OnBytes = Callable[[int, int], None]

# A job has at most 10 attempts; each may make its output anew.
_MOST_RESTARTS = 10
# A chunk that is bad this often in a row was not damaged on the way.
_MOST_BAD_CHUNKS = 4


@dataclass(frozen=True, slots=True)
class OutputPiece:
    """Bytes of an output that agree with their checksum; with `last` come the size and digest of the whole."""

    data: bytes
    last: bool
    size_bytes: int
    sha256: bytes


class OutputReader:
    """Reads one job's output from `offset` on, chunk by chunk, each checked against its offset and CRC32C."""

    def __init__(self, connection: Connection, name: str, *, offset: int = 0) -> None:
        self.offset = offset
        self._connection = connection
        self._name = name
        self._attempt = 0
        self._bad_chunks = 0

    def stream(self) -> ResumingStream[ReadJobOutputResponse, OutputPiece]:
        """The output in pieces, over as many calls as it takes."""
        keep_freed_chunks()
        return self._connection.resuming(self._start, self._accept)

    def rewind(self) -> None:
        """Takes whatever attempt there is, from the start; for the calls that are made from now on."""
        self.offset, self._attempt = 0, 0

    def _start(self) -> object:
        request = ReadJobOutputRequest(name=self._name, read_offset=self.offset, attempt=self._attempt)
        return self._connection.jobs.ReadJobOutput(request, metadata=self._connection.metadata)

    def _accept(self, message: ReadJobOutputResponse) -> OutputPiece:
        # protobuf copies the bytes each time that they are asked for.
        data = message.data
        if data:
            if message.offset != self.offset or google_crc32c.value(data) != message.crc32c:
                self._refuse()
            self._bad_chunks = 0
            self.offset += len(data)
        self._attempt = message.attempt or self._attempt
        return OutputPiece(data, message.last, message.size_bytes, message.sha256)

    def _refuse(self) -> None:
        self._bad_chunks += 1
        text = f"The chunk of {self._name} at byte {self.offset} does not agree with its checksum or its place"
        if self._bad_chunks > _MOST_BAD_CHUNKS:
            raise DataCorrupted(f"{text}, {self._bad_chunks} times in a row.", reason="CHUNK_CORRUPTED")
        raise BrokenStream(f"{text}.", reason="CHUNK_CORRUPTED")


async def read_output(connection: Connection, name: str, *, offset: int = 0) -> AsyncGenerator[bytes, None]:
    """Yields the output from `offset` on. What was yielded is final only when the iterator ends without an error.

    Raises Aborted (OUTPUT_RESTARTED) where another attempt makes the output anew, DataCorrupted where the whole does
    not agree with its size, or, read from 0, with its SHA-256.
    """
    reader = OutputReader(connection, name, offset=offset)
    digest = hashlib.sha256()
    async with reader.stream() as stream:
        while True:
            piece = await stream.read()
            if piece.data:
                digest.update(piece.data)
                yield piece.data
            if piece.last:
                break
    if reader.offset != piece.size_bytes or (offset == 0 and digest.digest() != piece.sha256):
        raise _corrupted(name)


async def download_output(
    connection: Connection, name: str, target: Path, *, overwrite: bool, on_bytes: OnBytes, keep_partial: bool
) -> None:
    """Writes the output of a job to `target`, which is replaced at once when all of it has come and was verified.

    Until then it grows in `<target>.part`. With `keep_partial` that file stays where going on later makes sense (the
    server went away, the disk is full) and is taken up by the next download; in all other cases it is removed. What
    an earlier download has left stays, unless it was the beginning of something else. Raises LocalFile (FILE_IN_USE)
    where another download is writing it.
    """
    part = PartialFile(target, overwrite=overwrite)
    keep = False
    try:
        await asyncio.to_thread(part.open)
        await _receive(connection, name, part, on_bytes)
        await asyncio.to_thread(part.finish)
    except DataCorrupted:
        raise
    except (ServerUnavailable, LocalFile):
        keep = part.found or (keep_partial and part.size > 0)
        raise
    except BaseException:
        keep = part.found
        raise
    finally:
        # Not in a thread: it must also happen when the task is cancelled a second time.
        if keep:
            part.close()
        else:
            part.discard()


async def _receive(connection: Connection, name: str, part: PartialFile, on_bytes: OnBytes) -> None:
    taken_up = part.size > 0
    reader = OutputReader(connection, name, offset=part.size)
    async with reader.stream() as stream:
        for _ in range(_MOST_RESTARTS):
            try:
                last = await _fill(stream, part, on_bytes)
            except (Aborted, OffsetOutOfRange):
                pass
            else:
                if part.size == last.size_bytes and part.sha256 == last.sha256:
                    return
                if not taken_up:
                    raise _corrupted(name)
                # What lay there may have been the beginning of something else.
                taken_up = False
            stream.drop()
            reader.rewind()
            await asyncio.to_thread(part.restart)
    raise Aborted(
        f"The output of {name} was made anew {_MOST_RESTARTS} times while it was read.", reason="OUTPUT_RESTARTED"
    )


async def _fill(
    stream: ResumingStream[ReadJobOutputResponse, OutputPiece], part: PartialFile, on_bytes: OnBytes
) -> OutputPiece:
    """Writes each piece while the next one is on its way; the file holds all that came when it returns or raises."""
    writing: asyncio.Task[None] | None = None
    try:
        while True:
            piece = await stream.read()
            if writing is not None:
                await writing
                writing = None
            received = part.size + len(piece.data)
            if piece.data:
                writing = asyncio.create_task(asyncio.to_thread(part.append, piece.data), name="write output")
            if piece.last and writing is not None:
                await writing
            on_bytes(received, piece.size_bytes)
            if piece.last:
                return piece
    finally:
        if writing is not None and not writing.done():
            await asyncio.wait({writing})


def _corrupted(name: str) -> DataCorrupted:
    return DataCorrupted(
        f"The output of {name} does not agree with its size or SHA-256.",
        reason="OUTPUT_CORRUPTED",
        metadata={"job": name},
    )
