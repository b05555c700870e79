"""What a worker's refusal, or its silence, means: the one place where a gRPC status becomes an exception of ours."""

from collections.abc import Mapping

import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from orchestrator.ports import TaskGone, WorkerUnreachable
from servicekit import errors

_DETAILS_KEY = "grpc-status-details-bin"
_SIMPLE: Mapping[grpc.StatusCode, type[errors.SpotreelError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: errors.InvalidArgument,
    grpc.StatusCode.ALREADY_EXISTS: errors.AlreadyExists,
    grpc.StatusCode.PERMISSION_DENIED: errors.PermissionDenied,
    grpc.StatusCode.RESOURCE_EXHAUSTED: errors.ResourceExhausted,
    grpc.StatusCode.FAILED_PRECONDITION: errors.FailedPrecondition,
    grpc.StatusCode.ABORTED: errors.Aborted,
    grpc.StatusCode.OUT_OF_RANGE: errors.OutOfRange,
    grpc.StatusCode.UNIMPLEMENTED: errors.Unimplemented,
    grpc.StatusCode.INTERNAL: errors.Internal,
    grpc.StatusCode.DATA_LOSS: errors.DataLoss,
}
# CANCELLED is what a server sends that drops calls beyond its pending limit (grpcio 1.85); our own cancelling shows as
# asyncio.CancelledError.
_TRANSIENT = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED})


class NoAnswer(Exception):
    """Nothing, or nothing that counts, came back: the same call may succeed soon."""


def worker_error(error: grpc.aio.AioRpcError) -> Exception:
    """Returns what to raise for a failed call.

    NoAnswer where a repeat may help, TaskGone, WorkerUnreachable where somebody else's worker answers, else the
    SpotreelError that the worker sent.
    """
    code = error.code()
    info = _error_info(error)
    message = error.details() or code.name
    if code in _TRANSIENT or (info is None and code in (grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL)):
        # Without ErrorInfo it is the transport that speaks: a connection that broke in the middle of a message.
        return NoAnswer(message)
    if code is grpc.StatusCode.UNAUTHENTICATED:
        # An address is given to another process when the one that had it ended.
        return WorkerUnreachable("The worker at this address does not know the instance's secret.")
    metadata = dict(info.metadata) if info is not None else {}
    reason = info.reason if info is not None else ""
    if code is grpc.StatusCode.NOT_FOUND:
        return TaskGone(message) if reason == "TASK_NOT_FOUND" else _not_found(message, reason, metadata)
    return _SIMPLE.get(code, errors.Internal)(message, reason=reason or code.name, metadata=metadata)


def _not_found(message: str, reason: str, metadata: Mapping[str, str]) -> errors.NotFound:
    return errors.NotFound(
        message,
        resource_type="spotreel.worker.v1.Task",
        resource_name="",
        reason=reason or "NOT_FOUND",
        metadata=metadata,
    )


def _error_info(error: grpc.aio.AioRpcError) -> error_details_pb2.ErrorInfo | None:
    for packed in _packed_details(error):
        info = error_details_pb2.ErrorInfo()
        if packed.Unpack(info):
            return info
    return None


def _packed_details(error: grpc.aio.AioRpcError) -> list[Any]:
    raw = dict(error.trailing_metadata() or ()).get(_DETAILS_KEY)
    if not isinstance(raw, bytes):
        return []
    try:
        return list(status_pb2.Status.FromString(raw).details)
    except DecodeError:
        return []
