"""Child processes with an owner: the only module that starts programs.

Each child leads a process group of its own, so that it and everything it started can be ended together. It also dies
when its parent is killed outright, and however much it writes to stderr, only the last 64 KiB are kept.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
from asyncio.subprocess import DEVNULL, PIPE, Process, SubprocessStreamProtocol
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from servicekit.errors import FailedPrecondition

__all__ = ["DEVNULL", "PIPE", "ChildProcess", "query", "resident_bytes"]

_STDERR_TAIL_BYTES = 64 * 1024
_STDOUT_LIMIT_BYTES = 256 * 1024
# A line without an end is handed out in pieces of this size; the longest useful lines seen are far shorter.
_LINE_LIMIT_BYTES = 16 * 1024
# SIGKILL cannot be refused; what is waited for is the kernel. Longer than that means a zombie nobody reaps.
_KILL_WAIT_SECONDS = 2.0
# What a grandchild may keep stderr open after the child's exit before the tail counts as complete.
_STDERR_CLOSE_SECONDS = 1.0
_GROUP_POLL_SECONDS = 0.01
# A parent that was killed before the child had asked for the signal sends none: the child then sees another parent.
# Seen on a busy machine: the kill came within the millisecond that the start takes, and the child lived on.
_EXEC_UNLESS_ORPHAN = '[ "$PPID" = "$0" ] && exec "$@"'


class ChildProcess:
    """One running program, owned by an `async with`: when the block is left its whole process group is gone.

    Enter it on the main thread's loop: the kernel's parent-death signal is tied to the thread that started the child.
    `on_stderr_line` is called on the loop for each line (ended by \\n or \\r) and must not block.
    Entering raises FailedPrecondition (PROGRAM_NOT_FOUND) where there is no such program.
    """

    def __init__(
        self,
        command: Sequence[str | os.PathLike[str]],
        *,
        stdin: int = DEVNULL,
        stdout: int = DEVNULL,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        pass_fds: Sequence[int] = (),
        die_with_parent: bool = True,
        grace: float = 5.0,
        on_stderr_line: Callable[[str], None] | None = None,
    ) -> None:
        """Takes `grace`: seconds between SIGTERM and SIGKILL when the block is left."""
        self._command = [os.fspath(part) for part in command]
        self._stdin = stdin
        self._stdout = stdout
        self._env = None if env is None else dict(env)
        self._cwd = cwd
        self._pass_fds = tuple(pass_fds)
        self._die_with_parent = die_with_parent
        self._grace = grace
        self._stderr = _StderrTail(on_stderr_line)
        self._transport: asyncio.SubprocessTransport | None = None
        self._protocol: _ChildProtocol | None = None
        self._process: Process | None = None
        self._group_empty = False

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        transport, protocol = await loop.subprocess_exec(
            lambda: _ChildProtocol(self._stderr, loop),
            *self._complete_command(),
            stdin=self._stdin,
            stdout=self._stdout,
            stderr=PIPE,
            env=self._env,
            cwd=self._cwd,
            pass_fds=self._pass_fds,
            process_group=0,
        )
        self._transport, self._protocol = transport, protocol
        self._process = Process(transport, protocol, loop)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        ending = asyncio.create_task(self._end(), name=f"end process {self.pid}")
        try:
            await asyncio.shield(ending)
        except asyncio.CancelledError:
            # No more patience, but the group still has to be gone before anybody goes on.
            self._signal_group(signal.SIGKILL)
            await ending
            raise

    @property
    def pid(self) -> int:
        """The process id, and the id of its group."""
        return self._started.pid

    @property
    def returncode(self) -> int | None:
        """The exit status, negative for a signal, None while it runs."""
        return self._started.returncode

    @property
    def stdin(self) -> asyncio.StreamWriter:
        """Where to write; only with `stdin=PIPE`."""
        if self._started.stdin is None:
            raise RuntimeError("the process was started without stdin=PIPE")
        return self._started.stdin

    @property
    def stdout(self) -> asyncio.StreamReader:
        """Where to read; only with `stdout=PIPE`. Unread output stops the process once the pipe is full."""
        if self._started.stdout is None:
            raise RuntimeError("the process was started without stdout=PIPE")
        return self._started.stdout

    @property
    def stderr_lines(self) -> list[str]:
        """The last lines written to stderr, at most 64 KiB, undecodable bytes replaced."""
        return self._stderr.lines()

    async def wait(self) -> int:
        """Waits for the program's own exit, without ending anything, and returns its status (negative: a signal)."""
        assert self._protocol is not None
        await self._protocol.exited.wait()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_STDERR_CLOSE_SECONDS):
                await self._protocol.stderr_closed.wait()
        status = self.returncode
        assert status is not None
        return status

    async def stop(self, grace: float) -> int:
        """Ends the whole group: SIGTERM, at most `grace` seconds, SIGKILL. Returns the exit status; may be repeated."""
        try:
            if self._signal_group(signal.SIGTERM):
                await self._wait_for_group(grace)
        finally:
            self._signal_group(signal.SIGKILL)
        await self._wait_for_group(_KILL_WAIT_SECONDS)
        return await self.wait()

    async def _end(self) -> None:
        await self.stop(self._grace)
        assert self._transport is not None
        # A descendant that left the group may hold the pipes; without this they would stay open as long as it lives.
        self._transport.close()

    @property
    def _started(self) -> Process:
        if self._process is None:
            raise RuntimeError("the process was not started: use it with `async with`")
        return self._process

    def _complete_command(self) -> list[str]:
        program = self._command[0]
        search = (self._env or os.environ).get("PATH")
        found = shutil.which(program, path=search)
        if found is None:
            raise _program_not_found(program)
        complete = [str(Path(found).absolute()), *self._command[1:]]
        setpriv = shutil.which("setpriv") if self._die_with_parent else None
        if setpriv is None:
            return complete
        return [setpriv, "--pdeathsig", "KILL", "--", "/bin/sh", "-c", _EXEC_UNLESS_ORPHAN, str(os.getpid()), *complete]

    def _signal_group(self, number: int) -> bool:
        """Returns whether the group still had a member. Once empty it is not asked again: its id may be reused."""
        if not self._group_empty:
            try:
                os.killpg(self.pid, number)
            except (ProcessLookupError, PermissionError):
                # macOS answers EPERM for a group of zombies.
                self._group_empty = True
        return not self._group_empty

    async def _wait_for_group(self, seconds: float) -> None:
        assert self._protocol is not None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._protocol.exited.wait()
                while self._signal_group(0):  # noqa: ASYNC110 - the kernel tells nobody when a group is empty
                    await asyncio.sleep(_GROUP_POLL_SECONDS)


