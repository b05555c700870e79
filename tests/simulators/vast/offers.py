"""An offer: part of a host's machine at a price, and the row in which a search shows it."""

from dataclasses import dataclass
from typing import Any

from tests.simulators.nvidia.models import GPU_MODELS
from tests.simulators.vast.prices import PRICES

MONTH_HOURS = 720.0
"""Hours for which the price of storage counts (Vast.ai's documentation of billing)."""

# Of the row that Vast.ai's documentation shows; only their order of magnitude means anything.
_TERAFLOPS = {"3": 5.6, "5": 7.0, "6": 9.3, "7": 11.2, "8": 29.8, "9": 67.0, "10": 75.0, "12": 104.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What can be rented. Prices in $/h for the whole offer, storage in $/GB/month, traffic in $/GB, speeds in Mbit/s.

    Several offers share a machine, of which each takes `num_gpus` of `machine_gpus`. `remaining_seconds` is how long
    the host offers it, from the start of the market on. A `dead` host takes contracts and never starts anything.
    """

    id: int
    machine_id: int
    gpu_name: str = "RTX 4090"
    num_gpus: int = 1
    machine_gpus: int = 1
    dph_base: float = 0.35
    min_bid: float = 0.12
    storage_cost: float = 0.15
    inet_up: float = 700.0
    inet_down: float = 800.0
    inet_up_cost: float = 0.002
    inet_down_cost: float = 0.002
    host_id: int = 1000
    driver_version: str = "570.86.15"
    cuda_max_good: float = 12.8
    reliability: float = 0.997
    verification: str | None = "verified"
    hosting_type: int = 1
    geolocation: str | None = "Washington, US"
    external: bool | None = False
    static_ip: bool = True
    direct_port_count: int = 100
    public_ipaddr: str = "203.0.113.4"
    cpu_name: str = "AMD EPYC 7B13 64-Core Processor"
    cpu_cores: int | None = 32
    cpu_cores_effective: float = 8.0
    cpu_ram: int = 128576
    disk_space: float = 500.0
    disk_bw: float = 2545.0
    remaining_seconds: float = 90 * 86400.0
    resource_type: str = "gpu"
    rentable: bool = True
    dead: bool = False

    def storage_usd_per_hour(self, gigabytes: float) -> float:
        """Returns what that much disk costs, in $/h."""
        return self.storage_cost * gigabytes / MONTH_HOURS


def driver_number(version: str) -> int:
    """Returns a driver version as the number that rows have for it: 535.86.05 is 535086005."""
    parts = [int(part) for part in version.split(".")]
    return sum(part * scale for part, scale in zip(parts, (1_000_000, 1_000, 1), strict=False))


def country(geolocation: str | None) -> str | None:
    """Returns the code of the country at the end of a place."""
    code = (geolocation or "").rpartition(",")[2].strip()
    return code if len(code) == 2 and code.isalpha() else None


def offer_row(offer: Offer, *, kind: str, storage_gb: float, now: float, end: float) -> dict[str, Any]:
    """Returns the row of a search of a kind (on-demand, bid, reserved) for so much storage; times are epochs."""
    base = {"bid": offer.min_bid, "reserved": round(offer.dph_base * 0.8, 6)}.get(kind, offer.dph_base)
    storage = offer.storage_usd_per_hour(storage_gb)
    return {
        **_identity(offer),
        **gpu_columns(offer),
        **host_columns(offer),
        **_price(offer, base, storage),
        "is_bid": kind == "bid",
        "rentable": offer.rentable,
        "rented": False,
        "start_date": now - 30 * 86400.0,
        "end_date": end,
        "duration": max(end - now, 0.0),
        "time_remaining": "",
    }


def _identity(offer: Offer) -> dict[str, Any]:
    return {
        "id": offer.id,
        "ask_contract_id": offer.id,
        "bundle_id": 600_000 + offer.machine_id,
        "bundled_results": None,
        "machine_id": offer.machine_id,
        "host_id": offer.host_id,
        "resource_type": offer.resource_type,
        "cluster_id": None,
    }


def gpu_columns(offer: Offer) -> dict[str, Any]:
    """Returns what a row says of the GPUs; nothing but nulls for a machine without."""
    model = GPU_MODELS.get(offer.gpu_name)
    if model is None or offer.resource_type == "disk":
        return dict.fromkeys(_GPU_COLUMNS) | {"num_gpus": offer.num_gpus}
    major = model.compute_cap.partition(".")[0]
    capability = int(float(model.compute_cap or "0") * 100)
    flops = _TERAFLOPS.get(major, 20.0) * offer.num_gpus
    return {
        "gpu_name": offer.gpu_name,
        "num_gpus": offer.num_gpus,
        "gpu_ram": model.memory_mib,
        "gpu_total_ram": model.memory_mib * offer.num_gpus,
        "gpu_frac": offer.num_gpus / offer.machine_gpus,
        "gpu_lanes": 16,
        "gpu_mem_bw": round(model.memory_mib / 24.0, 1),
        "gpu_arch": model.maker,
        "gpu_display_active": False,
        "gpu_max_power": 450.0,
        "gpu_max_temp": 90.0,
        "compute_cap": capability,
        "bw_nvlink": 0.0,
        "total_flops": flops,
        "flops_per_dphtotal": round(flops / max(offer.dph_base, 0.001), 3),
        "cuda_max_good": offer.cuda_max_good if model.maker == "nvidia" else None,
        "driver_version": offer.driver_version,
        "driver_vers": driver_number(offer.driver_version),
    }


_GPU_COLUMNS = (
    *("gpu_name", "gpu_ram", "gpu_total_ram", "gpu_frac", "gpu_lanes", "gpu_mem_bw", "gpu_arch", "gpu_display_active"),
    *("gpu_max_power", "gpu_max_temp", "compute_cap", "bw_nvlink", "total_flops", "flops_per_dphtotal"),
    *("cuda_max_good", "driver_version", "driver_vers"),
)


def host_columns(offer: Offer) -> dict[str, Any]:
    """Returns what a row says of the machine, its place and its lines."""
    return {
        "cpu_name": offer.cpu_name,
        "cpu_arch": "amd64",
        "cpu_cores": offer.cpu_cores,
        "cpu_cores_effective": offer.cpu_cores_effective,
        "cpu_ghz": 2.4,
        "cpu_ram": offer.cpu_ram,
        "has_avx": 1,
        "disk_space": offer.disk_space,
        "disk_bw": offer.disk_bw,
        "disk_name": "nvme",
        "mobo_name": "ROMED8-2T",
        "os_version": "22.04",
        "pci_gen": 4.0,
        "pcie_bw": 23.6,
        "inet_up": offer.inet_up,
        "inet_down": offer.inet_down,
        "inet_up_cost": offer.inet_up_cost,
        "inet_down_cost": offer.inet_down_cost,
        "internet_up_cost_per_tb": round(offer.inet_up_cost * 1000, 6),
        "internet_down_cost_per_tb": round(offer.inet_down_cost * 1000, 6),
        "direct_port_count": offer.direct_port_count,
        "static_ip": offer.static_ip,
        "public_ipaddr": offer.public_ipaddr,
        "geolocation": offer.geolocation,
        "geolocode": None if country(offer.geolocation) is None else sum(map(ord, offer.geolocation or "")),
        "hosting_type": offer.hosting_type,
        "hostname": None,
        "verification": offer.verification,
        "vericode": 1 if offer.verification == "verified" else 0,
        "reliability": offer.reliability,
        "reliability2": offer.reliability,
        "reliability_mult": 1.0,
        "expected_reliability": offer.reliability,
        "external": offer.external,
        "vms_enabled": False,
        "is_vm_deverified": False,
        "has_sla": False,
    }


def _price(offer: Offer, base: float, storage: float) -> dict[str, Any]:
    total = base + storage
    # What a model costs on average stands for what it can do, so that cheap ones of a kind score higher.
    performance = round(PRICES.get(offer.gpu_name, 0.0) * offer.num_gpus * 300.0, 1)
    return {
        "dph_base": base,
        "dph_total": total,
        "min_bid": offer.min_bid,
        "storage_cost": offer.storage_cost,
        "storage_total_cost": storage,
        "dlperf": performance,
        "dlperf_per_dphtotal": round(performance / max(total, 0.001), 3),
        "score": round(performance / max(total, 0.001) * offer.reliability, 3),
        "credit_discount_max": 0.1,
        "vram_costperhour": 0.0,
        "search": {
            "gpuCostPerHour": base,
            "diskHour": storage,
            "totalHour": total,
            "discountTotalHour": 0,
            "discountedTotalPerHour": total,
        },
    }
