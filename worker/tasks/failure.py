"""Whatever ended a task early, as the failure that its owner reads."""

import errno

import structlog

from servicekit.errors import SpotreelError
from worker.errors import FailureReason, TaskFailed
from worker.tasks.task import TaskFailure

_LOG_TAIL_CHARACTERS = 8 * 1024
_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def failure_of(error: Exception) -> TaskFailure:
    """Returns the failure; what nobody foresaw is INTERNAL, and its stack goes to the log."""
    match error:
        case TaskFailed():
            return TaskFailure(
                reason=error.reason,
                message=error.message,
                retryable=error.retryable,
                metadata=error.metadata,
                ffmpeg_log_tail=error.log_tail[-_LOG_TAIL_CHARACTERS:],
            )
        case SpotreelError(reason="FFMPEG_NOT_FOUND" | "PROGRAM_NOT_FOUND"):
            return TaskFailure(
                reason=FailureReason.ENCODER_UNAVAILABLE,
                message=error.message,
                retryable=True,
                metadata=error.metadata,
            )
        case OSError(errno=number) if number in _NO_SPACE:
            return TaskFailure(
                reason=FailureReason.DISK_FULL, message="The disk of the worker is full.", retryable=True
            )
        case _:
            structlog.get_logger().error("task_failed_unexpectedly", exc_info=error)
            return TaskFailure(
                reason=FailureReason.INTERNAL,
                message="The worker failed at this task; its log tells why. Try again; report it if that fails too.",
                retryable=True,
            )
