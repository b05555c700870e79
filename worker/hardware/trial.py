"""Runs FFmpeg for no other reason than to see whether something works here, and how fast."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from servicekit.clock import Clock
from worker.ffmpeg.progress import Progress
from worker.ffmpeg.runner import RunLimits, run_ffmpeg


class _Discard:
    def write(self, data: bytes) -> None:
        """Counts as stored; only whether it works is of interest."""


@dataclass(frozen=True, slots=True)
class Trial:
    """When a trial ran, in seconds of the monotonic clock, and the frames it made.

    `frames_before` were made by the time it was first heard to have made any.
    """

    started: float
    first_frames: float
    ended: float
    frames_before: int
    frames: int

    @property
    def frames_per_second(self) -> float:
        """The speed once it runs: opening a GPU takes a second in which nothing is encoded.

        Encoders that look ahead hand out most frames at the end; then the whole run counts, which says a little less
        than they can do.
        """
        running, made = self.ended - self.first_frames, self.frames - self.frames_before
        if made * 2 < self.frames or running <= 0:
            running, made = self.ended - self.started, self.frames
        return made / running if running > 0 else 0.0


async def try_out(
    ffmpeg: Path,
    arguments: Callable[[int], Sequence[str]],
    *,
    folder: Path,
    timeout: timedelta,
    clock: Clock,
    environment: Mapping[str, str] | None = None,
) -> Trial:
    """Runs FFmpeg in a folder, in this process's environment unless another is given; raises TaskFailed.

    `arguments` makes the command line from the number of the descriptor that progress goes to.
    """
    started = clock.monotonic()
    first: list[tuple[float, int]] = []

    def heard(progress: Progress) -> None:
        if progress.frames and not first:
            first.append((clock.monotonic(), progress.frames))

    result = await run_ffmpeg(
        ffmpeg,
        arguments,
        cwd=folder,
        env=environment,
        sink=_Discard(),
        on_progress=heard,
        limits=RunLimits(run_timeout=timeout, stall_timeout=timeout),
        clock=clock,
    )
    ended = clock.monotonic()
    first_frames, frames_before = first[0] if first else (started, 0)
    return Trial(started, first_frames, ended, frames_before, result.progress.frames)


def trial_head(progress_fd: int) -> list[str]:
    """Returns the options that every trial begins with; the log level is that of real runs, as the diagnosis wants."""
    options = ["-nostdin", "-hide_banner", "-nostats", "-loglevel", "level+verbose"]
    return [*options, "-progress", f"pipe:{progress_fd}", "-stats_period", "0.05"]
