"""Lists of instances, page by page."""

import base64
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from tests.simulators.vast.contracts import Contract
from tests.simulators.vast.gate import deprecated
from tests.simulators.vast.instances import row, visible
from tests.simulators.vast.query import InvalidQuery, Row, ordered, read_filters
from tests.simulators.vast.wire import Answer, Drop, Json, refused, said
from tests.simulators.vast.world import Call, World

MOST_ROWS = 25
"""Rows of a page, and how many there are unless fewer are asked for (Vast.ai's documentation)."""

_LIMIT_BELOW_ONE = 5
_STORED = frozenset(
    {"actual_status", "intended_status", "cur_state", "next_state", "gpu_name", "verification", "label"}
)
_STORED |= {"machine_id", "host_id", "num_gpus", "image_uuid", "image_runtype", "start_date", "end_date", "is_bid"}
_FILTERED = _STORED | {"id"}
_TOKEN_OF_NO_PAGE = "bm8gc3VjaCBwYWdl"


def old_list(world: World, call: Call) -> Answer:
    """`GET /api/v0/instances/`, which is gone since the summer of 2026."""
    return deprecated("/api/v0/instances/")


def list_page(world: World, call: Call) -> Answer:
    """`GET /api/v1/instances/`"""
    try:
        filters, order, columns = _json(call, "select_filters", {}), _order(call), _json(call, "select_cols", None)
        conditions = list(read_filters({name: one for name, one in filters.items() if name != "id"}, _FILTERED))
        limit, offset = _limit(call), _offset(call)
    except InvalidQuery as error:
        return refused(400, "invalid_request", str(error))
    if offset is None:
        return refused(400, "invalid_token", "The token is not valid.")
    seen = [contract for contract in world.living.values() if visible(contract)]
    rows = [one for contract in seen if _id_matches(contract, filters) for one in [row(world, contract, call)]]
    matching = ordered([one for one in rows if all(condition.holds(one) for condition in conditions)], order)
    page = [_selected(one, columns) for one in matching[offset : offset + limit]]
    token = _token(offset + limit) if len(matching) > offset + limit else None
    return _faulty(world, call, _body(seen, matching, page, token))


def filters(world: World, call: Call) -> Answer:
    """`GET /api/v0/instances/filters/`: the values that there are to filter by."""
    values = {
        (contract.actual, contract.offer.verification, contract.offer.gpu_name) for contract in world.living.values()
    }
    names = ("actual_status", "verification", "gpu_name")
    return said({"success": True, "filters": [dict(zip(names, one, strict=True)) for one in sorted(values, key=str)]})


def _body(seen: Sequence[Contract], matching: Sequence[Row], page: Sequence[Json], token: str | None) -> Json:
    return {
        "success": True,
        "instances_found": len(matching),
        "total_instances": len(seen),
        "label_counts": dict(Counter(contract.label or "" for contract in seen)),
        "next_token": token,
        "instances": page,
    }


def _faulty(world: World, call: Call, body: Json) -> Answer:
    about = world.circumstances(call)
    if world.faults.hit("duplicate_rows", **about):
        body["instances"] = [one for one in body["instances"] for _ in range(2)]
    hit = world.faults.hit("list_truncated", **about)
    match hit.value if hit is not None else None:
        case "short":
            body |= {"instances": body["instances"][: len(body["instances"]) // 2], "next_token": None}
        case "token":
            body["next_token"] = _TOKEN_OF_NO_PAGE
        case "cut":
            whole = said(body)
            return Answer(200, whole.headers, whole.body[: len(whole.body) // 2])
        case Drop() | "reset" | "timeout" as how:
            return said(body).lost(Drop(how))
    return said(body)


def _json(call: Call, name: str, missing: Any) -> Any:
    text = call.query.get(name)
    if not text:
        return missing
    try:
        return json.loads(text)
    except ValueError:
        raise InvalidQuery(f"{name} is not valid JSON") from None


def _order(call: Call) -> list[tuple[str, bool]]:
    order = [(str(one.get("col")), one.get("dir") == "desc") for one in _json(call, "order_by", [])]
    unknown = [column for column, _ in order if column not in _FILTERED]
    if unknown:
        raise InvalidQuery(f"Error in query parameters: {unknown[0]} is not a valid sort key")
    return [*order, ("id", False)]


def _limit(call: Call) -> int:
    try:
        limit = int(call.query.get("limit") or MOST_ROWS)
    except ValueError:
        raise InvalidQuery("limit is not a number") from None
    return _LIMIT_BELOW_ONE if limit <= 0 else min(limit, MOST_ROWS)


def _token(offset: int) -> str:
    return base64.urlsafe_b64encode(json.dumps({"after": offset}).encode()).decode()


def _offset(call: Call) -> int | None:
    """Returns where the page begins; None where the token is none of ours."""
    token = call.query.get("after_token")
    if not token or token == "null":
        return 0
    try:
        return int(json.loads(base64.urlsafe_b64decode(token))["after"])
    except (ValueError, KeyError, TypeError):
        return None


def _id_matches(contract: Contract, filters: Json) -> bool:
    """Here, unlike in a search for offers, an id is a column like any other."""
    conditions = filters.get("id") or {}
    one = contract.id
    checks = {
        "eq": lambda value: one == int(value),
        "neq": lambda value: one != int(value),
        "in": lambda value: one in value,
        "notin": lambda value: one not in value,
        "gt": lambda value: one > int(value),
        "gte": lambda value: one >= int(value),
        "lt": lambda value: one < int(value),
        "lte": lambda value: one <= int(value),
    }
    return all(word in checks and checks[word](value) for word, value in conditions.items())


def _selected(one: Row, columns: list[str] | None) -> Json:
    """Returns the columns that were asked for; names that nobody knows come as null."""
    if not columns or "*" in columns:
        return dict(one)
    return {name: one.get(name) for name in columns}
