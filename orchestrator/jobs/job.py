"""A job: what was asked for, where it stands, and the only ways in which that may change.

Records never change; each transition is a pure function from one job to the next, and raises what the contract
promises when the job does not stand where the transition starts. The ledger applies them inside a transaction.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256

from orchestrator.money.price import Cost
from servicekit.errors import FailedPrecondition
from servicekit.media.operations import AssetSource, Operation, sources
from servicekit.media.outputs import OutputSpec
from servicekit.probe import MediaInfo

DEFAULT_RUN_TIMEOUT = timedelta(minutes=10)
DEFAULT_MAX_ATTEMPTS = 3
DEFAULT_MAX_INPUT_BYTES = 2 << 30
_LONGEST_TASK_ID = 57


class JobState(StrEnum):
    """Where a job stands; the names are the contract's."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    CANCELLING = "CANCELLING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def final(self) -> bool:
        """Whether it never changes again."""
        return self in (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)


class AttemptState(StrEnum):
    """Where an attempt stands; the names are the contract's."""

    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class Stage(StrEnum):
    """What is being done for a job; the names are the contract's."""

    WAITING = "WAITING"
    PROVISIONING = "PROVISIONING"
    PULLING_IMAGE = "PULLING_IMAGE"
    FETCHING_INPUT = "FETCHING_INPUT"
    ENCODING = "ENCODING"
    TRANSFERRING = "TRANSFERRING"
    VERIFYING = "VERIFYING"


class Placement(StrEnum):
    """What decides which machine is taken."""

    CHEAPEST = "CHEAPEST"
    FASTEST = "FASTEST"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLimits:
    """Bounds on what a job may take; sizes in bytes, money in micro US dollars (0: no bound)."""

    run_timeout: timedelta = DEFAULT_RUN_TIMEOUT
    queue_timeout: timedelta | None = None
    max_attempts: int = DEFAULT_MAX_ATTEMPTS
    max_cost_usd_micros: int = 0
    max_input_bytes: int = DEFAULT_MAX_INPUT_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec:
    """What is asked for, with every default filled in."""

    operation: Operation
    output: OutputSpec = field(default_factory=OutputSpec)
    display_name: str = ""
    placement: Placement = Placement.CHEAPEST
    priority: int = 0
    limits: JobLimits = JobLimits()
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def assets(self) -> frozenset[str]:
        """The names of the assets that the job reads."""
        return frozenset(source.asset for _, source in sources(self.operation) if isinstance(source, AssetSource))


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a job is; `fraction` is 0…1 and never falls within an attempt."""

    stage: Stage = Stage.WAITING
    fraction: float = 0.0
    frames: int = 0
    frames_per_second: float = 0.0
    speed: float = 0.0
    media_time: timedelta = timedelta()
    media_duration: timedelta | None = None
    eta: timedelta | None = None
    output_bytes: int = 0
    encoder: str = ""
    instance_id: str = ""
    cost_usd_micros: int = 0
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why the work failed: `reason` is one of the contract's, `message` is for people."""

    reason: str
    message: str
    retryable: bool = False
    metadata: Mapping[str, str] = field(default_factory=dict)
    log_tail: str = ""

    @property
    def needs_encoder(self) -> bool:
        """Whether a worker that may only copy found that the picture has to be encoded."""
        return self.reason == "ENCODER_UNAVAILABLE" and "needs_encoder" in self.metadata


