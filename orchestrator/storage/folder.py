"""Blobs in a local folder."""

import asyncio
import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

from orchestrator.storage.keys import blob_missing, check_key
from servicekit.errors import ResourceExhausted, SpotreelError, Unavailable

P = ParamSpec("P")
T = TypeVar("T")

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_COPY_BYTES = 1 << 20


class FolderStore:
    """A `BlobStore` of plain files; on the file system of the source, storing is a rename, however large it is."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()

    async def store(self, key: str, path: Path) -> None:
        await self._in_thread(self._store, self._path(key), path)

    async def size(self, key: str) -> int | None:
        return await self._in_thread(_size, self._path(key))

    async def read(self, key: str, offset: int, length: int) -> bytes:
        return await self._in_thread(_read, self._path(key), key, offset, length)

    async def delete(self, key: str) -> None:
        await self._in_thread(self._delete, self._path(key))

    def _path(self, key: str) -> Path:
        return self._folder / check_key(key)

    async def _in_thread(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await asyncio.to_thread(work, *args, **kwargs)
        except OSError as error:
            raise _as_ours(error) from error

    def _store(self, target: Path, source: Path) -> None:
        _sync(source)
        while True:
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                source.replace(target)
                break
            except FileNotFoundError:
                # Another thread has removed the empty folder, as the last blob in it was deleted.
                if not source.exists():
                    raise
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                _copy(source, target)
                break
        _sync_folders(target.parent, self._folder)

    def _delete(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        for parent in path.parents:
            if parent == self._folder or not parent.exists():
                return
            try:
                parent.rmdir()
            except OSError:
                # Not empty.
                return


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def _read(path: Path, key: str, offset: int, length: int) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise blob_missing(key) from error
    try:
        data = os.pread(descriptor, length, offset)
    finally:
        os.close(descriptor)
    if len(data) < length:
        raise blob_missing(key)
    return data


def _copy(source: Path, target: Path) -> None:
    """From another file system: under another name first, so that no reader sees half of it."""
    copy = target.with_name(f"{target.name}.part")
    try:
        with source.open("rb") as reader, copy.open("wb") as writer:
            shutil.copyfileobj(reader, writer, _COPY_BYTES)
            writer.flush()
            os.fsync(writer.fileno())
        copy.replace(target)
    except BaseException:
        copy.unlink(missing_ok=True)
        raise
    source.unlink()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_folders(folder: Path, top: Path) -> None:
    """Makes the names durable, those of new folders too."""
    _sync(folder)
    while folder != top:
        folder = folder.parent
        _sync(folder)


def _as_ours(error: OSError) -> SpotreelError:
    if error.errno in _NO_SPACE:
        return ResourceExhausted("The disk of the server's storage is full.", reason="DISK_FULL")
    return Unavailable(f"The server's storage does not answer: {error.strerror}.", reason="STORAGE_UNAVAILABLE")
