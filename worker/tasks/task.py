"""A task as a record: what the contract's `Task` says, in domain types.

ACCEPTED ──▶ RUNNING ──▶ SUCCEEDED | FAILED
    │            │
    └────────────┴─────▶ CANCELLING ──▶ CANCELLED
(ACCEPTED may also fail: an input that cannot be fetched needs no slot.)
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from servicekit.media.operations import Operation
from servicekit.media.outputs import OutputSpec
from servicekit.media_info import MediaInfo
from worker.errors import FailureReason
from worker.media.part import WHOLE, Part


class TaskState(StrEnum):
    """Where a task stands."""

    ACCEPTED = "ACCEPTED"
    RUNNING = "RUNNING"
    CANCELLING = "CANCELLING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def is_final(self) -> bool:
        """Tells whether nothing changes any more."""
        return self in (TaskState.SUCCEEDED, TaskState.FAILED, TaskState.CANCELLED)


class TaskStage(StrEnum):
    """What is being done."""

    WAITING = "WAITING"
    FETCHING_INPUT = "FETCHING_INPUT"
    ENCODING = "ENCODING"
    VERIFYING = "VERIFYING"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskLimits:
    """Bounds on what a task may take; the defaults are those of the contract."""

    run_timeout: timedelta = timedelta(minutes=10)
    stall_timeout: timedelta = timedelta(seconds=60)
    max_input_bytes: int = 2 << 30
    fetch_idle_timeout: timedelta = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRequest:
    """What was asked for. Two that are equal are the same request, however they were written."""

    task_id: str
    operation: Operation
    output: OutputSpec
    limits: TaskLimits
    copy_only: bool = False
    part: Part = WHOLE


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskProgress:
    """How far a task is; `fraction` 0 to 1 never falls, None and "" stand for what is not known."""

    stage: TaskStage = TaskStage.WAITING
    fraction: float = 0.0
    frames: int = 0
    frames_per_second: float = 0.0
    speed: float = 0.0
    media_time: timedelta = timedelta()
    media_duration: timedelta | None = None
    eta: timedelta | None = None
    output_bytes: int = 0
    encoder: str = ""
    input_bytes: int = 0
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskOutput:
    """What was made; `sha256` has 32 bytes."""

    size_bytes: int
    sha256: bytes
    content_type: str
    media_info: MediaInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFailure:
    """Why a task failed, as clients are told."""

    reason: FailureReason
    message: str
    retryable: bool
    metadata: Mapping[str, str] = field(default_factory=dict)
    ffmpeg_log_tail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A task at one moment; `sequence` rises with every change."""

    request: TaskRequest
    create_time: datetime
    sequence: int = 1
    state: TaskState = TaskState.ACCEPTED
    progress: TaskProgress = field(default_factory=TaskProgress)
    output: TaskOutput | None = None
    failure: TaskFailure | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None

    @property
    def name(self) -> str:
        """The name that calls use."""
        return f"tasks/{self.request.task_id}"