@dataclass(frozen=True, slots=True, kw_only=True)
class SpooledOutput:
    """The append-only output of an attempt, complete at home: its size in bytes and its SHA-256."""

    size_bytes: int
    sha256: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptPart:
    """What is at home of a lost attempt and will be a part of the output: the first `size_bytes` of its spool.

    They hold the picture from where the attempt began up to `end`, which is a border between groups of pictures.
    `sound` says whether the output has anything but a picture.
    """

    size_bytes: int
    sha256: bytes
    frames: int
    end: timedelta
    sound: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptCost:
    """What an attempt on a rented machine cost: its own part, and its share of the time in which the machine started or
    had nothing to do. Until it is `final` it is what it would have cost with the machine to itself."""

    own: Cost
    overhead_usd_micros: int = 0
    final: bool = False

    @property
    def total_usd_micros(self) -> int:
        """All of it."""
        return self.own.total_usd_micros + self.overhead_usd_micros


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try at a job on one instance; `task_id` is its name on the worker, `cost` None where that costs nothing.

    `range_start` is where its picture begins when what comes before was kept of others; `kept` what others may keep.
    """

    number: int
    instance_id: str
    task_id: str
    start_time: datetime
    state: AttemptState = AttemptState.RUNNING
    end_time: datetime | None = None
    encoder: str = ""
    failure: Failure | None = None
    spooled: SpooledOutput | None = None
    cost: AttemptCost | None = None
    range_start: timedelta | None = None
    kept: KeptPart | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOutput:
    """What a job made; `blob` is where storage keeps it."""

    blob: str
    size_bytes: int
    sha256: bytes
    content_type: str
    media_info: MediaInfo
    file_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A piece of work and what became of it. `sequence` rises with every change that a watcher could see."""

    id: str
    spec: JobSpec
    create_time: datetime
    update_time: datetime
    state: JobState = JobState.QUEUED
    start_time: datetime | None = None
    end_time: datetime | None = None
    expire_time: datetime | None = None
    progress: Progress = Progress()
    attempts: tuple[Attempt, ...] = ()
    output: JobOutput | None = None
    failure: Failure | None = None
    sequence: int = 0

    @property
    def name(self) -> str:
        """The resource name, `jobs/{job}`."""
        return f"jobs/{self.id}"

    @property
    def cost(self) -> AttemptCost:
        """What all attempts that have ended cost together; final when it can grow no more."""
        costs = [one.cost for one in self.attempts if one.cost is not None]
        return AttemptCost(
            own=sum((one.own for one in costs), Cost()),
            overhead_usd_micros=sum(one.overhead_usd_micros for one in costs),
            final=self.state.final and all(one.final for one in costs),
        )

    @property
    def attempt(self) -> Attempt | None:
        """The latest attempt; None before the first."""
        return self.attempts[-1] if self.attempts else None

    @property
    def needs_encoder(self) -> bool:
        """Whether an attempt found that the picture has to be encoded, which its request alone does not tell."""
        return any(_only_looked(one) for one in self.attempts)

    @property
    def tries(self) -> int:
        """How many of the attempts its owner allowed are used up."""
        return sum(not _only_looked(one) for one in self.attempts)

    @property
    def kept(self) -> tuple[tuple[Attempt, KeptPart], ...]:
        """The attempts of which a part is kept, each with that part, in the order of the picture."""
        return tuple((one, one.kept) for one in self.attempts if one.kept is not None)

    @property
    def running_attempt(self) -> Attempt | None:
        """The attempt that has not ended; None while the job waits or when it is final."""
        latest = self.attempt
        return latest if latest is not None and latest.state is AttemptState.RUNNING else None


def started(job: Job, *, instance_id: str, now: datetime) -> Job:
    """QUEUED → RUNNING: a slot was found; a new attempt begins, behind what is kept of those before it."""
    _require(job, JobState.QUEUED)
    number = len(job.attempts) + 1
    attempt = Attempt(
        number=number,
        instance_id=instance_id,
        task_id=_task_id(job.id, number),
        start_time=now,
        range_start=job.kept[-1][1].end if job.kept else None,
    )
    return replace(
        job,
        state=JobState.RUNNING,
        start_time=job.start_time or now,
        update_time=now,
        attempts=(*job.attempts, attempt),
        progress=Progress(stage=Stage.FETCHING_INPUT, instance_id=instance_id),
    )


def spooled(job: Job, *, output: SpooledOutput, encoder: str, now: datetime) -> Job:
    """Notes that the attempt's output is complete at home: from here on the worker is not needed."""
    return _with_attempt(job, now, spooled=output, encoder=encoder)


def succeeded(job: Job, *, output: JobOutput, now: datetime, keep: timedelta) -> Job:
    """RUNNING → SUCCEEDED: the output is verified and stored. A cancel that came too late is forgotten."""
    _require(job, JobState.RUNNING, JobState.CANCELLING)
    ended = _with_attempt(job, now, state=AttemptState.SUCCEEDED, end_time=now)
    done = replace(job.progress, fraction=1.0, stage=Stage.VERIFYING, eta=None, detail="")
    return replace(_final(ended, JobState.SUCCEEDED, now, keep), output=output, progress=done)


