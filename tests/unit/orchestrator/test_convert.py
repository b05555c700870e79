"""What is refused at the edge, and what is not made up when a record is read."""

from collections.abc import Callable

import pytest
from spotreel.orchestrator.v1 import job_pb2

from orchestrator.convert.jobs import (
    attempt_from_proto,
    progress_from_proto,
    spec_from_proto,
    spec_to_proto,
    stored_spec,
)
from servicekit.errors import Internal, InvalidArgument
from tests.simulators.records import make_spec

UNKNOWN = 77


def read_spec() -> None:
    message = spec_to_proto(make_spec())
    message.placement = UNKNOWN  # type: ignore[assignment]  # a newer version's value
    stored_spec(message.SerializeToString())


def read_progress() -> None:
    progress_from_proto(job_pb2.JobProgress(stage=UNKNOWN))  # type: ignore[arg-type]  # a newer version's value


def read_attempt() -> None:
    message = job_pb2.Attempt(state=UNKNOWN)  # type: ignore[arg-type]  # a newer version's value
    attempt_from_proto(message, task_id="t", spooled=None, kept=None)


@pytest.mark.parametrize("read", [read_spec, read_progress, read_attempt])
def test_a_stored_value_that_is_not_known_is_no_default(read: Callable[[], None]) -> None:
    with pytest.raises(Internal, match="77 is not known"):
        read()


def test_control_characters_in_words_for_people_are_refused() -> None:
    message = spec_to_proto(make_spec(team="a\x1b[2Jb"))
    message.display_name = "two\nlines"
    with pytest.raises(InvalidArgument) as caught:
        spec_from_proto(message)
    assert [one.field for one in caught.value.violations] == ["spec.display_name", "spec.labels"]
