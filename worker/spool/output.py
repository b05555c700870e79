"""The output of a task: a file that only grows, handed out in checked chunks while it does."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from servicekit.checksums import crc32c
from servicekit.clock import Clock
from servicekit.errors import InvalidArgument, OutOfRange, SpotreelError
from servicekit.growing import GrowingFile
from worker.threads import run_to_end


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
        """Takes the place of the file; `open` makes it."""
        self.path = path
        self._file = GrowingFile(path, clock=clock)

    async def open(self) -> Self:
        """Makes the file, empty. Raises OSError."""
        await self._file.open()
        return self

    @property
    def size(self) -> int:
        """The bytes that are written so far."""
        return self._file.size

    @property
    def sha256(self) -> bytes:
        """The SHA-256 of what is written so far, 32 bytes."""
        return self._file.sha256

    def write(self, data: bytes) -> None:
        """Appends, blocking, from the one thread that writes. Raises OSError (ENOSPC and the like)."""
        self._file.write(data)

    def finish(self) -> None:
        """Declares what was written to be the whole and right output, when nobody writes any more."""
        self._file.close()
        self._file.finish()

    async def discard(self) -> None:
        """Removes the file, when nobody writes any more; whoever reads it now may go on with what is written."""
        self._file.close()
        await run_to_end(self.path.unlink, missing_ok=True)

    def fail(self, error: SpotreelError) -> None:
        """Ends every reader, now and later, with this error; of no effect on a finished output."""
        self._file.fail(error)

    async def read(self, offset: int, limit: int) -> AsyncGenerator[OutputChunk, None]:
        """Yields the output from `offset` on, at most `limit` bytes (0: all), and follows it while it grows.

        Reaching the limit before the end of the output ends it without `last`. Holds one chunk at a time. Raises
        InvalidArgument, OutOfRange (OFFSET_BEYOND_END), and what `fail` was told.
        """
        if self._file.failure is not None:
            raise self._file.failure.with_traceback(None)
        self._check_range(offset, limit)
        async with aclosing(self._file.read(offset, limit)) as pieces:
            async for data in pieces:
                chunk = self._chunk(offset, data)
                offset += len(data)
                yield chunk
                if chunk.last:
                    return
        # Readers that had everything before the output was declared whole still have to hear it.
        if self._is_end(offset):
            yield self._chunk(offset, b"")

    def _chunk(self, offset: int, data: bytes) -> OutputChunk:
        if not self._is_end(offset + len(data)):
            return OutputChunk(offset=offset, data=data, crc32c=crc32c(data))
        size, digest = self.size, self.sha256
        return OutputChunk(offset=offset, data=data, crc32c=crc32c(data), last=True, size_bytes=size, sha256=digest)

    def _is_end(self, offset: int) -> bool:
        return self._file.complete and offset == self.size

    def _check_range(self, offset: int, limit: int) -> None:
        for name, value in (("read_offset", offset), ("read_limit", limit)):
            if value < 0:
                raise InvalidArgument(f"{name} must not be negative, not {value}.", metadata={name: str(value)})
        if offset > self.size:
            raise OutOfRange(
                f"read_offset {offset} lies behind the {self.size} bytes that are written; go on from there.",
                reason="OFFSET_BEYOND_END",
                metadata={"read_offset": str(offset), "size_bytes": str(self.size)},
            )
