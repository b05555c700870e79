"""The output of a task: a file that only grows, read by others while it does."""

import hashlib
import os
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from servicekit.checksums import crc32c
from servicekit.clock import Clock
from servicekit.errors import InvalidArgument, OutOfRange, SpotreelError
from worker.spool.bell import Bell
from worker.threads import run_to_end

CHUNK_BYTES = 1024 * 1024
HEARTBEAT_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputChunk:
    """A part of the output; `size_bytes` and `sha256` are set with `last`. Empty data without `last`: a heartbeat."""

    offset: int
    data: bytes
    crc32c: int
    last: bool = False
    size_bytes: int = 0
    sha256: bytes = b""


class OutputSpool:
    """One writer in a thread, any number of readers on the loop.

    It ends in one of two ways: `finish`, after the content was verified, or `fail`, which ends every reader.
    """

    def __init__(self, path: Path, *, clock: Clock) -> None:
        """Makes the file, which must not exist yet. On the loop only."""
        self.path = path
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._hash = hashlib.sha256()
        self._size = 0
        self._bell = Bell(clock)
        self._digest = b""
        self._failure: SpotreelError | None = None

    @property
    def size(self) -> int:
        """The bytes that are written so far."""
        return self._size

    @property
    def sha256(self) -> bytes:
        """The SHA-256 of the whole, 32 bytes; empty until it is finished."""
        return self._digest

    def write(self, data: bytes) -> None:
        """Appends, blocking, from the one thread that writes. Raises OSError (ENOSPC and the like)."""
        view = memoryview(data)
        while view:
            written = os.write(self._descriptor, view)
            self._hash.update(view[:written])
            view = view[written:]
            self._size += written
            self._bell.ring_from_thread()

    def finish(self) -> None:
        """Declares what was written to be the whole and right output; on the loop, when no thread writes any more."""
        self._close()
        self._digest = self._hash.digest()
        self._bell.ring()

    def fail(self, error: SpotreelError) -> None:
        """Ends every reader, now and later, with this error; the first call counts, and a finished spool may fail too.

        The file is removed by `remove`.
        """
        self._close()
        self._failure = self._failure or error
        self._bell.ring()

    async def remove(self) -> None:
        """Removes the file; readers of an output that had failed are gone by then or end at their next chunk."""
        self._close()
        await run_to_end(self.path.unlink, missing_ok=True)

    async def read(self, offset: int, limit: int) -> AsyncGenerator[OutputChunk, None]:
        """Yields the output from `offset` on, at most `limit` bytes (0: all), and follows it while it grows.

        Reaching the limit before the end of the output ends it without `last`. Holds one chunk at a time. Raises
        InvalidArgument, OutOfRange (OFFSET_BEYOND_END), and what `fail` was told.
        """
        self._check_range(offset, limit)
        self._raise_failure()
        descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            async with aclosing(self._follow(descriptor, offset, offset + limit if limit else None)) as chunks:
                async for chunk in chunks:
                    yield chunk
        finally:
            os.close(descriptor)

    async def _follow(self, descriptor: int, position: int, end: int | None) -> AsyncGenerator[OutputChunk, None]:
        while True:
            self._raise_failure()
            available = min(self._size, end if end is not None else self._size) - position
            if available > 0:
                data = await run_to_end(os.pread, descriptor, min(available, CHUNK_BYTES), position)
                chunk = self._chunk(position, data)
                position += len(data)
                yield chunk
                if chunk.last:
                    return
            elif self._digest and position == self._size:
                yield self._chunk(position, b"")
                return
            elif position == end:
                return
            elif not await self._bell.wait(HEARTBEAT_SECONDS):
                yield OutputChunk(offset=position, data=b"", crc32c=0)

    def _raise_failure(self) -> None:
        if self._failure is not None:
            # One error for many readers: each starts with a traceback of its own.
            raise self._failure.with_traceback(None)

    def _chunk(self, offset: int, data: bytes) -> OutputChunk:
        last = bool(self._digest) and offset + len(data) == self._size
        return OutputChunk(
            offset=offset,
            data=data,
            crc32c=crc32c(data),
            last=last,
            size_bytes=self._size if last else 0,
            sha256=self._digest if last else b"",
        )

    def _check_range(self, offset: int, limit: int) -> None:
        for name, value in (("read_offset", offset), ("read_limit", limit)):
            if value < 0:
                raise InvalidArgument(f"{name} must not be negative, not {value}.", metadata={name: str(value)})
        if offset > self._size:
            raise OutOfRange(
                f"read_offset {offset} lies behind the {self._size} bytes that are written; go on from there.",
                reason="OFFSET_BEYOND_END",
                metadata={"read_offset": str(offset), "size_bytes": str(self._size)},
            )

    def _close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
