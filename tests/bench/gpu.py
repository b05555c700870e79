"""`make bench-gpu`: the filter stage of a caption plan on an NVIDIA GPU, against the usual way to do it.

The usual way decodes on NVDEC, downloads, draws with libass and uploads again, as NVENC needs it. Encoders are left
out of both, so that a GPU without NVENC can be measured too. Nothing is written; the status is 0 without a GPU, since
then there is nothing to measure, and 1 where a target is missed.
"""

import argparse
import asyncio
import logging
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import structlog

from servicekit.clock import SystemClock
from servicekit.ffmpeg import locate_ffmpeg
from servicekit.media.operations import Caption, UriSource
from servicekit.media.outputs import OutputSpec
from servicekit.probe import MediaProber
from tests.bench import media
from worker.ffmpeg.environment import ffmpeg_environment
from worker.ffmpeg.runner import RunLimits
from worker.ffmpeg.series import RunSeries
from worker.fonts.book import FontBook
from worker.hardware.capabilities import Capabilities
from worker.hardware.probe import probe_capabilities
from worker.hardware.warmup import warm_up
from worker.media.arguments import ffmpeg_arguments
from worker.media.plan import Decoding, EncodeVideo, MediaFile, Plan, ProbedInput
from worker.media.planner import make_plan
from worker.media.preparations import prepared
from worker.media.workdir import environment, prepare_workdir

_NOWHERE = UriSource(uri="https://example.invalid/")
_CAPTION = Caption(video=_NOWHERE, subtitles=_NOWHERE)
_COMPARED_SECONDS = 10
_LIMITS = RunLimits(run_timeout=timedelta(minutes=5), stall_timeout=timedelta(minutes=1))
_SSIM = re.compile(r"All:([\d.]+)")
_FASTER, _CPU_SHARE, _LEAST_SSIM = 2.0, 0.5, 0.999


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Seconds on the wall, and of the processor."""

    wall: float
    cpu: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The filter stage of a plan: how the video is read, its filters, and the folder with what they need.

    `drawing` is what it cost to draw the captions before.
    """

    ffmpeg: Path
    folder: Path
    environment: dict[str, str]
    reading: tuple[str, ...]
    filters: str
    drawing: Cost

    def cost(self, reading: Sequence[str], filters: str) -> Cost:
        """Runs a stage once, its frames going nowhere."""
        command = [
            str(self.ffmpeg),
            "-nostdin",
            "-loglevel",
            "error",
            *reading,
            "-vf",
            filters,
            "-an",
            "-f",
            "null",
            "-",
        ]
        before, started = _processor_seconds(), time.perf_counter()
        subprocess.run(command, check=True, cwd=self.folder, env=self.environment)
        return Cost(wall=time.perf_counter() - started, cpu=_processor_seconds() - before)


