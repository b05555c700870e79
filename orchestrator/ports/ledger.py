"""What must survive a crash."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from orchestrator.assets.asset import Asset, Upload
from orchestrator.fleet.instance import Instance, InstanceState
from orchestrator.jobs.job import Attempt, Job, JobState


@dataclass(frozen=True, slots=True, kw_only=True)
class JobQuery:
    """Which jobs to list. `after` is the (create_time, id) of the last job seen; empty filters let all through."""

    limit: int
    states: frozenset[JobState] = frozenset()
    labels: Mapping[str, str] | None = None
    ascending: bool = False
    after: tuple[datetime, str] | None = None


class Ledger(Protocol):
    """What must survive a crash: jobs, assets, uploads, instances.

    Each method is one transaction: when it returns its effect is durable, when it raises there is none. Methods may
    be called from any number of tasks at once. `OSError`s of the disk surface as `ResourceExhausted` (DISK_FULL) or
    `Unavailable` (LEDGER_UNAVAILABLE).
    """

    async def create_job(
        self, job: Job, *, request_id: str, fingerprint: bytes, max_queued: int | None = None
    ) -> tuple[Job, bool]:
        """Writes a job; returns it and whether it is new.

        With a `request_id` that was used before: the job of that request when the fingerprint agrees, else raises
        AlreadyExists (REQUEST_ID_REUSED). A request id is remembered for at least 24 hours, also when its job was
        deleted (then NotFound (JOB_NOT_FOUND) is raised, even where another job has its id by now). Raises
        AlreadyExists (JOB_EXISTS) when the id is taken.
        Touches the assets that the job reads in the same transaction and raises NotFound (ASSET_NOT_FOUND) when one
        does not exist. Raises ResourceExhausted (QUEUE_FULL) for a new job while `max_queued` jobs wait already.
        """
        ...

    async def get_job(self, job_id: str) -> Job:
        """Returns a job; raises NotFound (JOB_NOT_FOUND)."""
        ...

    async def list_jobs(self, query: JobQuery) -> list[Job]:
        """Returns at most `query.limit` jobs by (create_time, id)."""
        ...

    async def queued_jobs(self, limit: int) -> list[Job]:
        """Returns QUEUED jobs in the order in which they are to run: higher priority first, then older first."""
        ...

    async def count_jobs(self, states: frozenset[JobState]) -> int:
        """Counts the jobs in these states."""
        ...

    async def unfinished_jobs(self) -> list[Job]:
        """Returns all RUNNING and CANCELLING jobs, oldest first."""
        ...

    async def attempts_on(self, instance_id: str) -> list[tuple[str, Attempt]]:
        """Returns the attempts on an instance with the ids of their jobs, by the time of their start.

        Those of jobs that were deleted are gone.
        """
        ...

    async def change_job(self, job_id: str, change: Callable[[Job], Job]) -> Job:
        """Applies a pure transition to a job inside one transaction and returns the result.

        What `change` raises surfaces, and nothing is written. The sequence of the result is greater than before when
        anything changed. Raises NotFound (JOB_NOT_FOUND).
        """
        ...

    async def delete_job(self, job_id: str) -> Job:
        """Removes a final job and returns it as it was.

        Raises NotFound (JOB_NOT_FOUND), FailedPrecondition (JOB_NOT_FINISHED).
        """
        ...

    async def expired_jobs(self, now: datetime, limit: int) -> list[Job]:
        """Returns final jobs whose expire_time has passed."""
        ...

    async def overdue_jobs(self, now: datetime, limit: int) -> list[Job]:
        """Returns QUEUED jobs that were not tried yet and whose queue_timeout has passed."""
        ...

    async def forget_requests(self, before: datetime) -> None:
        """Forgets the request ids that were first used before a moment."""
        ...

    async def add_asset(self, asset: Asset) -> Asset:
        """Writes an asset; one with the same digest that exists already is returned with its expiry renewed."""
        ...

    async def get_asset(self, sha256: str) -> Asset:
        """Returns an asset; raises NotFound (ASSET_NOT_FOUND)."""
        ...

    async def touch_asset(self, sha256: str, *, expire_time: datetime) -> Asset:
        """Moves the expiry of an asset later, never earlier; raises NotFound (ASSET_NOT_FOUND)."""
        ...

    async def list_assets(self, *, limit: int, after: tuple[datetime, str] | None) -> list[Asset]:
        """Returns assets, the newest first, by (create_time, sha256)."""
        ...

    async def delete_asset(self, sha256: str) -> Asset:
        """Removes an asset and returns it as it was.

        Raises NotFound (ASSET_NOT_FOUND), FailedPrecondition (ASSET_IN_USE) while an unfinished job reads it.
        """
        ...

    async def expired_assets(self, now: datetime, limit: int) -> list[Asset]:
        """Returns assets whose expire_time has passed and that no unfinished job reads."""
        ...

    async def begin_upload(self, upload: Upload) -> Upload:
        """Writes an upload, or returns the one with the same id.

        Raises AlreadyExists (UPLOAD_ID_REUSED) when that one announced another size or digest.
        """
        ...

    async def get_upload(self, upload_id: str) -> Upload:
        """Returns an upload; raises NotFound (UPLOAD_NOT_FOUND)."""
        ...

    async def delete_upload(self, upload_id: str) -> None:
        """Removes an upload if it is there."""
        ...

    async def uploads_before(self, moment: datetime) -> list[Upload]:
        """Returns the uploads that were begun before a moment."""
        ...

    async def add_instance(self, instance: Instance) -> None:
        """Writes an instance: the intent, before any cloud is called."""
        ...

    async def change_instance(self, instance_id: str, change: Callable[[Instance], Instance]) -> Instance:
        """Applies a pure change inside one transaction; raises NotFound (INSTANCE_NOT_FOUND)."""
        ...

    async def get_instance(self, instance_id: str) -> Instance:
        """Returns an instance; raises NotFound (INSTANCE_NOT_FOUND)."""
        ...

    async def list_instances(
        self, *, states: frozenset[InstanceState], limit: int, after: tuple[datetime, str] | None = None
    ) -> list[Instance]:
        """Returns instances in these states, the newest first, by (create_time, id)."""
        ...

    async def instances_since(self, cloud: str, moment: datetime) -> list[Instance]:
        """Returns the instances of a cloud that have not ended, or ended after a moment; the newest first."""
        ...
