"""What a search asks for, read from its JSON: filters with operators, an order, a limit; and applied to rows."""

import operator
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.simulators.vast.offers import country

Row = Mapping[str, Any]

MOST_ROWS = 64
"""Rows of one search, whatever limit it asks for (observed in 2026-10)."""

_CONTROLS = frozenset({"order", "type", "limit", "allocated_storage", "disable_bundling", "select_cols"})
_KINDS = {"on-demand": "on-demand", "ondemand": "on-demand", "bid": "bid", "reserved": "reserved"}
_DEFAULT_STORAGE_GB = 8.0
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "neq": operator.ne,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "in": lambda value, wanted: value in wanted,
    "notin": lambda value, wanted: value not in wanted,
}
_ALIASES: dict[str, tuple[str, float]] = {
    "reliability2": ("reliability", 1),
    "dphtotal": ("dph_total", 1),
    "gpu_totalram": ("gpu_total_ram", 1),
    "gpu_ram_GB": ("gpu_ram", 1000),
    "cpu_ram_GB": ("cpu_ram", 1000),
    "gpu_totalram_GB": ("gpu_total_ram", 1000),
    "ubuntu_version": ("os_version", 1),
}
_TEXTS = frozenset({"gpu_name", "cpu_name", "cpu_arch", "disk_name", "mobo_name", "os_version", "gpu_arch", "hostname"})
_TEXTS |= {"geolocation", "verification", "public_ipaddr", "resource_type"}
_TEXTS |= {"actual_status", "intended_status", "cur_state", "next_state", "label", "image_uuid", "image_runtype"}
_FLAGS = frozenset(
    {"rentable", "static_ip", "is_bid", "gpu_display_active", "vms_enabled", "is_vm_deverified", "has_sla"}
)
_FLAGS |= {"datacenter", "verified", "external"}
# Columns that are no columns of the table: what they are compared with.
_VIRTUAL: dict[str, Callable[[Row], Any]] = {
    "geolocation": lambda row: country(row.get("geolocation")),
    "datacenter": lambda row: row.get("hosting_type") == 1,
    "verified": lambda row: row.get("verification") == "verified",
    # Rows without the mark are found by a search for those that are not external.
    "external": lambda row: bool(row.get("external")),
    "driver_version": lambda row: row.get("driver_vers"),
}
_NEVER_FILTERED = frozenset({"rented"})


