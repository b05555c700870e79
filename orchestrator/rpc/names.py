"""Resource names of requests, and enums of filters."""

import re
from collections.abc import Iterable
from enum import StrEnum
from typing import TypeVar

from google.protobuf.descriptor import EnumDescriptor

from servicekit.media.validation import Problems

E = TypeVar("E", bound=StrEnum)

_NAME = re.compile(r"(?P<collection>[a-z]+)/(?P<id>[a-z0-9][a-z0-9-]{0,63})")


def read_name(name: str, collection: str) -> str:
    """Returns the last part of `collection/id`; raises InvalidArgument for what is no such name."""
    match = _NAME.fullmatch(name)
    if match is None or match["collection"] != collection:
        problems = Problems()
        problems.add("name", f"must be {collection}/ and an id, not {name[:80]!r}")
        problems.raise_if_any()
    assert match is not None, "or it would have raised"
    return match["id"]


def read_states(numbers: Iterable[int], kind: EnumDescriptor, states: type[E]) -> frozenset[E]:
    """Returns the states of a filter; raises InvalidArgument for one that is not known."""
    problems, found = Problems(), set()
    for number in numbers:
        value = kind.values_by_number.get(number) if number else None
        if value is None:
            choices = ", ".join(one.name for one in kind.values if one.number)
            problems.add("state_filter", f"{number} is not a state; use some of {choices}")
        else:
            found.add(states(value.name.removeprefix("STATE_")))
    problems.raise_if_any()
    return frozenset(found)
