"""One run of FFmpeg, from start to proven end: output to a sink, progress to a callback, watched over."""

import asyncio
import contextlib
import errno
import fcntl
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from servicekit.clock import Clock
from servicekit.confined import Bounds, confined
from servicekit.process import DEVNULL, ChildProcess, resident_bytes
from worker.errors import FailureReason, TaskFailed
from worker.ffmpeg.diagnosis import diagnose, log_tail
from worker.ffmpeg.progress import Progress, ProgressParser

_PIPE_BYTES = 1 << 20
_READ_BYTES = 1 << 20
_WATCH_SECONDS = 0.5
# What FFmpeg gets to end by itself when it is no longer wanted; nothing of its output is kept.
_GRACE_SECONDS = 0.5
_PYTHON_NEEDS = ("PATH", "PYTHONPATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH")
_FULL_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class OutputSink(Protocol):
    """Where output goes, in order. Called from a thread; may block; OSError ends the run."""

    def write(self, data: bytes) -> None:
        """Appends the data; ENOSPC and EDQUOT become DISK_FULL."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLimits:
    """How long a run may take, and how long it may go on without progress in media time or output.

    `memory_bytes` is what its processes may hold in memory together; None sets no bound.
    """

    run_timeout: timedelta
    stall_timeout: timedelta
    memory_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """A run that ended well."""

    progress: Progress
    output_bytes: int
    elapsed: timedelta
    log: tuple[str, ...]


async def run_ffmpeg(
    ffmpeg: Path,
    arguments: Callable[[int], Sequence[str]],
    *,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    sink: OutputSink,
    on_progress: Callable[[Progress], None],
    limits: RunLimits,
    clock: Clock,
    producer: Sequence[str] | None = None,
    bounds: Bounds | None = None,
    producer_bounds: Bounds | None = None,
) -> RunResult:
    """Runs FFmpeg until it has written everything to the sink, or raises TaskFailed.

    `arguments` makes the command line from the number of the descriptor that progress goes to. `producer` is a
    command whose standard output becomes FFmpeg's standard input. `on_progress` is called on the loop. With `bounds`
    the processes may do no more than these say.
    However this ends (also by cancellation), no process is left and the sink is not written to any more.
    """
    run = _Run(sink=sink, on_progress=on_progress, limits=limits, clock=clock)
    command = _Command(
        ffmpeg=ffmpeg,
        arguments=arguments,
        cwd=cwd,
        env=env,
        producer=producer,
        bounds=bounds,
        producer_bounds=producer_bounds,
    )
    failures: list[TaskFailed] = []
    try:
        return await run.complete(command)
    except* TaskFailed as group:
        failures.extend(failure for failure in group.exceptions if isinstance(failure, TaskFailed))
    raise failures[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Command:
    ffmpeg: Path
    arguments: Callable[[int], Sequence[str]]
    cwd: Path
    env: Mapping[str, str] | None
    producer: Sequence[str] | None
    bounds: Bounds | None
    producer_bounds: Bounds | None


class _Run:
    def __init__(
        self, *, sink: OutputSink, on_progress: Callable[[Progress], None], limits: RunLimits, clock: Clock
    ) -> None:
        self._sink = sink
        self._on_progress = on_progress
        self._limits = limits
        self._clock = clock
        self._parser = ProgressParser()
        self._started = clock.monotonic()
        self._written = 0

    async def complete(self, command: _Command) -> RunResult:
        async with AsyncExitStack() as stack:
            output, output_end = stack.enter_context(_pipe())
            progress, progress_end = stack.enter_context(_pipe())
            frames, frames_end = stack.enter_context(_pipe())
            # Entered before the processes, so that it is left after them, when nothing can write any more.
            pumped = await stack.enter_async_context(self._pumping(output, output_end))
            encoder = ChildProcess(
                _within(command.bounds, [str(command.ffmpeg), *command.arguments(progress_end.number)]),
                stdin=frames.number if command.producer else DEVNULL,
                stdout=output_end.number,
                pass_fds=(progress_end.number,),
                cwd=command.cwd,
                env=command.env,
                grace=_GRACE_SECONDS,
            )
            producer = None
            if command.producer:
                producer = ChildProcess(
                    _within(command.producer_bounds, command.producer),
                    stdout=frames_end.number,
                    cwd=command.cwd,
                    env=_python_environment(),
                    grace=0,
                )
                await stack.enter_async_context(producer)
            await stack.enter_async_context(encoder)
            for end in (output_end, progress_end, frames, frames_end):
                end.close()
            with self._following(progress.number):
                await self._supervised(encoder, producer, pumped)
            return RunResult(
                progress=self._parser.latest,
                output_bytes=self._written,
                elapsed=timedelta(seconds=self._clock.monotonic() - self._started),
                log=tuple(log_tail(encoder.stderr_lines)),
            )

    async def _supervised(
        self, encoder: ChildProcess, producer: ChildProcess | None, pumped: asyncio.Future[None]
    ) -> None:
        async with asyncio.TaskGroup() as tasks:
            processes = [process for process in (encoder, producer) if process is not None]
            watch = tasks.create_task(self._watch(processes), name="watch FFmpeg")
            status = await encoder.wait()
            await _output_stored(pumped, encoder)
            if producer is not None:
                await _refuse_failed_producer(producer)
            failure = diagnose(status, encoder.stderr_lines)
            if failure is not None:
                raise failure
            watch.cancel()

    @contextlib.asynccontextmanager
    async def _pumping(self, output: "_PipeEnd", output_end: "_PipeEnd") -> AsyncIterator[asyncio.Future[None]]:
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="ffmpeg-output") as executor:
            pumped = asyncio.get_running_loop().run_in_executor(executor, self._pump, output)
            try:
                yield pumped
            finally:
                # Still open where a process could not be started.
                output_end.close()
                await asyncio.wait([pumped])

    def _pump(self, output: "_PipeEnd") -> None:
        try:
            while data := os.read(output.number, _READ_BYTES):
                self._sink.write(data)
                self._written += len(data)
        finally:
            # FFmpeg notices at its next write, so that a full disk ends it at once.
            output.close()

    @contextlib.contextmanager
    def _following(self, descriptor: int) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        os.set_blocking(descriptor, False)
        loop.add_reader(descriptor, self._read_progress, descriptor)
        try:
            yield
            self._read_progress(descriptor)
        finally:
            loop.remove_reader(descriptor)

    def _read_progress(self, descriptor: int) -> None:
        try:
            data = os.read(descriptor, _READ_BYTES)
        except BlockingIOError:
            return
        if not data:
            asyncio.get_running_loop().remove_reader(descriptor)
        progress = self._parser.feed(data)
        if progress is not None:
            self._on_progress(progress)

    async def _watch(self, processes: Sequence[ChildProcess]) -> None:
        """Growth of either media time or output counts as life: a long first group of pictures gives no bytes, and a
        copy may give no media time."""
        seen = (timedelta(), 0)
        last_growth = self._clock.monotonic()
        while True:
            await self._clock.sleep(_WATCH_SECONDS)
            # Also when nothing is new: whoever shows a speed has to hear of a stall.
            self._on_progress(self._parser.latest)
            self._refuse_excess_of_memory(processes)
            now = self._clock.monotonic()
            current = (self._parser.latest.media_time, self._written)
            if current != seen:
                seen, last_growth = current, now
            if now - last_growth >= self._limits.stall_timeout.total_seconds():
                raise _stalled(self._limits.stall_timeout, current[0])
            if now - self._started >= self._limits.run_timeout.total_seconds():
                raise _timed_out(current[0])

    def _refuse_excess_of_memory(self, processes: Sequence[ChildProcess]) -> None:
        limit = self._limits.memory_bytes
        taken = sum(resident_bytes(process.pid) for process in processes)
        if limit is not None and taken > limit:
            message = (
                f"The work took {taken >> 20} MiB of memory, more than the {limit >> 20} MiB that a task has here."
            )
            metadata = {"cause": "MEMORY", "memory_bytes": str(limit)}
            raise TaskFailed(FailureReason.ENCODE_FAILED, message, metadata=metadata)


def _within(bounds: Bounds | None, command: Sequence[str]) -> Sequence[str]:
    return command if bounds is None else confined(command, bounds)


def _python_environment() -> dict[str, str]:
    """What a Python of ours needs: no key and no token."""
    return {name: os.environ[name] for name in _PYTHON_NEEDS if name in os.environ}


async def _output_stored(pumped: asyncio.Future[None], encoder: ChildProcess) -> None:
    with stored(lambda: log_tail(encoder.stderr_lines)):
        await pumped


@contextlib.contextmanager
def stored(log: Callable[[], Sequence[str]] = tuple) -> Iterator[None]:
    """Turns an OSError of writing output into TaskFailed: DISK_FULL, or INTERNAL with what FFmpeg said."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL_DISK:
            raise TaskFailed(FailureReason.DISK_FULL, "The disk of the worker is full.") from error
        message = f"The output could not be stored: {error.strerror}."
        raise TaskFailed(FailureReason.INTERNAL, message, log_tail=log()) from error


