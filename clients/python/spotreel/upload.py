"""Inputs go to the server: once for the same content, and on from where a broken upload stands."""

import asyncio
import contextlib
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

import google_crc32c
import grpc

from spotreel.connection import Connection
from spotreel.errors import (
    Aborted,
    DataCorrupted,
    LocalFile,
    NotFound,
    OffsetOutOfRange,
    ServerFailed,
    ServerUnavailable,
)
from spotreel.orchestrator.v1.asset_pb2 import Asset
from spotreel.orchestrator.v1.asset_service_pb2 import (
    GetAssetRequest,
    GetUploadRequest,
    UploadAssetRequest,
    UploadAssetResponse,
)
from spotreel.retry import BrokenStream, persist

OnBytes = Callable[[int, int], None]

_CHUNK_BYTES = 1024 * 1024
# A message that cannot be sent for this long: the other side is gone, or its disk hangs.
_WRITE_TIMEOUT_SECONDS = 30.0
_MOST_DAMAGED = 3
# What a refusal may take to come back, in a stream that goes slowly to hear it.
_REFUSAL_SECONDS = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """A local file as it was when its digest was taken."""

    path: Path
    size: int
    modified_ns: int
    sha256: bytes

    @classmethod
    def of(cls, path: Path) -> "Content":
        """Reads the whole file; blocks. Raises LocalFile (FILE_UNREADABLE)."""
        try:
            if path.exists() and not path.is_file():
                # To open a pipe would wait for whoever writes to it.
                raise LocalFile(f"{path} is no file.", reason="FILE_UNREADABLE", metadata={"path": str(path)})
            with path.open("rb") as file:
                before = path.stat()
                digest = hashlib.file_digest(file, "sha256").digest()
        except OSError as error:
            raise _unreadable(path, error) from error
        return cls(path=path, size=before.st_size, modified_ns=before.st_mtime_ns, sha256=digest)

    def check_unchanged(self) -> None:
        """Raises LocalFile (FILE_CHANGED) where the file is not what it was."""
        now = self.path.stat()
        if (now.st_size, now.st_mtime_ns) != (self.size, self.modified_ns):
            raise LocalFile(
                f"{self.path} was changed while it was uploaded; wait until it is complete and try again.",
                reason="FILE_CHANGED",
                metadata={"path": str(self.path)},
            )


async def upload_asset(connection: Connection, path: Path, *, on_bytes: OnBytes) -> Asset:
    """Returns the asset with the content of `path`; sends the content only where the server lacks it.

    Raises LocalFile where the file cannot be read or changes meanwhile, DataCorrupted where the server gets other
    bytes than were sent, again and again.
    """
    content = await asyncio.to_thread(Content.of, path)
    asset_name = f"assets/{content.sha256.hex()}"
    try:
        return (await connection.call(connection.assets.GetAsset, GetAssetRequest(name=asset_name))).asset
    except NotFound:
        return await connection.unless_lost(_Upload(connection, content, on_bytes).run())


