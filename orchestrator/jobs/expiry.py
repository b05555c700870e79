"""What time does to jobs, assets and uploads."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from types import TracebackType
from typing import Self

import structlog

from orchestrator.assets.library import AssetLibrary
from orchestrator.assets.uploads import Uploads
from orchestrator.jobs.job import Failure, Job, failed_in_queue
from orchestrator.jobs.registry import JobRegistry
from orchestrator.ports import JobNews, Ledger
from servicekit.clock import Clock
from servicekit.errors import FailedPrecondition, NotFound, SpotreelError

# Queue time-outs are promised to the second; nothing else is urgent.
QUEUE_SECONDS = 1.0
EXPIRY_SECONDS = 60.0
UPLOAD_RETENTION = timedelta(hours=24)
# The contract promises 24 hours.
REQUEST_RETENTION = timedelta(hours=48)
_BATCH = 200


class Expiry:
    """Fails jobs that waited too long and deletes what has expired, while its `async with` block runs."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        news: JobNews,
        registry: JobRegistry,
        library: AssetLibrary,
        uploads: Uploads,
        clock: Clock,
        job_retention: timedelta,
    ) -> None:
        self._ledger = ledger
        self._news = news
        self._registry = registry
        self._library = library
        self._uploads = uploads
        self._clock = clock
        self._job_retention = job_retention
        self._log = structlog.get_logger("expiry")
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._tasks = [
            asyncio.create_task(self._repeat(self.fail_overdue, QUEUE_SECONDS), name="queue time-outs"),
            asyncio.create_task(self._repeat(self.delete_expired, EXPIRY_SECONDS), name="expiry"),
        ]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def fail_overdue(self) -> None:
        """Fails the jobs whose queue_timeout has passed."""
        now = self._clock.now()
        for job in await self._ledger.overdue_jobs(now, _BATCH):
            await self._fail(job)

    async def delete_expired(self) -> None:
        """Deletes jobs, assets, uploads and request ids whose time has passed."""
        now = self._clock.now()
        for job in await self._ledger.expired_jobs(now, _BATCH):
            await self._registry.delete(job.id)
        for asset in await self._ledger.expired_assets(now, _BATCH):
            await self._library.delete_if_expired(asset)
        for upload in await self._ledger.uploads_before(now - UPLOAD_RETENTION):
            await self._uploads.discard(upload.id)
        await self._ledger.forget_requests(now - REQUEST_RETENTION)

    async def _fail(self, job: Job) -> None:
        wait = job.spec.limits.queue_timeout or timedelta()
        message = f"No machine was free for the job within its queue_timeout of {wait.total_seconds():g} s."
        detail = self._news.latest(job).progress.detail
        failure = Failure(
            reason="QUEUE_TIMEOUT",
            message=f"{message} While it waited: {detail}" if detail else message,
            retryable=True,
            metadata={"queue_timeout_seconds": f"{wait.total_seconds():g}"},
        )
        now, keep = self._clock.now(), self._job_retention
        try:
            failed = await self._ledger.change_job(
                job.id, lambda one: failed_in_queue(one, failure=failure, now=now, keep=keep)
            )
        except (FailedPrecondition, NotFound):
            # It got its machine, or was cancelled, this moment.
            return
        self._news.publish(failed)

    async def _repeat(self, sweep: Callable[[], Awaitable[None]], seconds: float) -> None:
        while True:
            try:
                await sweep()
            except SpotreelError as error:
                # A disk that is full or a store that is away comes back; the next round tries again.
                self._log.warning("sweep_failed", sweep=sweep.__name__, reason=error.reason, message=error.message)
            except Exception:  # noqa: BLE001 - logged with its stack; the next round tries again
                self._log.exception("sweep_failed", sweep=sweep.__name__)
            await self._clock.sleep(seconds)
