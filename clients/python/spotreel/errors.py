"""What can go wrong, as the caller sees it.

SpotreelClientError
├── ServerUnavailable    nobody answers, or not in time: try again later
│   └── EmbeddedFailed   the orchestrator that was started for this client did not come up, or died
├── Unauthenticated      the server wants a key, and there was none or a wrong one
├── PermissionDenied     the key is known, and may not do this
├── InvalidRequest       wrong for ever; `violations` names each field
├── NotFound             no such job or asset
├── AlreadyExists        the id is taken by something else
├── PreconditionFailed   something else has to happen first
├── OffsetOutOfRange     an offset lies behind the end
├── Aborted              somebody else was faster: read again, try again
├── ResourceExhausted    no room in the queue, on the disk, in the budget
├── Unimplemented        this server does not do it
├── DataCorrupted        bytes do not agree with their checksum
├── ServerFailed         a bug of the server
├── LocalFile            a file on this machine cannot be read or written
├── JobFailed            the call was fine, the work was not
└── JobCancelled         the job was cancelled before it was done
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spotreel.orchestrator.v1.job_pb2 import Job


class SpotreelClientError(Exception):
    """Something could not be done.

    `code` is the canonical code of the failed call, such as `NOT_FOUND`, or LOCAL_FILE, JOB_FAILED, JOB_CANCELLED.
    `reason` (UPPER_SNAKE) is for programs, `message` for people; `metadata` holds the values that the message names.
    `retry_delay` is how many seconds the server asks to wait, None where it does not say. `request_id` finds the call
    in the server's log; it is empty where no server was involved.
    """

    code: str = "UNKNOWN"

    def __init__(
        self,
        message: str,
        *,
        reason: str,
        metadata: Mapping[str, str] | None = None,
        retry_delay: float | None = None,
        request_id: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason
        self.metadata: Mapping[str, str] = dict(metadata or {})
        self.retry_delay = retry_delay
        self.request_id = request_id


class ServerUnavailable(SpotreelClientError):
    """The server does not answer, or not in time."""

    code = "UNAVAILABLE"


class EmbeddedFailed(ServerUnavailable):
    """The embedded orchestrator did not start, or ended too early; the message ends with the last lines it logged."""


class Unauthenticated(SpotreelClientError):
    """The API key is missing or wrong."""

    code = "UNAUTHENTICATED"


class PermissionDenied(SpotreelClientError):
    """The API key does not allow it."""

    code = "PERMISSION_DENIED"


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One field of a request, such as `spec.output.video.quality`, and what is wrong with it."""

    field: str
    description: str


class InvalidRequest(SpotreelClientError):
    """The request is wrong whatever the state of the server; `violations` names each field."""

    code = "INVALID_ARGUMENT"

    violations: tuple[FieldViolation, ...] = ()


class NotFound(SpotreelClientError):
    """There is no such resource (any more)."""

    code = "NOT_FOUND"


class AlreadyExists(SpotreelClientError):
    """The id is taken by something else."""

    code = "ALREADY_EXISTS"


class PreconditionFailed(SpotreelClientError):
    """The state of the resource does not allow it."""

    code = "FAILED_PRECONDITION"


class OffsetOutOfRange(SpotreelClientError):
    """An offset lies behind the end, or not where an upload stands."""

    code = "OUT_OF_RANGE"


class Aborted(SpotreelClientError):
    """Another call, or another attempt at the job, changed the same thing first."""

    code = "ABORTED"


class ResourceExhausted(SpotreelClientError):
    """No room: too many requests, a full queue or disk, a budget; `retry_delay` where waiting helps."""

    code = "RESOURCE_EXHAUSTED"


class Unimplemented(SpotreelClientError):
    """This server does not do it."""

    code = "UNIMPLEMENTED"


class DataCorrupted(SpotreelClientError):
    """Bytes do not agree with their checksum or size, also after they were asked for again."""

    code = "DATA_LOSS"


class ServerFailed(SpotreelClientError):
    """The server failed in a way that it did not foresee."""

    code = "INTERNAL"


class LocalFile(SpotreelClientError):
    """A file on this machine cannot be read or written."""

    code = "LOCAL_FILE"


class JobFailed(SpotreelClientError):
    """The job ended as FAILED; `ffmpeg_log_tail` has FFmpeg's last words where FFmpeg failed, else it is empty."""

    code = "JOB_FAILED"

    def __init__(self, job: "Job") -> None:
        failure = job.failure
        super().__init__(
            failure.message or f"{job.name} failed.", reason=failure.reason or "INTERNAL", metadata=failure.metadata
        )
        self.job = job
        self.ffmpeg_log_tail = failure.ffmpeg_log_tail


class JobCancelled(SpotreelClientError):
    """The job ended as CANCELLED, by this client or by another."""

    code = "JOB_CANCELLED"

    def __init__(self, job: "Job") -> None:
        super().__init__(f"{job.name} was cancelled.", reason="JOB_CANCELLED", metadata={"job": job.name})
        self.job = job
