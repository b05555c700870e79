"""The seams of the orchestrator: what its domain needs of the outside, with the semantics that every
implementation keeps. The contract tests in `tests/contracts` run against each of them."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from orchestrator.assets.asset import Asset, Upload
from orchestrator.fleet.instance import Instance, InstanceState
from orchestrator.jobs.job import Attempt, Failure, Job, JobState, Progress
from orchestrator.money.price import Cost
from orchestrator.offers.offer import Offer
from orchestrator.offers.requirements import Requirements
from servicekit.growing import GrowingFile
from servicekit.media.operations import Operation
from servicekit.media.outputs import OutputSpec

# --- ledger ---------------------------------------------------------------------------------------------------


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
        """Returns QUEUED jobs that had no attempt yet and whose queue_timeout has passed."""
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


# --- storage --------------------------------------------------------------------------------------------------


class BlobStore(Protocol):
    """Where assets and outputs are kept: a folder, or an object store. Keys are relative paths of safe characters."""

    async def store(self, key: str, path: Path) -> None:
        """Moves a complete local file into the store; when it returns the blob is whole and durable.

        The local file is gone afterwards. Storing the same key again replaces it. Raises ResourceExhausted
        (DISK_FULL) or Unavailable (STORAGE_UNAVAILABLE), and the local file is kept then.
        """
        ...

    async def size(self, key: str) -> int | None:
        """Returns the size in bytes; None when there is no such blob."""
        ...

    async def read(self, key: str, offset: int, length: int) -> bytes:
        """Returns the bytes of a range that lies inside the blob; raises DataLoss (BLOB_MISSING) when it is gone."""
        ...

    async def delete(self, key: str) -> None:
        """Removes a blob if it is there."""
        ...


# --- dispatch -------------------------------------------------------------------------------------------------


class Dispatch(Protocol):
    """Who brings jobs to workers; told of what changed, it looks into the ledger for the rest."""

    def wake(self) -> None:
        """Says that a job was queued."""
        ...

    def cancel(self, job_id: str) -> None:
        """Says that a job is CANCELLING in the ledger: its process is to end. One that does not run is fine."""
        ...


class OutputInterrupted(Exception):
    """An output stopped coming home, for now: when its attempt is followed again, it goes on behind the same bytes."""


class Spools(Protocol):
    """Output on its way home, for those who read it while it grows."""

    def current(self, job_id: str) -> tuple[int, GrowingFile] | None:
        """Returns the number of the latest attempt with an output at home, and that output; None while there is none.

        Kept until the job is final and its output is stored. A file that is current no more fails with Aborted
        (OUTPUT_RESTARTED) where its bytes count no more, and with OutputInterrupted where they still do.
        """
        ...

    async def changed(self, job_id: str) -> None:
        """Returns when `current` answers something else than when this was first awaited."""
        ...


class JobNews(Protocol):
    """Who wants to hear what becomes of jobs."""

    def publish(self, job: Job) -> None:
        """Says that a job was changed in the ledger."""
        ...

    def progress(self, job_id: str, progress: Progress) -> None:
        """Says how far a job is; kept in memory only, and called as often as something is known."""
        ...


# --- cloud ----------------------------------------------------------------------------------------------------


class CloudState(StrEnum):
    """What a cloud says of one of its instances."""

    SCHEDULING = "SCHEDULING"
    PULLING = "PULLING"
    RUNNING = "RUNNING"
    STOPPED = "STOPPED"
    OFFLINE = "OFFLINE"


class Blame(StrEnum):
    """Whose fault a failed start is, which decides what is tried next."""

    OFFER = "OFFER"
    HOST = "HOST"
    ACCOUNT = "ACCOUNT"
    OURS = "OURS"


@dataclass(frozen=True, slots=True, kw_only=True)
class StartProblem:
    """Words of a cloud that mean that a start has failed: `reason` in UPPER_SNAKE, `message` for people."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudInstance:
    """An instance as its cloud sees it.

    `address` is `host:port` of the worker once that is known, `status` the cloud's own words; `problem` is set where
    they mean that it will never come up.
    """

    provider_id: str
    label: str
    state: CloudState
    address: str = ""
    status: str = ""
    problem: StartProblem | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchOrder:
    """What is to be started: `offer` is what to rent (None where nothing is rented), the rest is the ledger's row."""

    instance_id: str
    label: str
    secret: bytes
    offer: Offer | None = None


class LaunchRefused(Exception):
    """The cloud said no, for certain: nothing exists, nothing bills. `reason` is in UPPER_SNAKE."""

    def __init__(self, message: str, *, reason: str = "LAUNCH_REFUSED", blame: Blame = Blame.HOST) -> None:
        super().__init__(message)
        self.reason = reason
        self.blame = blame


class LaunchStillborn(Exception):
    """The cloud said no and made something all the same, which has to be destroyed."""

    def __init__(self, message: str, *, provider_id: str) -> None:
        super().__init__(message)
        self.provider_id = provider_id


class LaunchUnknown(Exception):
    """The cloud's answer was lost: it may exist, and it must be looked for by its label."""


class CloudUnavailable(Exception):
    """The cloud did not answer, or only in part: this says nothing about what exists."""


class CloudForbidden(CloudUnavailable):
    """The cloud does not accept our key: somebody has to see to it, and nothing is known of the instances."""


