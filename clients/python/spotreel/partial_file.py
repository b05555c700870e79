"""A file that grows beside its target and takes its place when it is whole."""

import contextlib
import errno
import hashlib
from io import FileIO
from pathlib import Path

from spotreel.errors import LocalFile

_READ_BYTES = 1024 * 1024
_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class PartialFile:
    """`<target>.part` with the SHA-256 of what it holds; all methods block, so call them in a thread.

    What an earlier download has left is taken up. Every method raises LocalFile (DISK_FULL, FILE_UNWRITABLE).
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self.path = target.with_name(target.name + ".part")
        self.size = 0
        self._hash = hashlib.sha256()
        self._file: FileIO | None = None

    @property
    def sha256(self) -> bytes:
        """The digest of what is there, 32 bytes."""
        return self._hash.digest()

    def open(self) -> None:
        """Opens the file, or makes it, and reads what it holds."""
        try:
            self._file = FileIO(self.path, "a+")
            self._file.seek(0)
            while piece := self._file.read(_READ_BYTES):
                self._hash.update(piece)
                self.size += len(piece)
        except OSError as error:
            raise self._failure(error) from error

    def append(self, data: bytes) -> None:
        """Adds bytes at the end."""
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[self._opened.write(rest) :]
        except OSError as error:
            raise self._failure(error) from error
        self._hash.update(data)
        self.size += len(data)

    def restart(self) -> None:
        """Throws away what is there."""
        try:
            self._opened.truncate(0)
        except OSError as error:
            raise self._failure(error) from error
        self._hash = hashlib.sha256()
        self.size = 0

    def finish(self) -> None:
        """Puts the file in its target's place, at once."""
        try:
            self.close()
            self.path.replace(self.target)
        except OSError as error:
            raise self._failure(error) from error

    def close(self) -> None:
        """Closes the file and leaves it; may be repeated."""
        if self._file is not None:
            self._file.close()

    def discard(self) -> None:
        """Closes the file and removes it; may be repeated, and never hides why."""
        self.close()
        with contextlib.suppress(OSError):
            self.path.unlink()

    @property
    def _opened(self) -> FileIO:
        if self._file is None:
            raise RuntimeError("the file was not opened")
        return self._file

    def _failure(self, error: OSError) -> LocalFile:
        full = error.errno in _NO_SPACE
        why = "no space is left" if full else error.strerror or str(error)
        return LocalFile(
            f"{self.path} cannot be written: {why}.",
            reason="DISK_FULL" if full else "FILE_UNWRITABLE",
            metadata={"path": str(self.path)},
        )
