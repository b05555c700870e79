"""Where outputs may go, who may write there, and what stays of a download that failed."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from spotreel import connection, errors
from spotreel.client import AsyncClient
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


async def refused(client: AsyncClient, to: Path | str, *, overwrite: bool = False) -> str:
    with pytest.raises(errors.LocalFile) as refusal:
        await client.download_output(JOB, to, overwrite=overwrite)
    return refusal.value.reason


async def test_one_file_is_written_by_one_download(
    server: SimulatedOrchestrator, client: AsyncClient, tmp_path: Path
) -> None:
    out, begun = tmp_path / "out.mp4", asyncio.Event()

    def on_progress(progress: Progress) -> None:
        if progress.bytes_done:
            begun.set()

    async with LossyProxy(server.address) as proxy, AsyncClient(proxy.address) as slow:
        proxy.stall_times, proxy.after_bytes = 1, len(CONTENT) // 2
        first = asyncio.create_task(slow.download_output(JOB, out, on_progress=on_progress))
        async with asyncio.timeout(30):
            await begun.wait()
            while not proxy.stalls:  # noqa: ASYNC110 - the proxy tells nobody
                await asyncio.sleep(0.01)
        assert await refused(client, out) == "FILE_IN_USE"
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
    await client.download_output(JOB, out)
    assert out.read_bytes() == CONTENT
    assert list(tmp_path.iterdir()) == [out]


async def test_a_failure_keeps_what_was_there_before(client: AsyncClient, tmp_path: Path) -> None:
    part = tmp_path / "out.mp4.part"
    part.write_bytes(CONTENT[:1000])
    with pytest.raises(errors.NotFound):
        await client.download_output("jobs/none", tmp_path / "out.mp4")
    assert part.read_bytes() == CONTENT[:1000]


async def test_a_failure_leaves_no_file_that_it_began(client: AsyncClient, tmp_path: Path) -> None:
    with pytest.raises(errors.NotFound):
        await client.download_output("jobs/none", tmp_path / "out.mp4")
    assert list(tmp_path.iterdir()) == []


async def test_a_file_that_has_come_meanwhile_is_not_replaced(
    server: SimulatedOrchestrator, client: AsyncClient, tmp_path: Path
) -> None:
    out = tmp_path / "out.mp4"

    def on_progress(_progress: Progress) -> None:
        out.write_text("mine")

    with pytest.raises(errors.LocalFile) as refusal:
        await client.download_output(JOB, out, on_progress=on_progress)
    assert refusal.value.reason == "FILE_EXISTS"
    assert out.read_text() == "mine"
    assert (tmp_path / "out.mp4.part").read_bytes() == CONTENT


async def test_what_is_no_regular_file_is_not_replaced(client: AsyncClient, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert await refused(client, tmp_path / "pipe", overwrite=True) == "FILE_IS_SPECIAL"
    assert (tmp_path / "pipe").is_fifo()


async def test_a_link_is_followed(client: AsyncClient, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    target = tmp_path / "elsewhere" / "film.mp4"
    target.write_text("old")
    (tmp_path / "link.mp4").symlink_to(target)
    await client.download_output(JOB, tmp_path / "link.mp4", overwrite=True)
    assert (tmp_path / "link.mp4").is_symlink()
    assert target.read_bytes() == CONTENT


async def test_targets_that_cannot_be_are_refused_at_once(
    server: SimulatedOrchestrator, client: AsyncClient, tmp_path: Path
) -> None:
    assert await refused(client, "") == "FILE_NAME_MISSING"
    assert await refused(client, tmp_path / ("x" * 252)) == "FILE_UNWRITABLE"
    assert await refused(client, tmp_path / "none" / "out.mp4") == "DIRECTORY_MISSING"
    assert await refused(client, tmp_path) == "FILE_IS_DIRECTORY"
    assert not server.calls
    assert list(tmp_path.iterdir()) == []


async def test_a_pipe_is_not_uploaded(client: AsyncClient, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(errors.LocalFile) as refusal:
        await client.upload_asset(tmp_path / "pipe")
    assert refusal.value.reason == "FILE_UNREADABLE"


async def test_a_name_that_is_no_utf_8_is_uploaded(client: AsyncClient, tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.mp4"))
    path.write_bytes(b"video")
    assert (await client.upload_asset(path)).file_name == "caf\N{REPLACEMENT CHARACTER}.mp4"


@pytest.mark.parametrize("pem", ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----\n"])
def test_certificates_that_are_none_are_refused(pem: str, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text(pem)
    with pytest.raises(errors.LocalFile) as refusal:
        AsyncClient("https://127.0.0.1:1", tls_ca=tmp_path / "ca.pem")
    assert refusal.value.reason == "TLS_CA_UNREADABLE"


def test_a_server_with_a_user_is_refused_and_not_repeated() -> None:
    with pytest.raises(errors.InvalidRequest) as refusal:
        AsyncClient("https://me:secret@example.com")
    assert refusal.value.reason == "SERVER_INVALID"
    assert "secret" not in refusal.value.message


async def test_a_server_that_has_answered_is_waited_for(
    server: SimulatedOrchestrator, client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "_STRANGER_SECONDS", 0.0)
    server.faults.too_many_requests.arm(times=2)
    with pytest.raises(errors.ResourceExhausted):
        await client.wait_job(JOB)
    await client.get_job(JOB)
    await client.wait_job(JOB)
    assert server.faults.too_many_requests.fired == 2
