"""Bytes both ways over a connection that breaks, damages and repeats."""

import asyncio
import errno
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from spotreel import errors
from spotreel.client import AsyncClient
from spotreel.partial_file import PartialFile
from spotreel.progress import Progress

from tests.simulators.lossy_proxy import LossyProxy
from tests.simulators.orchestrator import SimulatedOrchestrator

CONTENT = os.urandom(1_000_003)
JOB = "jobs/done"


@pytest.fixture
async def server() -> AsyncIterator[SimulatedOrchestrator]:
    async with SimulatedOrchestrator(output=CONTENT) as server:
        server.finish(JOB)
        yield server


@pytest.fixture
async def client(server: SimulatedOrchestrator) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(server.address, patience=5) as client:
        yield client


async def test_a_download_resumes_behind_what_is_stored(
    server: SimulatedOrchestrator, client: AsyncClient, tmp_path: Path
) -> None:
    server.faults.cut_download.arm(times=3, after=200_000)
    await client.download_output(JOB, tmp_path / "out.mp4")

    assert (tmp_path / "out.mp4").read_bytes() == CONTENT
    assert server.faults.cut_download.fired == 3
    assert server.read_offsets == sorted(set(server.read_offsets))
    assert len(server.read_offsets) == 4


async def test_a_damaged_chunk_is_asked_for_again(
    server: SimulatedOrchestrator, client: AsyncClient, tmp_path: Path
) -> None:
    server.faults.corrupt_chunk.arm(times=2, after=130_000)
    await client.download_output(JOB, tmp_path / "out.mp4")

    assert (tmp_path / "out.mp4").read_bytes() == CONTENT
    assert server.faults.corrupt_chunk.fired == 2


async def test_chunks_that_stay_damaged_end_the_download(
    server: SimulatedOrchestrator, client: AsyncClient, tmp_path: Path
) -> None:
    server.faults.corrupt_chunk.arm(times=100)
    with pytest.raises(errors.DataCorrupted):
        await client.download_output(JOB, tmp_path / "out.mp4")

    assert list(tmp_path.iterdir()) == []


async def test_a_wrong_digest_is_never_believed(
    server: SimulatedOrchestrator, client: AsyncClient, tmp_path: Path
) -> None:
    server.faults.wrong_sha256.arm()
    with pytest.raises(errors.DataCorrupted):
        await client.download_output(JOB, tmp_path / "out.mp4")

    assert server.faults.wrong_sha256.fired == 1
    assert list(tmp_path.iterdir()) == []


async def test_an_output_that_is_made_anew_is_read_from_the_start(
    server: SimulatedOrchestrator, client: AsyncClient, tmp_path: Path
) -> None:
    server.faults.restart_output.arm(after=500_000)
    await client.download_output(JOB, tmp_path / "out.mp4")

    assert (tmp_path / "out.mp4").read_bytes() == CONTENT
    assert server.read_offsets == [0, 0]


@pytest.mark.parametrize("left", [CONTENT[:300_000], b"of another job" * 10_000, CONTENT + b"longer"])
async def test_what_an_earlier_download_left_is_taken_up_if_it_fits(
    client: AsyncClient, tmp_path: Path, left: bytes
) -> None:
    (tmp_path / "out.mp4.part").write_bytes(left)
    await client.download_output(JOB, tmp_path / "out.mp4")

    assert (tmp_path / "out.mp4").read_bytes() == CONTENT
    assert not (tmp_path / "out.mp4.part").exists()


