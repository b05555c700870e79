"""A real orchestrator with real workers, to be killed at any moment."""

import asyncio
import io
import json
import os
import signal
import struct
import sys
import uuid
import wave
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path

import grpc
from google.protobuf.duration_pb2 import Duration
from spotreel.media.v1 import operation_pb2, output_pb2, source_pb2
from spotreel.orchestrator.v1 import asset_service_pb2, job_pb2, job_service_pb2
from spotreel.orchestrator.v1.asset_service_pb2_grpc import AssetServiceStub
from spotreel.orchestrator.v1.job_service_pb2_grpc import JobServiceStub

from servicekit.checksums import crc32c
from servicekit.detached import ProcessIdentity
from servicekit.ffmpeg import locate_ffmpeg

# For machines that have more to do than these tests.
DEADLINE_SECONDS = 90
Job = job_pb2.Job

# Notes what FFmpeg is asked for, and holds a delivery, or an encode, back while a file says so; where another one says
# so, an encode goes at the speed that it names, so that its output comes bit by bit.
_FFMPEG = """#!/bin/sh
kind=other
case "$*" in *faststart*) kind=deliver;; *frag_keyframe*) kind=encode;; esac
echo $kind >> {folder}/calls
touch {folder}/$kind.seen
while [ -e {folder}/hold-$kind ]; do sleep 0.02; done
pace=
[ -e {folder}/pace-$kind ] && pace="-readrate $(cat {folder}/pace-$kind)"
exec {ffmpeg} $pace "$@"
"""


class Deployment:
    """A data folder, and the orchestrator process that serves it just now."""

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self.environment = dict(environment or {})
        self.data = folder / "data"
        self.folder = folder
        self.process: asyncio.subprocess.Process | None = None
        self.ffmpeg = folder / "ffmpeg"
        self.ffmpeg.write_text(_FFMPEG.format(folder=folder, ffmpeg=locate_ffmpeg()))
        self.ffmpeg.chmod(0o755)
        self.address = ""
        self.metadata: tuple[tuple[str, str], ...] = ()

    async def start(self, *, embedded: bool = False) -> None:
        ready = self.folder / "ready.json"
        ready.unlink(missing_ok=True)
        self.process = await self.spawn("--ready-file", str(ready), embedded=embedded)
        assert self.process.stdout is not None
        async with asyncio.timeout(DEADLINE_SECONDS):
            line = await self.process.stdout.readline()
        assert line.startswith(b"listening on"), line
        self.address = line.decode().split()[-1]

    async def spawn(self, *arguments: str, embedded: bool = False) -> asyncio.subprocess.Process:
        command = ["-P", "-m", "orchestrator", "--listen", "127.0.0.1:0", "--data-dir", str(self.data), *arguments]
        with (self.folder / "log").open("ab") as log:
            return await asyncio.create_subprocess_exec(
                sys.executable,
                *command,
                *(["--exit-with-stdin"] if embedded else []),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env={
                    **os.environ,
                    "SPOTREEL_FFMPEG": str(self.ffmpeg),
                    "SPOTREEL_LOG_LEVEL": "INFO",
                    **self.environment,
                },
            )

    async def end(self, number: signal.Signals) -> int:
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(number)
        async with asyncio.timeout(DEADLINE_SECONDS):
            return await self.process.wait()

    def workers(self) -> list[ProcessIdentity]:
        """The worker processes that this deployment wrote down."""
        files = self.data.glob("instances/*/process.json")
        return [ProcessIdentity(**json.loads(file.read_text())) for file in files]

    def calls(self, kind: str) -> int:
        return (self.folder / "calls").read_text().split().count(kind)

    def hold(self, kind: str) -> Path:
        """Makes FFmpeg wait in calls of this kind while the file that is returned exists."""
        hold = self.folder / f"hold-{kind}"
        hold.touch()
        return hold

    async def held(self, kind: str) -> None:
        await until((self.folder / f"{kind}.seen").exists)

    def pace(self, kind: str, *, speed: int = 1) -> Path:
        """Makes calls of this kind that begin while the file that is returned exists go at a speed.

        At 1 they take as long as their film.
        """
        pace = self.folder / f"pace-{kind}"
        pace.write_text(str(speed))
        return pace

    def log(self) -> str:
        """What all orchestrators of this deployment have logged."""
        return (self.folder / "log").read_text()

    def logged(self, event: str) -> int:
        """How many lines of the log tell of this event."""
        return self.log().count(f'"event": "{event}"')

    async def create_job(self, *, seconds: int = 4, sound: bool = False, width: int = 0) -> str:
        async with self.channel() as channel:
            asset = await _upload(channel, _picture(), self.metadata)
            image = source_pb2.MediaSource(asset=asset)
            still = operation_pb2.ImageToVideo(image=image, duration=Duration(seconds=seconds), frame_rate=10)
            if sound:
                still.audio.asset = await _upload(channel, _sound(seconds), self.metadata)
            video = output_pb2.VideoEncoding(effort=output_pb2.VideoEncoding.EFFORT_FASTEST)
            if width:
                video.size.width = width
            spec = job_pb2.JobSpec(
                operation=operation_pb2.Operation(image_to_video=still), output=output_pb2.OutputSpec(video=video)
            )
            request = job_service_pb2.CreateJobRequest(spec=spec, request_id=str(uuid.uuid4()))
            answer = await JobServiceStub(channel).CreateJob(request, metadata=self.metadata)
            return answer.job.name

    async def reaches(self, name: str, condition: Callable[[Job], bool]) -> Job:
        """Returns the job once the condition holds."""
        async with asyncio.timeout(DEADLINE_SECONDS), self.channel() as channel:
            job = Job()
            watch = JobServiceStub(channel).WatchJob(job_service_pb2.WatchJobRequest(name=name), metadata=self.metadata)
            async for message in watch:
                job = message.job
                if condition(job):
                    return job
        raise AssertionError(f"the job ended otherwise: {job}")

    async def finished(self, name: str) -> Job:
        return await self.reaches(name, lambda job: job.HasField("end_time"))

    def channel(self) -> grpc.aio.Channel:
        return grpc.aio.insecure_channel(self.address)