class Cloud(Protocol):
    """A place where instances are started and destroyed."""

    @property
    def name(self) -> str:
        """The cloud's name in instances: `local`, `vast`."""
        ...

    @property
    def reads_to_believe(self) -> int:
        """How many reads in a row must lack an instance before it counts as gone: some clouds forget for a moment."""
        ...

    async def create(self, order: LaunchOrder) -> str:
        """Starts an instance whose worker accepts the session of the order's secret, and returns its provider id.

        Never repeated by itself. Raises LaunchRefused when it is certain that nothing exists, LaunchStillborn when what
        exists is of no use, LaunchUnknown when nothing is certain, and CloudUnavailable before anything was asked.
        """
        ...

    async def list(self) -> Sequence[CloudInstance]:
        """Returns all instances of the account. Complete, or raises CloudUnavailable."""
        ...

    async def get(self, provider_id: str) -> CloudInstance | None:
        """Returns one instance; None when the cloud says that there is none. Raises CloudUnavailable."""
        ...

    async def destroy(self, provider_id: str) -> None:
        """Asks for the end of an instance; one that is gone already is fine. Raises CloudUnavailable."""
        ...

    async def log_tail(self, provider_id: str) -> str:
        """Returns the last lines that an instance logged; empty when there are none. Raises CloudUnavailable."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What the account has left, in micro US dollars."""

    credit_usd_micros: int


class Marketplace(Protocol):
    """Where machines are rented out by many hosts at their own prices. Raises CloudUnavailable."""

    async def search(
        self, requirements: Requirements, *, max_age: timedelta = timedelta(seconds=60), broad: bool = False
    ) -> Sequence[Offer]:
        """Returns offers that may meet the requirements, read within `max_age`; whoever chooses checks each.

        With `broad` also such as the requirements rule out: for people who want to know why.
        """
        ...

    async def account(self) -> Account:
        """Returns what is left to spend."""
        ...

    async def charges(self, provider_id: str, *, since: datetime) -> Cost | None:
        """Returns what a destroyed instance cost by the marketplace's books; None while they do not show it."""
        ...


# --- worker ---------------------------------------------------------------------------------------------------


class TaskState(StrEnum):
    """Where a task stands; the names are the contract's."""

    ACCEPTED = "ACCEPTED"
    RUNNING = "RUNNING"
    CANCELLING = "CANCELLING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskProgress:
    """How far a task is, as the worker says."""

    stage: str = "WAITING"
    fraction: float = 0.0
    frames: int = 0
    frames_per_second: float = 0.0
    speed: float = 0.0
    media_time: timedelta = timedelta()
    media_duration: timedelta | None = None
    eta: timedelta | None = None
    output_bytes: int = 0
    input_bytes: int = 0
    encoder: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskStatus:
    """A task as the worker sees it. `size_bytes` and `sha256` are those of a SUCCEEDED task's output."""

    task_id: str
    state: TaskState
    progress: TaskProgress
    failure: Failure | None = None
    size_bytes: int = 0
    sha256: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputChunk:
    """Bytes of a task's output at an offset, checked; `last` comes with the size and digest of the whole."""

    offset: int
    data: bytes
    last: bool = False
    size_bytes: int = 0
    sha256: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRequest:
    """What a worker is asked to do; assets in `operation` must have been sent before."""

    task_id: str
    operation: Operation
    output: OutputSpec
    run_timeout: timedelta
    stall_timeout: timedelta
    max_input_bytes: int
    fetch_idle_timeout: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerReady:
    """What a worker said of itself: its slots, its serialised `Capabilities`, and what its GPU was seen to encode."""

    slots: int
    capabilities: bytes
    hardware_codecs: frozenset[str] = frozenset()


class WorkerUnreachable(Exception):
    """The worker did not answer within the bounds of the link's own retries."""


class TaskGone(Exception):
    """The worker answers, and does not know the task: it was started anew, or the task was deleted."""


class WorkerLink(Protocol):
    """One worker, reached over the network.

    Every method retries what is safe to repeat within a bound of its own and then raises WorkerUnreachable; an answer
    that refuses raises the SpotreelError that the worker sent. The streams resume by themselves after a break and end
    only as described.
    """

    async def ready(self, *, timeout: float) -> WorkerReady:
        """Asks for the capabilities, waiting up to `timeout` seconds for the worker to come up."""
        ...

    async def send_input(self, asset: Asset, read: Callable[[int, int], AsyncIterator[bytes]]) -> None:
        """Brings an asset to the worker unless it is there; `read(offset, length)` gives its bytes from an offset."""
        ...

    async def start(self, request: TaskRequest) -> None:
        """Starts a task; a repeat is harmless."""
        ...

    def watch(self, task_id: str) -> AsyncIterator[TaskStatus]:
        """Yields the task now and after each change; ends after a final state. Raises TaskGone."""
        ...

    def read_output(self, task_id: str, offset: int) -> AsyncIterator[OutputChunk]:
        """Yields the output from an offset on while it grows; ends after `last`, or when the task has failed.

        Raises TaskGone.
        """
        ...

    async def cancel(self, task_id: str) -> None:
        """Asks the worker to end a task; one that is gone is fine."""
        ...

    async def delete(self, task_id: str) -> None:
        """Removes a final task and its files from the worker; one that is gone is fine."""
        ...

    async def close(self) -> None:
        """Closes the connection."""
        ...


class WorkerLinks(Protocol):
    """Makes links to instances."""

    def connect(self, instance: Instance) -> WorkerLink:
        """Returns a link to an instance whose address is known; it connects when it is first used."""
        ...