class InvalidQuery(Exception):
    """The server refuses the search with status 400 and these words."""


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition: a column, an operator's name, and the value that it is compared with."""

    column: str
    operator: str
    value: Any

    def holds(self, row: Row) -> bool:
        """Tells whether a row meets it; like in SQL, null meets no condition."""
        if self.column == "id":
            # Finds nothing on the real service; offers are found by ask_contract_id (observed 2026-10-02).
            return False
        found = _VIRTUAL[self.column](row) if self.column in _VIRTUAL else row.get(self.column)
        if self.value is None:
            return (found is None) == (self.operator == "eq")
        return found is not None and _OPERATORS[self.operator](found, self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferQuery:
    """A search for offers; `kind` is on-demand, bid or reserved."""

    filters: tuple[Filter, ...]
    order: tuple[tuple[str, bool], ...]
    kind: str
    limit: int
    storage_gb: float
    asks_for_storage: bool

    @property
    def wants_disk_only(self) -> bool:
        """Whether it asks for offers without a GPU."""
        return any(one.column == "num_gpus" and one.operator == "eq" and one.value == 0 for one in self.filters)

    @property
    def asks_for_rentable(self) -> bool:
        """Whether it says which of rentable and not rentable offers it is for."""
        return any(one.column == "rentable" for one in self.filters)

    def without_numbers(self, columns: Collection[str]) -> tuple[Filter, ...]:
        """Returns the filters but the numeric ones of these columns; of all where none is named."""
        return tuple(one for one in self.filters if not _numeric(one.column) or (columns and one.column not in columns))


def read_query(body: Mapping[str, Any], columns: Collection[str]) -> OfferQuery:
    """Reads the flat JSON of a search over rows with these columns; raises InvalidQuery."""
    kind = _KINDS.get(str(body.get("type") or "on-demand"))
    if kind is None:
        raise InvalidQuery(f"{body['type']} is not a valid offer type")
    storage = body.get("allocated_storage")
    return OfferQuery(
        filters=tuple(read_filters(body, columns)),
        order=_order(body.get("order"), columns),
        kind=kind,
        limit=max(0, min(_whole(body.get("limit"), MOST_ROWS), MOST_ROWS)),
        storage_gb=_DEFAULT_STORAGE_GB if storage is None else _number(storage),
        asks_for_storage=storage is not None,
    )


def read_filters(body: Mapping[str, Any], columns: Collection[str]) -> Iterable[Filter]:
    """Yields the conditions of a search or of a list; raises InvalidQuery."""
    for name, condition in body.items():
        if name in _CONTROLS or name in _NEVER_FILTERED:
            continue
        if name == "target_reliability":
            if isinstance(condition, Mapping):
                raise InvalidQuery("target_reliability must be a number")
            yield Filter("expected_reliability", "gte", _number(condition))
            continue
        column, scale = _ALIASES.get(name, (name, 1))
        if column not in columns and column not in _VIRTUAL:
            raise InvalidQuery(f"Error in query parameters: {name} is not a valid search key")
        if not isinstance(condition, Mapping):
            raise InvalidQuery(f"Error in query parameters: {name} needs an operator")
        for word, value in condition.items():
            if word not in _OPERATORS:
                raise InvalidQuery(f"Error in query parameters: {word} is not a valid search op")
            yield Filter(column, word, _operand(column, word, value, scale))


def ordered(rows: Iterable[Row], order: Sequence[tuple[str, bool]]) -> list[Row]:
    """Sorts by several columns, each with whether it falls; nulls come last."""
    result = list(rows)
    for column, falling in reversed(order):
        known = [row for row in result if row.get(column) is not None]
        unknown = [row for row in result if row.get(column) is None]
        result = sorted(known, key=operator.itemgetter(column), reverse=falling) + unknown
    return result


def _order(order: Any, columns: Collection[str]) -> tuple[tuple[str, bool], ...]:
    if order is None:
        return (("score", True),)
    result = []
    for entry in order:
        if not isinstance(entry, list | tuple) or len(entry) != 2:
            raise InvalidQuery("order must be a list of [field, direction]")
        column, _ = _ALIASES.get(str(entry[0]), (str(entry[0]), 1))
        if column not in columns and column not in _VIRTUAL:
            raise InvalidQuery(f"{column} is not a valid search key")
        result.append((column, str(entry[1]).lower() == "desc"))
    return tuple(result)


def _operand(column: str, word: str, value: Any, scale: float) -> Any:
    if word in ("in", "notin"):
        if not isinstance(value, list | tuple):
            raise InvalidQuery(f"{word} needs a list")
        return [_coerced(column, one, scale) for one in value]
    return _coerced(column, value, scale)


def _coerced(column: str, value: Any, scale: float) -> Any:
    """Returns the value in the type of its column: the official client sends numbers as text."""
    if value is None:
        return None
    if column == "driver_version" and isinstance(value, str) and not value.isdecimal():
        # A version as people write it becomes nothing, even one like 555.0 that looks like a number (observed 2026).
        value = None
    if column in _FLAGS:
        return value.strip().lower() in ("true", "1") if isinstance(value, str) else bool(value)
    return _number(value) * scale if _numeric(column) else str(value)


def _numeric(column: str) -> bool:
    # A driver's version is compared as a number, and its text is none.
    return column == "driver_version" or (column not in _TEXTS and column not in _FLAGS)


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise InvalidQuery("query values can't be None") from None


def _whole(value: Any, missing: int) -> int:
    return missing if value is None else int(_number(value))