class _Upload:
    """One upload under one id, over as many streams as it takes."""

    def __init__(self, connection: Connection, content: Content, on_bytes: OnBytes) -> None:
        self._connection = connection
        self._content = content
        self._on_bytes = on_bytes
        self._upload_id = str(uuid4())
        self._started = False
        self._to_hear = 0
        self._damaged = 0
        self._sent = 0

    async def run(self) -> Asset:
        while True:
            sent_before = self._sent
            try:
                return await persist(self._try_once, patience=self._connection.patience)
            except ServerUnavailable:
                # Patience counts from the last progress, not from the start of a long upload.
                if self._sent <= sent_before:
                    raise

    async def _try_once(self) -> Asset:
        committed = 0
        if self._started:
            found = await self._committed()
            if isinstance(found, Asset):
                return found
            committed = found
        try:
            return await self._send(committed)
        except (DataCorrupted, OffsetOutOfRange, Aborted) as error:
            self._content.check_unchanged()
            self._damaged += 1
            if self._damaged > _MOST_DAMAGED:
                raise
            raise BrokenStream(error.message, reason=error.reason, metadata=error.metadata) from error

    async def _committed(self) -> int | Asset:
        try:
            upload = await self._connection.call(
                self._connection.assets.GetUpload, GetUploadRequest(upload_id=self._upload_id)
            )
        except NotFound:
            return 0
        return upload.asset if upload.HasField("asset") else upload.committed_bytes

    async def _send(self, offset: int) -> Asset:
        call = self._connection.assets.UploadAsset(metadata=self._connection.metadata)
        self._started = True
        try:
            await self._write_all(call, offset)
            # The server verifies the whole before it answers, which takes a while for many GiB.
            response: UploadAssetResponse = await self._connection.answered(call)
        except ServerFailed as error:
            # grpc.aio 1.85 puts this in place of the server's own words when they cross with a write. The next stream
            # starts slowly, so that they get through; if it was no refusal, nothing is lost either.
            if error.reason != grpc.StatusCode.INTERNAL.name:
                raise
            self._to_hear = 2  # `start` and the first chunk
            raise BrokenStream(error.message, reason="STREAM_CUT") from error
        except TimeoutError as error:
            raise BrokenStream(
                f"{self._connection.server} has not taken a chunk for {_WRITE_TIMEOUT_SECONDS:g} s.",
                reason="STREAM_SILENT",
            ) from error
        finally:
            call.cancel()
        return response.asset

    async def _write_all(
        self, call: "grpc.aio.StreamUnaryCall[UploadAssetRequest, UploadAssetResponse]", offset: int
    ) -> None:
        start = UploadAssetRequest.Start(
            upload_id=self._upload_id,
            sha256=self._content.sha256,
            size_bytes=self._content.size,
            write_offset=offset,
            file_name=os.fsencode(self._content.path.name).decode(errors="replace")[:255],
        )
        try:
            await self._write(call, UploadAssetRequest(start=start))
            await self._hear(call)
            with self._content.path.open("rb") as file:
                file.seek(offset)
                while offset < self._content.size:
                    chunk = await asyncio.to_thread(_read_chunk, file, offset, self._content)
                    await self._write(call, UploadAssetRequest(data=chunk))
                    offset += len(chunk.data)
                    await self._hear(call)
                    self._sent = max(self._sent, offset)
                    self._on_bytes(offset, self._content.size)
            self._content.check_unchanged()
            await self._write(call, UploadAssetRequest(finish=UploadAssetRequest.Finish()))
            await call.done_writing()
        except (asyncio.InvalidStateError, grpc.aio.AioRpcError):
            # The server has answered before the end: with the asset it knows already, or with an error. Awaiting the
            # call tells which.
            return
        except OSError as error:
            if isinstance(error, TimeoutError):
                raise
            raise _unreadable(self._content.path, error) from error

    async def _hear(self, call: "grpc.aio.StreamUnaryCall[UploadAssetRequest, UploadAssetResponse]") -> None:
        if self._to_hear:
            self._to_hear -= 1
            answered = asyncio.Event()
            call.add_done_callback(lambda _call: answered.set())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_REFUSAL_SECONDS):
                    await answered.wait()

    @staticmethod
    async def _write(
        call: "grpc.aio.StreamUnaryCall[UploadAssetRequest, UploadAssetResponse]", request: UploadAssetRequest
    ) -> None:
        async with asyncio.timeout(_WRITE_TIMEOUT_SECONDS):
            await call.write(request)


def _read_chunk(file: BinaryIO, offset: int, content: Content) -> UploadAssetRequest.Data:
    data = file.read(min(_CHUNK_BYTES, content.size - offset))
    if not data:
        content.check_unchanged()
    return UploadAssetRequest.Data(offset=offset, data=data, crc32c=google_crc32c.value(data))


def _unreadable(path: Path, error: OSError) -> LocalFile:
    return LocalFile(
        f"{path} cannot be read: {error.strerror or error}.", reason="FILE_UNREADABLE", metadata={"path": str(path)}
    )
