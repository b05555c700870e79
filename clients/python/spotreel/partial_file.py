"""A file that grows beside its target and takes its place when it is whole."""

import contextlib
import errno
import hashlib
import os
from io import FileIO
from pathlib import Path

from spotreel.errors import LocalFile

try:
    import fcntl
except ImportError:  # There are no such locks outside POSIX; downloads there must not share a target.
    fcntl = None  # type: ignore[assignment]

_READ_BYTES = 1024 * 1024
_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def partial_path(target: Path) -> Path:
    """Where a download to `target` grows: beside what it points to, if that is a link."""
    whole = target.resolve() if target.is_symlink() else target
    return whole.with_name(whole.name + ".part")


class PartialFile:
    """`<target>.part` with the SHA-256 of what it holds; all methods block, so call them in a thread.

    What an earlier download has left is taken up; `found` says whether there was any. While it is open no other
    download can open it; the lock ends with the process. Every method raises LocalFile (DISK_FULL, FILE_UNWRITABLE).
    """

    def __init__(self, target: Path, *, overwrite: bool) -> None:
        self.target = target
        self.path = partial_path(target)
        self.found = False
        self.size = 0
        self._overwrite = overwrite
        self._hash = hashlib.sha256()
        self._file: FileIO | None = None

    @property
    def sha256(self) -> bytes:
        """The digest of what is there, 32 bytes."""
        return self._hash.digest()

    def open(self) -> None:
        """Opens the file, or makes it, and reads what it holds. Raises LocalFile (FILE_IN_USE) too."""
        try:
            self._file = self._locked()
            while piece := self._file.read(_READ_BYTES):
                self._hash.update(piece)
                self.size += len(piece)
        except OSError as error:
            raise self._failure(error) from error
        self.found = self.size > 0

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
        self.found = False

    def finish(self) -> None:
        """Puts the file in its target's place, at once.

        Raises LocalFile (FILE_EXISTS) where another file has taken that place meanwhile, and (FILE_CHANGED) where
        somebody else has written to this one.
        """
        try:
            if not self._is_ours() or os.fstat(self._opened.fileno()).st_size != self.size:
                raise LocalFile(
                    f"{self.path} was changed by somebody else while it was written.",
                    reason="FILE_CHANGED",
                    metadata={"path": str(self.path)},
                )
            if not self._overwrite and self.target.exists():
                raise already_there(self.target)
            if fcntl is None:
                self.close()  # Where there are no such locks, an open file has to keep its name.
            self.path.replace(self.path.with_name(self.path.name.removesuffix(".part")))
            self.close()
        except OSError as error:
            raise self._failure(error) from error

    def close(self) -> None:
        """Closes the file and leaves it; may be repeated."""
        if self._file is not None:
            self._file.close()

    def discard(self) -> None:
        """Removes the file, if it was opened, and closes it; may be repeated, and never hides why."""
        with contextlib.suppress(OSError):
            if self._file is not None and not self._file.closed and self._is_ours():
                self.path.unlink()
        self.close()

    def _locked(self) -> FileIO:
        while True:
            file = FileIO(self.path, "a+")
            try:
                if fcntl is not None:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._file = file
                if self._is_ours():
                    file.seek(0)
                    return file
            except BlockingIOError as error:
                file.close()
                raise LocalFile(
                    f"{self.path} is being written by another download.",
                    reason="FILE_IN_USE",
                    metadata={"path": str(self.path)},
                ) from error
            # Its download has ended between our opening and our locking.
            file.close()

    def _is_ours(self) -> bool:
        """Whether the name still belongs to the file that is open."""
        try:
            return os.path.samestat(os.fstat(self._opened.fileno()), self.path.stat())
        except FileNotFoundError:
            return False

    @property
    def _opened(self) -> FileIO:
        if self._file is None:
            raise RuntimeError("the file was not opened")
        return self._file

    def _failure(self, error: OSError) -> LocalFile:
        return unwritable(self.path, error)


def unwritable(path: Path, error: OSError) -> LocalFile:
    """What to raise where a file cannot be written."""
    full = error.errno in _NO_SPACE
    why = "no space is left" if full else error.strerror or str(error)
    return LocalFile(
        f"{path} cannot be written: {why}.",
        reason="DISK_FULL" if full else "FILE_UNWRITABLE",
        metadata={"path": str(path)},
    )


def already_there(target: Path) -> LocalFile:
    """What to raise where a file is in the way."""
    return LocalFile(
        f"{target} exists already; choose another name, or allow it to be overwritten.",
        reason="FILE_EXISTS",
        metadata={"path": str(target)},
    )


def check_target(target: Path, *, overwrite: bool) -> None:
    """Raises LocalFile, before anything is asked of a server, where no output could be put at `target`.

    FILE_NAME_MISSING, FILE_IS_DIRECTORY, FILE_IS_SPECIAL, FILE_EXISTS, DIRECTORY_MISSING, FILE_UNWRITABLE.
    """
    reason, why = "", ""
    if not target.name:
        reason, why = "FILE_NAME_MISSING", "names no file"
    elif target.is_dir():
        reason, why = "FILE_IS_DIRECTORY", "is a directory; name a file in it"
    elif target.exists() and not target.is_file():
        reason, why = "FILE_IS_SPECIAL", "is no regular file; choose another name"
    elif target.exists() and not overwrite:
        raise already_there(target)
    elif not target.absolute().parent.is_dir():
        reason, why = "DIRECTORY_MISSING", f"cannot be written: there is no directory {target.absolute().parent}"
    if reason:
        raise LocalFile(f"{target} {why}.", reason=reason, metadata={"path": str(target)})
    _try_to_write(partial_path(target))


def _try_to_write(part: Path) -> None:
    try:
        with FileIO(part, "a") as file:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(file.fileno()).st_size == 0:
                part.unlink()
    except BlockingIOError:
        return  # Another download writes it; whether that has ended when ours begins shows then.
    except OSError as error:
        raise unwritable(part, error) from error
