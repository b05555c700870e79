"""A machine on offer."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A machine that could be rented, as its marketplace describes it; the fields are those of the contract's `Offer`.

    Money is in micro US dollars: `usd_micros_per_hour` while it runs, disk space included, of which
    `storage_usd_micros_per_hour` is paid in every state. Rates are in bits per second, sizes in bytes: `disk_bytes` is
    what it is priced and rented with, `free_disk_bytes` what the machine has (0: not known any more). `direct_ports`
    are those of the whole machine; `remaining` is how long its host offers it (None: not said). With `interruptible`
    the hourly price is the bid that it would be rented at.
    """

    offer_id: str
    machine_id: str
    gpu_name: str
    gpu_count: int
    gpu_memory_bytes: int
    usd_micros_per_hour: int
    storage_usd_micros_per_hour: int
    download_usd_micros_per_gb: int
    upload_usd_micros_per_gb: int
    disk_bytes: int
    free_disk_bytes: int = 0
    reliability: float = 0.0
    download_bps: int = 0
    upload_bps: int = 0
    direct_ports: int = 0
    cpu_cores: float = 0.0
    location: str = ""
    country: str = ""
    driver_version: str = ""
    verified: bool = False
    interruptible: bool = False
    remaining: timedelta | None = None
