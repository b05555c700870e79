"""What stretches of renting cost, in whole micro US dollars; fractions are rounded up, against us."""

from dataclasses import dataclass
from datetime import timedelta

from orchestrator.offers.offer import Offer

_MICROSECONDS_PER_HOUR = 3_600_000_000
_BYTES_PER_GB = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """A sum of money by what it was spent on, in micro US dollars."""

    gpu_usd_micros: int = 0
    storage_usd_micros: int = 0
    transfer_usd_micros: int = 0

    @property
    def total_usd_micros(self) -> int:
        """All of it."""
        return self.gpu_usd_micros + self.storage_usd_micros + self.transfer_usd_micros

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            gpu_usd_micros=self.gpu_usd_micros + other.gpu_usd_micros,
            storage_usd_micros=self.storage_usd_micros + other.storage_usd_micros,
            transfer_usd_micros=self.transfer_usd_micros + other.transfer_usd_micros,
        )


def rent(offer: Offer, *, existing: timedelta, running: timedelta) -> Cost:
    """Returns what an instance costs that exists for one time and runs for another.

    Vast.ai's meters: the GPU per second of running, disk space per second in every state (billing documentation).
    """
    gpu_per_hour = offer.usd_micros_per_hour - offer.storage_usd_micros_per_hour
    return Cost(
        gpu_usd_micros=_for(gpu_per_hour, running),
        storage_usd_micros=_for(offer.storage_usd_micros_per_hour, existing),
    )


def traffic(offer: Offer, *, received_bytes: int, sent_bytes: int) -> Cost:
    """Returns what bytes to and from the machine cost."""
    cost = received_bytes * offer.download_usd_micros_per_gb + sent_bytes * offer.upload_usd_micros_per_gb
    return Cost(transfer_usd_micros=-(-cost // _BYTES_PER_GB))


def dollars(usd_micros: int) -> str:
    """Returns an amount for people, such as `0.312 $`; small ones keep more digits."""
    amount = usd_micros / 1_000_000
    digits = 2 if amount >= 100 else 3 if amount >= 0.1 else 5 if amount >= 0.001 else 6
    return f"{amount:.{digits}f} $"


def _for(usd_micros_per_hour: int, time: timedelta) -> int:
    microseconds = max(time, timedelta()) // timedelta(microseconds=1)
    return -(-usd_micros_per_hour * microseconds // _MICROSECONDS_PER_HOUR)
