"""The jobs that there are: to look at, to cancel, to delete."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from orchestrator.jobs.feed import JobFeed
from orchestrator.jobs.job import Job, JobState, cancel_wished
from orchestrator.pages import decode_token, encode_token, page_size
from orchestrator.ports import BlobStore, Dispatch, JobQuery, Ledger
from orchestrator.refusals import job_not_finished
from servicekit.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFilter:
    """Which jobs to list; empty filters let all through."""

    states: frozenset[JobState] = frozenset()
    labels: Mapping[str, str] = field(default_factory=dict)
    ascending: bool = False

    def __str__(self) -> str:
        """Says the same for the same filter."""
        return f"jobs {sorted(self.states)} {sorted(self.labels.items())} {self.ascending}"


class JobRegistry:
    """Gets, lists, cancels and deletes jobs."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        feed: JobFeed,
        dispatch: Dispatch,
        blobs: BlobStore,
        clock: Clock,
        retention: timedelta,
    ) -> None:
        """Takes how long a job is kept after its end."""
        self._ledger = ledger
        self._feed = feed
        self._dispatch = dispatch
        self._blobs = blobs
        self._clock = clock
        self._retention = retention

    async def get(self, job_id: str) -> Job:
        """Returns a job with its live progress; raises NotFound (JOB_NOT_FOUND)."""
        return self._feed.latest(await self._ledger.get_job(job_id))

    async def list(self, wanted: JobFilter, *, size: int, token: str) -> tuple[list[Job], str]:
        """Returns a page of jobs, and the token of the next one (empty: there is none).

        Raises InvalidArgument (PAGE_TOKEN_INVALID).
        """
        question, limit = str(wanted), page_size(size)
        query = JobQuery(
            # One more than asked for tells whether there is another page.
            limit=limit + 1,
            states=wanted.states,
            labels=wanted.labels,
            ascending=wanted.ascending,
            after=decode_token(token, question),
        )
        found = await self._ledger.list_jobs(query)
        page = [self._feed.latest(job) for job in found[:limit]]
        following = encode_token((page[-1].create_time, page[-1].id), question) if len(found) > limit else ""
        return page, following

    async def cancel(self, job_id: str) -> Job:
        """Notes the wish, and has the process ended; raises NotFound, FailedPrecondition (JOB_FINISHED)."""
        now = self._clock.now()
        job = await self._ledger.change_job(job_id, lambda one: cancel_wished(one, now=now, keep=self._retention))
        self._feed.publish(job)
        if job.state is JobState.CANCELLING:
            self._dispatch.cancel(job.id)
        return self._feed.latest(job)

    async def delete(self, job_id: str) -> None:
        """Removes a final job and its output; raises NotFound, FailedPrecondition (JOB_NOT_FINISHED)."""
        job = await self._ledger.get_job(job_id)
        if not job.state.final:
            raise job_not_finished(job)
        # The output first: a crash in between leaves a job that is deleted again, not bytes that nobody knows of.
        if job.output is not None:
            await self._blobs.delete(job.output.blob)
        await self._ledger.delete_job(job_id)
