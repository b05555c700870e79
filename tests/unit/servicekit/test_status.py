"""Errors as rich status: which details come with which code, and that they fit."""

from datetime import timedelta

import pytest
from google.rpc import code_pb2, error_details_pb2

from servicekit import errors
from servicekit.rpc.status import from_exception, to_status

_EVERY_ERROR = [
    errors.InvalidArgument("bad"),
    errors.OutOfRange("bad"),
    errors.NotFound("bad", resource_type="Job", resource_name="jobs/1"),
    errors.AlreadyExists("bad"),
    errors.FailedPrecondition("bad", subject="jobs/1"),
    errors.Aborted("bad"),
    errors.Unauthenticated("bad"),
    errors.PermissionDenied("bad"),
    errors.ResourceExhausted("bad"),
    errors.Unavailable("bad", retry_delay=timedelta(seconds=3)),
    errors.DeadlineExceeded("bad"),
    errors.Unimplemented("bad"),
    errors.DataLoss("bad"),
    errors.Internal("bad"),
]
_COMPANIONS: dict[str, set[str]] = {
    "INVALID_ARGUMENT": {"BadRequest"},
    "NOT_FOUND": {"ResourceInfo"},
    "FAILED_PRECONDITION": {"PreconditionFailure"},
    "RESOURCE_EXHAUSTED": {"RetryInfo"},
    "UNAVAILABLE": {"RetryInfo"},
}


@pytest.mark.parametrize("error", _EVERY_ERROR, ids=lambda error: type(error).__name__)
def test_every_error_has_its_code_reason_and_companion(error: errors.SpotreelError) -> None:
    status = to_status(error, request_id="r")

    assert code_pb2.Code.Name(status.code) == error.code.value
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert (info.domain, info.reason) == ("spotreel", error.code.value)
    kinds = {detail.type_url.rpartition(".")[2] for detail in status.details}
    assert kinds == {"ErrorInfo", "RequestInfo"} | _COMPANIONS.get(error.code.value, set())


def test_overlong_errors_still_fit_into_a_header() -> None:
    violations = [errors.FieldViolation("f" * 5000, "d" * 5000) for _ in range(100)]
    metadata = {str(number): "v" * 5000 for number in range(100)}
    status = to_status(errors.InvalidArgument("m" * 50_000, violations=violations, metadata=metadata), request_id="r")
    assert len(status.SerializeToString()) * 4 / 3 < 7 * 1024


def test_the_words_of_a_bug_stay_inside() -> None:
    error = from_exception(ValueError("secret"), request_id="r-1")
    assert "secret" not in error.message
    assert error.metadata == {"request_id": "r-1"}
    assert from_exception(TimeoutError(), request_id="r").code is errors.Code.DEADLINE_EXCEEDED