async def until(condition: Callable[[], bool | Awaitable[bool]], *, pause: float = 0.02) -> None:
    """Returns when the condition holds: for what another process does and tells nobody."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not (holds if isinstance(holds := condition(), bool) else await holds):  # noqa: ASYNC110
            await asyncio.sleep(pause)


@asynccontextmanager
async def deployed(folder: Path) -> AsyncIterator[Deployment]:
    """Gives a deployment that is not started yet; whatever of it runs at the end is killed."""
    deployment = Deployment(folder)
    try:
        yield deployment
    finally:
        for hold in folder.glob("hold-*"):
            hold.unlink()
        if deployment.process is not None:
            await deployment.end(signal.SIGKILL)
        for worker in deployment.workers():
            worker.signal_group(signal.SIGKILL)


async def _upload(channel: grpc.aio.Channel, content: bytes, metadata: tuple[tuple[str, str], ...]) -> str:
    pb = asset_service_pb2

    async def messages() -> AsyncIterator[pb.UploadAssetRequest]:
        digest = sha256(content).digest()
        yield pb.UploadAssetRequest(
            start=pb.UploadAssetRequest.Start(
                upload_id=str(uuid.uuid4()), size_bytes=len(content), sha256=digest, file_name="still.png"
            )
        )
        yield pb.UploadAssetRequest(data=pb.UploadAssetRequest.Data(data=content, crc32c=crc32c(content)))
        yield pb.UploadAssetRequest(finish=pb.UploadAssetRequest.Finish())

    answer = await AssetServiceStub(channel).UploadAsset(messages(), metadata=metadata)
    return answer.asset.name


def _sound(seconds: int) -> bytes:
    """A WAV of a saw tooth."""
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"".join(struct.pack("<h", n * 400 % 16000 - 8000) for n in range(seconds * 8000)))
    return content.getvalue()


def _picture(width: int = 160, height: int = 90) -> bytes:
    """A PNG of coloured stripes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(
        b"\0" + bytes((x * 3 % 256, y * 5 % 256, 90)[i] for x in range(width) for i in range(3)) for y in range(height)
    )
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
