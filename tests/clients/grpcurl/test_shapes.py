"""Comparing shapes finds every kind of difference."""

import pytest

from tests.clients.grpcurl.shapes import Shapes


@pytest.mark.parametrize(
    ("answer", "difference"),
    [
        ({"name": "jobs/a", "count": "1"}, None),
        ({"name": "jobs/a", "count": "1", "tags": {"any": "text"}}, None),
        ({"count": "1"}, ".name is missing"),
        ({"name": "jobs/a", "count": 1}, ".count is 1, not of int64"),
        ({"name": "jobs/a", "count": "1", "tags": {"any": True}}, ".tags.any is True, not of string"),
        ({"name": "jobs/a", "count": "1", "size": 1}, ".size is not recorded"),
    ],
)
def test_a_shape_tells_what_differs(answer: object, difference: str | None) -> None:
    recorded = {"name": "string", "count": "int64", "tags?": {"*": "string"}}
    assert list(Shapes({}).differences(answer, recorded)) == ([] if difference is None else [difference])
