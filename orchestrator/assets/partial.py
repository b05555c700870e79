"""A file that is being uploaded: what it holds is committed, and its SHA-256 is kept up with it."""

import asyncio
import errno
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from servicekit.errors import ResourceExhausted, SpotreelError, Unavailable

_BLOCK_BYTES = 1 << 20
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class PartialFile:
    """Appends whole chunks or nothing; `async with` opens it and reads once what is there already.

    Its bytes are as safe as the page cache: they survive the process, and what a power cut damages the digest of the
    whole tells. Raises ResourceExhausted (DISK_FULL), Unavailable (STORAGE_UNAVAILABLE).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self._digest = hashlib.sha256()
        self._descriptor = -1

    async def __aenter__(self) -> Self:
        await self._in_thread(self._open)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)

    @property
    def sha256(self) -> str:
        """The digest of what is there, in hex."""
        return self._digest.copy().hexdigest()

    async def append(self, data: bytes) -> None:
        """Adds all of these bytes, or none."""
        await self._in_thread(self._append, data)

    async def restart(self) -> None:
        """Throws away what is there."""
        if self.size:
            os.ftruncate(self._descriptor, 0)
            self.size, self._digest = 0, hashlib.sha256()

    def remove(self) -> None:
        """Removes the file; it stays open until the block is left."""
        self.path.unlink(missing_ok=True)

    async def _in_thread(self, work: Callable[..., None], *arguments: bytes) -> None:
        # Shielded: a stream that breaks must not leave a thread writing to a descriptor that was closed.
        running = asyncio.create_task(asyncio.to_thread(work, *arguments), name="write upload")
        try:
            await asyncio.shield(running)
        except asyncio.CancelledError:
            await asyncio.wait({running})
            raise
        except OSError as error:
            raise _as_ours(error) from error

    def _open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        while block := os.pread(self._descriptor, _BLOCK_BYTES, self.size):
            self._digest.update(block)
            self.size += len(block)

    def _append(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._descriptor, view) :]
        except OSError:
            # Half a chunk was never checked as such.
            os.ftruncate(self._descriptor, self.size)
            raise
        self._digest.update(data)
        self.size += len(data)


def _as_ours(error: OSError) -> SpotreelError:
    if error.errno in _NO_SPACE:
        return ResourceExhausted(
            "The server's disk is full; what came before is kept. Go on when there is space.", reason="DISK_FULL"
        )
    return Unavailable(f"The server cannot write the upload: {error.strerror}.", reason="STORAGE_UNAVAILABLE")
