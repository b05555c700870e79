"""Which jobs are taken: the operator's ceilings, the bound on the queue, ids and repeats."""

import re
import uuid
from dataclasses import dataclass
from datetime import timedelta

from orchestrator.jobs.job import Job, JobSpec
from orchestrator.jobs.quote import LocalQuotes, Quote, Quotes
from orchestrator.ports import Dispatch, JobNews, Ledger
from orchestrator.uuids import is_uuid
from servicekit.clock import Clock
from servicekit.ids import new_id
from servicekit.media.validation import Problems

_JOB_ID = re.compile(r"[a-z0-9][a-z0-9-]{3,62}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceilings:
    """What an operator allows a job at most; sizes in bytes."""

    max_queued_jobs: int = 10_000
    max_input_bytes: int = 10 << 30
    max_run_timeout: timedelta = timedelta(hours=24)


class Admission:
    """Takes jobs into the queue."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        news: JobNews,
        dispatch: Dispatch,
        clock: Clock,
        ceilings: Ceilings,
        quotes: Quotes | None = None,
    ) -> None:
        self._quotes = quotes or LocalQuotes()
        self._ledger = ledger
        self._news = news
        self._dispatch = dispatch
        self._clock = clock
        self._ceilings = ceilings

    async def create(self, spec: JobSpec, *, request_id: str, job_id: str, fingerprint: bytes) -> Job:
        """Writes a job and queues it; the same request gives the same job.

        Raises InvalidArgument, NotFound (ASSET_NOT_FOUND, JOB_NOT_FOUND), AlreadyExists (REQUEST_ID_REUSED,
        JOB_EXISTS), ResourceExhausted (QUEUE_FULL).
        """
        self._check(spec, request_id=request_id, job_id=job_id)
        now = self._clock.now()
        job, new = await self._ledger.create_job(
            Job(id=job_id or new_id(self._clock), spec=spec, create_time=now, update_time=now),
            request_id=str(uuid.UUID(request_id)) if request_id else "",
            fingerprint=fingerprint,
            max_queued=self._ceilings.max_queued_jobs,
        )
        if new:
            self._news.publish(job)
            self._dispatch.wake()
        return job

    async def quote(self, spec: JobSpec) -> Quote:
        """Returns what a job would take, and creates nothing; raises as `create` does for the same spec."""
        self._check(spec)
        for asset in spec.assets:
            await self._ledger.get_asset(asset.removeprefix("assets/"))
        return await self._quotes.of(spec)

    def _check(self, spec: JobSpec, *, request_id: str = "", job_id: str = "") -> None:
        problems = Problems()
        if request_id and not is_uuid(request_id):
            problems.add("request_id", "must be a UUID, such as 123e4567-e89b-12d3-a456-426614174000")
        if job_id and not _JOB_ID.fullmatch(job_id):
            problems.add("job_id", "must have 4 to 63 characters out of a-z 0-9 -, the first a letter or digit")
        ceilings, limits = self._ceilings, spec.limits
        if limits.max_input_bytes > ceilings.max_input_bytes:
            most = f"{ceilings.max_input_bytes} bytes"
            problems.add("spec.limits.max_input_bytes", f"must be at most {most}, the ceiling of this server")
        if limits.run_timeout > ceilings.max_run_timeout:
            most = f"{ceilings.max_run_timeout.total_seconds():g} s"
            problems.add("spec.limits.run_timeout", f"must be at most {most}, the ceiling of this server")
        problems.raise_if_any()
