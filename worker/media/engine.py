"""The media engine: plan, run, verify, with all that they need from the machine put together."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import structlog

from servicekit.clock import Clock
from servicekit.media.operations import Operation, Thumbnails
from servicekit.media.outputs import OutputSpec
from servicekit.media_info import MediaInfo
from servicekit.probe import MediaProber
from worker.errors import FailureReason, TaskFailed
from worker.ffmpeg.environment import ffmpeg_environment
from worker.ffmpeg.progress import Progress
from worker.ffmpeg.runner import OutputSink, RunLimits, RunResult
from worker.ffmpeg.series import RunSeries
from worker.fonts.book import FontBook
from worker.hardware.capabilities import Capabilities
from worker.media.arguments import ffmpeg_arguments
from worker.media.bounds import ffmpeg_bounds, memory_of_a_task, producer_bounds
from worker.media.gpu import without_gpu
from worker.media.inputs import probe_inputs, probe_pace
from worker.media.part import WHOLE, Part
from worker.media.picture_taking import take_pictures
from worker.media.plan import Plan
from worker.media.planner import make_plan
from worker.media.preparations import prepared
from worker.media.thumbnails import PicturesPlan, thumbnails_plan
from worker.media.verify import verify_output, verify_pictures
from worker.media.workdir import environment, prepare_workdir

# What a GPU that fails may look like; nothing else gets better on the CPU.
_GPU_FAULTS = frozenset({FailureReason.ENCODER_UNAVAILABLE, FailureReason.ENCODE_FAILED, FailureReason.INPUT_INVALID})


class MediaEngine:
    """Makes outputs of operations; keeps no state, so that any number of tasks may use it at once."""

    def __init__(
        self,
        *,
        ffmpeg: Path,
        capabilities: Capabilities,
        fonts: FontBook,
        prober: MediaProber,
        clock: Clock,
        cuda_cache: Path | None = None,
        any_file: bool = False,
    ) -> None:
        """Takes where NVIDIA's driver keeps compiled filters, as `ffmpeg_environment` does.

        `any_file` lets FFmpeg open whatever the worker can, which some need to start (`can_be_confined`).
        """
        self._ffmpeg = ffmpeg
        self._capabilities = capabilities
        self._fonts = fonts
        self._prober = prober
        self._clock = clock
        self._cuda_cache = cuda_cache
        self._any_file = any_file

    async def plan(
        self, operation: Operation, output: OutputSpec, paths: Mapping[str, Path], part: Part = WHOLE
    ) -> Plan | PicturesPlan:
        """Looks at the inputs, by role, and decides what is to happen to make that part of the output.

        Raises TaskFailed as `make_plan` does.
        """
        inputs = await probe_inputs(operation, paths, self._prober)
        if isinstance(operation, Thumbnails):
            if part != WHOLE:
                raise TaskFailed(FailureReason.INPUT_INVALID, "Pictures of a video are made at once, not in parts.")
            pace = await probe_pace(inputs["video"], self._prober)
            return thumbnails_plan(operation, inputs, pace, self._capabilities)
        return make_plan(operation, output, inputs, self._capabilities, fonts=self._fonts, part=part)

    async def run(
        self,
        plan: Plan | PicturesPlan,
        *,
        workdir: Path,
        sink: OutputSink,
        on_progress: Callable[[Progress], None],
        limits: RunLimits,
    ) -> RunResult:
        """Writes the append-only output to the sink; `workdir` is an existing private folder that the caller deletes.

        Where the GPU's way fails before anything was written, decoder and filters of the CPU take over.
        Raises TaskFailed; see `run_ffmpeg` for what holds afterwards.
        """
        begin = plan.begin if isinstance(plan, Plan) else timedelta()
        bounds = ffmpeg_bounds(
            plan,
            ffmpeg=self._ffmpeg,
            workdir=workdir,
            limits=limits,
            cores=self._capabilities.cpu_count,
            any_file=self._any_file,
        )
        runs = RunSeries(
            ffmpeg=self._ffmpeg,
            folder=workdir,
            env=environment(workdir, ffmpeg_environment(self._cuda_cache)),
            on_progress=lambda progress: on_progress(_since(begin, progress)),
            limits=replace(limits, memory_bytes=memory_of_a_task(self._capabilities)),
            clock=self._clock,
            bounds=bounds,
            producer_bounds=producer_bounds(plan, bounds),
        )
        if not isinstance(plan, Plan):
            return await take_pictures(plan, runs, sink)
        prepare_workdir(plan, workdir)
        if plan.cpu_video is None:
            return await _made(plan, runs, sink)
        counted = _CountedSink(sink)
        try:
            return await _made(plan, runs, counted)
        except TaskFailed as failure:
            # What has been written may have been read: then the same output cannot be begun anew.
            if counted.written or failure.reason not in _GPU_FAULTS:
                raise
            structlog.get_logger().warning(
                "gpu_plan_failed",
                diagnosis=failure.metadata.get("diagnosis", ""),
                detail=failure.message,
                log_tail=failure.log_tail,
            )
        return await _made(without_gpu(plan), runs, sink)

    async def verify(self, plan: Plan | PicturesPlan, path: Path, result: RunResult | None = None) -> MediaInfo:
        """Returns what the output at `path` holds; raises TaskFailed(OUTPUT_INVALID) where it is not as planned.

        Without the run's `result` the length of a Matroska or WebM output is not checked.
        """
        if not isinstance(plan, Plan):
            return await verify_pictures(path, plan.form, self._prober)
        reached = _since(plan.begin, result.progress).media_time if result is not None else None
        return await verify_output(path, plan.expected, self._prober, media_time=reached)


class _CountedSink:
    """Counts what goes through it."""

    def __init__(self, sink: OutputSink) -> None:
        self._sink = sink
        self.written = 0

    def write(self, data: bytes) -> None:
        self._sink.write(data)
        self.written += len(data)


async def _made(plan: Plan, runs: RunSeries, sink: OutputSink) -> RunResult:
    plan = await prepared(plan, runs)
    producer = None
    if plan.producer is not None:
        # -P keeps the working folder off the module path.
        producer = [sys.executable, "-P", "-m", "worker.media.zoom", plan.producer.to_json()]
    return await runs.run(
        lambda progress_fd: ffmpeg_arguments(plan, progress_fd=progress_fd), sink=sink, producer=producer
    )


def _since(begin: timedelta, progress: Progress) -> Progress:
    """Counts from where the part begins; FFmpeg tells the time of the output."""
    return replace(progress, media_time=max(progress.media_time - begin, timedelta())) if begin else progress
