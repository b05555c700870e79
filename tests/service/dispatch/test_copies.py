"""What may turn out to be a copy: the house worker looks first, and a rented machine gets what it must not do."""

from collections.abc import AsyncIterator

import pytest

from orchestrator.dispatch.routing import Routing
from orchestrator.jobs.job import JobLimits, JobState
from servicekit.media.operations import Transcode
from tests.service.dispatch.conftest import Stage
from tests.simulators.records import VIDEO
from tests.simulators.worker import SimulatedWorker

RENTS = Routing(rents=True)
ONE_TRY = JobLimits(max_attempts=1)


@pytest.fixture
async def rented(media: bytes) -> AsyncIterator[SimulatedWorker]:
    async with SimulatedWorker(output=media, rented=True, secret=b"\1" * 32) as simulated:
        yield simulated


async def test_a_copy_is_made_at_home(stage: Stage, worker: SimulatedWorker, rented: SimulatedWorker) -> None:
    await stage.add_instance(worker)
    await stage.add_instance(rented, slots=4)
    async with stage.scheduler(routing=RENTS):
        job = await stage.finished(await stage.add_job(operation=Transcode(video=VIDEO), limits=ONE_TRY))

    assert job.state is JobState.SUCCEEDED
    assert (worker.calls["StartTask"], rented.calls["StartTask"]) == (1, 0)


async def test_what_is_none_goes_to_a_rented_machine_and_costs_no_try(
    stage: Stage, worker: SimulatedWorker, rented: SimulatedWorker
) -> None:
    worker.must_encode = True
    house = await stage.add_instance(worker)
    async with stage.scheduler(routing=RENTS):
        job = await stage.add_job(operation=Transcode(video=VIDEO), limits=ONE_TRY)
        waiting = await stage.reaches(job, lambda one: one.state is JobState.QUEUED and bool(one.attempts))
    assert waiting.needs_encoder

    # The next orchestrator knows it too.
    machine = await stage.add_instance(rented)
    async with stage.scheduler(routing=RENTS):
        job = await stage.finished(job)
    assert job.state is JobState.SUCCEEDED
    assert [one.instance_id for one in job.attempts] == [house.id, machine.id]
    assert worker.calls["StartTask"] == 1
    assert worker.deleted == worker.starts
    assert not any(task.request.copy_only for task in rented.tasks.values())


async def test_where_nothing_is_rented_a_local_worker_may_encode(stage: Stage, worker: SimulatedWorker) -> None:
    worker.must_encode = True
    await stage.add_instance(worker)
    async with stage.scheduler():
        job = await stage.finished(await stage.add_job(operation=Transcode(video=VIDEO), limits=ONE_TRY))

    assert (job.state, job.tries) == (JobState.SUCCEEDED, 1)
