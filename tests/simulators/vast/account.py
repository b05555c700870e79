"""The account: who it is, how much credit is left, and what was charged."""

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any

from tests.simulators.vast.meters import Bill, Charge, Kind
from tests.simulators.vast.wire import Answer, Json, refused, said
from tests.simulators.vast.world import Call, World

_DEFAULT_ROWS, _MOST_ROWS = 20, 100
_DESCRIPTIONS = {
    Kind.GPU: "GPU rent",
    Kind.DISK: "Storage",
    Kind.DOWN: "Bandwidth, download",
    Kind.UP: "Bandwidth, upload",
}
_USER_PARAMETERS = frozenset({"api_key"})


def user(world: World, call: Call) -> Answer:
    """`GET /api/v0/users/current/`, with and without the slash; any parameter is refused."""
    unknown = sorted(call.query.keys() - _USER_PARAMETERS)
    if unknown:
        return refused(400, "invalid_request", f"{unknown[0]}: Extra inputs are not permitted")
    return said(
        {
            "id": 271828,
            "email": "tests@example.com",
            "username": "tests",
            "credit": world.accounts.credit,
            "balance": 0.0,
            "balance_threshold": 0.0,
            "balance_threshold_enabled": False,
            "ssh_key": "",
            "sid": "",
            "can_pay": True,
            "has_billing": False,
            "paid_verified": world.accounts.deposited,
            "billed_verified": world.accounts.billed,
            "billed_expected": world.accounts.billed,
            "host_agreement_accepted": False,
            "api_key": world.settings.key,
        }
    )


def templates(world: World, call: Call) -> Answer:
    """`GET /api/v0/template/`: the account has none."""
    return said({"success": True, "templates_found": 0, "templates": []})


def charges(world: World, call: Call) -> Answer:
    """`GET /api/v0/charges/`: what each instance was charged each day, also those that are gone."""
    try:
        filters = json.loads(call.query.get("select_filters") or "{}")
        offset = _offset(call.query.get("after_token"))
        limit = min(int(call.query.get("limit") or _DEFAULT_ROWS), _MOST_ROWS)
    except (ValueError, TypeError, KeyError):
        return refused(400, "invalid_token", "The token or a filter is not valid.")
    rows = [row for row in _rows(world) if _wanted(row, filters)]
    if call.query.get("latest_first", "").lower() == "true":
        rows.reverse()
    page = rows[offset : offset + limit]
    more = len(rows) > offset + limit
    return said(
        {
            "success": True,
            "count": len(page),
            "total": len(rows),
            "results": page,
            "next_token": _token(offset + limit) if more else None,
        }
    )


def _rows(world: World) -> list[Json]:
    rows = [row for contract_id, bill in world.accounts.bills.items() for row in _bill_rows(contract_id, bill)]
    return sorted(rows, key=lambda row: (row["start"], row["source"]))


def _bill_rows(contract_id: int, bill: Bill) -> Iterator[Json]:
    for day in sorted({day for day, _ in bill.charges}):
        charged = {kind: charge for (of, kind), charge in bill.charges.items() if of == day}
        yield {
            "start": min(charge.start for charge in charged.values()),
            "end": max(charge.end for charge in charged.values()),
            "type": "instance",
            "source": f"instance-{contract_id}",
            "description": f"Instance {contract_id}",
            "amount": sum(charge.amount for charge in charged.values()),
            "metadata": {"contract_id": contract_id},
            "items": [_item(kind, charge) for kind, charge in sorted(charged.items())],
        }


def _item(kind: Kind, charge: Charge) -> Json:
    return {
        "type": kind.value,
        "source": "",
        "description": _DESCRIPTIONS[kind],
        "start": charge.start,
        "end": charge.end,
        "quantity": charge.quantity,
        "rate": charge.amount / charge.quantity if charge.quantity else 0.0,
        "amount": charge.amount,
        "metadata": {},
        "items": [],
    }


def _wanted(row: Json, filters: Mapping[str, Any]) -> bool:
    """Compares the day: charges are kept by day, and a day counts if it touches the span that was asked for."""
    day, types = filters.get("day") or {}, (filters.get("type") or {}).get("in")
    begins, ends = float(day.get("gte") or 0), float(day.get("lte") or "inf")
    midnight = row["start"] - row["start"] % 86400
    return midnight + 86400 > begins and midnight <= ends and (not types or row["type"] in types)


def _token(offset: int) -> str:
    return base64.urlsafe_b64encode(json.dumps({"charges_after": offset}).encode()).decode()


def _offset(token: str | None) -> int:
    """Raises ValueError, KeyError."""
    return int(json.loads(base64.urlsafe_b64decode(token))["charges_after"]) if token else 0
