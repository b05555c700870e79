"""CUDA filters are run once before anybody asks what the machine can do, and those that fail are not offered."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from servicekit.clock import SystemClock
from tests.simulators import fake_ffmpeg
from tests.simulators.clock import FakeClock
from worker.ffmpeg.environment import ffmpeg_environment
from worker.hardware.capabilities import Capabilities, Gpu
from worker.hardware.warmup import cuda_filters, warm_up, warm_up_arguments

GPU = Gpu(name="NVIDIA L4", driver_version="580.1", memory_bytes=24 << 30, compute_capability="8.9")
BOTH = ("overlay", "overlay_cuda", "scale_cuda", "subtitles")
SAYS_CACHE = [{"environment": "CUDA_CACHE_PATH"}]
FAILS: list[dict[str, Any]] = [
    {"stderr": "[CUDA @ 0x1] [error] cu->cuModuleLoadData() failed -> CUDA_ERROR_UNSUPPORTED_PTX_VERSION"},
    {"exit": 1},
]


def machine(*, filters: tuple[str, ...] = BOTH, gpus: tuple[Gpu, ...] = (GPU,)) -> Capabilities:
    return Capabilities(
        gpus=gpus,
        encoders=(),
        filters=filters,
        cpu_count=2,
        memory_bytes=1,
        disk_free_bytes=1,
        slots=1,
        ffmpeg_version="7.1",
        nvenc_driver_floor="",
        fonts=(),
        build="test",
    )


def fake(folder: Path, **cuda: list[dict[str, Any]]) -> Path:
    return fake_ffmpeg.install(folder, film=folder / "no film", steps=[], cuda=cuda)


@pytest.fixture(autouse=True)
def no_cache_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_CACHE_PATH", raising=False)


def test_only_a_gpu_and_a_filter_are_worth_a_run() -> None:
    assert set(cuda_filters(machine())) == {"scale_cuda", "overlay_cuda"}
    assert cuda_filters(machine(filters=("scale_cuda", "yadif_cuda"))) == ("scale_cuda",)
    assert cuda_filters(machine(filters=("scale", "subtitles"))) == ()
    assert cuda_filters(machine(gpus=())) == ()


@pytest.mark.parametrize(("name", "inputs"), [("scale_cuda", 1), ("overlay_cuda", 2)])
def test_a_run_goes_through_the_filter_on_one_device_and_keeps_nothing(name: str, inputs: int) -> None:
    arguments = warm_up_arguments(name, progress_fd=7)
    graph = arguments[arguments.index("-filter_complex") + 1]

    assert f"{name}=" in graph
    assert arguments.count("-i") == graph.count("hwupload") == inputs
    assert [graph.count(f"[{number}:v]") for number in range(3)] == [int(number < inputs) for number in range(3)]
    assert arguments[arguments.index("-init_hw_device") + 1] == "cuda=gpu"
    assert arguments[arguments.index("-filter_hw_device") + 1] == "gpu"
    assert arguments[arguments.index("-progress") + 1] == "pipe:7"
    assert arguments[-4:] == ["5", "-f", "null", "-"]


async def test_each_filter_is_run_once_with_the_cache_of_later_runs(tmp_path: Path) -> None:
    ffmpeg = fake(tmp_path, scale_cuda=SAYS_CACHE, overlay_cuda=SAYS_CACHE)
    cache = tmp_path / "cuda-cache"
    found = await warm_up(ffmpeg, machine(), cuda_cache=cache, clock=SystemClock())

    assert found == machine()
    assert cache.is_dir()
    notes = fake_ffmpeg.done(ffmpeg)
    assert sorted(note["filter"] for note in notes if "filter" in note) == ["overlay_cuda", "scale_cuda"]
    assert [note["value"] for note in notes if "value" in note] == [str(cache)] * 2
    assert ffmpeg_environment(cache)["CUDA_CACHE_PATH"] == str(cache)


async def test_a_cache_of_the_image_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_CACHE_PATH", str(tmp_path / "of the image"))
    ffmpeg = fake(tmp_path, scale_cuda=SAYS_CACHE)
    await warm_up(
        ffmpeg,
        machine(filters=("scale_cuda",)),
        cuda_cache=tmp_path / "cuda-cache",
        clock=SystemClock(),
    )
    assert [note["value"] for note in fake_ffmpeg.done(ffmpeg) if "value" in note] == [str(tmp_path / "of the image")]
    assert not (tmp_path / "cuda-cache").exists()


async def test_a_filter_that_fails_is_not_offered(tmp_path: Path) -> None:
    ffmpeg = fake(tmp_path, scale_cuda=[], overlay_cuda=FAILS)
    with capture_logs() as logs:
        found = await warm_up(ffmpeg, machine(), cuda_cache=tmp_path / "c", clock=SystemClock())

    assert found.filters == ("overlay", "scale_cuda", "subtitles")
    assert {"exit": 1, "filter": "overlay_cuda"}.items() <= fake_ffmpeg.done(ffmpeg)[-1].items()
    (told,) = [line for line in logs if line["event"] == "cuda_filter_unusable"]
    assert told["filter"] == "overlay_cuda"
    assert "UNSUPPORTED_PTX_VERSION" in told["log_tail"]


async def test_a_filter_that_hangs_is_given_up_after_a_minute(tmp_path: Path, clock: FakeClock) -> None:
    ffmpeg = fake(tmp_path, scale_cuda=[{"hang": True}])
    few = machine(filters=("scale_cuda", "scale"))
    warming = asyncio.create_task(warm_up(ffmpeg, few, cuda_cache=tmp_path / "c", clock=clock), name="warm up")
    async with asyncio.timeout(20):
        while not fake_ffmpeg.done(ffmpeg):  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.01)
        await clock.wait_for_sleepers()
        await clock.advance(59)
        assert not warming.done()
        await clock.advance(1)
        found = await warming
    assert found.filters == ("scale",)
    assert fake_ffmpeg.done(ffmpeg)[0]["hang"] is True


async def test_without_a_gpu_nothing_is_run(tmp_path: Path) -> None:
    ffmpeg = fake(tmp_path, scale_cuda=[])
    found = await warm_up(ffmpeg, machine(gpus=()), cuda_cache=tmp_path / "c", clock=SystemClock())
    assert found == machine(gpus=())
    assert not fake_ffmpeg.done(ffmpeg)
    assert not (tmp_path / "c").exists()
