"""The service under measurement: a real orchestrator process with its local worker, and what they take of memory."""

import asyncio
import contextlib
import json
import os
import secrets
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_START_SECONDS = 60
_STOP_SECONDS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """Where the service listens, the key it wants, and the process id of the orchestrator."""

    address: str
    api_key: str
    pid: int

    def processes(self) -> dict[str, int]:
        """The ids of the service's own processes by role: the orchestrator, its worker, and each one's prober."""
        found = {"orchestrator": self.pid}
        for pid, command in _descendants(self.pid):
            if "-m worker" in command:
                found["worker"] = pid
        return found

    def encoders(self) -> list[int]:
        """The process ids of the FFmpegs that the worker runs now."""
        return [pid for pid, command in _descendants(self.pid) if "ffmpeg" in command and "pipe:1" in command]


@contextlib.asynccontextmanager
async def running_service(folder: Path, environment: Mapping[str, str] | None = None) -> AsyncIterator[Service]:
    """Start an orchestrator on a free port with its data in `folder`, and end it and its worker afterwards."""
    folder.mkdir(exist_ok=True)
    ready = folder / "ready.json"
    ready.unlink(missing_ok=True)
    key = secrets.token_urlsafe(16)
    arguments = ["-m", "orchestrator", "--listen", "127.0.0.1:0", "--ready-file", str(ready), "--exit-with-stdin"]
    with (folder / "service.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=log,
            stderr=log,
            env={
                **os.environ,
                "SPOTREEL_API_KEY": key,
                "SPOTREEL_DATA_DIR": str(folder / "data"),
                **(environment or {}),
            },
        )
    try:
        async with asyncio.timeout(_START_SECONDS):
            address = await _address(ready, process)
        yield Service(address=address, api_key=key, pid=process.pid)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(_STOP_SECONDS):
            await process.wait()


async def _address(ready: Path, process: asyncio.subprocess.Process) -> str:
    while process.returncode is None:
        with contextlib.suppress(OSError, ValueError):
            return str(json.loads(ready.read_text())["address"])
        await asyncio.sleep(0.02)
    raise RuntimeError(f"the orchestrator ended with {process.returncode}")


def _descendants(pid: int) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                command = Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ").decode()
                found += [(int(child), command), *_descendants(int(child))]
    return found


def resident_bytes(pid: int, *, peak: bool = False) -> int:
    """The resident memory of a process in bytes, or its highest since `forget_peak`."""
    wanted = "VmHWM:" if peak else "VmRSS:"
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(wanted):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"process {pid} has no {wanted}")


def forget_peak(pid: int) -> None:
    """Start the highest resident memory anew (proc(5), clear_refs)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