def attempt_failed(job: Job, *, failure: Failure, now: datetime, keep: timedelta, kept: KeptPart | None = None) -> Job:
    """RUNNING → QUEUED while tries are left and another one may help; else RUNNING → FAILED.

    `kept` is what the next attempt may go on behind.
    A job that is being cancelled is CANCELLED instead: its process is gone, which is all that was wished for.
    """
    if job.state is JobState.CANCELLING:
        return cancelled(job, now=now, keep=keep)
    _require(job, JobState.RUNNING)
    ended = _with_attempt(job, now, state=AttemptState.FAILED, end_time=now, failure=failure, kept=kept)
    if failure.retryable and ended.tries < job.spec.limits.max_attempts:
        waiting = Progress(stage=Stage.WAITING, detail=f"Attempt {len(job.attempts)} failed: {failure.message}")
        return replace(ended, state=JobState.QUEUED, progress=waiting)
    return replace(_final(ended, JobState.FAILED, now, keep), failure=failure)


def with_attempt_cost(job: Job, *, number: int, cost: AttemptCost) -> Job:
    """Notes what an attempt cost; a job without that attempt stays as it is."""
    attempts = tuple(replace(one, cost=cost) if one.number == number else one for one in job.attempts)
    return replace(job, attempts=attempts)


def nothing_kept(job: Job) -> Job:
    """Gives up what was kept of attempts: the next one makes all of the output."""
    return replace(job, attempts=tuple(replace(one, kept=None) for one in job.attempts))


def failed_in_queue(job: Job, *, failure: Failure, now: datetime, keep: timedelta) -> Job:
    """QUEUED → FAILED: it will never run."""
    _require(job, JobState.QUEUED)
    return replace(_final(job, JobState.FAILED, now, keep), failure=failure)


def cancel_wished(job: Job, *, now: datetime, keep: timedelta) -> Job:
    """QUEUED → CANCELLED at once, RUNNING → CANCELLING; a repeat changes nothing.

    Raises FailedPrecondition (JOB_FINISHED) when it SUCCEEDED or FAILED before.
    """
    if job.state in (JobState.CANCELLING, JobState.CANCELLED):
        return job
    if job.state is JobState.QUEUED:
        return _final(job, JobState.CANCELLED, now, keep)
    if job.state is JobState.RUNNING:
        return replace(job, state=JobState.CANCELLING, update_time=now)
    raise FailedPrecondition(
        f"{job.name} has {job.state} already and cannot be cancelled.",
        reason="JOB_FINISHED",
        subject=job.name,
        metadata={"name": job.name, "state": job.state},
    )


def cancelled(job: Job, *, now: datetime, keep: timedelta) -> Job:
    """CANCELLING → CANCELLED: its process was seen to be gone."""
    _require(job, JobState.CANCELLING)
    ended = _with_attempt(job, now, state=AttemptState.CANCELLED, end_time=now) if job.running_attempt else job
    return _final(ended, JobState.CANCELLED, now, keep)


def _task_id(job_id: str, number: int) -> str:
    """Returns an id that a worker takes, also with an ending of up to six characters: it has 63 at most."""
    task_id = f"{job_id}-{number}"
    return task_id if len(task_id) <= _LONGEST_TASK_ID else f"{sha256(job_id.encode()).hexdigest()[:40]}-{number}"


def _only_looked(attempt: Attempt) -> bool:
    return attempt.failure is not None and attempt.failure.needs_encoder


def _final(job: Job, state: JobState, now: datetime, keep: timedelta) -> Job:
    return replace(nothing_kept(job), state=state, end_time=now, update_time=now, expire_time=now + keep)


def _with_attempt(
    job: Job,
    now: datetime,
    *,
    state: AttemptState = AttemptState.RUNNING,
    end_time: datetime | None = None,
    failure: Failure | None = None,
    spooled: SpooledOutput | None = None,
    encoder: str = "",
    kept: KeptPart | None = None,
) -> Job:
    latest = job.attempts[-1]
    changed = replace(
        latest,
        state=state,
        end_time=end_time,
        failure=failure,
        spooled=spooled or latest.spooled,
        encoder=encoder or latest.encoder or job.progress.encoder,
        kept=kept,
    )
    return replace(job, attempts=(*job.attempts[:-1], changed), update_time=now)


def _require(job: Job, *states: JobState) -> None:
    if job.state not in states:
        wanted = " or ".join(states)
        raise FailedPrecondition(
            f"{job.name} is {job.state}, not {wanted}.",
            reason="JOB_STATE",
            subject=job.name,
            metadata={"name": job.name, "state": job.state},
        )
