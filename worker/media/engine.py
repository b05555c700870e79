"""The media engine: plan, run, verify, with all that they need from the machine put together."""

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from servicekit.clock import Clock
from servicekit.media.operations import Operation
from servicekit.media.outputs import OutputSpec
from servicekit.media_info import MediaInfo
from servicekit.probe import MediaProber
from worker.ffmpeg.progress import Progress
from worker.ffmpeg.runner import OutputSink, RunLimits, RunResult, run_ffmpeg
from worker.fonts.book import FontBook
from worker.hardware.capabilities import Capabilities
from worker.media.arguments import ffmpeg_arguments
from worker.media.inputs import probe_inputs
from worker.media.plan import Plan
from worker.media.planner import make_plan
from worker.media.verify import verify_output
from worker.media.workdir import environment, prepare_workdir

# FFmpeg and the producer see nothing of the worker's environment that they do not need; tokens stay here.
_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "CUDA_CACHE_PATH")


class MediaEngine:
    """Makes outputs of operations; keeps no state, so that any number of tasks may use it at once."""

    def __init__(
        self, *, ffmpeg: Path, capabilities: Capabilities, fonts: FontBook, prober: MediaProber, clock: Clock
    ) -> None:
        self._ffmpeg = ffmpeg
        self._capabilities = capabilities
        self._fonts = fonts
        self._prober = prober
        self._clock = clock

    async def plan(self, operation: Operation, output: OutputSpec, paths: Mapping[str, Path]) -> Plan:
        """Looks at the inputs, by role, and decides what is to happen; raises TaskFailed as `make_plan` does."""
        inputs = await probe_inputs(paths, self._prober)
        return make_plan(operation, output, inputs, self._capabilities, fonts=self._fonts)

    async def run(
        self,
        plan: Plan,
        *,
        workdir: Path,
        sink: OutputSink,
        on_progress: Callable[[Progress], None],
        limits: RunLimits,
    ) -> RunResult:
        """Writes the append-only output to the sink; `workdir` is an existing private folder that the caller deletes.

        Raises TaskFailed; see `run_ffmpeg` for what holds afterwards.
        """
        prepare_workdir(plan, workdir)
        inherited = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        producer = None
        if plan.producer is not None:
            # -P keeps the working folder off the module path.
            producer = [sys.executable, "-P", "-m", "worker.media.zoom", plan.producer.to_json()]
        return await run_ffmpeg(
            self._ffmpeg,
            lambda progress_fd: ffmpeg_arguments(plan, progress_fd=progress_fd),
            cwd=workdir,
            env=environment(workdir, inherited),
            sink=sink,
            on_progress=on_progress,
            limits=limits,
            clock=self._clock,
            producer=producer,
        )

    async def verify(self, plan: Plan, path: Path, result: RunResult | None = None) -> MediaInfo:
        """Returns what the output at `path` holds; raises TaskFailed(OUTPUT_INVALID) where it is not as planned.

        Without the run's `result` the length of a Matroska or WebM output is not checked.
        """
        reached = result.progress.media_time if result is not None else None
        return await verify_output(path, plan.expected, self._prober, media_time=reached)