def main() -> int:
    """Measures, prints, and returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.gpu", description=__doc__)
    parser.add_argument("--seconds", type=int, default=64, help="length of the 1080p video (default 64)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is run (default 3)")
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with tempfile.TemporaryDirectory(prefix="spotreel-bench-") as name:
        return asyncio.run(_measure(Path(name), arguments.seconds, arguments.rounds))


async def _measure(folder: Path, seconds: int, rounds: int) -> int:
    ffmpeg, fonts, clock = locate_ffmpeg(), FontBook.load(), SystemClock()
    found = await probe_capabilities(ffmpeg, data_folder=folder, fonts=fonts, clock=clock, build="bench", slots=1)
    found = await warm_up(ffmpeg, found, cuda_cache=folder / "cuda", clock=clock)
    _say(f"FFmpeg {found.ffmpeg_version}; GPUs: {', '.join(gpu.name for gpu in found.gpus) or 'none'}")
    if objection := missing(found):
        _say(f"not measured  {objection}")
        return 0
    if not any(encoder.usable for encoder in found.encoders if encoder.hardware):
        why = next(encoder.reason for encoder in found.encoders if encoder.hardware)
        _say(f"not measured  encoding on this GPU ({found.diagnosis}: {why})")
    stage = await _stage(ffmpeg, folder, seconds, found, fonts)
    return 0 if _compared(stage, rounds) else 1


def missing(found: Capabilities) -> str:
    """Returns what keeps a machine from measuring anything; "" where nothing does."""
    if not found.gpus:
        why = next((one.reason for one in found.encoders if one.hardware and one.reason), "nvidia-smi lists none")
        return f"anything: there is no NVIDIA GPU to be used here ({found.diagnosis}: {why})"
    if not found.decodes("h264"):
        why = next((one.reason for one in found.hardware_decoders if one.codec == "h264"), "it was not tried")
        return f"anything: NVDEC does not decode H.264 here ({why})"
    lacking = sorted({"scale_cuda", "overlay_cuda"} - set(found.filters))
    return f"anything: these filters do not work here: {', '.join(lacking)}" if lacking else ""


async def _stage(ffmpeg: Path, folder: Path, seconds: int, found: Capabilities, fonts: FontBook) -> Stage:
    """Plans captions as for NVENC, whether or not it is here, and draws what the plan wants drawn before."""
    video = media.full_hd(ffmpeg, folder / "in.mp4", seconds=seconds)
    text = media.subtitles(folder / "in.srt", seconds=seconds)
    async with MediaProber() as prober:
        inputs = {
            "video": ProbedInput(path=video, media=await prober.probe(video)),
            "subtitles": ProbedInput(path=text, content=text.read_bytes()),
        }
    encoders = tuple(replace(encoder, usable=True) for encoder in found.encoders)
    plan = make_plan(_CAPTION, OutputSpec(), inputs, replace(found, encoders=encoders), fonts=fonts)
    workdir = folder / "work"
    workdir.mkdir()
    prepare_workdir(plan, workdir)
    runs = RunSeries(
        ffmpeg=ffmpeg,
        folder=workdir,
        env=environment(workdir, ffmpeg_environment(folder / "cuda")),
        on_progress=lambda _: None,
        limits=_LIMITS,
        clock=SystemClock(),
    )
    before, started = _processor_seconds(), time.perf_counter()
    plan = await prepared(plan, runs)
    drawing = Cost(wall=time.perf_counter() - started, cpu=_processor_seconds() - before)
    _say(f"drawn         the captions of {seconds} s before the run: {drawing.wall:.2f} s, {drawing.cpu:.2f} s of CPU")
    return Stage(
        ffmpeg=ffmpeg,
        folder=workdir,
        environment=environment(workdir, dict(os.environ) | ffmpeg_environment(folder / "cuda")),
        reading=reading_of(plan),
        filters=filters_of(plan),
        drawing=drawing,
    )


def reading_of(plan: Plan) -> tuple[str, ...]:
    """Returns the options of a plan that read its video, up to its name."""
    (entry,) = (one for one in plan.inputs if isinstance(one, MediaFile))
    if entry.decoding is not Decoding.GPU_FRAMES:
        raise AssertionError(f"the plan does not keep its frames on the GPU: {entry.decoding}")
    words = ffmpeg_arguments(plan, progress_fd=1)
    first = words.index("-stats_period") + 2
    return tuple(words[first : words.index("-i") + 2])


def filters_of(plan: Plan) -> str:
    """Returns the filters of a plan, as it spells them for FFmpeg."""
    assert isinstance(plan.video, EncodeVideo)
    words = ffmpeg_arguments(plan, progress_fd=1)
    return words[words.index("-vf") + 1]


def usual_way(stage: Stage, captions: str) -> tuple[list[str], str]:
    """Returns how the same is done with libass: NVDEC, download, draw, upload."""
    name = stage.reading[-1]
    return ["-hwaccel", "cuda", "-i", name], f"{captions},format=nv12,hwupload_cuda"


def _compared(stage: Stage, rounds: int) -> bool:
    captions = "ass=filename=captions.ass:fontsdir=fonts"
    reading, filters = usual_way(stage, captions)
    for warm in ((stage.reading, stage.filters), (reading, filters)):
        stage.cost(*warm)
    pairs = [(stage.cost(stage.reading, stage.filters), stage.cost(reading, filters)) for _ in range(rounds)]
    faster = statistics.median(usual.wall / ours.wall for ours, usual in pairs)
    share = statistics.median(ours.cpu / usual.cpu for ours, usual in pairs)
    _say("wall          " + "; ".join(f"{ours.wall:.2f} s against {usual.wall:.2f} s" for ours, usual in pairs))
    _say("CPU           " + "; ".join(f"{ours.cpu:.2f} s against {usual.cpu:.2f} s" for ours, usual in pairs))
    whole = statistics.median(usual.wall / (ours.wall + stage.drawing.wall) for ours, usual in pairs)
    _say(f"with drawing  {whole:.2f}× as fast, when the captions' images count too")
    ssim = _similarity(stage, captions)
    met = [
        _verdict(faster >= _FASTER, f"{faster:.2f}× as fast as NVDEC, download, libass, upload", f"≥ {_FASTER:g}×"),
        _verdict(share <= _CPU_SHARE, f"{share:.0%} of its CPU time", f"≤ {_CPU_SHARE:.0%}"),
        _verdict(ssim >= _LEAST_SSIM, f"SSIM {ssim:.4f} against the CPU's rendering", f"≥ {_LEAST_SSIM:g}"),
    ]
    return all(met)


def _processor_seconds() -> float:
    """Returns what the processes that this one has waited for have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _similarity(stage: Stage, captions: str) -> float:
    length = ["-t", str(_COMPARED_SECONDS)]
    inputs = [*length, *stage.reading, *length, "-i", stage.reading[-1]]
    ours = f"[0:v]{stage.filters},hwdownload,format=yuv420p[ours]"
    graph = f"{ours};[1:v]{captions},format=yuv420p[cpu];[ours][cpu]ssim"
    command = [str(stage.ffmpeg), "-nostdin", "-hide_banner", *inputs, "-lavfi", graph, "-an", "-f", "null", "-"]
    said = subprocess.run(command, check=True, cwd=stage.folder, env=stage.environment, capture_output=True, text=True)
    return float(_SSIM.findall(said.stderr)[-1])


def _verdict(met: bool, figure: str, target: str) -> bool:
    _say(f"{'met           ' if met else 'MISSED        '}{figure} (target {target})")
    return met


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
