"""A worker with a GPU: nobody is told what it can do before its CUDA filters have been run."""

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest
from spotreel.worker.v1 import worker_service_pb2 as messages

from tests.service.worker.conftest import WELL, Caller, calling
from tests.simulators import fake_ffmpeg

NVIDIA_SMI = "#!/bin/sh\necho 'NVIDIA L4, 580.159.04, 23034, 8.9'\n"


@pytest.fixture(autouse=True)
def gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the driver's tool says on a machine with a GPU."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "nvidia-smi").write_text(NVIDIA_SMI)
    (tools / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_CACHE_PATH", raising=False)


async def trials(caller: Caller, count: int) -> None:
    async with asyncio.timeout(20):
        while len({note["filter"] for note in caller.done() if "filter" in note}) < count:  # noqa: ASYNC110 - written by other processes
            await asyncio.sleep(0.01)


async def test_capabilities_wait_for_the_filters_and_tasks_use_what_was_compiled(tmp_path: Path, film: Path) -> None:
    waits: list[dict[str, Any]] = [{"environment": "CUDA_CACHE_PATH"}, {"wait_for": "compiled"}]
    broken: list[dict[str, Any]] = [{"stderr": "[error] Error initializing filter 'overlay_cuda'"}, {"exit": 1}]
    ffmpeg = fake_ffmpeg.install(tmp_path, film=film, steps=[], cuda={"scale_cuda": waits, "overlay_cuda": broken})
    async with calling(ffmpeg, film, tmp_path / "work") as caller:
        asking = asyncio.ensure_future(caller.stub.GetCapabilities(messages.GetCapabilitiesRequest()))
        await trials(caller, 2)
        assert not asking.done()
        caller.open_gate("compiled")
        found = (await asking).capabilities
        assert [gpu.name for gpu in found.gpus] == ["NVIDIA L4"]
        assert set(found.filters) == {"subtitles", "scale_cuda"}

        caller.script({"environment": "CUDA_CACHE_PATH"}, *WELL)
        await caller.end(await caller.start())
        caches = [note["value"] for note in caller.done() if "value" in note]
    assert caches == [str(tmp_path / "work" / "cuda-cache")] * 2
    assert Path(caches[0]).is_dir()
