"""Several runs that count as one, with a shell script in FFmpeg's place."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from servicekit.clock import SystemClock
from tests.simulators.clock import FakeClock
from worker.errors import FailureReason, TaskFailed
from worker.ffmpeg.progress import FractionTracker, Progress
from worker.ffmpeg.runner import RunLimits
from worker.ffmpeg.series import RunSeries
from worker.ffmpeg.sinks import FileSink, NoSink

LIMITS = RunLimits(run_timeout=timedelta(seconds=100), stall_timeout=timedelta(seconds=300))
WHOLE = "printf 'out_time_us=%d\\nprogress=end\\n' 8000000 > /proc/self/fd/$P"


def series(folder: Path, progress: list[Progress], clock: SystemClock | FakeClock) -> RunSeries:
    return RunSeries(
        ffmpeg=Path("/bin/sh"), folder=folder, env=None, on_progress=progress.append, limits=LIMITS, clock=clock
    )


async def test_runs_share_one_bar_and_one_folder(tmp_path: Path) -> None:
    progress: list[Progress] = []
    runs = series(tmp_path, progress, SystemClock())
    with FileSink(tmp_path / "made") as sink:
        await runs.run(lambda fd: ["-c", f"P={fd}; printf made; {WHOLE}"], sink=sink, share=0.5)
    await runs.run(lambda fd: ["-c", f"P={fd}; test $(cat made) = made && {WHOLE}"], sink=NoSink(), share=0.5)
    await runs.run(lambda fd: ["-c", f"P={fd}; {WHOLE}"], sink=NoSink())
    tracker = FractionTracker(timedelta(seconds=8))
    assert [tracker.update(one) for one in progress] == [0.5, 0.75, 1.0]


async def test_the_time_limit_is_that_of_all_runs(tmp_path: Path) -> None:
    clock = FakeClock()
    runs = series(tmp_path, [], clock)
    await runs.run(lambda fd: ["-c", f"P={fd}; {WHOLE}"], sink=NoSink(), share=0.5)
    await clock.advance(99)
    second = asyncio.create_task(runs.run(lambda _: ["-c", "exec sleep 1000"], sink=NoSink()))
    await clock.wait_for_sleepers()
    await clock.advance(2)
    with pytest.raises(TaskFailed, match="run_timeout") as failed:
        await second
    assert failed.value.reason is FailureReason.RUN_TIMEOUT
