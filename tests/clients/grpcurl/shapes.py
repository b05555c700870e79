"""The shape of an answer in JSON: which fields it has, and of which kind their values are.

A recorded shape is JSON too, with the kind in place of each value, or the name of a message whose shape is recorded
apart. A key that ends in `?` may be absent, the key `*` stands for any, and a list has the shape of its items.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

# As proto3 JSON writes what JSON has no type for.
_TEXTS = {
    "string": re.compile(r".*", re.DOTALL),
    "int64": re.compile(r"-?\d+"),
    "duration": re.compile(r"-?\d+(\.\d+)?s"),
    "timestamp": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"),
    "enum": re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+"),
}


@dataclass(frozen=True, slots=True)
class Shapes:
    """Tells where an answer is not of its recorded shape."""

    messages: Mapping[str, Any]

    def differences(self, answer: Any, recorded: Any, at: str = "") -> Iterator[str]:
        """Yields the path of each difference from `at` on, and what it is."""
        if isinstance(recorded, str) and recorded in self.messages:
            recorded = self.messages[recorded]
        if isinstance(answer, dict) and isinstance(recorded, dict):
            yield from self._fields(answer, recorded, at)
        elif isinstance(answer, list) and isinstance(recorded, list):
            for item in answer:
                yield from self.differences(item, recorded[0], f"{at}[]")
        elif not _is_kind(answer, recorded):
            yield f"{at} is {answer!r}, not of {recorded}"

    def _fields(self, answer: dict[str, Any], recorded: dict[str, Any], at: str) -> Iterator[str]:
        shapes = {name.removesuffix("?"): shape for name, shape in recorded.items()}
        for name in recorded:
            if name[-1] not in "?*" and name not in answer:
                yield f"{at}.{name} is missing"
        for name, value in answer.items():
            if name in shapes or "*" in shapes:
                yield from self.differences(value, shapes.get(name, shapes.get("*")), f"{at}.{name}")
            else:
                yield f"{at}.{name} is not recorded"


def _is_kind(value: Any, kind: Any) -> bool:
    if isinstance(value, bool):
        return bool(kind == "boolean")
    if isinstance(value, int | float):
        return bool(kind == "number")
    return isinstance(value, str) and kind in _TEXTS and _TEXTS[kind].fullmatch(value) is not None
