"""The one place where a gRPC status becomes one of our exceptions."""

import re
from collections.abc import Mapping
from typing import TypeVar

import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2, status_pb2

from spotreel import errors

M = TypeVar("M", bound=Message)

# What gRPC's core says around the cause: all addresses that it tried, and the last one again.
_CONNECTING = re.compile(r"^.*last error: [A-Z_]+: (?:ipv[46]:\S+: )?")
_DETAILS_KEY = "grpc-status-details-bin"
_REQUEST_ID_KEY = "x-request-id"

_KINDS: Mapping[grpc.StatusCode, type[errors.SpotreelClientError]] = {
    grpc.StatusCode.UNAVAILABLE: errors.ServerUnavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: errors.ServerUnavailable,
    # The server drops calls beyond its pending limit with CANCELLED (grpcio 1.85, 2026-11). Our own cancelling shows
    # as asyncio.CancelledError and never gets here.
    grpc.StatusCode.CANCELLED: errors.ServerUnavailable,
    grpc.StatusCode.UNAUTHENTICATED: errors.Unauthenticated,
    grpc.StatusCode.PERMISSION_DENIED: errors.PermissionDenied,
    grpc.StatusCode.INVALID_ARGUMENT: errors.InvalidRequest,
    grpc.StatusCode.NOT_FOUND: errors.NotFound,
    grpc.StatusCode.ALREADY_EXISTS: errors.AlreadyExists,
    grpc.StatusCode.FAILED_PRECONDITION: errors.PreconditionFailed,
    grpc.StatusCode.OUT_OF_RANGE: errors.OffsetOutOfRange,
    grpc.StatusCode.ABORTED: errors.Aborted,
    grpc.StatusCode.RESOURCE_EXHAUSTED: errors.ResourceExhausted,
    grpc.StatusCode.UNIMPLEMENTED: errors.Unimplemented,
    grpc.StatusCode.DATA_LOSS: errors.DataCorrupted,
}


def error_of(error: grpc.aio.AioRpcError, *, server: str) -> errors.SpotreelClientError:
    """Makes the exception for a failed call to `server` out of its code and its rich details."""
    code = error.code()
    trailers = dict(error.trailing_metadata() or ())
    details = _packed_details(trailers.get(_DETAILS_KEY))
    info = _find(details, error_details_pb2.ErrorInfo)
    bad_request = _find(details, error_details_pb2.BadRequest)
    retry = _find(details, error_details_pb2.RetryInfo)
    message = error.details() or code.name
    if code in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED} and info is None:
        # Without ErrorInfo it is gRPC's own word, not the server's: no answer came at all.
        message = f"{server} does not answer: {_CONNECTING.sub('', message).rstrip('.')}."
    kind = _KINDS.get(code, errors.ServerFailed)
    made = kind(
        message,
        reason=info.reason if info is not None else code.name,
        metadata=info.metadata if info is not None else None,
        retry_delay=retry.retry_delay.ToNanoseconds() / 1e9 if retry is not None else None,
        request_id=_text(trailers.get(_REQUEST_ID_KEY)),
    )
    made.code = code.name
    if isinstance(made, errors.InvalidRequest) and bad_request is not None:
        made.violations = tuple(
            errors.FieldViolation(field=violation.field, description=violation.description)
            for violation in bad_request.field_violations
        )
    return made


def _find(details: list[Any], kind: type[M]) -> M | None:
    for packed in details:
        if packed.Unpack(made := kind()):
            return made
    return None


def _packed_details(raw: str | bytes | None) -> list[Any]:
    if not isinstance(raw, bytes):
        return []
    try:
        # Not grpc_status.from_call: it refuses a status whose message a proxy has shortened.
        return list(status_pb2.Status.FromString(raw).details)
    except DecodeError:
        return []


def _text(value: str | bytes | None) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value or ""
