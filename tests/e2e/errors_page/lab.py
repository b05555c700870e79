"""What the scenarios of docs/errors.md share: a running service, a client, a folder, and FFmpeg to make inputs."""

import asyncio
import contextlib
import json
import os
import resource
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from spotreel import AsyncClient
from spotreel import errors as client_errors
from spotreel.orchestrator.v1.job_pb2 import Job, JobLimits

REPOSITORY = Path(__file__).parents[3]
SRT = "1\n00:00:00,100 --> 00:00:00,900\nHello, world\n"
SERVICE_SECONDS = 30

_STATUSES: Mapping[type[client_errors.SpotreelClientError], str] = {
    client_errors.Aborted: "ABORTED",
    client_errors.AlreadyExists: "ALREADY_EXISTS",
    client_errors.InvalidRequest: "INVALID_ARGUMENT",
    client_errors.NotFound: "NOT_FOUND",
    client_errors.OffsetOutOfRange: "OUT_OF_RANGE",
    client_errors.PreconditionFailed: "FAILED_PRECONDITION",
    client_errors.ResourceExhausted: "RESOURCE_EXHAUSTED",
    client_errors.ServerUnavailable: "UNAVAILABLE",
    client_errors.Unauthenticated: "UNAUTHENTICATED",
    client_errors.Unimplemented: "UNIMPLEMENTED",
}


@dataclass(frozen=True, slots=True)
class Seen:
    """What a user met: the outcome as the page writes it, and the words."""

    outcome: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """One scenario's own folder at the service that they all use."""

    address: str
    api_key: str
    data: Path
    folder: Path
    ffmpeg: Path
    patience: float = 20.0

    def client(self, *, api_key: str | None = None) -> AsyncClient:
        """A client of the service; with another key if one is given."""
        key = self.api_key if api_key is None else api_key
        return AsyncClient(self.address, api_key=key, tls=False, patience=self.patience)

    @contextlib.asynccontextmanager
    async def alone(
        self, environment: Mapping[str, str] | None = None, *, largest_file: int | None = None, patience: float = 20.0
    ) -> AsyncIterator[Self]:
        """The same folder with a service of its own; settings as for `service`."""
        async with service(self.folder, environment, largest_file=largest_file) as (address, key):
            yield replace(self, address=address, api_key=key, data=self.folder / "data", patience=patience)

    def make(self, name: str, *arguments: str) -> Path:
        """A file made by FFmpeg."""
        path = self.folder / name
        command = [str(self.ffmpeg), "-nostdin", "-loglevel", "error", "-y", *arguments, f"file:{path}"]
        subprocess.run(command, check=True, timeout=30)
        return path

    def video(self, name: str = "in.mp4", *options: str, size: str = "320x240", sound: str = "sine=d=1") -> Path:
        """A video of one second, with a tone unless `sound` is empty; `options` go to its encoder."""
        source = ["-f", "lavfi", "-i", f"testsrc2=size={size}:rate=10:duration=1"]
        source += ["-f", "lavfi", "-i", sound, "-c:a", "aac"] if sound else []
        options = options or ("-pix_fmt", "yuv420p")
        return self.make(name, *source, "-c:v", "libx264", "-preset", "ultrafast", *options)

    def text(self, name: str = "captions.srt", content: str | bytes = SRT) -> Path:
        """A file of that content."""
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    async def caption(
        self, video: Path | str, subtitles: Path | str | None = None, *, limits: JobLimits | None = None
    ) -> Seen:
        """Caption a video and tell what became of it."""
        async with self.client() as client:
            return await seen(client.caption(video, subtitles or self.text(), limits=limits or JobLimits()))

    async def seen(self, call: Awaitable[object]) -> Seen:
        """Await a client's call; one that is refused must not have made a job."""
        async with self.client() as client:
            before = [job.name async for job in client.list_jobs()]
            result = await seen(call)
            if not result.outcome.startswith(("SUCCEEDED", "FAILED (")):
                assert [job.name async for job in client.list_jobs()] == before
        return result

    async def command(self, *arguments: str, environment: Mapping[str, str] | None = None) -> Seen:
        """Run `spotreel …` against the service and tell how it ended."""
        added = {"SPOTREEL_SERVER": self.address, "SPOTREEL_API_KEY": self.api_key, **(environment or {})}
        return await ended(["-m", "spotreel.cli", *arguments], added, cwd=self.folder)


async def seen(call: Awaitable[object]) -> Seen:
    """Await a client's call and put its outcome as the page does."""
    try:
        result = await call
    except client_errors.JobFailed as failed:
        return Seen(f"FAILED ({failed.reason})", failed.message)
    except client_errors.SpotreelClientError as error:
        return Seen(f"{_STATUSES[type(error)]} ({error.reason})", error.message)
    assert isinstance(result, Job)
    return Seen(Job.State.Name(result.state).removeprefix("STATE_"), _streams(result))


def _streams(job: Job) -> str:
    streams = job.output.media_info.streams
    video = [f"{one.codec} {one.width}x{one.height} {one.pixel_format}" for one in streams if one.width]
    return ", ".join([*video, *(f"{one.codec} {one.channels}" for one in streams if one.channels)])


async def ended(arguments: Sequence[str], environment: Mapping[str, str], *, cwd: Path) -> Seen:
    """Run a Python program of ours to its end and put its outcome as the page does."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        cwd=cwd,
        env={**os.environ, **environment},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(SERVICE_SECONDS):
            _, stderr = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    return Seen(f"exit {process.returncode}", stderr.decode())


@contextlib.asynccontextmanager
async def service(
    folder: Path, environment: Mapping[str, str] | None = None, *, largest_file: int | None = None
) -> AsyncIterator[tuple[str, str]]:
    """A whole service of its own: yields its address and key. `largest_file` in bytes stands for a full disk."""
    key = secrets.token_hex(16)
    ready = folder / "ready.json"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *["-m", "orchestrator", "--listen", "127.0.0.1:0", "--ready-file", str(ready), "--exit-with-stdin"],
        cwd=REPOSITORY,
        env={
            **os.environ,
            "SPOTREEL_API_KEY": key,
            "SPOTREEL_DATA_DIR": str(folder / "data"),
            "SPOTREEL_ALLOWED_NETWORKS": "127.0.0.0/8",
            **(environment or {}),
        },
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        preexec_fn=_limit(largest_file) if largest_file else None,
    )
    try:
        async with asyncio.timeout(SERVICE_SECONDS):
            while not ready.exists():
                assert process.returncode is None, "the orchestrator ended before it was ready"
                await asyncio.sleep(0.02)
        yield json.loads(ready.read_text())["address"], key
    finally:
        if process.returncode is None:
            process.terminate()
        async with asyncio.timeout(SERVICE_SECONDS):
            await process.wait()


def _limit(size: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
