"""Runs FFmpeg for no other reason than to see whether something works here."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from servicekit.clock import Clock
from worker.ffmpeg.progress import Progress
from worker.ffmpeg.runner import RunLimits, run_ffmpeg


class _Discard:
    def write(self, data: bytes) -> None:
        """Counts as stored; only whether it works is of interest."""


async def try_out(
    ffmpeg: Path,
    arguments: Callable[[int], Sequence[str]],
    *,
    folder: Path,
    timeout: timedelta,
    clock: Clock,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Runs FFmpeg in a folder, in this process's environment unless another is given; raises TaskFailed.

    `arguments` makes the command line from the number of the descriptor that progress goes to.
    """
    await run_ffmpeg(
        ffmpeg,
        arguments,
        cwd=folder,
        env=environment,
        sink=_Discard(),
        on_progress=_ignore,
        limits=RunLimits(run_timeout=timeout, stall_timeout=timeout),
        clock=clock,
    )


def trial_head(progress_fd: int) -> list[str]:
    """Returns the options that every trial begins with; the log level is that of real runs, as the diagnosis wants."""
    return ["-nostdin", "-hide_banner", "-nostats", "-loglevel", "level+verbose", "-progress", f"pipe:{progress_fd}"]


def _ignore(progress: Progress) -> None:
    """A trial of a few frames has no progress worth telling."""
