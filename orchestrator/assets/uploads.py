"""Uploads: files that arrive in pieces, perhaps over many streams, and become assets when they are whole."""

import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from orchestrator.assets.asset import Asset, Upload
from orchestrator.assets.library import AssetLibrary
from orchestrator.assets.partial import PartialFile
from orchestrator.ports import Ledger
from orchestrator.uuids import is_uuid
from servicekit.checksums import crc32c
from servicekit.clock import Clock
from servicekit.errors import Aborted, DataLoss, InvalidArgument, OutOfRange, ResourceExhausted
from servicekit.media.validation import Problems

MAX_CHUNK_BYTES = 4 << 20
MAX_FILE_NAME_CHARACTERS = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadWish:
    """What a client announces: the digest and size of the whole content, and where it goes on."""

    upload_id: str
    sha256: bytes
    size_bytes: int
    write_offset: int = 0
    file_name: str = ""


class Uploads:
    """Takes uploads, one stream for each at a time; `folder` holds what is not complete yet."""

    def __init__(
        self, *, ledger: Ledger, library: AssetLibrary, folder: Path, clock: Clock, max_asset_bytes: int
    ) -> None:
        self._ledger = ledger
        self._library = library
        self._folder = folder
        self._clock = clock
        self._max_asset_bytes = max_asset_bytes
        self._writing: set[str] = set()

    @asynccontextmanager
    async def open(self, wish: UploadWish) -> AsyncIterator["Incoming | Asset"]:
        """Gives what the rest of a stream is written to, or at once the asset when its content is here already.

        Raises InvalidArgument, ResourceExhausted (ASSET_TOO_LARGE), AlreadyExists (UPLOAD_ID_REUSED),
        Aborted (UPLOAD_IN_USE), OutOfRange (OFFSET_MISMATCH).
        """
        self._check(wish)
        upload = await self._ledger.begin_upload(
            Upload(
                id=wish.upload_id.lower(),
                sha256=wish.sha256.hex(),
                size_bytes=wish.size_bytes,
                file_name=wish.file_name,
                create_time=self._clock.now(),
            )
        )
        asset = await self._library.find_for_use(upload.sha256)
        if asset is not None:
            yield asset
            return
        with self._alone(upload.id):
            async with PartialFile(self._path(upload.id)) as file:
                if wish.write_offset == 0:
                    await file.restart()
                _refuse_gap("write_offset", wish.write_offset, file.size)
                yield Incoming(upload=upload, file=file, ledger=self._ledger, library=self._library)

    async def committed(self, upload_id: str) -> tuple[int, Asset | None]:
        """Returns how many bytes of an upload are safe, and its asset when it is complete.

        Raises NotFound (UPLOAD_NOT_FOUND).
        """
        upload = await self._ledger.get_upload(upload_id.lower())
        asset = await self._library.find_for_use(upload.sha256)
        if asset is not None:
            return asset.size_bytes, asset
        path = self._path(upload.id)
        return (path.stat().st_size if path.exists() else 0), None

    async def discard(self, upload_id: str) -> None:
        """Forgets an upload and what it has brought, unless it is being written."""
        if upload_id not in self._writing:
            self._path(upload_id).unlink(missing_ok=True)
            await self._ledger.delete_upload(upload_id)

    def _path(self, upload_id: str) -> Path:
        # Hashed, so that no client names a file here.
        return self._folder / f"{hashlib.sha256(upload_id.encode()).hexdigest()}.part"

    @contextmanager
    def _alone(self, upload_id: str) -> Iterator[None]:
        if upload_id in self._writing:
            raise Aborted(
                f"Another stream writes to upload {upload_id}. End it, ask GetUpload how far it came, and go on there.",
                reason="UPLOAD_IN_USE",
                metadata={"upload_id": upload_id},
            )
        self._writing.add(upload_id)
        try:
            yield
        finally:
            self._writing.discard(upload_id)

    def _check(self, wish: UploadWish) -> None:
        problems = Problems()
        if not is_uuid(wish.upload_id):
            problems.add("start.upload_id", "must be a UUID, such as 123e4567-e89b-12d3-a456-426614174000")
        if len(wish.sha256) != hashlib.sha256().digest_size:
            problems.add("start.sha256", f"must have 32 bytes, not {len(wish.sha256)}")
        if wish.size_bytes <= 0:
            problems.add(
                "start.size_bytes", f"must be positive, since an empty file is no media; it is {wish.size_bytes}"
            )
        if wish.write_offset < 0:
            problems.add("start.write_offset", f"must not be negative, but is {wish.write_offset}")
        if len(wish.file_name) > MAX_FILE_NAME_CHARACTERS:
            problems.add("start.file_name", f"must have at most {MAX_FILE_NAME_CHARACTERS} characters")
        problems.raise_if_any()
        if wish.size_bytes > self._max_asset_bytes:
            raise ResourceExhausted(
                f"The file has {wish.size_bytes} bytes; this server takes {self._max_asset_bytes} at most.",
                reason="ASSET_TOO_LARGE",
                metadata={"size_bytes": str(wish.size_bytes), "max_asset_bytes": str(self._max_asset_bytes)},
            )


