"""An orchestrator for one program: a child process that does the work on this machine and leaves nothing behind."""

import asyncio
import contextlib
import fcntl
import json
import os
import secrets
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from spotreel.channel import API_KEY_VARIABLE
from spotreel.errors import EmbeddedFailed, SpotreelClientError
from spotreel.extras import extra_missing, missing_distributions

# A cold start on a slow disk imports a few hundred modules and makes a database.
_START_TIMEOUT_SECONDS = 60.0
_READY_POLL_SECONDS = 0.05
# The orchestrator ends its workers first, and they their FFmpeg.
_STOP_GRACE_SECONDS = 15.0
_LOG_LINES_SHOWN = 12
_FOLDER_PREFIX = "spotreel-embedded-"
_LOCK_NAME = "lock"
# All other settings of this environment (ledger, storage, keys, certificates) mean a service that outlives us.
_SETTINGS_PASSED_ON = frozenset(
    {
        "SPOTREEL_ALLOWED_NETWORKS",
        "SPOTREEL_FETCH_IDLE_TIMEOUT",
        "SPOTREEL_FFMPEG",
        "SPOTREEL_LOCAL_WORKERS",
        "SPOTREEL_LOCAL_WORKER_SLOTS",
        "SPOTREEL_LOG_LEVEL",
        "SPOTREEL_MAX_INPUT_BYTES",
        "SPOTREEL_MAX_RUN_TIMEOUT",
        "SPOTREEL_STALL_TIMEOUT",
    }
)


class EmbeddedOrchestrator:
    """Runs `python -m orchestrator` for as long as an `async with` block lasts.

    It listens on a free port of the loopback interface, wants a key that only this process has, keeps its data in a
    temporary folder that is removed at the end, and holds a pipe from us as its stdin: when this process dies, however
    it dies, the pipe closes and the orchestrator ends by itself, with its workers.
    Entering raises EmbeddedFailed.
    """

    def __init__(self, *, start_timeout: float = _START_TIMEOUT_SECONDS) -> None:
        """Takes how many seconds the start may take."""
        self.api_key = secrets.token_urlsafe(32)
        self.address = ""
        self._start_timeout = start_timeout
        self._watch: asyncio.Task[SpotreelClientError] | None = None
        self._folder: Path | None = None
        self._lock: IO[bytes] | None = None
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        if missing := missing_distributions("all"):
            raise EmbeddedFailed(
                "Without a server the work is done on this machine, and for that " + extra_missing("all", missing),
                reason="EXTRA_MISSING",
                metadata={"extra": "all", "missing": ", ".join(missing)},
            )
        self._folder = await asyncio.to_thread(_own_folder)
        self._lock = _locked(self._folder)
        try:
            await self._start()
            self._watch = asyncio.create_task(self._watched(), name="watch embedded orchestrator")
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._end()

    @property
    def pid(self) -> int:
        """The process id, and the id of its process group."""
        assert self._process is not None
        return self._process.pid

    @property
    def lost(self) -> "asyncio.Future[SpotreelClientError]":
        """Done, with what to raise, when it has ended although nobody asked it to."""
        assert self._watch is not None
        return self._watch

    @property
    def log_tail(self) -> list[str]:
        """The last lines it logged."""
        with contextlib.suppress(OSError):
            return self._log_path.read_text("utf-8", errors="replace").splitlines()[-_LOG_LINES_SHOWN:]
        return []

    @property
    def _data(self) -> Path:
        assert self._folder is not None
        return self._folder

    @property
    def _log_path(self) -> Path:
        return self._data / "orchestrator.log"

    async def _start(self) -> None:
        ready_file = self._data / "ready.json"
        with self._log_path.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "orchestrator",
                "--listen",
                "127.0.0.1:0",
                "--ready-file",
                str(ready_file),
                "--exit-with-stdin",
                stdin=asyncio.subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=self._environment(),
                # A ctrl-C at the terminal is for us alone: the job is cancelled first, the orchestrator ended after.
                process_group=0,
            )
        try:
            async with asyncio.timeout(self._start_timeout):
                self.address = await self._wait_until_ready(ready_file)
        except TimeoutError as error:
            raise self._failure(f"was not ready after {self._start_timeout:g} s") from error

    def _environment(self) -> dict[str, str]:
        passed_on = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("SPOTREEL_") or name in _SETTINGS_PASSED_ON
        }
        return passed_on | {
            API_KEY_VARIABLE: self.api_key,
            "SPOTREEL_DATA_DIR": str(self._data / "data"),
            "SPOTREEL_LOG_JSON": "false",
            "PYTHONUNBUFFERED": "1",
            # A folder called `orchestrator` where the user happens to stand must not be run in its place.
            "PYTHONSAFEPATH": "1",
        }

    async def _wait_until_ready(self, ready_file: Path) -> str:
        assert self._process is not None
        while self._process.returncode is None:
            with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
                return str(json.loads(ready_file.read_text("utf-8"))["address"])
            await asyncio.sleep(_READY_POLL_SECONDS)
        raise self._failure(f"ended with status {self._process.returncode} before it was ready")

    async def _watched(self) -> SpotreelClientError:
        assert self._process is not None
        return self._failure(f"ended with status {await self._process.wait()} before the work was done")

    def _failure(self, what: str) -> EmbeddedFailed:
        log = "\n".join(f"  {line}" for line in self.log_tail) or "  (nothing)"
        return EmbeddedFailed(f"The embedded orchestrator {what}. Its last words:\n{log}", reason="EMBEDDED_FAILED")

    async def _end(self) -> None:
        ending = asyncio.create_task(self._stop(), name="stop embedded orchestrator")
        try:
            await asyncio.shield(ending)
        except asyncio.CancelledError:
            self._signal(signal.SIGKILL)
            await ending
            raise
        finally:
            if self._lock is not None:
                self._lock.close()
            shutil.rmtree(self._data, ignore_errors=True)

    async def _stop(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
        if self._process is None:
            return
        try:
            self._signal(signal.SIGTERM)
            if self._process.stdin is not None:
                self._process.stdin.close()
            async with asyncio.timeout(_STOP_GRACE_SECONDS):
                await self._process.wait()
        except TimeoutError:
            pass
        finally:
            # Also after a clean exit: whoever is left in its group has no owner any more.
            self._signal(signal.SIGKILL)
        await self._process.wait()

    def _signal(self, number: int) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)


def _own_folder() -> Path:
    """Makes a folder, and removes those whose owner was killed before it could."""
    folder = Path(tempfile.mkdtemp(prefix=_FOLDER_PREFIX))
    for other in folder.parent.glob(f"{_FOLDER_PREFIX}*/{_LOCK_NAME}"):
        with contextlib.suppress(OSError):
            # Who runs holds the lock, also from within a container that shares this folder.
            _locked(other.parent).close()
            shutil.rmtree(other.parent)
    return folder


def _locked(folder: Path) -> IO[bytes]:
    """Raises OSError where somebody else has the lock."""
    lock = (folder / _LOCK_NAME).open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise
    return lock
