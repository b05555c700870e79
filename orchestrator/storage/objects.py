"""Blobs in an object store: S3 and what speaks like it, Google Cloud Storage, Azure."""

from pathlib import Path

from obstore import delete_async, get_range_async, head_async, put_async
from obstore.exceptions import BaseError
from obstore.store import ObjectStore

from orchestrator.storage.keys import blob_missing, check_key
from servicekit.errors import Unavailable

# Parts of an upload: S3 takes 10 000 of them, so this is good for 160 GB.
_PART_BYTES = 16 << 20


class ObjectBlobs:
    """A `BlobStore` on an obstore store; an upload shows up only when it is complete."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def store(self, key: str, path: Path) -> None:
        try:
            await put_async(self._store, check_key(key), path, chunk_size=_PART_BYTES, max_concurrency=4)
        except BaseError as error:
            raise _unavailable(error) from error
        path.unlink(missing_ok=True)

    async def size(self, key: str) -> int | None:
        try:
            return (await head_async(self._store, check_key(key)))["size"]
        except FileNotFoundError:
            return None
        except BaseError as error:
            raise _unavailable(error) from error

    async def read(self, key: str, offset: int, length: int) -> bytes:
        try:
            data = bytes(await get_range_async(self._store, check_key(key), start=offset, length=length))
        except FileNotFoundError as error:
            raise blob_missing(key) from error
        except BaseError as error:
            raise _unavailable(error) from error
        if len(data) < length:
            raise blob_missing(key)
        return data

    async def delete(self, key: str) -> None:
        try:
            await delete_async(self._store, check_key(key))
        except FileNotFoundError:
            return
        except BaseError as error:
            raise _unavailable(error) from error


def _unavailable(error: BaseError) -> Unavailable:
    # The store's own words may carry addresses and signatures; its kind of failure does not.
    return Unavailable(
        f"The server's object store does not answer ({type(error).__name__}). Try again.",
        reason="STORAGE_UNAVAILABLE",
    )
