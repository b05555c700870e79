"""The command without a server: real files, a real encode, and nothing left behind."""

import asyncio
import os
import signal
import sys
import zipfile
from asyncio.subprocess import PIPE, Process
from importlib import resources
from pathlib import Path

import pytest

SAMPLES = Path(str(resources.files("spotreel").joinpath("samples")))


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    return folder


async def start(temporary: Path, *arguments: str | Path) -> Process:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SPOTREEL_")}
    environment |= {"TMPDIR": str(temporary), "NO_COLOR": "1"}
    command = [sys.executable, "-m", "spotreel.cli", *map(str, arguments)]
    return await asyncio.create_subprocess_exec(*command, env=environment, stdout=PIPE, stderr=PIPE)


def descendants(temporary: Path) -> list[str]:
    """The command lines of all processes that have inherited our TMPDIR."""
    mark = f"TMPDIR={temporary}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (process / "environ").read_bytes().split(b"\0"):
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


async def nothing_runs(temporary: Path) -> None:
    async with asyncio.timeout(20):
        while descendants(temporary):  # noqa: ASYNC110 - nobody announces the end of processes that are not ours
            await asyncio.sleep(0.02)


async def test_a_server_cuts_joins_and_makes_pictures(temporary: Path, tmp_path: Path) -> None:
    """One server for all of it: a copy, a join of what was copied, and the two outputs that are no video."""
    sample = SAMPLES / "bigbuckbunny.mp4"
    server = await start(temporary, "serve", "--listen", "127.0.0.1:0", "--data-dir", tmp_path / "data")
    assert server.stdout is not None
    try:
        address = (await server.stdout.readline()).decode().removeprefix("listening on ").strip()

        async def run(*arguments: str | Path) -> str:
            process = await start(temporary, *arguments, "--server", address)
            async with asyncio.timeout(50):
                told, said = await process.communicate()
            assert process.returncode == 0, said.decode()
            return told.decode()

        part, joined = tmp_path / "part.mp4", tmp_path / "joined.mp4"
        assert "copy" in await run("transcode", sample, "-o", part)
        assert "copy" in await run("concat", part, part, "-o", joined)
        await run("thumbnails", joined, "-o", tmp_path / "poster.jpg", "--at", "0.5")
        await run("thumbnails", joined, "-o", tmp_path / "sprites.zip", "--interval", "1")
    finally:
        server.terminate()
        await server.communicate()
    assert (tmp_path / "poster.jpg").read_bytes()[:2] == b"\xff\xd8"
    with zipfile.ZipFile(tmp_path / "sprites.zip") as sprites:
        assert sorted(sprites.namelist()) == ["sprites-001.jpg", "sprites.vtt"]
    await nothing_runs(temporary)


async def test_captions_are_burnt_in_and_nothing_stays(temporary: Path, tmp_path: Path) -> None:
    out = tmp_path / "captioned.mp4"
    process = await start(
        temporary, "caption", SAMPLES / "bigbuckbunny.mp4", SAMPLES / "bigbuckbunny.srt", "-o", out, "--encoder", "any"
    )
    async with asyncio.timeout(50):
        told, said = await process.communicate()

    assert process.returncode == 0, said.decode()
    assert told.decode().startswith(f"{out}  ")
    assert out.read_bytes()[4:8] == b"ftyp"
    await nothing_runs(temporary)
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
async def test_whoever_interrupts_leaves_no_process(temporary: Path, tmp_path: Path, number: signal.Signals) -> None:
    out = tmp_path / "zoom.mp4"
    process = await start(temporary, "image-to-video", SAMPLES / "bigbuckbunny.jpg", "-o", out, "--duration", "300")
    assert process.stderr is not None
    async with asyncio.timeout(50):
        while not (line := await process.stderr.readline()).startswith(b"encoding"):
            assert line
        assert any("-m worker" in command for command in descendants(temporary))
        process.send_signal(number)
        _told, said = await process.communicate()

    assert process.returncode == (130 if number is signal.SIGINT else -signal.SIGKILL)
    assert number is signal.SIGKILL or b"Cancelled jobs/" in said
    await nothing_runs(temporary)
    assert not out.exists()
    assert not out.with_name("zoom.mp4.part").exists()
