"""Inputs that were uploaded, known by their SHA-256 and shared by tasks."""

import errno
import hashlib
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from servicekit.checksums import crc32c
from servicekit.clock import Clock
from servicekit.errors import (
    Aborted,
    DataLoss,
    FailedPrecondition,
    Internal,
    InvalidArgument,
    OutOfRange,
    ResourceExhausted,
)
from worker.threads import run_to_end

MAX_DATA_BYTES = 4 * 1024 * 1024
_HASH_BYTES = 1024 * 1024
_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@dataclass(frozen=True, slots=True, kw_only=True)
class InputStatus:
    """How much of an input is here."""

    committed_bytes: int
    complete: bool


class InputStore:
    """The inputs in one folder: `{sha256}` when complete, `{sha256}.partial` before. Made and used on the loop."""

    def __init__(self, folder: Path, *, clock: Clock) -> None:
        """Takes a folder that exists and that nobody else writes to."""
        self._folder = folder
        self._clock = clock
        self._writing: set[str] = set()
        self._pins: dict[str, int] = {}
        self._last_used: dict[str, float] = {}

    def status(self, sha256: str) -> InputStatus:
        """Tells how much is here, nothing included."""
        if self._complete(sha256).exists():
            return InputStatus(committed_bytes=self._complete(sha256).stat().st_size, complete=True)
        partial = self._partial(sha256)
        return InputStatus(committed_bytes=partial.stat().st_size if partial.exists() else 0, complete=False)

    @contextmanager
    def pin(self, sha256: str) -> Iterator[Path]:
        """Keeps an input from being removed, and gives its path; raises FailedPrecondition (INPUT_MISSING)."""
        path = self._complete(sha256)
        if not path.exists():
            raise FailedPrecondition(
                f"assets/{sha256} has not been uploaded to this worker; upload it, then start the task.",
                reason="INPUT_MISSING",
                subject=f"assets/{sha256}",
                metadata={"asset": f"assets/{sha256}"},
            )
        self._pins[sha256] = self._pins.get(sha256, 0) + 1
        try:
            yield path
        finally:
            self._pins[sha256] -= 1
            if not self._pins[sha256]:
                del self._pins[sha256]
            self._touch(sha256)

    @asynccontextmanager
    async def upload(self, sha256: str, *, size: int, offset: int) -> AsyncIterator["InputUpload"]:
        """Opens an input for writing from `offset` on, which must be where it stands; for one writer at a time.

        What was written stays when the block is left early. Raises Aborted (UPLOAD_IN_USE), OutOfRange
        (OFFSET_MISMATCH), ResourceExhausted (DISK_FULL).
        """
        if sha256 in self._writing:
            raise Aborted(
                f"Another stream writes to assets/{sha256}; wait for it, or end it.",
                reason="UPLOAD_IN_USE",
                metadata={"asset": f"assets/{sha256}"},
            )
        self._writing.add(sha256)
        try:
            self._check_start(sha256, size, offset)
            upload = InputUpload(self._partial(sha256), self._complete(sha256), sha256, size)
            try:
                await run_to_end(upload.hash_what_is_here)
                yield upload
            finally:
                upload.close()
        finally:
            self._writing.discard(sha256)
            self._touch(sha256)

    def evict(self, *, unused_seconds: float) -> int:
        """Removes every input, complete or not, that nothing has used for so long; returns how many."""
        now = self._clock.monotonic()
        old = [
            sha256
            for sha256, used in self._last_used.items()
            if now - used >= unused_seconds and sha256 not in self._pins and sha256 not in self._writing
        ]
        for sha256 in old:
            del self._last_used[sha256]
            self._complete(sha256).unlink(missing_ok=True)
            self._partial(sha256).unlink(missing_ok=True)
        return len(old)

    def _check_start(self, sha256: str, size: int, offset: int) -> None:
        committed = self.status(sha256).committed_bytes
        if committed > size:
            # An upload with a wrong size was begun; only its beginning over is of use.
            self._partial(sha256).unlink(missing_ok=True)
            committed = 0
        if offset != committed:
            raise _offset_mismatch(offset, committed)
        free = shutil.disk_usage(self._folder).free
        if size - committed > free:
            raise _disk_full(committed)

    def _touch(self, sha256: str) -> None:
        self._last_used[sha256] = self._clock.monotonic()

    def _complete(self, sha256: str) -> Path:
        return self._folder / sha256

    def _partial(self, sha256: str) -> Path:
        return self._folder / f"{sha256}.partial"


