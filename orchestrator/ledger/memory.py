"""The ledger in memory, for tests: the same promises without a disk."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from orchestrator import refusals
from orchestrator.assets.asset import Asset, Upload
from orchestrator.fleet.instance import Instance, InstanceState
from orchestrator.jobs.job import Attempt, Job, JobState
from orchestrator.ledger.schema import micros
from orchestrator.ports import JobQuery
from servicekit.clock import Clock


class MemoryLedger:
    """A `Ledger` of dictionaries; no method waits, so each is a transaction."""

    def __init__(self, *, clock: Clock, asset_retention: timedelta = timedelta(days=7)) -> None:
        self._clock = clock
        self._asset_retention = asset_retention
        self._jobs: dict[str, Job] = {}
        self._requests: dict[str, tuple[bytes, str, datetime]] = {}
        self._assets: dict[str, Asset] = {}
        self._uploads: dict[str, Upload] = {}
        self._instances: dict[str, Instance] = {}

    async def create_job(
        self, job: Job, *, request_id: str, fingerprint: bytes, max_queued: int | None = None
    ) -> tuple[Job, bool]:
        if request_id in self._requests:
            return self._of_request(request_id, fingerprint), False
        if job.id in self._jobs:
            raise refusals.job_exists(job.id)
        if max_queued is not None and len(self._with(JobState.QUEUED)) >= max_queued:
            raise refusals.queue_full(max_queued)
        digests = [asset.removeprefix("assets/") for asset in sorted(job.spec.assets)]
        for digest in digests:
            await self.get_asset(digest)
        for digest in digests:
            await self.touch_asset(digest, expire_time=job.create_time + self._asset_retention)
        self._jobs[job.id] = replace(job, sequence=micros(job.create_time))
        if request_id:
            self._requests[request_id] = (fingerprint, job.id, job.create_time)
        return self._jobs[job.id], True

    async def get_job(self, job_id: str) -> Job:
        if job_id not in self._jobs:
            raise refusals.job_not_found(job_id)
        return self._jobs[job_id]

    async def list_jobs(self, query: JobQuery) -> list[Job]:
        found = sorted(
            (job for job in self._jobs.values() if _matches(job, query)),
            key=_job_place,
            reverse=not query.ascending,
        )
        return found[: query.limit]

    async def queued_jobs(self, limit: int) -> list[Job]:
        queued = sorted(self._with(JobState.QUEUED), key=lambda job: (-job.spec.priority, *_job_place(job)))
        return queued[:limit]

    async def count_jobs(self, states: frozenset[JobState]) -> int:
        return len(self._with(*states))

    async def unfinished_jobs(self) -> list[Job]:
        return sorted(self._with(JobState.RUNNING, JobState.CANCELLING), key=_job_place)

    async def attempts_on(self, instance_id: str) -> list[tuple[str, Attempt]]:
        found = [(job.id, one) for job in self._jobs.values() for one in job.attempts if one.instance_id == instance_id]
        return sorted(found, key=lambda one: one[1].start_time)

    async def change_job(self, job_id: str, change: Callable[[Job], Job]) -> Job:
        before = await self.get_job(job_id)
        after = change(before)
        if after != before:
            self._jobs[job_id] = replace(after, sequence=max(before.sequence + 1, micros(self._clock.now())))
        return self._jobs[job_id]

    async def delete_job(self, job_id: str) -> Job:
        job = await self.get_job(job_id)
        if not job.state.final:
            raise refusals.job_not_finished(job)
        return self._jobs.pop(job_id)

    async def expired_jobs(self, now: datetime, limit: int) -> list[Job]:
        return [job for job in self._jobs.values() if job.expire_time is not None and job.expire_time <= now][:limit]

    async def overdue_jobs(self, now: datetime, limit: int) -> list[Job]:
        def overdue(job: Job) -> bool:
            wait = job.spec.limits.queue_timeout
            return wait is not None and not job.tries and job.create_time + wait <= now

        return [job for job in self._with(JobState.QUEUED) if overdue(job)][:limit]

    async def forget_requests(self, before: datetime) -> None:
        self._requests = {name: known for name, known in self._requests.items() if known[2] >= before}

    async def add_asset(self, asset: Asset) -> Asset:
        if asset.sha256 in self._assets:
            return await self.touch_asset(asset.sha256, expire_time=asset.expire_time)
        self._assets[asset.sha256] = asset
        return asset

    async def get_asset(self, sha256: str) -> Asset:
        if sha256 not in self._assets:
            raise refusals.asset_not_found(sha256)
        return self._assets[sha256]

    async def touch_asset(self, sha256: str, *, expire_time: datetime) -> Asset:
        asset = await self.get_asset(sha256)
        self._assets[sha256] = replace(asset, expire_time=max(asset.expire_time, expire_time))
        return self._assets[sha256]

    async def list_assets(self, *, limit: int, after: tuple[datetime, str] | None) -> list[Asset]:
        def place(asset: Asset) -> tuple[datetime, str]:
            return (asset.create_time, asset.sha256)

        found = sorted(self._assets.values(), key=place, reverse=True)
        return [asset for asset in found if after is None or place(asset) < after][:limit]

    async def delete_asset(self, sha256: str) -> Asset:
        await self.get_asset(sha256)
        if self._is_read(sha256):
            raise refusals.asset_in_use(sha256)
        return self._assets.pop(sha256)

    async def expired_assets(self, now: datetime, limit: int) -> list[Asset]:
        expired = (asset for asset in self._assets.values() if asset.expire_time <= now)
        return [asset for asset in expired if not self._is_read(asset.sha256)][:limit]

    async def begin_upload(self, upload: Upload) -> Upload:
        known = self._uploads.setdefault(upload.id, upload)
        if (known.sha256, known.size_bytes) != (upload.sha256, upload.size_bytes):
            raise refusals.upload_id_reused(upload.id)
        return known

    async def get_upload(self, upload_id: str) -> Upload:
        if upload_id not in self._uploads:
            raise refusals.upload_not_found(upload_id)
        return self._uploads[upload_id]

    async def delete_upload(self, upload_id: str) -> None:
        self._uploads.pop(upload_id, None)

    async def uploads_before(self, moment: datetime) -> list[Upload]:
        return [upload for upload in self._uploads.values() if upload.create_time < moment]

    async def add_instance(self, instance: Instance) -> None:
        self._instances[instance.id] = instance

    async def change_instance(self, instance_id: str, change: Callable[[Instance], Instance]) -> Instance:
        self._instances[instance_id] = change(await self.get_instance(instance_id))
        return self._instances[instance_id]

    async def get_instance(self, instance_id: str) -> Instance:
        if instance_id not in self._instances:
            raise refusals.instance_not_found(instance_id)
        return self._instances[instance_id]

    async def list_instances(
        self, *, states: frozenset[InstanceState], limit: int, after: tuple[datetime, str] | None = None
    ) -> list[Instance]:
        def place(instance: Instance) -> tuple[datetime, str]:
            return (instance.create_time, instance.id)

        found = sorted((one for one in self._instances.values() if one.state in states), key=place, reverse=True)
        return [one for one in found if after is None or place(one) < after][:limit]

    async def instances_since(self, cloud: str, moment: datetime) -> list[Instance]:
        return [
            one
            for one in await self.list_instances(states=frozenset(InstanceState), limit=len(self._instances))
            if one.cloud == cloud and (one.end_time is None or one.end_time > moment)
        ]

    def _of_request(self, request_id: str, fingerprint: bytes) -> Job:
        known, job_id, create_time = self._requests[request_id]
        if known != fingerprint:
            raise refusals.request_id_reused(request_id)
        job = self._jobs.get(job_id)
        if job is None or job.create_time != create_time:
            raise refusals.job_of_request_deleted(job_id)
        return job

    def _with(self, *states: JobState) -> list[Job]:
        return [job for job in self._jobs.values() if job.state in states]

    def _is_read(self, sha256: str) -> bool:
        name = f"assets/{sha256}"
        return any(name in job.spec.assets for job in self._jobs.values() if not job.state.final)


def _job_place(job: Job) -> tuple[datetime, str]:
    return (job.create_time, job.id)


def _matches(job: Job, query: JobQuery) -> bool:
    if query.states and job.state not in query.states:
        return False
    labels = job.spec.labels
    if any(key not in labels or (value and labels[key] != value) for key, value in (query.labels or {}).items()):
        return False
    if query.after is None:
        return True
    return _job_place(job) > query.after if query.ascending else _job_place(job) < query.after
