"""The row in which the API shows an instance."""

from collections.abc import Mapping
from typing import Any

from tests.simulators.vast import words
from tests.simulators.vast.contracts import Address, Contract
from tests.simulators.vast.offers import gpu_columns, host_columns

_UNREACHABLE_PORT = 9
"""The port of the discard protocol, where nobody listens."""


def instance_row(contract: Contract, *, now: float, epoch: float) -> dict[str, Any]:
    """Returns the row at a moment of the monotonic clock, which is that epoch."""
    offset = epoch - now + float(contract.fates.get("clock_skew", 0.0))
    shown = contract.address if contract.actual == "running" else None
    return {
        **gpu_columns(contract.offer),
        **host_columns(contract.offer),
        **_identity(contract),
        **_state(contract, now),
        **_money(contract),
        **_container(contract),
        **_usage(contract, now),
        "public_ipaddr": None if shown is None else f"{shown.public_ip}\n",
        "ports": None if shown is None else _ports(contract, shown),
        "driver_version": contract.driver_version,
        "start_date": contract.created + offset,
        "end_date": contract.end + offset,
        "duration": max(contract.end - now, 0.0),
        "time_remaining": "",
        "disk_space": contract.order.disk_gb,
    }


def _identity(contract: Contract) -> dict[str, Any]:
    return {
        "id": contract.id,
        "machine_id": contract.offer.machine_id,
        "host_id": contract.offer.host_id,
        "bundle_id": 600_000 + contract.offer.machine_id,
        "label": contract.label,
        "template_id": None,
        "template_name": None,
        "template_hash_id": contract.order.template_hash,
        "gpu_totalram": gpu_columns(contract.offer).get("gpu_total_ram"),
        "rentable": True,
        "rented": True,
    }


def _state(contract: Contract, now: float) -> dict[str, Any]:
    said = contract.words
    if contract.actual == "loading" and said is None:
        said = words.pull_progress(contract, now)
    return {
        "actual_status": contract.actual,
        "intended_status": contract.intended,
        "cur_state": contract.cur_state,
        "next_state": contract.next_state,
        "status_msg": said,
    }


def _money(contract: Contract) -> dict[str, Any]:
    base, storage = contract.gpu_usd_per_hour, contract.storage_usd_per_hour
    return {
        "is_bid": contract.price is not None,
        "min_bid": contract.offer.min_bid,
        "dph_base": base,
        "dph_total": base + storage,
        "storage_cost": contract.offer.storage_cost,
        "storage_total_cost": storage,
        "credit_balance": None,
        "credit_discount": None,
        "search": {"gpuCostPerHour": base, "diskHour": storage, "totalHour": base + storage},
    }


def _container(contract: Contract) -> dict[str, Any]:
    order = contract.order
    return {
        "image_uuid": order.image,
        "image_runtype": order.runtype,
        "image_args": list(order.args),
        "extra_env": [list(pair) for pair in order.env],
        "onstart": order.onstart,
        "local_ipaddrs": "10.2.202.31 172.17.0.1 \n" if contract.actual == "running" else None,
        "ssh_host": f"ssh{contract.id % 9 + 1}.vast.ai",
        "ssh_idx": str(contract.id % 9 + 1),
        "ssh_port": 10_000 + contract.id % 50_000,
        "direct_port_start": -1,
        "direct_port_end": -1,
        "jupyter_token": None,
        "volume_info": [],
    }


def _usage(contract: Contract, now: float) -> dict[str, Any]:
    runs = contract.actual == "running"
    return {
        "gpu_util": 0.0 if runs else None,
        "gpu_temp": 41.0 if runs else None,
        "cpu_util": 0.1 if runs else None,
        "disk_usage": 2.1 if runs else -1,
        "disk_util": -1,
        "mem_usage": 0.4 if runs else None,
        "mem_limit": round(contract.offer.cpu_ram / 1000, 1),
        "vmem_usage": 0.0,
        "uptime_mins": (now - contract.since) / 60 if runs else None,
    }


def _ports(contract: Contract, address: Address) -> Mapping[str, Any] | None:
    fates = contract.fates
    if "port_missing" in fates:
        return {}
    if fates.get("port_null") == "ports":
        return None
    return {inner: _bindings(outer, fates) for inner, outer in address.ports.items()}


def _bindings(port: int, fates: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    outer: str | None = str(_UNREACHABLE_PORT if "unreachable_port" in fates else port)
    match fates.get("port_null"):
        case "binding":
            return None
        case "empty":
            return []
        case "port":
            outer = None
    return [{"HostIp": "0.0.0.0", "HostPort": outer}, {"HostIp": "::", "HostPort": outer}]