async def _refuse_failed_producer(producer: ChildProcess) -> None:
    """A producer says on its last line what was wrong with the image; any other death is one of the program."""
    status = await producer.wait()
    if status == 0:
        return
    lines = producer.stderr_lines
    mark = f"{FailureReason.INPUT_INVALID}: "
    if lines and lines[-1].startswith(mark):
        raise TaskFailed(FailureReason.INPUT_INVALID, lines[-1].removeprefix(mark))
    message = f"The image could not be made into frames (exit status {status})."
    raise TaskFailed(FailureReason.ENCODE_FAILED, message, log_tail=log_tail(lines))


def _stalled(after: timedelta, media_time: timedelta) -> TaskFailed:
    message = (
        f"FFmpeg made no progress for {after.total_seconds():g} s, at {media_time.total_seconds():.1f} s of the output."
    )
    return TaskFailed(FailureReason.STALLED, message)


def _timed_out(media_time: timedelta) -> TaskFailed:
    message = (
        f"The work was not done within its run_timeout; it had reached {media_time.total_seconds():.1f} s of the "
        "output. Allow it more time, or less effort."
    )
    return TaskFailed(FailureReason.RUN_TIMEOUT, message)


class _PipeEnd:
    """A descriptor that is closed once, however often it is asked to: its number soon belongs to somebody else."""

    def __init__(self, number: int) -> None:
        self.number = number
        self._closed = False

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            os.close(self.number)


@contextlib.contextmanager
def _pipe() -> Iterator[tuple[_PipeEnd, _PipeEnd]]:
    reading, writing = (_PipeEnd(number) for number in os.pipe())
    with contextlib.suppress(OSError):
        fcntl.fcntl(writing.number, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    try:
        yield reading, writing
    finally:
        reading.close()
        writing.close()
