"""The two checksums of a transfer: crc32c for each chunk, SHA-256 for the whole."""

import hashlib
from typing import Self

import google_crc32c


def crc32c(data: bytes) -> int:
    """Returns the CRC-32C (Castagnoli, RFC 3720) of the bytes, as a fixed32 field carries it."""
    return int(google_crc32c.value(data))


class Sha256:
    """A SHA-256 over bytes that arrive in pieces; `size` counts them."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self.size = 0

    def update(self, data: bytes | bytearray | memoryview) -> Self:
        """Adds the next bytes. About 1 ms per MiB, so large pieces belong into a thread."""
        self._hash.update(data)
        self.size += len(data)
        return self

    def digest(self) -> bytes:
        """Returns the 32 bytes over what was added so far."""
        return self._hash.digest()

    def hexdigest(self) -> str:
        """Returns the same as 64 lower-case characters."""
        return self._hash.hexdigest()
