"""What every ledger promises about jobs."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from orchestrator.jobs.job import (
    Failure,
    Job,
    JobLimits,
    JobState,
    KeptPart,
    SpooledOutput,
    attempt_failed,
    cancel_wished,
    failed_in_queue,
    nothing_kept,
    spooled,
    started,
    succeeded,
)
from orchestrator.ports import JobQuery, Ledger
from servicekit.errors import SpotreelError
from tests.simulators.clock import FakeClock
from tests.simulators.records import START, make_asset, make_job, make_output, make_spec, reads

KEEP = timedelta(days=7)
LATER = START + timedelta(minutes=1)
LOST = Failure(reason="INSTANCE_LOST", message="gone", retryable=True, metadata={"instance": "i1"}, log_tail="log")


async def create(ledger: Ledger, job: Job, request_id: str = "", fingerprint: bytes = b"f") -> Job:
    created, _ = await ledger.create_job(job, request_id=request_id, fingerprint=fingerprint)
    return created


async def reason_of(call: object) -> str:
    with pytest.raises(SpotreelError) as caught:
        await call  # type: ignore[misc]  # any awaitable
    return caught.value.reason


async def test_a_job_comes_back_as_it_was_written_through_all_its_life(ledger: Ledger) -> None:
    spec = make_spec(limits=JobLimits(queue_timeout=timedelta(seconds=90), max_cost_usd_micros=7), priority=3, team="a")
    job = await create(ledger, make_job("job1", spec=spec))
    assert await ledger.get_job("job1") == job
    changes: list[Callable[[Job], Job]] = [
        lambda one: started(one, instance_id="i1", now=LATER),
        lambda one: attempt_failed(one, failure=LOST, now=LATER, keep=KEEP),
        lambda one: started(one, instance_id="i2", now=LATER),
        lambda one: spooled(one, output=SpooledOutput(size_bytes=9, sha256=b"x" * 32), encoder="libx264", now=LATER),
        lambda one: succeeded(one, output=make_output(blob="outputs/1"), now=LATER, keep=KEEP),
    ]
    for change in changes:
        expected = change(job)
        changed = await ledger.change_job("job1", change)
        assert changed.sequence > job.sequence
        assert replace(changed, sequence=0) == replace(expected, sequence=0)
        assert await ledger.get_job("job1") == changed
        job = changed
    assert [attempt.failure for attempt in job.attempts] == [LOST, None]


async def test_a_failed_transition_writes_nothing_and_an_unchanged_job_keeps_its_sequence(ledger: Ledger) -> None:
    job = await create(ledger, make_job("job1"))
    assert await reason_of(ledger.change_job("job1", lambda one: succeeded(
        one, output=make_output(blob="b"), now=LATER, keep=KEEP
    ))) == "JOB_STATE"  # fmt: skip
    assert await ledger.change_job("job1", lambda one: one) == job
    assert await ledger.get_job("job1") == job


async def test_the_sequence_rises_even_where_the_clock_stands_still(ledger: Ledger, clock: FakeClock) -> None:
    job = await create(ledger, make_job("job1", at=clock.now()))
    first = await ledger.change_job("job1", lambda one: started(one, instance_id="i", now=clock.now()))
    await clock.advance(5)
    second = await ledger.change_job("job1", lambda one: cancel_wished(one, now=clock.now(), keep=KEEP))
    assert job.sequence < first.sequence < second.sequence
    assert second.sequence == int(clock.now().timestamp() * 1_000_000)


async def test_concurrent_changes_are_applied_one_after_the_other(ledger: Ledger) -> None:
    await create(ledger, make_job("job1"))

    def count(job: Job) -> Job:
        return replace(job, progress=replace(job.progress, frames=job.progress.frames + 1))

    await asyncio.gather(*(ledger.change_job("job1", count) for _ in range(20)))
    assert (await ledger.get_job("job1")).progress.frames == 20


async def test_a_repeated_request_gives_the_same_job_and_another_one_is_refused(ledger: Ledger) -> None:
    job = await create(ledger, make_job("job1"), request_id="r")
    again = await ledger.create_job(make_job("job2"), request_id="r", fingerprint=b"f", max_queued=0)
    assert again == (job, False)
    assert await reason_of(create(ledger, make_job("job2"), "r", b"other")) == "REQUEST_ID_REUSED"
    assert await reason_of(create(ledger, make_job("job1"))) == "JOB_EXISTS"


async def test_a_request_outlives_its_job_until_it_is_forgotten(ledger: Ledger) -> None:
    await create(ledger, make_job("job1"), request_id="r")
    await ledger.change_job("job1", lambda one: cancel_wished(one, now=LATER, keep=KEEP))
    await ledger.delete_job("job1")
    assert await reason_of(create(ledger, make_job("job2"), "r")) == "JOB_NOT_FOUND"
    await ledger.forget_requests(START + timedelta(days=2))
    assert (await create(ledger, make_job("job2"), "r")).id == "job2"


async def test_a_request_never_stands_for_a_later_job_of_the_same_id(ledger: Ledger) -> None:
    await create(ledger, make_job("job1"), request_id="r")
    await ledger.change_job("job1", lambda one: cancel_wished(one, now=LATER, keep=KEEP))
    await ledger.delete_job("job1")
    stranger = await create(ledger, make_job("job1", at=LATER), request_id="other")
    assert await reason_of(create(ledger, make_job("job1", at=LATER), "r")) == "JOB_NOT_FOUND"
    assert await create(ledger, make_job("job1", at=LATER), "other") == stranger


async def test_the_queue_is_bounded(ledger: Ledger) -> None:
    await create(ledger, make_job("job1"))
    call = ledger.create_job(make_job("job2"), request_id="", fingerprint=b"", max_queued=1)
    assert await reason_of(call) == "QUEUE_FULL"
    await ledger.change_job("job1", lambda one: started(one, instance_id="i", now=LATER))
    await ledger.create_job(make_job("job2"), request_id="", fingerprint=b"", max_queued=1)
    assert await ledger.count_jobs(frozenset({JobState.QUEUED, JobState.RUNNING})) == 2


async def test_a_job_needs_its_assets_and_keeps_them(ledger: Ledger) -> None:
    asset = make_asset("a", expires=START + timedelta(hours=1))
    job = make_job("job1", spec=reads(asset))
    assert await reason_of(create(ledger, job)) == "ASSET_NOT_FOUND"
    assert await reason_of(ledger.get_job("job1")) == "JOB_NOT_FOUND"
    await ledger.add_asset(asset)
    await create(ledger, job)
    assert (await ledger.get_asset(asset.sha256)).expire_time == START + timedelta(days=7)
    assert await ledger.expired_assets(START + timedelta(days=30), 10) == []
    assert await reason_of(ledger.delete_asset(asset.sha256)) == "ASSET_IN_USE"
    await ledger.change_job("job1", lambda one: cancel_wished(one, now=LATER, keep=KEEP))
    (expired,) = await ledger.expired_assets(START + timedelta(days=30), 10)
    assert await ledger.delete_asset(expired.sha256) == expired


async def test_the_queue_runs_by_priority_then_age(ledger: Ledger) -> None:
    for number, priority in enumerate((0, 5, 5, -1)):
        at = START + timedelta(seconds=number)
        await create(ledger, make_job(f"job{number}", spec=make_spec(priority=priority), at=at))
    assert [job.id for job in await ledger.queued_jobs(3)] == ["job1", "job2", "job0"]
    await ledger.change_job("job3", lambda one: started(one, instance_id="i", now=LATER))
    await ledger.change_job("job1", lambda one: started(one, instance_id="i", now=LATER))
    await ledger.change_job("job1", lambda one: cancel_wished(one, now=LATER, keep=KEEP))
    assert [job.id for job in await ledger.unfinished_jobs()] == ["job1", "job3"]


@pytest.mark.parametrize("ascending", [False, True])
async def test_pages_go_through_all_jobs_once(ledger: Ledger, ascending: bool) -> None:
    for number in range(7):
        await create(ledger, make_job(f"job{number}", at=START + timedelta(seconds=number // 3)))
    after, seen = None, []
    while page := await ledger.list_jobs(JobQuery(limit=2, ascending=ascending, after=after)):
        seen += [job.id for job in page]
        after = (page[-1].create_time, page[-1].id)
    names = [f"job{number}" for number in range(7)]
    assert seen == (names if ascending else names[::-1])


async def test_filters_by_state_and_labels(ledger: Ledger) -> None:
    await create(ledger, make_job("job1", spec=make_spec(team="a", stage="x")))
    await create(ledger, make_job("job2", spec=make_spec(team="b")))
    await ledger.change_job("job2", lambda one: cancel_wished(one, now=LATER, keep=KEEP))

    async def found(**query: object) -> list[str]:
        return [job.id for job in await ledger.list_jobs(JobQuery(limit=9, ascending=True, **query))]  # type: ignore[arg-type]

    assert await found(states=frozenset({JobState.CANCELLED})) == ["job2"]
    assert await found(labels={"team": ""}) == ["job1", "job2"]
    assert await found(labels={"team": "a", "stage": "x"}) == ["job1"]
    assert await found(labels={"team": "b", "stage": ""}) == []


async def test_only_final_jobs_are_deleted_or_expire(ledger: Ledger) -> None:
    await create(ledger, make_job("job1"))
    assert await reason_of(ledger.delete_job("job1")) == "JOB_NOT_FINISHED"
    assert await ledger.expired_jobs(START + timedelta(days=99), 10) == []
    failure = Failure(reason="QUEUE_TIMEOUT", message="late")
    await ledger.change_job("job1", lambda one: failed_in_queue(one, failure=failure, now=START, keep=KEEP))
    assert await ledger.expired_jobs(START + KEEP - timedelta(seconds=1), 10) == []
    (expired,) = await ledger.expired_jobs(START + KEEP, 10)
    assert await ledger.delete_job(expired.id) == expired
    assert await reason_of(ledger.delete_job("job1")) == "JOB_NOT_FOUND"


async def test_only_jobs_that_never_ran_are_overdue(ledger: Ledger) -> None:
    limits = JobLimits(queue_timeout=timedelta(seconds=10))
    for name in ("job1", "job2"):
        await create(ledger, make_job(name, spec=make_spec(limits=limits)))
    await create(ledger, make_job("job3"))
    await ledger.change_job("job2", lambda one: started(one, instance_id="i", now=LATER))
    await ledger.change_job("job2", lambda one: attempt_failed(one, failure=LOST, now=LATER, keep=KEEP))
    assert await ledger.overdue_jobs(START + timedelta(seconds=9), 10) == []
    assert [job.id for job in await ledger.overdue_jobs(START + timedelta(seconds=10), 10)] == ["job1"]


async def test_a_job_that_was_only_looked_at_still_waits_for_its_first_machine(ledger: Ledger) -> None:
    limits = JobLimits(queue_timeout=timedelta(seconds=10))
    await create(ledger, make_job("job1", spec=make_spec(limits=limits)))
    await ledger.change_job("job1", lambda one: started(one, instance_id="house", now=LATER))
    looked = Failure(reason="ENCODER_UNAVAILABLE", message="", retryable=True, metadata={"needs_encoder": "true"})
    await ledger.change_job("job1", lambda one: attempt_failed(one, failure=looked, now=LATER, keep=KEEP))

    (overdue,) = await ledger.overdue_jobs(START + timedelta(seconds=10), 10)
    assert (overdue.needs_encoder, overdue.tries) == (True, 0)


async def test_what_is_kept_of_an_attempt_is_what_the_next_one_goes_on_behind(ledger: Ledger) -> None:
    part = KeptPart(
        size_bytes=5 << 40, sha256=b"\7" * 32, frames=1201, end=timedelta(seconds=40, microseconds=40_033), sound=True
    )
    await create(ledger, make_job("job1"))
    await ledger.change_job("job1", lambda one: started(one, instance_id="i", now=LATER))
    await ledger.change_job("job1", lambda one: attempt_failed(one, failure=LOST, now=LATER, keep=KEEP, kept=part))
    await ledger.change_job("job1", lambda one: started(one, instance_id="j", now=LATER))
    job = await ledger.get_job("job1")
    assert job.kept == ((job.attempts[0], part),)
    assert [one.range_start for one in job.attempts] == [None, part.end]

    await ledger.change_job("job1", lambda one: attempt_failed(nothing_kept(one), failure=LOST, now=LATER, keep=KEEP))
    await ledger.change_job("job1", lambda one: started(one, instance_id="k", now=LATER))
    assert (await ledger.get_job("job1")).attempts[2].range_start is None


@pytest.mark.parametrize("job_id", ["job1", "j" * 55, "j" * 63])
async def test_a_task_has_an_id_that_a_worker_takes(ledger: Ledger, job_id: str) -> None:
    await create(ledger, make_job(job_id))
    job = await ledger.change_job(job_id, lambda one: started(one, instance_id="i", now=LATER))
    assert len(f"{job.attempts[0].task_id}-sound") <= 63
    assert job.attempts[0].task_id.endswith("-1")
