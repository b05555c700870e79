"""What can go wrong with a call, as exceptions that know their status code but nothing of gRPC.

    SpotreelError
    ├── InvalidArgument      wrong for ever: the caller must change the request
    ├── OutOfRange           an offset beyond the end
    ├── NotFound             no such resource
    ├── AlreadyExists        the id is taken by something else
    ├── FailedPrecondition   wrong state: something else has to happen first
    ├── Aborted              lost a race: read again, try again
    ├── Unauthenticated      who are you?
    ├── PermissionDenied     you may not
    ├── ResourceExhausted    no capacity, quota or budget
    ├── Unavailable          try again soon
    ├── DeadlineExceeded     it took too long
    ├── Unimplemented        not offered here
    ├── DataLoss             a checksum does not fit
    └── Internal             a bug of ours

Messages say what was wrong, with which value, and what to do next; they never carry a secret.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import ClassVar


class Code(StrEnum):
    """The canonical status names of google.rpc.Code; UNKNOWN is left out because it never leaves us."""

    CANCELLED = "CANCELLED"
    INVALID_ARGUMENT = "INVALID_ARGUMENT"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    NOT_FOUND = "NOT_FOUND"
    ALREADY_EXISTS = "ALREADY_EXISTS"
    PERMISSION_DENIED = "PERMISSION_DENIED"
    RESOURCE_EXHAUSTED = "RESOURCE_EXHAUSTED"
    FAILED_PRECONDITION = "FAILED_PRECONDITION"
    ABORTED = "ABORTED"
    OUT_OF_RANGE = "OUT_OF_RANGE"
    UNIMPLEMENTED = "UNIMPLEMENTED"
    INTERNAL = "INTERNAL"
    UNAVAILABLE = "UNAVAILABLE"
    DATA_LOSS = "DATA_LOSS"
    UNAUTHENTICATED = "UNAUTHENTICATED"


class SpotreelError(Exception):
    """A call cannot be answered.

    `reason` (UPPER_SNAKE) is for programs, `message` for people, `metadata` holds every value that the message names.
    """

    code: ClassVar[Code] = Code.INTERNAL

    def __init__(self, message: str, *, reason: str = "", metadata: Mapping[str, str] | None = None) -> None:
        """Takes the name of the code as the reason where none is given."""
        super().__init__(message)
        self.message = message
        self.reason = reason or self.code.value
        self.metadata: Mapping[str, str] = dict(metadata or {})


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One field of a request, as a path such as `spec.output.video.quality`, and what is wrong with it."""

    field: str
    description: str


class InvalidArgument(SpotreelError):
    """The request is wrong whatever the state of the system."""

    code = Code.INVALID_ARGUMENT

    def __init__(
        self,
        message: str,
        *,
        reason: str = "INVALID_ARGUMENT",
        violations: Sequence[FieldViolation] = (),
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, reason=reason, metadata=metadata)
        self.violations = tuple(violations)


class OutOfRange(SpotreelError):
    """An offset or a range lies outside of what exists."""

    code = Code.OUT_OF_RANGE


class NotFound(SpotreelError):
    """The named resource does not exist (any more)."""

    code = Code.NOT_FOUND

    def __init__(
        self,
        message: str,
        *,
        resource_type: str,
        resource_name: str,
        reason: str = "NOT_FOUND",
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, reason=reason, metadata=metadata)
        self.resource_type = resource_type
        self.resource_name = resource_name


class AlreadyExists(SpotreelError):
    """The id is taken, and not by the same request."""

    code = Code.ALREADY_EXISTS


class FailedPrecondition(SpotreelError):
    """The system's state does not allow the call; `subject` names what has to change first."""

    code = Code.FAILED_PRECONDITION

    def __init__(
        self,
        message: str,
        *,
        reason: str = "FAILED_PRECONDITION",
        subject: str = "",
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, reason=reason, metadata=metadata)
        self.subject = subject


class Aborted(SpotreelError):
    """Another call changed the same thing first; read again and repeat."""

    code = Code.ABORTED


class Unauthenticated(SpotreelError):
    """No credentials, or wrong ones."""

    code = Code.UNAUTHENTICATED


class PermissionDenied(SpotreelError):
    """The caller is known and may not do this."""

    code = Code.PERMISSION_DENIED


class ResourceExhausted(SpotreelError):
    """No capacity, quota or budget; `retry_delay` is how long to wait (None: half a minute)."""

    code = Code.RESOURCE_EXHAUSTED

    def __init__(
        self,
        message: str,
        *,
        reason: str = "RESOURCE_EXHAUSTED",
        retry_delay: timedelta | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, reason=reason, metadata=metadata)
        self.retry_delay = retry_delay


class Unavailable(SpotreelError):
    """Something needed is away for the moment; `retry_delay` is how long to wait (None: one second)."""

    code = Code.UNAVAILABLE

    def __init__(
        self,
        message: str,
        *,
        reason: str = "UNAVAILABLE",
        retry_delay: timedelta | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, reason=reason, metadata=metadata)
        self.retry_delay = retry_delay


class DeadlineExceeded(SpotreelError):
    """It took longer than it may."""

    code = Code.DEADLINE_EXCEEDED


class Unimplemented(SpotreelError):
    """This server does not offer it."""

    code = Code.UNIMPLEMENTED


class DataLoss(SpotreelError):
    """Bytes are not what their checksum says."""

    code = Code.DATA_LOSS


class Internal(SpotreelError):
    """A bug of ours that was noticed where it happened."""

    code = Code.INTERNAL
