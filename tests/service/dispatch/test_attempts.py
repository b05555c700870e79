"""Attempts against a worker that fails: no byte is lost, no work is repeated, no job is forgotten."""

import asyncio
import hashlib
from collections.abc import Callable
from datetime import timedelta

import pytest
from spotreel.worker.v1 import task_pb2

from orchestrator.dispatch.runner import TaskPatience
from orchestrator.fleet.instance import InstanceState
from orchestrator.jobs.feed import JobFeed
from orchestrator.jobs.job import AttemptState, Job, JobState
from orchestrator.ledger.memory import MemoryLedger
from servicekit.clock import Clock
from servicekit.errors import ResourceExhausted, SpotreelError, Unavailable
from servicekit.media.outputs import Delivery
from tests.service.dispatch.conftest import DEADLINE_SECONDS, Stage
from tests.simulators.worker import SimulatedWorker


def at_home(job: Job, size: int) -> bool:
    return job.progress.output_bytes >= size


async def stored(stage: Stage, job: Job) -> bytes:
    assert job.output is not None
    content = await stage.blobs.read(job.output.blob, 0, job.output.size_bytes)
    assert hashlib.sha256(content).digest() == job.output.sha256
    return content


async def test_output_is_remuxed_verified_and_stored_and_nothing_is_left(stage: Stage, worker: SimulatedWorker) -> None:
    await stage.add_instance(worker)
    async with stage.scheduler():
        job = await stage.finished(await stage.add_job())

    assert job.state is JobState.SUCCEEDED
    assert job.output is not None
    assert [one.type for one in job.output.media_info.streams] == ["video", "audio"]
    content = await stored(stage, job)
    assert content.index(b"moov") < content.index(b"mdat")
    assert job.output.file_name == "Words on a video.mp4"
    assert job.attempts[0].encoder == "simulated"
    assert list((stage.folder / "spool").iterdir()) == []
    assert worker.deleted == worker.starts


