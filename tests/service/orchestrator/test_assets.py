"""AssetService as its clients see it."""

import asyncio
import hashlib
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import google_crc32c
import pytest
from spotreel.orchestrator.v1 import asset_service_pb2 as pb

from orchestrator.assets.uploads import Incoming, UploadWish
from tests.service.orchestrator.conftest import MAX_ASSET_BYTES, Service, refusal, start_service
from tests.service.orchestrator.test_jobs import CAPTION, create

CONTENT = bytes(range(256)) * 4096
HALF = len(CONTENT) // 2
Message = pb.UploadAssetRequest


def start(content: bytes = CONTENT, *, upload_id: str = "", **fields: Any) -> Message:
    wish: dict[str, Any] = {"upload_id": upload_id or str(uuid.uuid4()), "sha256": hashlib.sha256(content).digest()}
    return Message(start=Message.Start(**(wish | {"size_bytes": len(content), "file_name": "a.mp4"} | fields)))


def data(offset: int, content: bytes, **fields: Any) -> Message:
    chunk = {"offset": offset, "data": content, "crc32c": google_crc32c.value(content)}
    return Message(data=Message.Data(**(chunk | fields)))


FINISH = Message(finish=Message.Finish())


async def upload(service: Service, *messages: Message) -> Any:
    async def send() -> AsyncIterator[Message]:
        for message in messages:
            yield message

    return (await service.assets.UploadAsset(send(), timeout=20)).asset


async def committed(service: Service, upload_id: str) -> int:
    return (await service.assets.GetUpload(pb.GetUploadRequest(upload_id=upload_id))).committed_bytes


async def test_an_upload_becomes_an_asset(service: Service) -> None:
    upload_id = str(uuid.uuid4())
    asset = await upload(
        service, start(upload_id=upload_id), data(0, CONTENT[:HALF]), data(HALF, CONTENT[HALF:]), FINISH
    )
    assert asset.name == "assets/" + hashlib.sha256(CONTENT).hexdigest()
    assert (asset.size_bytes, asset.file_name) == (len(CONTENT), "a.mp4")
    assert (await service.assets.GetAsset(pb.GetAssetRequest(name=asset.name))).asset == asset
    assert (service.folder / "blobs" / asset.name).read_bytes() == CONTENT
    progress = await service.assets.GetUpload(pb.GetUploadRequest(upload_id=upload_id))
    assert progress.asset.name == asset.name
    assert list((service.folder / "uploads").iterdir()) == []


async def test_the_same_bytes_are_uploaded_only_once(service: Service) -> None:
    first = await upload(service, start(), data(0, CONTENT), FINISH)
    sent = asyncio.Event()

    async def only_start() -> AsyncIterator[Message]:
        yield start()
        # Answered without the rest: it never comes.
        await sent.wait()

    second = (await service.assets.UploadAsset(only_start(), timeout=20)).asset
    sent.set()
    assert second.name == first.name


async def test_an_upload_goes_on_where_it_broke_also_after_a_restart(tmp_path: Path) -> None:
    upload_id = str(uuid.uuid4())
    async with start_service(tmp_path) as service:
        refused = await refusal(upload(service, start(upload_id=upload_id), data(0, CONTENT[:HALF])))
        assert refused.pair == ("INVALID_ARGUMENT", "UPLOAD_OUT_OF_ORDER")
    async with start_service(tmp_path) as service:
        assert await committed(service, upload_id) == HALF
        refused = await refusal(upload(service, start(upload_id=upload_id, write_offset=5)))
        assert refused.pair == ("OUT_OF_RANGE", "OFFSET_MISMATCH")
        assert refused.metadata["committed_bytes"] == str(HALF)
        rest = (start(upload_id=upload_id, write_offset=HALF), data(HALF, CONTENT[HALF:]), FINISH)
        assert (await upload(service, *rest)).size_bytes == len(CONTENT)


async def test_an_upload_may_start_over(service: Service) -> None:
    upload_id = str(uuid.uuid4())
    await refusal(upload(service, start(upload_id=upload_id), data(0, CONTENT[:HALF])))
    asset = await upload(service, start(upload_id=upload_id), data(0, CONTENT), FINISH)
    assert asset.size_bytes == len(CONTENT)


