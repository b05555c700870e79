"""The ledger in a SQL database."""

from collections.abc import Callable
from datetime import datetime, timedelta

from orchestrator.assets.asset import Asset, Upload
from orchestrator.fleet.instance import Instance, InstanceState
from orchestrator.jobs.job import Attempt, Job, JobState
from orchestrator.ledger import asset_tables, instance_tables, job_tables
from orchestrator.ledger.transactions import Transactions
from orchestrator.ports import JobQuery
from servicekit.clock import Clock


class SqlLedger:
    """A `Ledger` whose every method is one transaction of `transactions`."""

    def __init__(self, *, transactions: Transactions, clock: Clock, asset_retention: timedelta) -> None:
        """Takes how long an asset is kept after a job was created that reads it."""
        self._transact = transactions.run
        self._clock = clock
        self._asset_retention = asset_retention

    async def create_job(
        self, job: Job, *, request_id: str, fingerprint: bytes, max_queued: int | None = None
    ) -> tuple[Job, bool]:
        return await self._transact(
            lambda connection: job_tables.create(
                connection,
                job,
                request_id=request_id,
                fingerprint=fingerprint,
                max_queued=max_queued,
                assets_expire=job.create_time + self._asset_retention,
            )
        )

    async def get_job(self, job_id: str) -> Job:
        return await self._transact(lambda connection: job_tables.get(connection, job_id))

    async def list_jobs(self, query: JobQuery) -> list[Job]:
        return await self._transact(lambda connection: job_tables.find(connection, query))

    async def queued_jobs(self, limit: int) -> list[Job]:
        return await self._transact(lambda connection: job_tables.queued(connection, limit))

    async def count_jobs(self, states: frozenset[JobState]) -> int:
        return await self._transact(lambda connection: job_tables.count(connection, states))

    async def unfinished_jobs(self) -> list[Job]:
        return await self._transact(job_tables.unfinished)

    async def attempts_on(self, instance_id: str) -> list[tuple[str, Attempt]]:
        return await self._transact(lambda connection: job_tables.attempts_on(connection, instance_id))

    async def change_job(self, job_id: str, change: Callable[[Job], Job]) -> Job:
        return await self._transact(lambda connection: job_tables.change(connection, job_id, change, self._clock.now()))

    async def delete_job(self, job_id: str) -> Job:
        return await self._transact(lambda connection: job_tables.remove(connection, job_id))

    async def expired_jobs(self, now: datetime, limit: int) -> list[Job]:
        return await self._transact(lambda connection: job_tables.expired(connection, now, limit))

    async def overdue_jobs(self, now: datetime, limit: int) -> list[Job]:
        return await self._transact(lambda connection: job_tables.overdue(connection, now, limit))

    async def forget_requests(self, before: datetime) -> None:
        await self._transact(lambda connection: job_tables.forget_requests(connection, before))

    async def add_asset(self, asset: Asset) -> Asset:
        return await self._transact(lambda connection: asset_tables.add(connection, asset))

    async def get_asset(self, sha256: str) -> Asset:
        return await self._transact(lambda connection: asset_tables.get(connection, sha256))

    async def touch_asset(self, sha256: str, *, expire_time: datetime) -> Asset:
        return await self._transact(lambda connection: asset_tables.touch(connection, sha256, expire_time=expire_time))

    async def list_assets(self, *, limit: int, after: tuple[datetime, str] | None) -> list[Asset]:
        return await self._transact(lambda connection: asset_tables.find(connection, limit=limit, after=after))

    async def delete_asset(self, sha256: str) -> Asset:
        return await self._transact(lambda connection: asset_tables.remove(connection, sha256))

    async def expired_assets(self, now: datetime, limit: int) -> list[Asset]:
        return await self._transact(lambda connection: asset_tables.expired(connection, now, limit))

    async def begin_upload(self, upload: Upload) -> Upload:
        return await self._transact(lambda connection: asset_tables.begin_upload(connection, upload))

    async def get_upload(self, upload_id: str) -> Upload:
        return await self._transact(lambda connection: asset_tables.get_upload(connection, upload_id))

    async def delete_upload(self, upload_id: str) -> None:
        await self._transact(lambda connection: asset_tables.delete_upload(connection, upload_id))

    async def uploads_before(self, moment: datetime) -> list[Upload]:
        return await self._transact(lambda connection: asset_tables.uploads_before(connection, moment))

    async def add_instance(self, instance: Instance) -> None:
        await self._transact(lambda connection: instance_tables.add(connection, instance))

    async def change_instance(self, instance_id: str, change: Callable[[Instance], Instance]) -> Instance:
        return await self._transact(lambda connection: instance_tables.change(connection, instance_id, change))

    async def get_instance(self, instance_id: str) -> Instance:
        return await self._transact(lambda connection: instance_tables.get(connection, instance_id))

    async def list_instances(
        self, *, states: frozenset[InstanceState], limit: int, after: tuple[datetime, str] | None = None
    ) -> list[Instance]:
        return await self._transact(
            lambda connection: instance_tables.find(connection, states=states, limit=limit, after=after)
        )

    async def instances_since(self, cloud: str, moment: datetime) -> list[Instance]:
        return await self._transact(lambda connection: instance_tables.since(connection, cloud, moment))
