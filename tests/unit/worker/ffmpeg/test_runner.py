"""The life of one run, with a shell script in FFmpeg's place."""

import asyncio
import errno
import os
from datetime import timedelta
from pathlib import Path

import pytest

from servicekit.clock import SystemClock
from tests.simulators.clock import FakeClock
from worker.errors import FailureReason, TaskFailed
from worker.ffmpeg.progress import Progress
from worker.ffmpeg.runner import RunLimits, RunResult, run_ffmpeg

LIMITS = RunLimits(run_timeout=timedelta(seconds=100), stall_timeout=timedelta(seconds=30))


class Sink:
    """Keeps what is written; fails after `space` bytes."""

    def __init__(self, space: int | None = None) -> None:
        self.data = b""
        self.full = False
        self._space = space

    def write(self, data: bytes) -> None:
        if self._space is not None and len(self.data) + len(data) > self._space:
            self.full = True
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.data += data


class Shell:
    """Runs a script; `$P` is the descriptor for progress, `pid` its own file for the process id."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sink = Sink()
        self.progress: list[Progress] = []
        self.reported = asyncio.Event()
        self.producer: list[str] | None = None

    async def run(self, script: str, clock: SystemClock | FakeClock, limits: RunLimits = LIMITS) -> RunResult:
        return await run_ffmpeg(
            Path("/bin/sh"),
            lambda progress_fd: ["-c", f"P={progress_fd}; echo $$ > pid; {script}"],
            cwd=self.folder,
            sink=self.sink,
            on_progress=self._note,
            limits=limits,
            clock=clock,
            producer=self.producer,
        )

    def _note(self, progress: Progress) -> None:
        self.progress.append(progress)
        self.reported.set()

    def process_is_gone(self) -> bool:
        return not Path(f"/proc/{(self.folder / 'pid').read_text().strip()}").exists()


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


async def test_output_and_progress_arrive_whole(shell: Shell) -> None:
    script = "head -c 3000000 /dev/zero; printf 'frame=7\\nprogress=end\\n' > /proc/self/fd/$P; echo '[info] bye' >&2"
    result = await shell.run(script, SystemClock())
    assert result.output_bytes == len(shell.sink.data) == 3_000_000
    assert result.progress.frames == shell.progress[-1].frames == 7
    assert result.log[-1] == "[info] bye"


async def test_failure_is_diagnosed(shell: Shell) -> None:
    with pytest.raises(TaskFailed, match="no index") as failed:
        await shell.run("echo 'moov atom not found' >&2; exit 1", SystemClock())
    assert failed.value.reason is FailureReason.INPUT_INVALID
    assert failed.value.log_tail == "moov atom not found"


async def test_a_full_disk_ends_the_run(shell: Shell) -> None:
    shell.sink = Sink(space=1_000_000)
    with pytest.raises(TaskFailed) as failed:
        await shell.run("cat /dev/zero", SystemClock())
    assert shell.sink.full
    assert failed.value.reason is FailureReason.DISK_FULL
    assert shell.process_is_gone()


async def test_no_growth_is_a_stall(shell: Shell, clock: FakeClock) -> None:
    script = "printf 'out_time_us=1500000\\nprogress=continue\\n' > /proc/self/fd/$P; exec sleep 1000"
    run = asyncio.create_task(shell.run(script, clock))
    await shell.reported.wait()
    await clock.advance(25)
    assert not run.done()
    await clock.advance(10)
    with pytest.raises(TaskFailed, match=r"no progress for 30 s, at 1\.5 s") as failed:
        await run
    assert failed.value.reason is FailureReason.STALLED
    assert shell.process_is_gone()


async def test_growth_alone_does_not_outlast_the_run_timeout(shell: Shell) -> None:
    limits = RunLimits(run_timeout=timedelta(seconds=0.6), stall_timeout=timedelta(seconds=30))
    with pytest.raises(TaskFailed, match="run_timeout") as failed:
        await shell.run("while :; do echo x; sleep 0.05; done", SystemClock(), limits)
    assert failed.value.reason is FailureReason.RUN_TIMEOUT
    assert shell.process_is_gone()


async def test_cancellation_leaves_no_process_and_no_writer(shell: Shell) -> None:
    script = "trap '' TERM; printf 'frame=1\\nprogress=continue\\n' > /proc/self/fd/$P; while :; do echo y; done"
    run = asyncio.create_task(shell.run(script, SystemClock()))
    await shell.reported.wait()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert shell.process_is_gone()
    before = len(shell.sink.data)
    await asyncio.sleep(0)
    assert len(shell.sink.data) == before


async def test_a_producer_feeds_standard_input(shell: Shell) -> None:
    shell.producer = ["/bin/sh", "-c", "head -c 2000000 /dev/zero"]
    assert (await shell.run("cat", SystemClock())).output_bytes == 2_000_000


async def test_what_the_producer_says_of_the_image_is_the_reason(shell: Shell) -> None:
    shell.producer = ["/bin/sh", "-c", "echo 'INPUT_INVALID: The image is broken.' >&2; exit 1"]
    with pytest.raises(TaskFailed, match=r"The image is broken\.") as failed:
        await shell.run("cat; echo 'Invalid data found when processing input' >&2; exit 1", SystemClock())
    assert failed.value.reason is FailureReason.INPUT_INVALID


async def test_no_descriptor_is_left_open(shell: Shell) -> None:
    await shell.run("echo x", SystemClock())
    before = len(list(Path("/proc/self/fd").iterdir()))
    await shell.run("echo x", SystemClock())
    assert len(list(Path("/proc/self/fd").iterdir())) == before