class InputUpload:
    """One stream into an input."""

    def __init__(self, partial: Path, complete: Path, sha256: str, size: int) -> None:
        self._partial = partial
        self._complete = complete
        self._sha256 = sha256
        self._size = size
        self._hash = hashlib.sha256()
        self.committed = 0
        self._descriptor = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def hash_what_is_here(self) -> None:
        """Reads what an earlier stream wrote, blocking, so that the whole can be checked."""
        while data := os.pread(self._descriptor, _HASH_BYTES, self.committed):
            self._hash.update(data)
            self.committed += len(data)

    async def write(self, offset: int, data: bytes, checksum: int) -> None:
        """Writes the next bytes. Raises InvalidArgument, OutOfRange (OFFSET_MISMATCH), DataLoss (CHECKSUM_MISMATCH)
        and ResourceExhausted (DISK_FULL); what was written before stays in each case.
        """
        if offset != self.committed:
            raise _offset_mismatch(offset, self.committed)
        if len(data) > MAX_DATA_BYTES or self.committed + len(data) > self._size:
            raise InvalidArgument(
                f"{len(data)} bytes at {offset} are more than a message may have ({MAX_DATA_BYTES}) or more than "
                f"the {self._size} bytes that the upload began with.",
                metadata={"offset": str(offset), "size_bytes": str(self._size)},
            )
        if crc32c(data) != checksum:
            raise _checksum_mismatch(f"The checksum of the {len(data)} bytes at {offset} does not agree; send again.")
        try:
            await run_to_end(self._append, data)
        except OSError as error:
            os.ftruncate(self._descriptor, self.committed)
            if error.errno in _NO_SPACE:
                raise _disk_full(self.committed) from error
            raise Internal(f"The input could not be written: {error.strerror}.") from error
        self.committed += len(data)

    async def finish(self) -> int:
        """Checks the whole and puts it into its place; returns its size.

        Raises InvalidArgument (UPLOAD_OUT_OF_ORDER) where bytes are missing, and DataLoss (CHECKSUM_MISMATCH), after
        which nothing of it is left.
        """
        if self.committed != self._size:
            raise InvalidArgument(
                f"finish came after {self.committed} of {self._size} bytes; send the rest first.",
                reason="UPLOAD_OUT_OF_ORDER",
                metadata={"committed_bytes": str(self.committed), "size_bytes": str(self._size)},
            )
        if self._hash.hexdigest() != self._sha256:
            self._partial.unlink()
            raise _checksum_mismatch(f"The content is not that of assets/{self._sha256}; send it from the start.")
        self._partial.rename(self._complete)
        return self._size

    def close(self) -> None:
        """Gives the file back."""
        with suppress(OSError):
            os.close(self._descriptor)

    def _append(self, data: bytes) -> None:
        view, position = memoryview(data), self.committed
        while view:
            written = os.pwrite(self._descriptor, view, position)
            view, position = view[written:], position + written
        self._hash.update(data)


def _offset_mismatch(offset: int, committed: int) -> OutOfRange:
    return OutOfRange(
        f"The upload stands at {committed}, not at {offset}; go on from there.",
        reason="OFFSET_MISMATCH",
        metadata={"offset": str(offset), "committed_bytes": str(committed)},
    )


def _checksum_mismatch(message: str) -> DataLoss:
    return DataLoss(message, reason="CHECKSUM_MISMATCH")


def _disk_full(committed: int) -> ResourceExhausted:
    return ResourceExhausted(
        f"There is no space left for the input; its first {committed} bytes are kept.",
        reason="DISK_FULL",
        metadata={"committed_bytes": str(committed)},
    )