class Incoming:
    """The rest of one upload, as one stream brings it."""

    def __init__(self, *, upload: Upload, file: PartialFile, ledger: Ledger, library: AssetLibrary) -> None:
        self._upload = upload
        self._file = file
        self._ledger = ledger
        self._library = library

    async def write(self, *, offset: int, data: bytes, checksum: int) -> None:
        """Appends a chunk; when it returns its bytes are committed.

        Raises InvalidArgument, OutOfRange (OFFSET_MISMATCH), DataLoss (CHECKSUM_MISMATCH), ResourceExhausted
        (DISK_FULL); nothing of the chunk is kept then.
        """
        _refuse_gap("data.offset", offset, self._file.size)
        if not 0 < len(data) <= MAX_CHUNK_BYTES:
            raise InvalidArgument(
                f"data.data: must have 1 to {MAX_CHUNK_BYTES} bytes, not {len(data)}.", metadata={"field": "data.data"}
            )
        if offset + len(data) > self._upload.size_bytes:
            raise InvalidArgument(
                f"data.data: goes beyond the {self._upload.size_bytes} bytes that were announced.",
                metadata={"field": "data.data", "size_bytes": str(self._upload.size_bytes)},
            )
        if crc32c(data) != checksum:
            raise DataLoss(
                f"The chunk at byte {offset} does not agree with its CRC32C and was thrown away. Send it again.",
                reason="CHECKSUM_MISMATCH",
                metadata={"committed_bytes": str(self._file.size)},
            )
        await self._file.append(data)

    async def finish(self) -> Asset:
        """Makes the asset; raises InvalidArgument (UPLOAD_OUT_OF_ORDER) and DataLoss (CHECKSUM_MISMATCH)."""
        upload = self._upload
        if self._file.size < upload.size_bytes:
            raise out_of_order(f"finish came after {self._file.size} of {upload.size_bytes} bytes; send the rest first")
        if self._file.sha256 != upload.sha256:
            self._file.remove()
            await self._ledger.delete_upload(upload.id)
            raise DataLoss(
                f"The content has the SHA-256 {self._file.sha256}, not {upload.sha256} as announced, and was thrown "
                "away. Check that the file did not change, and start over.",
                reason="CHECKSUM_MISMATCH",
                metadata={"sha256": self._file.sha256, "announced_sha256": upload.sha256},
            )
        return await self._library.take_in(upload, self._file.path)


def out_of_order(what: str) -> InvalidArgument:
    """Returns the error for messages that come in another order than start, data…, finish."""
    return InvalidArgument(f"The messages of the upload are out of order: {what}.", reason="UPLOAD_OUT_OF_ORDER")


def _refuse_gap(field: str, offset: int, committed: int) -> None:
    if offset != committed:
        raise OutOfRange(
            f"{field} is {offset}, but the upload stands at {committed}. Go on from there.",
            reason="OFFSET_MISMATCH",
            metadata={"offset": str(offset), "committed_bytes": str(committed)},
        )
