"""Why a task failed: the reasons of `JobFailure`, and the exception that carries one out of any step."""

from collections.abc import Mapping, Sequence
from enum import StrEnum


class FailureReason(StrEnum):
    """The reasons of `JobFailure` that can arise; the protos say what each means and what the client does."""

    INPUT_NOT_FOUND = "INPUT_NOT_FOUND"
    INPUT_FORBIDDEN_ADDRESS = "INPUT_FORBIDDEN_ADDRESS"
    INPUT_TOO_LARGE = "INPUT_TOO_LARGE"
    INPUT_TIMEOUT = "INPUT_TIMEOUT"
    INPUT_INVALID = "INPUT_INVALID"
    SUBTITLES_INVALID = "SUBTITLES_INVALID"
    FONT_MISSING = "FONT_MISSING"
    ENCODER_UNAVAILABLE = "ENCODER_UNAVAILABLE"
    ENCODE_FAILED = "ENCODE_FAILED"
    STALLED = "STALLED"
    RUN_TIMEOUT = "RUN_TIMEOUT"
    QUEUE_TIMEOUT = "QUEUE_TIMEOUT"
    BUDGET_EXCEEDED = "BUDGET_EXCEEDED"
    INSTANCE_LOST = "INSTANCE_LOST"
    NO_CAPACITY = "NO_CAPACITY"
    DISK_FULL = "DISK_FULL"
    OUTPUT_INVALID = "OUTPUT_INVALID"
    INTERNAL = "INTERNAL"


# Another machine, or the same one later, may do better; everything else is the job's own and fails again.
_RETRYABLE = frozenset(
    {
        FailureReason.INPUT_TIMEOUT,
        FailureReason.ENCODER_UNAVAILABLE,
        FailureReason.ENCODE_FAILED,
        FailureReason.STALLED,
        FailureReason.INSTANCE_LOST,
        FailureReason.NO_CAPACITY,
        FailureReason.DISK_FULL,
        FailureReason.OUTPUT_INVALID,
        FailureReason.INTERNAL,
    }
)


class TaskFailed(Exception):
    """The work of a task cannot be done; `message` is for people and holds no secret, `log_tail` is FFmpeg's own words.

    `retryable` follows from the reason unless it is given.
    """

    def __init__(
        self,
        reason: FailureReason,
        message: str,
        *,
        retryable: bool | None = None,
        metadata: Mapping[str, str] | None = None,
        log_tail: Sequence[str] = (),
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.retryable = reason in _RETRYABLE if retryable is None else retryable
        self.metadata: Mapping[str, str] = dict(metadata or {})
        self.log_tail = "\n".join(log_tail)

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}"
