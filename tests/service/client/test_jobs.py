"""Jobs over a connection that breaks."""

import asyncio
from pathlib import Path

import grpc
import pytest
from google.rpc import error_details_pb2
from spotreel import errors, operations
from spotreel.client import AsyncClient
from spotreel.media.v1.source_pb2 import MediaSource
from spotreel.orchestrator.v1.job_pb2 import Job, JobFailure, JobSpec
from spotreel.progress import Progress, Step
from spotreel.sync import Client

from tests.simulators.orchestrator import SimulatedOrchestrator

WORK = operations.transcode(MediaSource(uri="https://example.com/a.mp4"))


async def test_a_run_reports_each_step_and_writes_the_verified_output(tmp_path: Path) -> None:
    target, seen = tmp_path / "out.mp4", list[Progress]()
    async with SimulatedOrchestrator(output=b"x" * 200_000) as server, AsyncClient(server.address) as client:
        job = await client.run(WORK, to=target, on_progress=seen.append, labels={"team": "news"})

    assert job.state == Job.STATE_SUCCEEDED
    assert job.spec.labels == {"team": "news"}
    assert target.read_bytes() == b"x" * 200_000
    assert list(dict.fromkeys(progress.step for progress in seen)) == [
        Step.WAITING,
        Step.FETCHING_INPUT,
        Step.ENCODING,
        Step.DONE,
        Step.DOWNLOADING,
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


@pytest.mark.parametrize(
    ("fault", "after"), [("cut_watch", 0), ("cut_watch", 1), ("end_watch_early", 1), ("too_many_requests", 0)]
)
async def test_a_watch_goes_on_where_it_broke(fault: str, after: int) -> None:
    async with SimulatedOrchestrator() as server, AsyncClient(server.address) as client:
        knob = getattr(server.faults, fault)
        knob.arm(times=2, after=after)
        job = await client.create_job(JobSpec(operation=WORK))
        states = [change.state async for change in client.watch_job(job.name)]

    assert states == [Job.STATE_QUEUED, Job.STATE_RUNNING, Job.STATE_RUNNING, Job.STATE_SUCCEEDED]
    assert knob.fired == 2


async def test_a_server_that_falls_silent_is_asked_again() -> None:
    async with SimulatedOrchestrator() as server, AsyncClient(server.address, heartbeat_seconds=0.05) as client:
        server.faults.silent_watch.arm(after=2)
        job = await client.run(WORK)

    assert job.state == Job.STATE_SUCCEEDED
    assert server.faults.silent_watch.fired == 1
    assert server.calls["WatchJob"] == 2


async def test_unary_calls_are_tried_again_and_create_one_job() -> None:
    async with SimulatedOrchestrator() as server, AsyncClient(server.address) as client:
        server.faults.unavailable.arm(times=2)
        await client.create_job(JobSpec(operation=WORK))

    assert server.faults.unavailable.fired == 2
    assert len(server.jobs) == 1


async def test_pages_are_fetched_until_the_last() -> None:
    async with SimulatedOrchestrator() as server, AsyncClient(server.address) as client:
        for number in range(5):
            server.finish(f"jobs/job-{number}")
        names = [job.name async for job in client.list_jobs(states=[Job.STATE_SUCCEEDED])]

    assert names == [f"jobs/job-{number}" for number in (4, 3, 2, 1, 0)]
    assert server.calls["ListJobs"] == 3


async def test_a_failed_job_brings_its_reason() -> None:
    async with SimulatedOrchestrator() as server, AsyncClient(server.address) as client:
        server.failure = JobFailure(reason="ENCODE_FAILED", message="FFmpeg gave up.", ffmpeg_log_tail="moov not found")
        with pytest.raises(errors.JobFailed, match="FFmpeg gave up") as caught:
            await client.run(WORK)

    assert caught.value.reason == "ENCODE_FAILED"
    assert caught.value.ffmpeg_log_tail == "moov not found"


async def test_a_refused_request_names_each_field() -> None:
    violation = error_details_pb2.BadRequest.FieldViolation(field="spec.priority", description="must be at most 100")
    async with SimulatedOrchestrator() as server, AsyncClient(server.address) as client:
        server.rejection = (
            grpc.StatusCode.INVALID_ARGUMENT,
            "The request is wrong.",
            [error_details_pb2.BadRequest(field_violations=[violation])],
        )
        with pytest.raises(errors.InvalidRequest) as caught:
            await client.run(WORK)

    assert caught.value.violations == (errors.FieldViolation("spec.priority", "must be at most 100"),)
    assert caught.value.request_id == "request-1"


async def test_a_wrong_key_is_said_and_not_shown() -> None:
    async with (
        SimulatedOrchestrator(api_key="right") as server,
        AsyncClient(server.address, api_key="wrong-key") as client,
    ):
        with pytest.raises(errors.Unauthenticated) as caught:
            await client.get_job("jobs/any")

    assert caught.value.reason == "API_KEY_INVALID"
    assert "wrong-key" not in str(caught.value)


async def test_a_server_that_is_not_there_is_named() -> None:
    async with SimulatedOrchestrator() as server:
        pass
    async with AsyncClient(server.address) as client:
        with pytest.raises(errors.ServerUnavailable, match=server.address):
            await client.get_job("jobs/any")


async def test_a_cancelled_run_cancels_the_job_and_waits_for_its_end() -> None:
    seen = list[Progress]()
    async with SimulatedOrchestrator(hangs=True) as server, AsyncClient(server.address) as client:
        encoding = asyncio.Event()

        def on_progress(progress: Progress) -> None:
            seen.append(progress)
            if progress.step is Step.ENCODING:
                encoding.set()

        run = asyncio.create_task(client.run(WORK, on_progress=on_progress), name="run")
        async with asyncio.timeout(10):
            await encoding.wait()
            run.cancel()
            with pytest.raises(asyncio.CancelledError):
                await run
        assert server.only_job.current.state == Job.STATE_CANCELLED

    assert seen[-1].job is not None
    assert seen[-1].job.state == Job.STATE_CANCELLED


async def test_a_job_that_another_cancels_is_told_apart_from_failure() -> None:
    async with SimulatedOrchestrator(hangs=True) as server, AsyncClient(server.address) as client:
        job = await client.create_job(JobSpec(operation=WORK))
        await client.cancel_job(job.name)
        with pytest.raises(errors.JobCancelled):
            await client.run(JobSpec(operation=WORK), request_id=server.requests[job.name].request_id)


async def test_the_blocking_client_does_the_same(tmp_path: Path) -> None:
    source = tmp_path / "a.mp4"
    source.write_bytes(b"input")

    def work(address: str) -> list[str]:
        with Client(address) as client:
            job = client.transcode(source, to=tmp_path / "out.mp4")
            client.delete_job(job.name)
            return [change.name for change in client.list_jobs()]

    async with SimulatedOrchestrator() as server:
        assert await asyncio.to_thread(work, server.address) == []

    assert (tmp_path / "out.mp4").read_bytes() == server.output