async def test_progressive_output_is_the_growing_file_itself(stage: Stage, worker: SimulatedWorker) -> None:
    worker.hold_at = len(worker.output) // 2
    await stage.add_instance(worker)
    async with stage.scheduler():
        job = await stage.add_job(delivery=Delivery.PROGRESSIVE)
        await stage.reaches(job, lambda one: at_home(one, len(worker.output) // 2))
        current = stage.spools.current(job.id)
        assert current is not None
        number, file = current
        reading = asyncio.ensure_future(collect(file.read(0)))
        worker.release()
        job = await stage.finished(job)

    assert number == 1
    assert await reading == worker.output
    assert await stored(stage, job) == worker.output


async def test_fleets_hear_of_a_free_slot_when_its_output_is_at_home(stage: Stage, worker: SimulatedWorker) -> None:
    await stage.add_instance(worker)
    async with stage.scheduler(), asyncio.timeout(DEADLINE_SECONDS):
        job = await stage.add_job()
        await stage.fleet_bell.wait(2 * DEADLINE_SECONDS)
        seen = await stage.ledger.get_job(job.id)

    assert seen.attempts[-1].spooled is not None
    # It is still to be delivered, which takes no machine.
    assert not seen.state.final


async def test_fleets_hear_of_a_free_slot_when_an_attempt_fails(stage: Stage, worker: SimulatedWorker) -> None:
    worker.failure = task_pb2.TaskFailure(reason="INPUT_INVALID", message="no video")
    await stage.add_instance(worker)
    async with stage.scheduler(), asyncio.timeout(DEADLINE_SECONDS):
        job = await stage.add_job()
        await stage.fleet_bell.wait(2 * DEADLINE_SECONDS)

    assert (await stage.ledger.get_job(job.id)).state is JobState.FAILED


async def collect(chunks: object) -> bytes:
    return b"".join([chunk async for chunk in chunks])  # type: ignore[attr-defined]


@pytest.mark.parametrize("fault", ["cut_output", "corrupt_chunk", "cut_watch", "unavailable"])
async def test_breaks_cost_no_byte_twice(stage: Stage, worker: SimulatedWorker, fault: str) -> None:
    knob = getattr(worker.faults, fault)
    knob.arm(times=2, after=0 if fault in {"unavailable", "cut_watch"} else 8192)
    await stage.add_instance(worker)
    async with stage.scheduler(unreachable_after=5.0):
        job = await stage.finished(await stage.add_job())

    assert knob.fired == 2
    assert job.state is JobState.SUCCEEDED
    assert len(job.attempts) == 1
    assert len(worker.starts) == 1
    if fault in {"cut_output", "corrupt_chunk"}:
        assert worker.read_offsets[:2] == [0, 8192]


async def test_wrong_digest_makes_it_fetch_anew_and_then_fail(stage: Stage, worker: SimulatedWorker) -> None:
    worker.faults.wrong_sha256.arm(times=1)
    await stage.add_instance(worker)
    async with stage.scheduler():
        job = await stage.finished(await stage.add_job())

    assert worker.faults.wrong_sha256.fired == 1
    assert [one.state for one in job.attempts] == [AttemptState.FAILED, AttemptState.SUCCEEDED]
    assert job.attempts[0].failure is not None
    assert "damaged" in job.attempts[0].failure.message


async def test_restarted_scheduler_goes_on_with_the_same_task_and_bytes(stage: Stage, worker: SimulatedWorker) -> None:
    worker.hold_at = len(worker.output) // 2
    await stage.add_instance(worker)
    async with stage.scheduler():
        job = await stage.add_job()
        await stage.reaches(job, lambda one: at_home(one, len(worker.output) // 2))
    worker.release()
    async with stage.scheduler():
        job = await stage.finished(job)

    assert job.state is JobState.SUCCEEDED
    assert len(job.attempts) == 1
    assert len(worker.starts) == 1
    assert worker.read_offsets == [0, len(worker.output) // 2]


async def test_restart_before_the_start_starts_it_once(stage: Stage, worker: SimulatedWorker) -> None:
    await stage.add_instance(worker)
    await worker.stop()
    async with stage.scheduler(unreachable_after=30):
        job = await stage.add_job()
        await stage.reaches(job, lambda one: one.state is JobState.RUNNING)
    await worker.start()
    async with stage.scheduler():
        job = await stage.finished(job)

    assert job.state is JobState.SUCCEEDED
    assert len(job.attempts) == 1


async def test_patience_of_the_settings_reaches_the_worker_and_may_change_over_a_restart(
    stage: Stage, worker: SimulatedWorker
) -> None:
    worker.hold_at = 0
    await stage.add_instance(worker)
    job = await stage.add_job()
    patience = TaskPatience(fetch_idle_timeout=timedelta(seconds=7), stall_timeout=timedelta(milliseconds=8500))
    async with stage.scheduler(patience=patience):
        await stage.reaches(job, lambda one: one.progress.encoder != "")
    (task,) = worker.tasks.values()
    worker.release()
    async with stage.scheduler():
        job = await stage.finished(job)

    assert task.request.limits.fetch_idle_timeout.ToTimedelta() == timedelta(seconds=7)
    assert task.request.limits.stall_timeout.ToTimedelta() == timedelta(seconds=8.5)
    assert (job.state, len(job.attempts), len(worker.starts)) == (JobState.SUCCEEDED, 1, 1)


async def test_forgotten_task_costs_an_attempt(stage: Stage, worker: SimulatedWorker) -> None:
    worker.faults.lose_task.arm()
    await stage.add_instance(worker)
    async with stage.scheduler():
        job = await stage.finished(await stage.add_job())

    assert worker.faults.lose_task.fired == 1
    assert [one.state for one in job.attempts] == [AttemptState.FAILED, AttemptState.SUCCEEDED]
    assert job.attempts[0].failure is not None
    assert job.attempts[0].failure.reason == "INSTANCE_LOST"


async def test_silent_worker_is_given_up_and_another_one_takes_over(
    stage: Stage, worker: SimulatedWorker, media: bytes
) -> None:
    worker.hold_at = 4096
    lost = await stage.add_instance(worker)
    async with stage.scheduler() as scheduler:
        job = await stage.add_job()
        await stage.reaches(job, lambda one: at_home(one, 4096))
        await worker.stop()
        job = await stage.reaches(job, lambda one: one.state is JobState.QUEUED)
        assert (await stage.ledger.get_instance(lost.id)).state is InstanceState.DESTROYING
        job = await stage.reaches(job, lambda one: one.progress.detail == "A machine is being started.")
        assert job.progress.stage == "PROVISIONING"
        async with SimulatedWorker(output=media) as other:
            await stage.add_instance(other)
            scheduler.wake()
            job = await stage.finished(job)

    assert job.state is JobState.SUCCEEDED
    assert [one.failure and one.failure.reason for one in job.attempts] == ["INSTANCE_LOST", None]


@pytest.mark.parametrize(("retryable", "attempts"), [(True, 3), (False, 1)])
async def test_failure_of_the_task_is_the_jobs(
    stage: Stage, worker: SimulatedWorker, *, retryable: bool, attempts: int
) -> None:
    worker.failure = task_pb2.TaskFailure(
        reason="ENCODE_FAILED", message="It broke.", retryable=retryable, ffmpeg_log_tail="boom"
    )
    await stage.add_instance(worker)
    async with stage.scheduler():
        job = await stage.finished(await stage.add_job())

    assert job.state is JobState.FAILED
    assert len(job.attempts) == attempts
    assert job.failure is not None
    assert (job.failure.reason, job.failure.log_tail) == ("ENCODE_FAILED", "boom")
    assert worker.deleted == worker.starts


async def test_cancelled_only_when_the_worker_confirms(stage: Stage, worker: SimulatedWorker) -> None:
    worker.hold_at, worker.confirm_cancel = 4096, False
    await stage.add_instance(worker)
    async with stage.scheduler() as scheduler:
        job = await stage.add_job()
        await stage.reaches(job, lambda one: at_home(one, 4096))
        await stage.cancel(job, scheduler)
        await worker.called("CancelTask")
        assert (await stage.ledger.get_job(job.id)).state is JobState.CANCELLING
        worker.confirm_cancels()
        job = await stage.finished(job)

    assert job.state is JobState.CANCELLED
    assert job.attempts[0].state is AttemptState.CANCELLED
    assert list((stage.folder / "spool").iterdir()) == []


async def test_cancel_is_confirmed_by_the_end_of_the_instance(stage: Stage, worker: SimulatedWorker) -> None:
    worker.hold_at, worker.confirm_cancel = 4096, False
    instance = await stage.add_instance(worker)
    async with stage.scheduler() as scheduler:
        job = await stage.add_job()
        await stage.reaches(job, lambda one: at_home(one, 4096))
        await stage.cancel(job, scheduler)
        await worker.called("CancelTask")
        await stage.lose_instance(instance)
        scheduler.wake()
        assert (await stage.ledger.get_job(job.id)).state is JobState.CANCELLING
        await stage.lose_instance(instance, InstanceState.DESTROYED)
        job = await stage.finished(job)

    assert job.state is JobState.CANCELLED


async def test_input_is_sent_once_and_over_breaks(stage: Stage, worker: SimulatedWorker) -> None:
    content = bytes(range(256)) * 12_000
    video = await stage.add_asset(content, hashlib.sha256(content).hexdigest())
    worker.faults.cut_upload.arm(after=1 << 20)
    worker.faults.corrupt_upload.arm(after=1 << 20)
    worker.faults.evict_inputs.arm()
    await stage.add_instance(worker)
    async with stage.scheduler():
        first = await stage.finished(await stage.add_job(video=video))
        uploads = worker.calls["UploadTaskInput"]
        second = await stage.finished(await stage.add_job(video=video))

    assert (first.state, second.state) == (JobState.SUCCEEDED, JobState.SUCCEEDED)
    assert worker.faults.cut_upload.fired == worker.faults.corrupt_upload.fired == worker.faults.evict_inputs.fired == 1
    assert worker.inputs[video.asset] == content
    assert worker.calls["UploadTaskInput"] == uploads


async def test_input_that_is_gone_fails_the_job(stage: Stage, worker: SimulatedWorker) -> None:
    content = b"x" * 100
    video = await stage.add_asset(content, hashlib.sha256(content).hexdigest())
    await stage.blobs.delete(f"assets/{hashlib.sha256(content).hexdigest()}")
    await stage.add_instance(worker)
    async with stage.scheduler():
        job = await stage.finished(await stage.add_job(video=video))

    assert job.failure is not None
    assert job.failure.reason == "INPUT_NOT_FOUND"
    assert len(job.attempts) == 1


async def test_output_that_is_no_media_is_not_delivered(stage: Stage) -> None:
    async with SimulatedWorker(output=b"not a film" * 1000) as worker:
        await stage.add_instance(worker)
        async with stage.scheduler():
            job = await stage.finished(await stage.add_job())

    assert job.failure is not None
    assert job.failure.reason == "OUTPUT_INVALID"
    assert job.output is None


async def test_slots_bound_what_runs_at_once(stage: Stage, worker: SimulatedWorker) -> None:
    worker.hold_at = 4096
    await stage.add_instance(worker, slots=2)
    async with stage.scheduler():
        jobs = [await stage.add_job() for _ in range(3)]
        await worker.called("StartTask", 2)
        await stage.reaches(jobs[2], lambda one: one.progress.stage == "WAITING")
        assert len(worker.starts) == 2
        worker.release()
        finished = [await stage.finished(job) for job in jobs]

    assert {job.state for job in finished} == {JobState.SUCCEEDED}


async def test_follower_of_a_lost_attempt_is_told_to_start_over(stage: Stage, worker: SimulatedWorker) -> None:
    worker.hold_at = 4096
    await stage.add_instance(worker)
    async with stage.scheduler(unreachable_after=0.2):
        job = await stage.add_job(delivery=Delivery.PROGRESSIVE)
        await stage.reaches(job, lambda one: at_home(one, 4096))
        current = stage.spools.current(job.id)
        assert current is not None
        reading = asyncio.ensure_future(collect(current[1].read(0)))
        changed = asyncio.ensure_future(stage.spools.changed(job.id))
        await asyncio.sleep(0)
        await worker.stop()
        with pytest.raises(Exception, match="read from 0"):
            await reading
        await changed
        assert stage.spools.current(job.id) is None


class AwayLedger(MemoryLedger):
    """Cannot write that an output is at home, once for each of its `refusals`."""

    def __init__(self, *refusals: SpotreelError, clock: Clock) -> None:
        super().__init__(clock=clock)
        self.refusals = list(refusals)

    async def change_job(self, job_id: str, change: Callable[[Job], Job]) -> Job:
        after = change(await self.get_job(job_id))
        if self.refusals and after.running_attempt is not None and after.running_attempt.spooled is not None:
            raise self.refusals.pop()
        return await super().change_job(job_id, change)


@pytest.mark.parametrize(
    "refusal",
    [
        Unavailable("The server's ledger does not answer.", reason="LEDGER_UNAVAILABLE"),
        ResourceExhausted("The server's disk is full, so nothing was changed.", reason="DISK_FULL"),
    ],
)
async def test_output_at_home_is_no_worse_for_a_ledger_that_cannot_be_written(
    stage: Stage, worker: SimulatedWorker, refusal: SpotreelError
) -> None:
    stage.ledger = ledger = AwayLedger(refusal, clock=stage.clock)
    stage.feed = JobFeed(ledger=ledger, clock=stage.clock)
    await stage.add_instance(worker)
    async with stage.scheduler():
        job = await stage.finished(await stage.add_job())

    assert ledger.refusals == []
    assert job.state is JobState.SUCCEEDED
    assert len(job.attempts) == 1
    assert len(worker.starts) == 1
    assert worker.read_offsets == [0, len(worker.output)]
