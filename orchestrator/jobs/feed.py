"""What becomes of jobs, live: the ledger's changes, and the progress that is not worth writing down.

Nothing is queued: a watcher that is slow finds the latest state when it looks again, however much it missed.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from dataclasses import replace

from orchestrator.jobs.job import Job, Progress
from orchestrator.ports import Ledger
from servicekit.clock import Clock
from servicekit.waiting import wait_for_any

# The contract promises a message at least this often, and progress at most four times a second.
HEARTBEAT_SECONDS = 10.0
PROGRESS_SECONDS = 0.25


class JobView:
    """One job as the feed knows it; `changed` is set, and replaced, with each change."""

    def __init__(self, *, floor: int) -> None:
        self.job: Job | None = None
        self.progress: Progress | None = None
        self.sequence = floor
        # Counts the changes that are more than progress.
        self.publications = 0
        self.watchers = 0
        self.changed = asyncio.Event()

    def publish(self, job: Job) -> None:
        """Takes over a job from the ledger; what is known already is ignored.

        Progress of another attempt is forgotten; a cancel goes on with the same one.
        """
        before = self.job
        if before is not None and job.sequence <= before.sequence:
            return
        if before is not None and _running_attempt(before) != _running_attempt(job):
            self.progress = None
        self.job = job
        self.sequence = max(job.sequence, self.sequence + 1)
        self.publications += 1
        self._announce()

    def report(self, progress: Progress, *, now: int) -> None:
        """Takes over progress; the fraction never falls within an attempt, and a final job has none."""
        if self.job is not None and self.job.state.final:
            return
        best = max((known.fraction for known in (self.progress, self.job and self.job.progress) if known), default=0.0)
        self.progress = replace(progress, fraction=max(progress.fraction, best))
        self.sequence = max(self.sequence + 1, now)
        self._announce()

    def overlay(self, job: Job) -> Job:
        """Returns a job of the ledger with the progress that is only known here."""
        return job if self.progress is None or job.state.final else replace(job, progress=self.progress)

    def _announce(self) -> None:
        event, self.changed = self.changed, asyncio.Event()
        event.set()


class JobFeed:
    """Tells watchers what becomes of jobs; publishers call `publish` after each change of the ledger."""

    def __init__(self, *, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._views: dict[str, JobView] = {}
        # Progress before a restart had numbers up to its moment, which the ledger does not know.
        self._floor = self._now()

    def publish(self, job: Job) -> None:
        """Says that a job was changed in the ledger."""
        if job.state.final and job.id not in self._views:
            return
        self._view(job.id).publish(job)
        self._forget_if_idle(job.id)

    def progress(self, job_id: str, progress: Progress) -> None:
        """Says how far a job is; kept in memory only."""
        self._view(job_id).report(progress, now=self._now())

    def latest(self, job: Job) -> Job:
        """Returns a job that was read from the ledger, with its live progress."""
        view = self._views.get(job.id)
        return job if view is None else view.overlay(job)

    async def follow(self, job_id: str, after_sequence: int = 0) -> AsyncGenerator[tuple[int, Job], None]:
        """Yields (sequence, job) now, or with the first change after `after_sequence`, and then with each change.

        Progress comes at most 4 times a second, something at least every 10 s; it ends after a final state. Raises
        NotFound (JOB_NOT_FOUND).
        """
        with self.watching(job_id) as view:
            view.publish(await self._ledger.get_job(job_id))
            seen, pace = after_sequence, _Pace(self._clock)
            while view.job is not None:
                changed = view.changed
                if view.sequence == seen and not view.job.state.final:
                    if not await wait_for_any(changed.wait(), seconds=HEARTBEAT_SECONDS, clock=self._clock):
                        # Read again, should somebody have changed the ledger and not said so.
                        view.publish(await self._ledger.get_job(job_id))
                        if view.sequence == seen:
                            yield pace.sent(view), view.overlay(view.job)
                elif (pause := pace.pause(view)) > 0:
                    await wait_for_any(changed.wait(), seconds=pause, clock=self._clock)
                else:
                    seen = pace.sent(view)
                    yield seen, view.overlay(view.job)
                    if view.job.state.final and seen == view.sequence:
                        return

    @contextmanager
    def watching(self, job_id: str) -> Iterator[JobView]:
        """Keeps a job's view alive while it is looked at."""
        view = self._view(job_id)
        view.watchers += 1
        try:
            yield view
        finally:
            view.watchers -= 1
            self._forget_if_idle(job_id)

    def _view(self, job_id: str) -> JobView:
        return self._views.setdefault(job_id, JobView(floor=self._floor))

    def _forget_if_idle(self, job_id: str) -> None:
        view = self._views.get(job_id)
        if view is not None and not view.watchers and (view.job is None or view.job.state.final):
            del self._views[job_id]

    def _now(self) -> int:
        return int(self._clock.now().timestamp() * 1_000_000)


def _running_attempt(job: Job) -> int:
    """The number of the attempt that runs; 0 while none does."""
    return 0 if job.running_attempt is None else job.running_attempt.number


class _Pace:
    """How soon a watcher may hear again: at once of a change, four times a second of progress."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._at = float("-inf")
        self._publications = -1

    def pause(self, view: JobView) -> float:
        """Returns the seconds to wait before the next message; zero or less: none."""
        if view.publications != self._publications:
            return 0.0
        return self._at + PROGRESS_SECONDS - self._clock.monotonic()

    def sent(self, view: JobView) -> int:
        """Notes that the view is sent now, and returns its sequence."""
        self._at, self._publications = self._clock.monotonic(), view.publications
        return view.sequence
