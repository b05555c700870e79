"""The scenarios of docs/errors.md about limits, machines and the queue."""

import asyncio
import json
import signal
from collections.abc import Callable
from pathlib import Path

from google.protobuf.duration_pb2 import Duration
from spotreel.media.v1.operation_pb2 import Caption, ImageToVideo, Operation
from spotreel.media.v1.output_pb2 import OutputSpec, VideoEncoding
from spotreel.media.v1.source_pb2 import MediaSource
from spotreel.orchestrator.v1.job_pb2 import JobLimits, JobSpec

from servicekit.detached import ProcessIdentity
from tests.e2e.errors_page.lab import Lab, Seen
from tests.e2e.errors_page.scenarios import SCENARIOS, scenario
from tests.simulators import fake_ffmpeg
from tests.simulators.file_server import Faults, FileServer, Served

# Complete with the scenarios of this module.
__all__ = ["SCENARIOS"]

_ONE_SECOND = Duration(seconds=1)
_EVENT_SECONDS = 20


async def _until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(_EVENT_SECONDS):
        while not condition():  # noqa: ASYNC110 - another process does it and tells nobody
            await asyncio.sleep(0.02)


def _silent() -> FileServer:
    """An address whose file never comes, so that a job stays with its worker."""
    return FileServer(Served(content=b"x" * 10_000, faults=Faults(silent_after=10)))


def _endless(server: FileServer, limits: JobLimits | None = None) -> JobSpec:
    source = MediaSource(uri=server.url())
    operation = Operation(caption=Caption(video=source, subtitles=source))
    return JobSpec(operation=operation, limits=limits)


@scenario
async def job_run_timeout(lab: Lab) -> Seen:
    picture = lab.make("still.png", "-f", "lavfi", "-i", "testsrc2=size=640x360:duration=1", "-frames:v", "1")
    async with lab.client() as client:
        film = ImageToVideo(image=await client.source(picture), duration=Duration(seconds=3600))
        spec = JobSpec(operation=Operation(image_to_video=film), limits=JobLimits(run_timeout=_ONE_SECOND))
        return await lab.seen(client.run(spec))


@scenario
async def job_queue_timeout(lab: Lab) -> Seen:
    environment = {"SPOTREEL_LOCAL_WORKER_SLOTS": "1"}
    async with _silent() as server, lab.alone(environment) as own, own.client() as client:
        await client.create_job(_endless(server))
        await _until(lambda: server.acted.get("silent_after"))
        return await own.seen(client.run(_endless(server, JobLimits(queue_timeout=_ONE_SECOND))))


@scenario
async def job_stalled(lab: Lab) -> Seen:
    program = fake_ffmpeg.install(lab.folder, film=lab.video("film.mp4"), steps=[{"emit": 100}, {"hang": True}])
    environment = {"SPOTREEL_FFMPEG": str(program), "SPOTREEL_STALL_TIMEOUT": "1"}
    async with lab.alone(environment) as own:
        result = await own.caption(lab.video(), limits=JobLimits(max_attempts=1))
    assert any("hang" in step for step in fake_ffmpeg.done(program))
    return result


@scenario
async def job_instance_lost(lab: Lab) -> Seen:
    async with _silent() as server, lab.alone() as own, own.client() as client, asyncio.TaskGroup() as group:
        job = group.create_task(own.seen(client.run(_endless(server, JobLimits(max_attempts=1)))), name="job")
        await _until(lambda: server.acted.get("silent_after"))
        (worker,) = _workers(own.data)
        worker.signal_group(signal.SIGKILL)
        return await job


def _workers(data: Path) -> list[ProcessIdentity]:
    return [ProcessIdentity(**json.loads(file.read_text())) for file in data.glob("instances/*/process.json")]


@scenario
async def job_no_hardware(lab: Lab) -> Seen:
    # A machine with NVENC would do the work; this FFmpeg knows of none.
    program = fake_ffmpeg.install(lab.folder, film=lab.video("film.mp4"), steps=[])
    async with lab.alone({"SPOTREEL_FFMPEG": str(program)}) as own, own.client() as client:
        captions = Caption(video=await client.source(lab.video()), subtitles=await client.source(lab.text()))
        video = VideoEncoding(encoder_policy=VideoEncoding.ENCODER_POLICY_HARDWARE_ONLY)
        spec = JobSpec(
            operation=Operation(caption=captions),
            output=OutputSpec(video=video),
            limits=JobLimits(max_attempts=1),
        )
        return await own.seen(client.run(spec))


@scenario
async def call_queue_full(lab: Lab) -> Seen:
    environment = {"SPOTREEL_MAX_QUEUED_JOBS": "1", "SPOTREEL_LOCAL_WORKERS": "0"}
    async with _silent() as server, lab.alone(environment, patience=0.1) as own, own.client() as client:
        await client.create_job(_endless(server))
        return await own.seen(client.create_job(_endless(server)))
