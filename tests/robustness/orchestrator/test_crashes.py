"""kill -9 at any moment: no job is lost, and no work is done twice where its worker survived."""

import asyncio
import contextlib
import signal
from functools import partial

import pytest

from tests.robustness.deployment import Deployment, Job, until


def has_at_home(job: Job, *, least: int) -> bool:
    return job.progress.output_bytes >= least


async def test_killed_before_the_worker_started_anything(deployment: Deployment) -> None:
    await deployment.start()
    name = await deployment.create_job()
    await deployment.end(signal.SIGKILL)
    await deployment.start()
    job = await deployment.finished(name)

    assert job.state == Job.STATE_SUCCEEDED
    assert len(job.attempts) == 1
    assert deployment.calls("encode") == 1


async def test_killed_while_encoding(deployment: Deployment) -> None:
    hold = deployment.hold("encode")
    await deployment.start()
    name = await deployment.create_job()
    await deployment.held("encode")
    workers = deployment.workers()
    await deployment.end(signal.SIGKILL)
    assert all(worker.running for worker in workers)
    hold.unlink()
    await deployment.start()
    job = await deployment.finished(name)

    assert job.state == Job.STATE_SUCCEEDED
    assert len(job.attempts) == 1
    assert deployment.calls("encode") == 1
    assert deployment.workers() == workers


async def test_an_orderly_end_takes_idle_workers_along_and_leaves_those_at_work(deployment: Deployment) -> None:
    hold = deployment.hold("encode")
    await deployment.start()
    name = await deployment.create_job()
    await deployment.held("encode")
    (worker,) = deployment.workers()
    assert await deployment.end(signal.SIGTERM) == 0
    assert worker.running
    hold.unlink()
    await deployment.start()
    job = await deployment.finished(name)
    assert (job.state, len(job.attempts)) == (Job.STATE_SUCCEEDED, 1)
    assert deployment.workers() == [worker]
    assert await deployment.end(signal.SIGTERM) == 0
    assert not worker.running
    assert deployment.workers() == []


async def test_killed_while_output_comes_home(deployment: Deployment) -> None:
    await deployment.start()
    name = await deployment.create_job(seconds=20)
    await deployment.reaches(name, lambda job: job.progress.output_bytes > 0)
    await deployment.end(signal.SIGKILL)
    await deployment.start()
    job = await deployment.finished(name)

    assert job.state == Job.STATE_SUCCEEDED
    assert len(job.attempts) == 1
    assert deployment.calls("encode") == 1


async def test_killed_in_the_middle_of_the_delivery(deployment: Deployment) -> None:
    hold = deployment.hold("deliver")
    await deployment.start()
    name = await deployment.create_job()
    await deployment.held("deliver")
    await deployment.end(signal.SIGKILL)
    hold.unlink()
    await deployment.start()
    job = await deployment.finished(name)

    assert job.state == Job.STATE_SUCCEEDED
    assert len(job.attempts) == 1
    assert deployment.calls("encode") == 1
    assert deployment.calls("deliver") == 2
    await until(lambda: not list(deployment.data.glob("spool/*")))


async def test_delivery_needs_no_worker(deployment: Deployment) -> None:
    hold = deployment.hold("deliver")
    await deployment.start()
    name = await deployment.create_job()
    await deployment.held("deliver")
    await deployment.end(signal.SIGKILL)
    for worker in deployment.workers():
        worker.signal_group(signal.SIGKILL)
    hold.unlink()
    await deployment.start()
    job = await deployment.finished(name)

    assert job.state == Job.STATE_SUCCEEDED
    assert len(job.attempts) == 1
    assert deployment.calls("encode") == 1


async def test_killed_worker_costs_one_attempt(deployment: Deployment) -> None:
    hold = deployment.hold("encode")
    await deployment.start()
    name = await deployment.create_job()
    await deployment.held("encode")
    (worker,) = deployment.workers()
    worker.signal_group(signal.SIGKILL)
    hold.unlink()
    job = await deployment.finished(name)

    assert job.state == Job.STATE_SUCCEEDED
    assert [attempt.failure.reason for attempt in job.attempts] == ["INSTANCE_LOST", ""]
    assert worker not in deployment.workers()


async def test_second_orchestrator_on_the_same_data_is_refused(deployment: Deployment) -> None:
    await deployment.start()
    second = await deployment.spawn()
    async with asyncio.timeout(20):
        assert await second.wait() == 1
    # The first one goes on logging into the same file.
    assert any(line.startswith("error:") for line in (deployment.folder / "log").read_text().splitlines())


async def test_terminated_server_leaves_the_task_to_be_found_again(deployment: Deployment) -> None:
    hold = deployment.hold("encode")
    await deployment.start()
    name = await deployment.create_job()
    await deployment.held("encode")
    assert await deployment.end(signal.SIGTERM) == 0
    hold.unlink()
    await deployment.start()
    job = await deployment.finished(name)

    assert job.state == Job.STATE_SUCCEEDED
    assert len(job.attempts) == 1
    assert deployment.calls("encode") == 1


async def test_embedded_leaves_no_process_behind(deployment: Deployment) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        hold = deployment.hold("encode")
        await deployment.start(embedded=True)
        await deployment.create_job()
        await deployment.held("encode")
        workers = [worker for worker in deployment.workers() if worker.running]
        assert workers
        await deployment.end(number)
        await until(lambda: not any(worker.running for worker in workers))  # noqa: B023
        hold.unlink()
        (deployment.folder / "encode.seen").unlink()


@pytest.mark.slow
async def test_killed_again_and_again(deployment: Deployment) -> None:
    await deployment.start()
    names = [await deployment.create_job(seconds=3) for _ in range(4)]
    # Moments that fall into start-up, encoding and delivery on any machine.
    for number in range(8):
        reached = partial(has_at_home, least=number * 30_000)
        with contextlib.suppress(AssertionError):
            await deployment.reaches(names[number // 2], reached)
        await deployment.end(signal.SIGKILL)
        await deployment.start()
    jobs = [await deployment.finished(name) for name in names]

    assert {job.state for job in jobs} == {Job.STATE_SUCCEEDED}
    assert [len(job.attempts) for job in jobs] == [1] * 4
    assert deployment.calls("encode") == 4
    assert len([worker for worker in deployment.workers() if worker.running]) == 1
