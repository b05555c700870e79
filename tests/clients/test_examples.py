"""The example of each language captions a film on the real service, and says what went wrong."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from clients.conformance.clients import CLIENTS, ROOT
from clients.conformance.stage import SAMPLES, Theatre
from tests.clients.conftest import require

JAVA = ROOT / "clients/java"
EXAMPLES: dict[str, tuple[str | Path, ...]] = {
    "python": (sys.executable, ROOT / "clients/python/examples/caption.py"),
    "go": (ROOT / "out/clients/caption-go",),
    "typescript": ("node", ROOT / "clients/typescript/examples/caption.mjs"),
    "java": ("java", "-cp", f"@{JAVA / 'target/driver.classpath'}", JAVA / "examples/Caption.java"),
}
CAPTIONS = SAMPLES / "bigbuckbunny.srt"


@pytest.fixture(params=EXAMPLES)
def example(request: pytest.FixtureRequest) -> tuple[str | Path, ...]:
    require(CLIENTS[request.param])
    return EXAMPLES[request.param]


@asynccontextmanager
async def running(house: Theatre, *command: str | Path) -> AsyncIterator[Process]:
    environment = os.environ | {"SPOTREEL_SERVER": house.service.address, "SPOTREEL_API_KEY": house.service.api_key}
    process = await asyncio.create_subprocess_exec(
        *map(str, command), env=environment, stdout=PIPE, stderr=PIPE, start_new_session=True
    )
    try:
        async with asyncio.timeout(100):
            yield process
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


@pytest.mark.timeout(120)
async def test_a_film_is_captioned(house: Theatre, example: tuple[str | Path, ...], tmp_path: Path) -> None:
    out = tmp_path / "captioned.mp4"
    async with running(house, *example, house.video, CAPTIONS, out) as process:
        told, said = await process.communicate()
    assert process.returncode == 0, said.decode()
    assert told.decode() == f"{out}\n"
    assert "encoding" in said.decode() or "done" in said.decode()
    assert out.read_bytes()[4:8] == b"ftyp"


@pytest.mark.timeout(120)
async def test_a_failure_is_said(house: Theatre, example: tuple[str | Path, ...], tmp_path: Path) -> None:
    text = tmp_path / "text.mp4"
    text.write_text("This is no film.")
    async with running(house, *example, text, CAPTIONS, tmp_path / "out.mp4") as process:
        told, said = await process.communicate()
    assert (process.returncode, told) == (1, b"")
    assert "The video is no media file" in said.decode()
    assert list(tmp_path.iterdir()) == [text]
