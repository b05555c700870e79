"""Several runs of FFmpeg that make one output: one folder, one time limit, one progress bar."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from servicekit.clock import Clock
from servicekit.confined import Bounds
from worker.ffmpeg.progress import Progress
from worker.ffmpeg.runner import OutputSink, RunLimits, RunResult, run_ffmpeg


class RunSeries:
    """Runs FFmpeg one time after the other in `folder`; the limits are those of the whole."""

    def __init__(
        self,
        *,
        ffmpeg: Path,
        folder: Path,
        env: Mapping[str, str] | None,
        on_progress: Callable[[Progress], None],
        limits: RunLimits,
        clock: Clock,
        bounds: Bounds | None = None,
        producer_bounds: Bounds | None = None,
    ) -> None:
        """Starts the clock that `run_timeout` is measured by."""
        self.folder = folder
        self._ffmpeg = ffmpeg
        self._env = env
        self._on_progress = on_progress
        self._limits = limits
        self._clock = clock
        self._bounds = bounds
        self._producer_bounds = producer_bounds
        self._started = clock.monotonic()
        self._done = 0.0

    @property
    def elapsed(self) -> timedelta:
        """How long it has taken so far."""
        return timedelta(seconds=self._clock.monotonic() - self._started)

    async def run(
        self,
        arguments: Callable[[int], Sequence[str]],
        *,
        sink: OutputSink,
        share: float = 1.0,
        producer: Sequence[str] | None = None,
    ) -> RunResult:
        """Does one run, which is that share of the work that is left; raises as `run_ffmpeg` does."""
        done, part = self._done, (1 - self._done) * share
        spent = self.elapsed
        result = await run_ffmpeg(
            self._ffmpeg,
            arguments,
            cwd=self.folder,
            env=self._env,
            sink=sink,
            on_progress=lambda progress: self._on_progress(replace(progress, done=done, share=part)),
            limits=replace(self._limits, run_timeout=max(self._limits.run_timeout - spent, timedelta())),
            clock=self._clock,
            producer=producer,
            bounds=self._bounds,
            producer_bounds=self._producer_bounds,
        )
        self._done = done + part
        return result
