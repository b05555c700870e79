"""Spools on a full disk, over restarts, and under readers."""

import asyncio
import errno
from collections.abc import Coroutine
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from orchestrator.dispatch.spools import SpoolFolder
from servicekit.errors import Aborted, ResourceExhausted
from servicekit.growing import GrowingFile
from tests.simulators.clock import FakeClock


@pytest.fixture
def spools(tmp_path: Path, clock: FakeClock) -> SpoolFolder:
    return SpoolFolder(tmp_path / "spool", clock=clock)


class FullDisk:
    """Lets `room` bytes through for each of `times` writes, and then all."""

    def __init__(self, *, room: int, times: int) -> None:
        self.room = room
        self.times = times
        self.fired = 0

    def write(self, file: GrowingFile, *pieces: bytes) -> None:
        if self.fired < self.times:
            self.fired += 1
            GrowingFile.write(file, b"".join(pieces)[: self.room])
            raise OSError(errno.ENOSPC, "No space left on device")
        GrowingFile.write(file, *pieces)


async def done(work: Coroutine[Any, Any, None], clock: FakeClock) -> None:
    """Moves the clock until the work is done."""
    task = asyncio.ensure_future(work)
    while not task.done():
        sleeping = asyncio.ensure_future(clock.wait_for_sleepers())
        await asyncio.wait({task, sleeping}, return_when=asyncio.FIRST_COMPLETED)
        sleeping.cancel()
        await clock.advance(1)
    await task


async def test_full_disk_is_waited_for_and_no_byte_is_written_twice(
    spools: SpoolFolder, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = FullDisk(room=2, times=3)
    waits: list[int] = []
    file = await spools.open("job", 1)
    monkeypatch.setattr(file, "write", partial(disk.write, file))
    await done(spools.append(file, [b"012", b"3456", b"", b"789"], on_wait=lambda: waits.append(1)), clock)
    file.finish()

    assert disk.fired == len(waits) == 3
    assert b"".join([chunk async for chunk in file.read(0)]) == b"0123456789"


async def test_disk_that_stays_full_is_an_error_after_five_minutes(
    spools: SpoolFolder, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = FullDisk(room=0, times=1000)
    file = await spools.open("job", 1)
    monkeypatch.setattr(file, "write", partial(disk.write, file))
    with pytest.raises(ResourceExhausted, match="full"):
        await done(spools.append(file, [b"x"], on_wait=lambda: None), clock)

    assert 290 <= clock.monotonic() <= 700


async def test_reopened_spool_knows_its_digest(spools: SpoolFolder, tmp_path: Path, clock: FakeClock) -> None:
    file = await spools.open("job", 1)
    await spools.append(file, [b"hello"], on_wait=lambda: None)
    digest = file.sha256
    spools.detach("job")
    again = await SpoolFolder(tmp_path / "spool", clock=clock).open("job", 1)

    assert (again.size, again.sha256) == (5, digest)
    again.close()


async def test_reader_of_a_restarted_attempt_is_told(spools: SpoolFolder) -> None:
    file = await spools.open("job", 1)
    await spools.append(file, [b"old"], on_wait=lambda: None)
    reader = file.read(0)
    assert await anext(reader) == b"old"
    new = await spools.restart("job", 1)
    with pytest.raises(Aborted) as refused:
        await anext(reader)

    assert refused.value.reason == "OUTPUT_RESTARTED"
    assert spools.current("job") == (1, new)
    await spools.remove("job")


async def test_what_is_kept_of_an_attempt_outlives_the_rest_of_it(spools: SpoolFolder, tmp_path: Path) -> None:
    for attempt in (1, 2):
        file = await spools.open("job", attempt)
        await spools.append(file, [b"0123456789"], on_wait=lambda: None)
    await spools.open_sound("job", 2)
    await spools.keep("job", {1})

    assert [path.name for path in (tmp_path / "spool" / "job").iterdir()] == ["1.spool"]
    assert spools.current("job") is None
    assert spools.waiting == frozenset({"job"})
    assert not spools.claim("job", {1: 11})
    assert spools.claim("job", {1: 10})
    assert not spools.waiting


async def test_what_waits_for_a_machine_gives_way_to_an_output_without_space(
    spools: SpoolFolder, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for job in ("waits", "runs"):
        await spools.open(job, 1)
        await spools.keep(job, {1})
    spools.claim("runs", {1: 0})
    disk = FullDisk(room=0, times=1)
    file = await spools.open("other", 1)
    monkeypatch.setattr(file, "write", partial(disk.write, file))
    await done(spools.append(file, [b"x"], on_wait=lambda: None), clock)

    assert sorted(spools.jobs()) == ["other", "runs"]
    assert not spools.claim("waits", {1: 0})
