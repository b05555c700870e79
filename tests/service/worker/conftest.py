"""A whole worker in this process, with the real server and a scripted FFmpeg, and somebody who calls it."""

import hashlib
import ipaddress
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from spotreel.media.v1 import operation_pb2, source_pb2
from spotreel.worker.v1 import task_pb2
from spotreel.worker.v1 import worker_service_pb2 as messages
from spotreel.worker.v1.worker_service_pb2_grpc import WorkerServiceStub

from servicekit.checksums import crc32c
from servicekit.clock import SystemClock
from servicekit.ffmpeg import locate_ffmpeg
from servicekit.process import query
from tests.simulators import fake_ffmpeg
from worker.main import serving
from worker.settings import WorkerSettings

if TYPE_CHECKING:
    # Exists in the stubs only.
    from spotreel.worker.v1.worker_service_pb2_grpc import WorkerServiceAsyncStub

SUBTITLES = b"1\n00:00:00,000 --> 00:00:00,900\nHello\n"
FILM_SECONDS = 1.0
WELL: list[dict[str, Any]] = [{"progress": 0.5}, {"rest": True}, {"progress": FILM_SECONDS}]


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One second of H.264, 160x120, without sound: an input, and at once what a run on it should give."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    source = f"testsrc2=size=160x120:rate=25:duration={FILM_SECONDS}"
    encoding = ["-c:v", "libx264", "-b:v", "2M", "-pix_fmt", "yuv420p", "-movflags", "+frag_keyframe+empty_moov"]
    query([locate_ffmpeg(), "-nostdin", "-loglevel", "error", "-f", "lavfi", "-i", source, *encoding, path], timeout=40)
    return path


@dataclass
class Caller:
    """Calls a worker."""

    stub: "WorkerServiceAsyncStub"
    ffmpeg: Path
    work_dir: Path
    film: bytes

    def script(self, *steps: dict[str, Any]) -> None:
        fake_ffmpeg.rewrite(self.ffmpeg, list(steps))

    def done(self) -> list[dict[str, Any]]:
        return fake_ffmpeg.done(self.ffmpeg)

    def open_gate(self, name: str) -> None:
        self.ffmpeg.with_name(name).touch()

    async def upload(self, content: bytes, *, offset: int = 0, until: int | None = None) -> str:
        """Sends content from an offset on; with `until` the stream breaks off there."""
        asset = asset_of(content)

        async def parts() -> AsyncIterator[messages.UploadTaskInputRequest]:
            start = messages.UploadTaskInputRequest.Start(asset=asset, size_bytes=len(content), write_offset=offset)
            yield messages.UploadTaskInputRequest(start=start)
            data = content[offset:until]
            part = messages.UploadTaskInputRequest.Data(offset=offset, data=data, crc32c=crc32c(data))
            yield messages.UploadTaskInputRequest(data=part)
            if until is None:
                yield messages.UploadTaskInputRequest(finish=messages.UploadTaskInputRequest.Finish())

        await self.stub.UploadTaskInput(parts())
        return asset

    async def request(self, task_id: str = "task-1", **limits: Any) -> messages.StartTaskRequest:
        """Uploads a film and subtitles and returns the request to caption it."""
        return messages.StartTaskRequest(
            task_id=task_id,
            operation=operation_pb2.Operation(
                caption=operation_pb2.Caption(
                    video=source_pb2.MediaSource(asset=await self.upload(self.film)),
                    subtitles=source_pb2.MediaSource(asset=await self.upload(SUBTITLES)),
                )
            ),
            limits=task_pb2.TaskLimits(**limits),
        )

    async def start(self, task_id: str = "task-1", **limits: Any) -> str:
        """Starts a caption task and returns its name."""
        answer = await self.stub.StartTask(await self.request(task_id, **limits))
        return answer.task.name

    async def end(self, name: str) -> task_pb2.Task:
        """Follows a task to its end."""
        task = task_pb2.Task()
        async for message in self.stub.WatchTask(messages.WatchTaskRequest(name=name)):
            task = message.task
        return task

    async def reach(self, name: str, state: "task_pb2.Task.State.ValueType") -> task_pb2.Task:
        """Follows a task until it is in that state."""
        async for message in self.stub.WatchTask(messages.WatchTaskRequest(name=name)):
            if message.task.state == state:
                return message.task
        raise AssertionError("the task ended in another state")

    def leftovers(self, room: str) -> list[str]:
        """Names what lies in `tasks`, `inputs` or `outputs` of the worker's folder."""
        (own,) = self.work_dir.glob("worker-*")
        return sorted(path.name for path in (own / room).iterdir())


@asynccontextmanager
async def calling(ffmpeg: Path, film: Path, work_dir: Path) -> AsyncIterator[Caller]:
    """Runs a worker with that FFmpeg and one slot."""
    settings = WorkerSettings(
        listen="127.0.0.1:0",
        work_dir=work_dir,
        cache_dir=work_dir,
        ffmpeg=ffmpeg,
        slots=1,
        shutdown_grace=1,
        allowed_networks=(ipaddress.IPv4Network("127.0.0.0/8"),),
    )
    async with (
        serving(settings, clock=SystemClock(), on_silence=lambda: None) as server,
        grpc.aio.insecure_channel(server.address) as channel,
    ):
        yield Caller(stub=WorkerServiceStub(channel), ffmpeg=ffmpeg, work_dir=work_dir, film=film.read_bytes())


@pytest.fixture
async def caller(tmp_path: Path, film: Path) -> AsyncIterator[Caller]:
    ffmpeg = fake_ffmpeg.install(tmp_path, film=film, steps=WELL)
    async with calling(ffmpeg, film, tmp_path / "work") as caller:
        yield caller


def asset_of(content: bytes) -> str:
    return f"assets/{hashlib.sha256(content).hexdigest()}"


def reason_of(error: grpc.aio.AioRpcError) -> str:
    """Returns code and reason of a rich status, as in `NOT_FOUND TASK_NOT_FOUND`."""
    details = dict(error.trailing_metadata())["grpc-status-details-bin"]
    assert isinstance(details, bytes)
    info = error_details_pb2.ErrorInfo()
    assert status_pb2.Status.FromString(details).details[0].Unpack(info)
    return f"{error.code().name} {info.reason}"
