"""Uploads go on where they broke, and nothing is an input before its SHA-256 agrees."""

import hashlib
from pathlib import Path

import pytest

from servicekit.checksums import crc32c
from servicekit.errors import (
    Aborted,
    DataLoss,
    FailedPrecondition,
    InvalidArgument,
    OutOfRange,
    ResourceExhausted,
)
from tests.simulators.clock import FakeClock
from tests.simulators.disk import files_of_at_most
from worker.spool.inputs import InputStatus, InputStore

CONTENT = b"0123456789" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def store(tmp_path: Path, clock: FakeClock) -> InputStore:
    return InputStore(tmp_path, clock=clock)


async def send(store: InputStore, start: int, end: int, *, finish: bool = False, content: bytes = CONTENT) -> None:
    async with store.upload(SHA256, size=len(CONTENT), offset=start) as upload:
        await upload.write(start, content[start:end], crc32c(content[start:end]))
        if finish:
            await upload.finish()


@pytest.mark.parametrize("cut", [0, 1, 4096, len(CONTENT)])
async def test_an_upload_goes_on_where_it_broke(store: InputStore, cut: int) -> None:
    await send(store, 0, cut)
    assert store.status(SHA256) == InputStatus(committed_bytes=cut, complete=False)
    with pytest.raises(FailedPrecondition, match=SHA256), store.pin(SHA256):
        pass

    await send(store, cut, len(CONTENT), finish=True)
    assert store.status(SHA256) == InputStatus(committed_bytes=len(CONTENT), complete=True)
    with store.pin(SHA256) as path:
        assert path.read_bytes() == CONTENT


async def test_an_upload_must_go_on_where_it_stands(store: InputStore) -> None:
    await send(store, 0, 100)
    for offset in (0, 99, 101):
        with pytest.raises(OutOfRange) as raised:
            await send(store, offset, 200)
        assert raised.value.metadata["committed_bytes"] == "100"


async def test_only_one_stream_writes(store: InputStore) -> None:
    async with store.upload(SHA256, size=len(CONTENT), offset=0):
        with pytest.raises(Aborted, match="Another stream"):
            await send(store, 0, 10)
    await send(store, 0, 10)


async def test_a_damaged_chunk_is_refused_and_what_was_before_stays(store: InputStore) -> None:
    async with store.upload(SHA256, size=len(CONTENT), offset=0) as upload:
        await upload.write(0, CONTENT[:100], crc32c(CONTENT[:100]))
        with pytest.raises(DataLoss):
            await upload.write(100, CONTENT[100:200], crc32c(b"other"))
    assert store.status(SHA256).committed_bytes == 100


async def test_content_that_is_something_else_is_thrown_away(store: InputStore) -> None:
    with pytest.raises(DataLoss):
        await send(store, 0, len(CONTENT), finish=True, content=CONTENT[::-1])
    assert store.status(SHA256) == InputStatus(committed_bytes=0, complete=False)


async def test_too_much_and_too_little_are_refused(store: InputStore) -> None:
    async with store.upload(SHA256, size=50, offset=0) as upload:
        with pytest.raises(InvalidArgument):
            await upload.write(0, CONTENT[:51], crc32c(CONTENT[:51]))
        with pytest.raises(InvalidArgument) as raised:
            await upload.finish()
        assert raised.value.reason == "UPLOAD_OUT_OF_ORDER"


async def test_a_full_disk_keeps_what_is_committed(store: InputStore) -> None:
    await send(store, 0, 1000)
    with files_of_at_most(1500), pytest.raises(ResourceExhausted) as raised:
        await send(store, 1000, len(CONTENT))
    assert raised.value.reason == "DISK_FULL"
    assert store.status(SHA256).committed_bytes == 1000
    await send(store, 1000, len(CONTENT), finish=True)


async def test_more_than_the_disk_has_is_refused_at_once(store: InputStore) -> None:
    with pytest.raises(ResourceExhausted):
        async with store.upload(SHA256, size=1 << 60, offset=0):
            pass


async def test_what_nothing_uses_is_removed_after_a_while(store: InputStore, clock: FakeClock) -> None:
    await send(store, 0, len(CONTENT), finish=True)
    with store.pin(SHA256):
        await clock.advance(100)
        assert store.evict(unused_seconds=50) == 0
    assert store.evict(unused_seconds=50) == 0
    await clock.advance(50)
    assert store.evict(unused_seconds=50) == 1
    assert store.status(SHA256) == InputStatus(committed_bytes=0, complete=False)
