"""Reads the marketplace's JSON, of which nothing can be relied on: fields are missing, null, texts or numbers."""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from orchestrator.cloud.vast.status import start_problem
from orchestrator.money.price import Cost
from orchestrator.offers.offer import Offer
from orchestrator.ports import CloudInstance, CloudState

Row = Mapping[str, Any]

WORKER_PORT = 3334

_MEGABYTE = 1_000_000
_GB = 1_000_000_000
_MICROS = 1_000_000
_COUNTRY = re.compile(r"(?:^|,)\s*([A-Z]{2})\s*$")

# `actual_status` by what it means for us. Null and what is not known is being scheduled.
_PULLING = frozenset({"loading"})
_ENDED = frozenset({"exited", "stopped", "frozen"})
_AWAY = frozenset({"offline", "unknown"})


def offer_from_row(row: Row, *, interruptible: bool, disk_bytes: int, bid_factor: float) -> Offer | None:
    """Reads a row of a search; None for one that is no machine with a price.

    An interruptible one is priced at its floor times `bid_factor`, which is what we would bid.
    """
    offer_id = row.get("ask_contract_id") or row.get("id")
    base = _number(row, "min_bid") * bid_factor if interruptible else _number(row, "dph_base")
    if not offer_id or base <= 0 or row.get("resource_type") not in (None, "gpu") or row.get("rentable") is False:
        return None
    # The price of disk space is per GB and month of 720 hours, whatever the documentation says.
    storage = _number(row, "storage_cost") * (disk_bytes / _GB) / 720
    location = str(row.get("geolocation") or "").strip(" ,")
    remaining = _number(row, "duration", missing=-1.0)
    return Offer(
        offer_id=str(offer_id),
        machine_id=str(row.get("machine_id") or ""),
        gpu_name=str(row.get("gpu_name") or ""),
        gpu_count=int(_number(row, "num_gpus")),
        gpu_memory_bytes=int(_number(row, "gpu_ram")) * _MEGABYTE,
        usd_micros_per_hour=_micros(base + storage),
        storage_usd_micros_per_hour=_micros(storage),
        download_usd_micros_per_gb=_micros(_number(row, "inet_down_cost")),
        upload_usd_micros_per_gb=_micros(_number(row, "inet_up_cost")),
        disk_bytes=disk_bytes,
        free_disk_bytes=int(_number(row, "disk_space") * _GB),
        reliability=_number(row, "reliability2") or _number(row, "reliability"),
        download_bps=int(_number(row, "inet_down") * _MEGABYTE),
        upload_bps=int(_number(row, "inet_up") * _MEGABYTE),
        direct_ports=int(_number(row, "direct_port_count")),
        cpu_cores=_number(row, "cpu_cores_effective") or _number(row, "cpu_cores"),
        location=location,
        country=match[1] if (match := _COUNTRY.search(location)) else "",
        driver_version=str(row.get("driver_version") or ""),
        verified=row.get("verification") == "verified",
        interruptible=interruptible,
        remaining=timedelta(seconds=min(remaining, 1e9)) if remaining >= 0 else None,
    )


def instance_from_row(row: Row) -> CloudInstance | None:
    """Reads a row of a listing; None for one without an id."""
    if not row.get("id"):
        return None
    words = str(row.get("status_msg") or "").strip()
    state = _state(row)
    # What was stopped by the marketplace shows as exited too, and its host is not to blame.
    actual = "" if row.get("intended_status") == "stopped" else str(row.get("actual_status") or "")
    return CloudInstance(
        provider_id=str(row["id"]),
        label=str(row.get("label") or ""),
        state=state,
        address=_address(row) if state is CloudState.RUNNING else "",
        status=words[:300],
        problem=None if state is CloudState.RUNNING else start_problem(actual, words),
    )


def cost_from_charges(rows: Sequence[Row], provider_id: str) -> Cost | None:
    """Sums the charges of one instance; None where there are none."""
    ours = [row for row in rows if row.get("source") == f"instance-{provider_id}"]
    if not ours:
        return None
    total = Cost()
    for row in ours:
        items = [item for item in row.get("items") or () if isinstance(item, Mapping)]
        for item in items or [row]:
            total += _charge(str(item.get("type") or "gpu"), _micros(_number(item, "amount")))
    return total


def _state(row: Row) -> CloudState:
    """We never stop an instance, so one that is to be stopped was outbid, has no credit, or its contract has ended,
    although it may still be shown as running for minutes. `cur_state` says nothing while an instance is loaded."""
    actual = str(row.get("actual_status") or "")
    if row.get("intended_status") == "stopped" or actual in _ENDED:
        return CloudState.STOPPED
    if actual in _AWAY:
        return CloudState.OFFLINE
    if actual == "running":
        return CloudState.RUNNING
    return CloudState.PULLING if actual in _PULLING else CloudState.SCHEDULING


def _address(row: Row) -> str:
    """Returns where the worker's port is reached; empty while that is not known."""
    host = str(row.get("public_ipaddr") or "").strip()
    ports = row.get("ports")
    bindings = ports.get(f"{WORKER_PORT}/tcp") if isinstance(ports, Mapping) else None
    if not host or not isinstance(bindings, Sequence) or isinstance(bindings, str):
        return ""
    numbers = [str(one.get("HostPort") or "").strip() for one in bindings if isinstance(one, Mapping)]
    port = next((number for number in numbers if number.isdecimal() and 0 < int(number) < 65536), "")
    if not port:
        return ""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _charge(kind: str, usd_micros: int) -> Cost:
    if kind == "disk":
        return Cost(storage_usd_micros=usd_micros)
    if kind in ("bwd", "bwu"):
        return Cost(transfer_usd_micros=usd_micros)
    return Cost(gpu_usd_micros=usd_micros)


def _number(row: Row, name: str, *, missing: float = 0.0) -> float:
    value = row.get(name)
    if isinstance(value, bool) or value is None:
        return missing
    try:
        number = float(value)
    except (TypeError, ValueError):
        return missing
    return number if math.isfinite(number) else missing


def _micros(dollars: float) -> int:
    """Returns whole micro dollars, rounded up, against us."""
    return math.ceil(round(dollars * _MICROS, 3))
