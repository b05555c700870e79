"""Exceptions as `google.rpc.Status` with details that programs can read.

Each status carries ErrorInfo and RequestInfo; BadRequest comes with INVALID_ARGUMENT, RetryInfo with UNAVAILABLE and
RESOURCE_EXHAUSTED, PreconditionFailure with FAILED_PRECONDITION, ResourceInfo with NOT_FOUND.
"""

from collections.abc import Iterator
from datetime import timedelta

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2

from servicekit.errors import (
    DeadlineExceeded,
    FailedPrecondition,
    Internal,
    InvalidArgument,
    NotFound,
    ResourceExhausted,
    SpotreelError,
    Unavailable,
)

DOMAIN = "spotreel"
DETAILS_KEY = "grpc-status-details-bin"

_UNAVAILABLE_RETRY_DELAY = timedelta(seconds=1)
_EXHAUSTED_RETRY_DELAY = timedelta(seconds=30)
# Peers refuse headers over 8 KiB by default, and the details travel as base64 in one.
_MESSAGE_CHARS = 500
_VALUE_CHARS = 160
_ENTRIES = 8


def from_exception(error: BaseException, *, request_id: str) -> SpotreelError:
    """Returns the error to report for whatever left a handler; a bug's own words stay in the log."""
    if isinstance(error, SpotreelError):
        return error
    if isinstance(error, TimeoutError):
        return DeadlineExceeded("The call took longer than it may; try again, or raise its deadline.")
    return Internal(
        f"The server failed to answer this call. Its log tells why, under request {request_id}.",
        metadata={"request_id": request_id},
    )


def to_status(error: SpotreelError, *, request_id: str) -> status_pb2.Status:
    """Returns the rich status for an error; overlong texts are cut so that it fits into the trailing metadata."""
    status = status_pb2.Status(code=code_pb2.Code.Value(error.code.value), message=_cut(error.message, _MESSAGE_CHARS))
    for detail in _details(error, request_id):
        status.details.add().Pack(detail)
    return status


def _details(error: SpotreelError, request_id: str) -> Iterator[Message]:
    metadata = {key: _cut(value) for key, value in list(error.metadata.items())[:_ENTRIES]}
    yield error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=metadata)
    yield error_details_pb2.RequestInfo(request_id=request_id)
    match error:
        case InvalidArgument():
            yield _bad_request(error)
        case Unavailable():
            yield _retry_info(error.retry_delay or _UNAVAILABLE_RETRY_DELAY)
        case ResourceExhausted():
            yield _retry_info(error.retry_delay or _EXHAUSTED_RETRY_DELAY)
        case FailedPrecondition():
            violation = error_details_pb2.PreconditionFailure.Violation(
                type=error.reason, subject=_cut(error.subject), description=_cut(error.message)
            )
            yield error_details_pb2.PreconditionFailure(violations=[violation])
        case NotFound():
            yield error_details_pb2.ResourceInfo(
                resource_type=error.resource_type,
                resource_name=_cut(error.resource_name),
                description=_cut(error.message),
            )


def _bad_request(error: InvalidArgument) -> error_details_pb2.BadRequest:
    # An empty field name stands for the request as a whole.
    pairs = [(one.field, one.description) for one in error.violations[:_ENTRIES]] or [("", error.message)]
    return error_details_pb2.BadRequest(
        field_violations=[
            error_details_pb2.BadRequest.FieldViolation(field=_cut(field), description=_cut(description))
            for field, description in pairs
        ]
    )


def _retry_info(delay: timedelta) -> error_details_pb2.RetryInfo:
    duration = Duration()
    duration.FromTimedelta(delay)
    return error_details_pb2.RetryInfo(retry_delay=duration)


def _cut(text: str, limit: int = _VALUE_CHARS) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
