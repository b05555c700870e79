"""AssetService: translate, call, translate."""
# ruff: noqa: N802, ARG002 - the names and arguments of the methods are gRPC's

import re
from collections.abc import AsyncIterator

from spotreel.orchestrator.v1 import asset_service_pb2, asset_service_pb2_grpc

from orchestrator.assets.asset import Asset
from orchestrator.assets.library import AssetLibrary
from orchestrator.assets.uploads import Incoming, Uploads, UploadWish, out_of_order
from orchestrator.convert import jobs as convert
from orchestrator.rpc.names import read_name
from orchestrator.uuids import is_uuid
from servicekit.media.validation import Problems
from servicekit.rpc.stages import Context

_DIGEST = re.compile(r"[0-9a-f]{64}")


class AssetService(asset_service_pb2_grpc.AssetServiceServicer):
    """Answers the calls of AssetService."""

    def __init__(self, *, library: AssetLibrary, uploads: Uploads) -> None:
        self._library = library
        self._uploads = uploads

    async def UploadAsset(
        self, request_iterator: AsyncIterator[asset_service_pb2.UploadAssetRequest], context: Context
    ) -> asset_service_pb2.UploadAssetResponse:
        first = await anext(request_iterator, None)
        if first is None or first.WhichOneof("message") != "start":
            raise out_of_order("the first one must be start")
        async with self._uploads.open(_wish(first.start)) as incoming:
            asset = incoming if isinstance(incoming, Asset) else await _receive(incoming, request_iterator)
        return asset_service_pb2.UploadAssetResponse(asset=convert.asset_to_proto(asset))

    async def GetUpload(
        self, request: asset_service_pb2.GetUploadRequest, context: Context
    ) -> asset_service_pb2.GetUploadResponse:
        if not is_uuid(request.upload_id):
            problems = Problems()
            problems.add("upload_id", "must be a UUID, the one that the upload was started with")
            problems.raise_if_any()
        committed, asset = await self._uploads.committed(request.upload_id)
        return asset_service_pb2.GetUploadResponse(
            committed_bytes=committed, asset=None if asset is None else convert.asset_to_proto(asset)
        )

    async def GetAsset(
        self, request: asset_service_pb2.GetAssetRequest, context: Context
    ) -> asset_service_pb2.GetAssetResponse:
        asset = await self._library.get(_digest(request.name))
        return asset_service_pb2.GetAssetResponse(asset=convert.asset_to_proto(asset))

    async def ListAssets(
        self, request: asset_service_pb2.ListAssetsRequest, context: Context
    ) -> asset_service_pb2.ListAssetsResponse:
        assets, token = await self._library.list(size=request.page_size, token=request.page_token)
        return asset_service_pb2.ListAssetsResponse(
            assets=[convert.asset_to_proto(asset) for asset in assets], next_page_token=token
        )

    async def DeleteAsset(
        self, request: asset_service_pb2.DeleteAssetRequest, context: Context
    ) -> asset_service_pb2.DeleteAssetResponse:
        await self._library.delete(_digest(request.name))
        return asset_service_pb2.DeleteAssetResponse()


def _wish(start: asset_service_pb2.UploadAssetRequest.Start) -> UploadWish:
    return UploadWish(
        upload_id=start.upload_id,
        sha256=start.sha256,
        size_bytes=start.size_bytes,
        write_offset=start.write_offset,
        file_name=start.file_name,
    )


async def _receive(incoming: Incoming, messages: AsyncIterator[asset_service_pb2.UploadAssetRequest]) -> Asset:
    async for message in messages:
        match message.WhichOneof("message"):
            case "data":
                chunk = message.data
                await incoming.write(offset=chunk.offset, data=chunk.data, checksum=chunk.crc32c)
            case "finish":
                return await incoming.finish()
            case "start":
                raise out_of_order("start came twice")
            case _:
                raise out_of_order("one was empty")
    raise out_of_order("the stream ended without finish; what came is kept")


def _digest(name: str) -> str:
    digest = read_name(name, "assets")
    if not _DIGEST.fullmatch(digest):
        problems = Problems()
        problems.add("name", "must be assets/ and 64 lower-case hex digits")
        problems.raise_if_any()
    return digest
