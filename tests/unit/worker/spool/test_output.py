"""A growing output is read right from every offset, while it grows and after."""

import asyncio
import hashlib
from pathlib import Path

import pytest

from servicekit.checksums import crc32c
from servicekit.errors import FailedPrecondition, InvalidArgument, OutOfRange
from servicekit.growing import CHUNK_BYTES
from tests.simulators.clock import FakeClock
from tests.simulators.disk import files_of_at_most
from worker.spool.output import OutputChunk, OutputSpool

CONTENT = bytes(range(251)) * 12_000  # 3 MB, no multiple of the chunk


async def read_all(spool: OutputSpool, offset: int = 0, limit: int = 0) -> list[OutputChunk]:
    return [chunk async for chunk in spool.read(offset, limit)]


@pytest.mark.parametrize("offset", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, len(CONTENT) - 1, len(CONTENT)])
async def test_readers_at_every_offset_follow_the_growth(tmp_path: Path, clock: FakeClock, offset: int) -> None:
    spool = await OutputSpool(tmp_path / "out", clock=clock).open()
    await asyncio.to_thread(spool.write, CONTENT[:offset])
    async with asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(read_all(spool, offset), name="reader")
        for start in range(offset, len(CONTENT), 777_777):
            await asyncio.to_thread(spool.write, CONTENT[start : start + 777_777])
        spool.finish()

    chunks = reading.result()
    assert b"".join(chunk.data for chunk in chunks) == CONTENT[offset:]
    assert [chunk.last for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    assert chunks[-1].size_bytes == len(CONTENT)
    assert chunks[-1].sha256 == hashlib.sha256(CONTENT).digest() == spool.sha256
    for chunk in chunks:
        assert chunk.crc32c == crc32c(chunk.data)
        assert len(chunk.data) <= CHUNK_BYTES
        assert CONTENT[chunk.offset : chunk.offset + len(chunk.data)] == chunk.data


async def test_a_limit_ends_the_stream_without_last_unless_the_output_ends_there(
    tmp_path: Path, clock: FakeClock
) -> None:
    spool = await OutputSpool(tmp_path / "out", clock=clock).open()
    spool.write(b"0123456789")
    assert [(chunk.data, chunk.last) for chunk in await read_all(spool, 2, 3)] == [(b"234", False)]

    spool.finish()
    assert [(chunk.data, chunk.last) for chunk in await read_all(spool, 2, 7)] == [(b"2345678", False)]
    assert [(chunk.data, chunk.last) for chunk in await read_all(spool, 2, 8)] == [(b"23456789", True)]


async def test_a_quiet_output_beats_every_ten_seconds(tmp_path: Path, clock: FakeClock) -> None:
    spool = await OutputSpool(tmp_path / "out", clock=clock).open()
    spool.write(b"abc")
    chunks = spool.read(0, 0)
    assert (await anext(chunks)).data == b"abc"

    beat = asyncio.ensure_future(anext(chunks))
    await clock.wait_for_sleepers()
    await clock.advance(10)
    assert await beat == OutputChunk(offset=3, data=b"", crc32c=0)

    last = asyncio.ensure_future(anext(chunks))
    await clock.wait_for_sleepers()
    spool.finish()
    assert (await last).last


async def test_a_failure_ends_readers_now_and_later(tmp_path: Path, clock: FakeClock) -> None:
    spool = await OutputSpool(tmp_path / "out", clock=clock).open()
    reading = asyncio.ensure_future(read_all(spool))
    await clock.wait_for_sleepers()
    spool.fail(FailedPrecondition("the task failed", reason="TASK_FAILED"))
    with pytest.raises(FailedPrecondition):
        await reading
    with pytest.raises(FailedPrecondition):
        await read_all(spool)
    await spool.discard()
    assert not list(tmp_path.iterdir())


async def test_offsets_that_cannot_be_are_refused(tmp_path: Path, clock: FakeClock) -> None:
    spool = await OutputSpool(tmp_path / "out", clock=clock).open()
    spool.write(b"abc")
    spool.finish()

    with pytest.raises(OutOfRange, match="behind the 3 bytes"):
        await read_all(spool, 4)
    for offset, limit in ((-1, 0), (0, -1)):
        with pytest.raises(InvalidArgument):
            await read_all(spool, offset, limit)


async def test_a_full_disk_reaches_the_writer(tmp_path: Path, clock: FakeClock) -> None:
    spool = await OutputSpool(tmp_path / "out", clock=clock).open()
    with files_of_at_most(1000), pytest.raises(OSError, match="File too large"):
        spool.write(bytes(2000))
    assert spool.size == 1000
