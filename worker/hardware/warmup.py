"""Lets NVIDIA's driver compile FFmpeg's CUDA filters while the worker starts, and finds out whether they work.

The filters come as intermediate code, which the driver compiles for the GPU when it is first loaded: 11.3 s for
`scale_cuda` in a fresh container, 0.8 s from then on, since the driver keeps the result (measured on an H100,
2026-11-23). Nobody's first job should wait for that.
"""

import asyncio
import contextlib
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import structlog

from servicekit.clock import Clock
from worker.errors import TaskFailed
from worker.ffmpeg.environment import CUDA_CACHE, ffmpeg_environment
from worker.hardware.capabilities import Capabilities
from worker.hardware.trial import trial_head, try_out

# Several times what was measured: a slow host is no reason to do without its GPU's filters.
_TIMEOUT = timedelta(seconds=60)
_FRAMES = 5
_SOURCE = "color=color=gray:size=256x256:rate=25"
# One device for the whole graph; `hwupload_cuda` would open one of its own for each input.
_DEVICE = ("-init_hw_device", "cuda=gpu", "-filter_hw_device", "gpu")

# What each filter is run with: chains from frames in memory to frames in memory, the last one into [out]. Where an
# overlay has transparency, overlay_cuda takes yuva420p on yuv420p only (read in FFmpeg's source).
_CHAINS = {
    "scale_cuda": ("[0:v]format=nv12,hwupload,scale_cuda=w=128:h=128:format=yuv420p,hwdownload,format=yuv420p[out]",),
    "overlay_cuda": (
        "[0:v]format=yuv420p,hwupload[main]",
        "[1:v]format=yuva420p,hwupload[strip]",
        "[main][strip]overlay_cuda=x=0:y=128,hwdownload,format=yuv420p[out]",
    ),
}


async def warm_up(ffmpeg: Path, found: Capabilities, *, cuda_cache: Path, clock: Clock) -> Capabilities:
    """Runs each CUDA filter that this FFmpeg has once, and returns the capabilities without those that do not work.

    Without an NVIDIA GPU, or without such filters, it does nothing. It takes about 60 s at most, and a filter that
    fails is no error. `cuda_cache` is where the driver keeps what it compiled unless the environment says otherwise.
    """
    names = cuda_filters(found)
    if not names:
        return found
    environment = ffmpeg_environment(cuda_cache)
    with contextlib.suppress(OSError):
        # Without the folder the driver compiles each time; that is slow and no more.
        Path(environment[CUDA_CACHE]).mkdir(mode=0o700, parents=True, exist_ok=True)
    started = clock.monotonic()
    with tempfile.TemporaryDirectory(prefix="spotreel-trial-") as folder:
        # At once, so that their bounds do not add up.
        async with asyncio.TaskGroup() as tasks:
            trials = {
                name: tasks.create_task(
                    _works(ffmpeg, name, environment=environment, folder=Path(folder), clock=clock),
                    name=f"warm up {name}",
                )
                for name in names
            }
    broken = {name for name, trial in trials.items() if not trial.result()}
    seconds = round(clock.monotonic() - started, 1)
    structlog.get_logger().info("cuda_filters_warm", filters=sorted(set(names) - broken), seconds=seconds)
    return replace(found, filters=tuple(name for name in found.filters if name not in broken))


def cuda_filters(found: Capabilities) -> tuple[str, ...]:
    """Returns the CUDA filters that are worth a run on this machine."""
    return tuple(name for name in _CHAINS if name in found.filters) if found.gpus else ()


def warm_up_arguments(name: str, progress_fd: int) -> list[str]:
    """Returns FFmpeg's arguments for a few frames through one CUDA filter; nothing is kept of them."""
    graph = ";".join(_CHAINS[name])
    sources = ["-f", "lavfi", "-i", _SOURCE] * graph.count(":v]")
    output = ["-map", "[out]", "-frames:v", str(_FRAMES), "-f", "null", "-"]
    return [*trial_head(progress_fd), *_DEVICE, *sources, "-filter_complex", graph, *output]


async def _works(ffmpeg: Path, name: str, *, environment: Mapping[str, str], folder: Path, clock: Clock) -> bool:
    try:
        await try_out(
            ffmpeg,
            lambda progress_fd: warm_up_arguments(name, progress_fd),
            folder=folder,
            timeout=_TIMEOUT,
            clock=clock,
            environment=environment,
        )
    except TaskFailed as failure:
        structlog.get_logger().warning(
            "cuda_filter_unusable",
            filter=name,
            diagnosis=failure.metadata.get("diagnosis", ""),
            detail=failure.message,
            log_tail=failure.log_tail,
        )
        return False
    return True
