"""Where assets and outputs are kept."""

from pathlib import Path
from typing import Protocol


class BlobStore(Protocol):
    """Where assets and outputs are kept: a folder, or an object store. Keys are relative paths of safe characters."""

    async def store(self, key: str, path: Path) -> None:
        """Moves a complete local file into the store; when it returns the blob is whole and durable.

        The local file is gone afterwards. Storing the same key again replaces it. Raises ResourceExhausted
        (DISK_FULL) or Unavailable (STORAGE_UNAVAILABLE), and the local file is kept then.
        """
        ...

    async def size(self, key: str) -> int | None:
        """Returns the size in bytes; None when there is no such blob."""
        ...

    async def read(self, key: str, offset: int, length: int) -> bytes:
        """Returns the bytes of a range that lies inside the blob; raises DataLoss (BLOB_MISSING) when it is gone."""
        ...

    async def delete(self, key: str) -> None:
        """Removes a blob if it is there."""
        ...
