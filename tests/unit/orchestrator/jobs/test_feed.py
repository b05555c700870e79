"""What watchers hear, and when, on a clock that the test moves."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import timedelta
from typing import Any

import pytest

from orchestrator.jobs.feed import HEARTBEAT_SECONDS, PROGRESS_SECONDS, JobFeed
from orchestrator.jobs.job import Job, JobState, Progress, Stage, cancel_wished, started
from orchestrator.ledger.memory import MemoryLedger
from servicekit.errors import NotFound
from tests.simulators.clock import FakeClock
from tests.simulators.records import make_job

KEEP = timedelta(days=7)


class Watcher:
    """Collects what one watcher hears."""

    def __init__(self, feed: JobFeed, after: int = 0) -> None:
        self.heard: list[tuple[int, Job]] = []
        self.task = asyncio.create_task(self._watch(feed, after), name="watcher")

    async def _watch(self, feed: JobFeed, after: int) -> None:
        async with aclosing(feed.follow("job1", after)) as changes:
            async for change in changes:
                self.heard.append(change)

    @property
    def fractions(self) -> list[float]:
        return [job.progress.fraction for _, job in self.heard]


@pytest.fixture
async def ledger(clock: FakeClock) -> MemoryLedger:
    ledger = MemoryLedger(clock=clock)
    await ledger.create_job(make_job("job1", at=clock.now()), request_id="", fingerprint=b"")
    return ledger


@pytest.fixture
def feed(ledger: MemoryLedger, clock: FakeClock) -> JobFeed:
    return JobFeed(ledger=ledger, clock=clock)


@pytest.fixture
async def watcher(feed: JobFeed, clock: FakeClock) -> AsyncIterator[Watcher]:
    watcher = Watcher(feed)
    await clock.advance(0)
    yield watcher
    watcher.task.cancel()
    await asyncio.gather(watcher.task, return_exceptions=True)


async def start(ledger: MemoryLedger, feed: JobFeed, clock: FakeClock) -> None:
    feed.publish(await ledger.change_job("job1", lambda job: started(job, instance_id="i", now=clock.now())))
    await clock.advance(0)


async def end(ledger: MemoryLedger, feed: JobFeed, clock: FakeClock) -> None:
    def cancel(job: Job) -> Any:
        return cancel_wished(job, now=clock.now(), keep=KEEP)

    feed.publish(await ledger.change_job("job1", cancel))
    await clock.advance(0)


def progress(fraction: float) -> Progress:
    return Progress(stage=Stage.ENCODING, fraction=fraction)


async def test_changes_come_at_once_and_the_stream_ends_with_the_job(
    watcher: Watcher, ledger: MemoryLedger, feed: JobFeed, clock: FakeClock
) -> None:
    assert [job.state for _, job in watcher.heard] == [JobState.QUEUED]
    await end(ledger, feed, clock)
    assert [job.state for _, job in watcher.heard] == [JobState.QUEUED, JobState.CANCELLED]
    assert watcher.task.done()
    assert feed._views == {}


async def test_progress_comes_four_times_a_second_at_most_and_only_the_latest(
    watcher: Watcher, ledger: MemoryLedger, feed: JobFeed, clock: FakeClock
) -> None:
    await start(ledger, feed, clock)
    for step in range(1, 101):
        feed.progress("job1", progress(step / 100))
        await clock.advance(0.01)
    await clock.advance(PROGRESS_SECONDS)
    assert 4 <= len(watcher.fractions[2:]) <= 5
    assert watcher.fractions[-1] == 1.0
    sequences = [sequence for sequence, _ in watcher.heard]
    assert sequences == sorted(set(sequences))


async def test_a_change_does_not_wait_for_the_pace_of_progress(
    watcher: Watcher, ledger: MemoryLedger, feed: JobFeed, clock: FakeClock
) -> None:
    feed.progress("job1", progress(0.1))
    await clock.advance(PROGRESS_SECONDS)
    before = len(watcher.heard)
    await start(ledger, feed, clock)
    assert len(watcher.heard) == before + 1
    assert watcher.heard[-1][1].state is JobState.RUNNING


async def test_the_fraction_never_falls_within_an_attempt(
    watcher: Watcher, ledger: MemoryLedger, feed: JobFeed, clock: FakeClock
) -> None:
    await start(ledger, feed, clock)
    for fraction in (0.5, 0.2, 0.7):
        feed.progress("job1", progress(fraction))
        await clock.advance(1)
    assert watcher.fractions == [0.0, 0.0, 0.5, 0.5, 0.7]


async def test_progress_does_not_fall_when_the_job_is_to_be_cancelled(
    watcher: Watcher, ledger: MemoryLedger, feed: JobFeed, clock: FakeClock
) -> None:
    await start(ledger, feed, clock)
    await clock.advance(1)
    feed.progress("job1", progress(0.6))
    await clock.advance(1)
    await end(ledger, feed, clock)
    assert watcher.heard[-1][1].state is JobState.CANCELLING
    assert watcher.fractions == sorted(watcher.fractions)
    assert watcher.fractions[-1] == 0.6


async def test_a_quiet_job_has_a_heartbeat_that_repeats_its_sequence(watcher: Watcher, clock: FakeClock) -> None:
    await clock.advance(2 * HEARTBEAT_SECONDS)
    assert len(watcher.heard) == 3
    assert len({sequence for sequence, _ in watcher.heard}) == 1


async def test_a_change_that_nobody_published_is_seen_with_the_heartbeat(
    watcher: Watcher, ledger: MemoryLedger, clock: FakeClock
) -> None:
    await ledger.change_job("job1", lambda job: cancel_wished(job, now=clock.now(), keep=KEEP))
    await clock.advance(HEARTBEAT_SECONDS)
    assert watcher.heard[-1][1].state is JobState.CANCELLED
    assert watcher.task.done()


async def test_sequences_rise_over_a_restart_although_progress_was_only_in_memory(
    watcher: Watcher, ledger: MemoryLedger, feed: JobFeed, clock: FakeClock
) -> None:
    await start(ledger, feed, clock)
    for step in range(50):
        await clock.advance(1)
        feed.progress("job1", progress(step / 50))
    await clock.advance(1)
    seen = watcher.heard[-1][0]
    again = Watcher(JobFeed(ledger=ledger, clock=clock), after=seen)
    await clock.advance(0)
    assert again.heard[0][0] > seen
    again.task.cancel()


async def test_a_watcher_that_is_up_to_date_waits_for_the_next_change(
    watcher: Watcher, ledger: MemoryLedger, feed: JobFeed, clock: FakeClock
) -> None:
    again = Watcher(feed, after=watcher.heard[-1][0])
    await clock.advance(1)
    assert again.heard == []
    await start(ledger, feed, clock)
    assert [job.state for _, job in again.heard] == [JobState.RUNNING]
    again.task.cancel()


async def test_what_does_not_exist_is_not_found_and_not_remembered(feed: JobFeed) -> None:
    with pytest.raises(NotFound):
        await anext(feed.follow("none"))
    assert feed._views == {}


async def test_progress_before_anything_was_published_belongs_to_the_job(
    ledger: MemoryLedger, feed: JobFeed, clock: FakeClock
) -> None:
    await ledger.change_job("job1", lambda job: started(job, instance_id="i", now=clock.now()))
    feed.progress("job1", progress(0.4))
    await end(ledger, feed, clock)
    assert feed.latest(await ledger.get_job("job1")).progress.fraction == 0.4