def query(command: Sequence[str | os.PathLike[str]], *, timeout: float = 10.0) -> str:
    """Runs a program that only answers a question, such as `ffmpeg -version`, blocking; returns its stdout.

    Whatever its exit status. Raises FailedPrecondition (PROGRAM_NOT_FOUND, PROGRAM_FAILED) where it cannot be run or
    takes more than `timeout` seconds.
    """
    program = os.fspath(command[0])
    try:
        done = subprocess.run(
            command, stdin=DEVNULL, capture_output=True, timeout=timeout, check=False, process_group=0
        )
    except FileNotFoundError as error:
        raise _program_not_found(program) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise FailedPrecondition(
            f"{program} could not be run: {error}.",
            reason="PROGRAM_FAILED",
            subject=program,
            metadata={"program": program},
        ) from error
    return done.stdout.decode(errors="replace")


def resident_bytes(pid: int) -> int:
    """Returns how much memory a process holds; 0 where it is gone, or the system does not tell."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _program_not_found(program: str) -> FailedPrecondition:
    return FailedPrecondition(
        f"There is no program {program!r} that could be started; install it, or set its full path.",
        reason="PROGRAM_NOT_FOUND",
        subject=program,
        metadata={"program": program},
    )


class _ChildProtocol(SubprocessStreamProtocol):
    """Tells the child's own exit from the end of its pipes, which a grandchild may keep open for ever."""

    def __init__(self, stderr: "_StderrTail", loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(limit=_STDOUT_LIMIT_BYTES, loop=loop)
        self._tail = stderr
        self.exited = asyncio.Event()
        self.stderr_closed = asyncio.Event()

    def pipe_data_received(self, fd: int, data: bytes | str) -> None:
        if fd == 2:
            assert isinstance(data, bytes)
            self._tail.feed(data)
        else:
            super().pipe_data_received(fd, data)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        if fd == 2:
            self._tail.finish()
            self.stderr_closed.set()
        super().pipe_connection_lost(fd, exc)

    def process_exited(self) -> None:
        self.exited.set()
        super().process_exited()


class _StderrTail:
    """Keeps the last bytes, and cuts what passes into lines only if somebody listens."""

    def __init__(self, on_line: Callable[[str], None] | None) -> None:
        self._on_line = on_line
        self._tail = bytearray()
        self._truncated = False
        self._partial = b""

    def feed(self, data: bytes) -> None:
        self._tail += data
        if len(self._tail) > 2 * _STDERR_TAIL_BYTES:
            del self._tail[:-_STDERR_TAIL_BYTES]
            self._truncated = True
        if self._on_line is not None:
            *lines, rest = (self._partial + data).replace(b"\r", b"\n").split(b"\n")
            self._partial = rest if len(rest) < _LINE_LIMIT_BYTES else b""
            self._hand_out(lines if self._partial else [*lines, rest])

    def finish(self) -> None:
        if self._partial:
            self._hand_out([self._partial])
            self._partial = b""

    def lines(self) -> list[str]:
        kept = bytes(self._tail[-_STDERR_TAIL_BYTES:])
        lines = kept.replace(b"\r", b"\n").split(b"\n")
        if self._truncated or len(kept) < len(self._tail):
            lines = lines[1:] or lines
        return [line.decode(errors="replace") for line in lines if line]

    def _hand_out(self, lines: Sequence[bytes]) -> None:
        if self._on_line is not None:
            for line in filter(None, lines):
                self._on_line(line.decode(errors="replace"))