async def test_a_server_that_goes_away_leaves_a_part_that_can_be_resumed(
    server: SimulatedOrchestrator, tmp_path: Path
) -> None:
    async with LossyProxy(server.address) as proxy:
        proxy.cut_times, proxy.after_bytes = 1000, 300_000
        async with AsyncClient(proxy.address, patience=0.3) as client:
            got = list[int]()

            def on_progress(progress: Progress) -> None:
                got.append(progress.bytes_done)
                # From now on nothing comes through at all.
                proxy.after_bytes = 0

            with pytest.raises(errors.ServerUnavailable):
                await client.download_output(JOB, tmp_path / "out.mp4", on_progress=on_progress)
        assert proxy.cuts >= 1
        kept = (tmp_path / "out.mp4.part").stat().st_size
        assert kept == got[-1] > 0

        proxy.cut_times = 0
        async with AsyncClient(proxy.address) as client:
            await client.download_output(JOB, tmp_path / "out.mp4")

    assert (tmp_path / "out.mp4").read_bytes() == CONTENT
    assert server.read_offsets[-1] == kept


async def test_a_full_disk_is_named(client: AsyncClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    appended = PartialFile.append

    def append(self: PartialFile, data: bytes) -> None:
        if self.size > 500_000:
            raise self._failure(OSError(errno.ENOSPC, "No space left on device"))
        appended(self, data)

    monkeypatch.setattr(PartialFile, "append", append)
    with pytest.raises(errors.LocalFile, match="no space is left") as caught:
        await client.download_output(JOB, tmp_path / "out.mp4", keep_partial=False)

    assert caught.value.reason == "DISK_FULL"
    assert list(tmp_path.iterdir()) == []


async def test_a_cancelled_download_leaves_nothing(
    server: SimulatedOrchestrator, client: AsyncClient, tmp_path: Path
) -> None:
    started = asyncio.Event()
    download = asyncio.create_task(
        client.download_output(JOB, tmp_path / "out.mp4", on_progress=lambda _progress: started.set()), name="download"
    )
    await started.wait()
    download.cancel()
    with pytest.raises(asyncio.CancelledError):
        await download

    assert list(tmp_path.iterdir()) == []


async def test_a_file_is_not_overwritten_unless_asked(client: AsyncClient, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    target.write_bytes(b"precious")
    with pytest.raises(errors.LocalFile, match="exists already"):
        await client.download_output(JOB, target)
    assert target.read_bytes() == b"precious"

    await client.download_output(JOB, target, overwrite=True)
    assert target.read_bytes() == CONTENT


@pytest.fixture
def local_file(tmp_path: Path) -> Path:
    path = tmp_path / "My talk: “take 2”.mp4"
    path.write_bytes(CONTENT * 5)
    return path


async def test_the_same_content_is_sent_once(
    server: SimulatedOrchestrator, client: AsyncClient, local_file: Path
) -> None:
    first = await client.upload_asset(local_file)
    again = await client.upload_asset(local_file)

    assert first == again
    assert first.file_name == local_file.name
    assert server.calls["UploadAsset"] == 1


@pytest.mark.parametrize("fault", ["cut_upload", "damage_upload"])
async def test_an_upload_goes_on_from_what_the_server_has(
    server: SimulatedOrchestrator, client: AsyncClient, local_file: Path, fault: str
) -> None:
    knob = getattr(server.faults, fault)
    knob.arm(times=2, after=1_500_000)
    asset = await client.upload_asset(local_file)

    assert asset.size_bytes == len(CONTENT) * 5
    assert knob.fired == 2
    assert server.upload_bytes_received == len(CONTENT) * 5


async def test_an_upload_that_is_always_damaged_ends(
    server: SimulatedOrchestrator, client: AsyncClient, local_file: Path
) -> None:
    server.faults.damage_upload.arm(times=100)
    with pytest.raises(errors.DataCorrupted):
        await client.upload_asset(local_file)


async def test_a_file_that_is_still_being_written_is_refused(
    server: SimulatedOrchestrator, client: AsyncClient, local_file: Path
) -> None:
    def on_progress(_progress: Progress) -> None:
        with local_file.open("ab") as file:
            file.write(b"more")

    with pytest.raises(errors.LocalFile) as caught:
        await client.upload_asset(local_file, on_progress=on_progress)
    assert caught.value.reason == "FILE_CHANGED"