@pytest.mark.parametrize(
    ("messages", "pair"),
    [
        ([], ("INVALID_ARGUMENT", "UPLOAD_OUT_OF_ORDER")),
        ([data(0, b"x")], ("INVALID_ARGUMENT", "UPLOAD_OUT_OF_ORDER")),
        ([FINISH], ("INVALID_ARGUMENT", "UPLOAD_OUT_OF_ORDER")),
        ([start(), start()], ("INVALID_ARGUMENT", "UPLOAD_OUT_OF_ORDER")),
        ([start(), Message()], ("INVALID_ARGUMENT", "UPLOAD_OUT_OF_ORDER")),
        ([start(), FINISH], ("INVALID_ARGUMENT", "UPLOAD_OUT_OF_ORDER")),
        ([start(), data(5, b"x")], ("OUT_OF_RANGE", "OFFSET_MISMATCH")),
        ([start(write_offset=5)], ("OUT_OF_RANGE", "OFFSET_MISMATCH")),
        ([start(), data(0, b"x", crc32c=1)], ("DATA_LOSS", "CHECKSUM_MISMATCH")),
        ([start(sha256=b"1" * 32), data(0, CONTENT), FINISH], ("DATA_LOSS", "CHECKSUM_MISMATCH")),
        ([start(), data(0, b"")], ("INVALID_ARGUMENT", "INVALID_ARGUMENT")),
        ([start(b"ab"), data(0, b"abc")], ("INVALID_ARGUMENT", "INVALID_ARGUMENT")),
        ([start(), data(0, bytes((4 << 20) + 1))], ("INVALID_ARGUMENT", "INVALID_ARGUMENT")),
        ([start(b"")], ("INVALID_ARGUMENT", "INVALID_ARGUMENT")),
        ([start(size_bytes=-1)], ("INVALID_ARGUMENT", "INVALID_ARGUMENT")),
        ([start(sha256=b"short")], ("INVALID_ARGUMENT", "INVALID_ARGUMENT")),
        ([start(upload_id="mine")], ("INVALID_ARGUMENT", "INVALID_ARGUMENT")),
        ([start(file_name="x" * 256)], ("INVALID_ARGUMENT", "INVALID_ARGUMENT")),
        ([start(write_offset=-1)], ("INVALID_ARGUMENT", "INVALID_ARGUMENT")),
        ([start(size_bytes=MAX_ASSET_BYTES + 1)], ("RESOURCE_EXHAUSTED", "ASSET_TOO_LARGE")),
    ],
)
async def test_a_wrong_upload_is_refused(service: Service, messages: list[Message], pair: tuple[str, str]) -> None:
    assert (await refusal(upload(service, *messages))).pair == pair
    assert (await service.assets.ListAssets(pb.ListAssetsRequest())).assets == []


async def test_a_bad_chunk_is_thrown_away_and_a_bad_whole_too(service: Service) -> None:
    upload_id = str(uuid.uuid4())
    await refusal(upload(service, start(upload_id=upload_id), data(0, CONTENT[:9]), data(9, b"x", crc32c=1)))
    assert await committed(service, upload_id) == 9
    wrong = str(uuid.uuid4())
    await refusal(upload(service, start(upload_id=wrong, sha256=b"1" * 32), data(0, CONTENT), FINISH))
    refused = await refusal(service.assets.GetUpload(pb.GetUploadRequest(upload_id=wrong)))
    assert refused.pair == ("NOT_FOUND", "UPLOAD_NOT_FOUND")


async def test_an_upload_id_belongs_to_one_content_and_one_stream(service: Service) -> None:
    upload_id = str(uuid.uuid4())
    wish = UploadWish(upload_id=upload_id, sha256=hashlib.sha256(CONTENT).digest(), size_bytes=len(CONTENT))
    async with service.uploads.open(wish) as incoming:
        assert isinstance(incoming, Incoming)
        assert (await refusal(upload(service, start(upload_id=upload_id)))).pair == ("ABORTED", "UPLOAD_IN_USE")
    refused = await refusal(upload(service, start(b"other", upload_id=upload_id)))
    assert refused.pair == ("ALREADY_EXISTS", "UPLOAD_ID_REUSED")
    assert (await upload(service, start(upload_id=upload_id), data(0, CONTENT), FINISH)).size_bytes == len(CONTENT)


async def test_an_asset_that_a_job_needs_stays(service: Service) -> None:
    asset = await upload(service, start(), data(0, CONTENT), FINISH)
    await create(service, operation={"caption": CAPTION["caption"] | {"video": {"asset": asset.name}}}, job_id="mine-1")
    call = service.assets.DeleteAsset(pb.DeleteAssetRequest(name=asset.name))
    assert (await refusal(call)).pair == ("FAILED_PRECONDITION", "ASSET_IN_USE")
    await service.dispatch.start("mine-1")
    await service.dispatch.fail("mine-1", retryable=False)
    await service.assets.DeleteAsset(pb.DeleteAssetRequest(name=asset.name))
    assert not (service.folder / "blobs" / asset.name).exists()
    for gone in (
        service.assets.DeleteAsset(pb.DeleteAssetRequest(name=asset.name)),
        service.assets.GetAsset(pb.GetAssetRequest(name=asset.name)),
    ):
        assert (await refusal(gone)).pair == ("NOT_FOUND", "ASSET_NOT_FOUND")


async def test_assets_are_listed_by_pages(service: Service) -> None:
    names = [(await upload(service, start(one), data(0, one), FINISH)).name for one in (b"1", b"2", b"3")]
    page = await service.assets.ListAssets(pb.ListAssetsRequest(page_size=2))
    rest = await service.assets.ListAssets(pb.ListAssetsRequest(page_token=page.next_page_token))
    assert [asset.name for asset in (*page.assets, *rest.assets)] == names[::-1]
    refused = await refusal(service.assets.ListAssets(pb.ListAssetsRequest(page_token="x")))
    assert refused.pair == ("INVALID_ARGUMENT", "PAGE_TOKEN_INVALID")
    refused = await refusal(service.assets.GetAsset(pb.GetAssetRequest(name="assets/short")))
    assert refused.fields == ["name"]
