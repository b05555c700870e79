"""What each contract has used, and what that costs: GPU while it runs, disk always, bytes in and out."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from tests.simulators.vast.contracts import Contract

_HOUR = 3600.0
_DAY = 86400.0
_GB = 1e9
# Less than this is the rounding of sums, not money.
_NOTHING = 1e-12


class Kind(StrEnum):
    """What is charged for, by the names of the charges endpoint."""

    GPU = "gpu"
    DISK = "disk"
    DOWN = "bwd"
    UP = "bwu"


@dataclass(slots=True)
class Charge:
    """An amount in dollars for a quantity: seconds of GPU or disk, or bytes; from and until are epochs."""

    amount: float = 0.0
    quantity: float = 0.0
    start: float = 0.0
    end: float = 0.0


class Bill:
    """All charges of one contract, by day (epoch of its midnight in UTC) and kind."""

    def __init__(self) -> None:
        self.charges: dict[tuple[float, Kind], Charge] = defaultdict(Charge)

    def add(self, kind: Kind, *, amount: float, quantity: float, start: float, end: float) -> None:
        """Adds what was used between two moments of the same day."""
        charge = self.charges[start - start % _DAY, kind]
        charge.start = min(charge.start or start, start)
        charge.end = max(charge.end, end)
        charge.amount += amount
        charge.quantity += quantity

    def quantity(self, kind: Kind) -> float:
        """Returns the seconds or bytes of a kind so far."""
        return sum(charge.quantity for (_, of), charge in self.charges.items() if of is kind)

    def amount(self, kind: Kind | None = None) -> float:
        """Returns the dollars of a kind so far, or of all kinds."""
        return sum(charge.amount for (_, of), charge in self.charges.items() if kind in (None, of))


class Accounts:
    """The account's credit, and the bill of every contract that there ever was.

    `accrue` has to be called at every change of a state, before it: in between all rates are constant.
    """

    def __init__(self, *, credit_usd: float, now: float, epoch: float) -> None:
        """Takes the credit, and the market's monotonic time together with the epoch that it is."""
        self.deposited = credit_usd
        self.bills: dict[int, Bill] = {}
        self.billed = 0.0
        """All that was ever charged, in dollars."""
        self._at = now
        self._epoch_offset = epoch - now

    @property
    def credit(self) -> float:
        """What is left, in dollars; below zero what is owed."""
        left = self.deposited - self.billed
        return 0.0 if abs(left) < _NOTHING else left

    def open_bill(self, contract: Contract) -> None:
        """Begins to charge for a contract."""
        self.bills.setdefault(contract.id, Bill())

    def accrue(self, until: float, contracts: Iterable[Contract]) -> None:
        """Charges for the time up to a moment."""
        for start, end in _days(self._at + self._epoch_offset, until + self._epoch_offset):
            for contract in contracts:
                self._charge_time(contract, start, end)
        self._at = max(until, self._at)

    def transfer(self, contract: Contract, *, down_bytes: int, up_bytes: int) -> None:
        """Charges for bytes that came into a container, and that left it."""
        now = self._at + self._epoch_offset
        bill, offer = self.bills[contract.id], contract.offer
        traffic = ((Kind.DOWN, down_bytes, offer.inet_down_cost), (Kind.UP, up_bytes, offer.inet_up_cost))
        for kind, count, price in traffic:
            if count:
                self._charge(bill, kind, amount=count / _GB * price, quantity=count, start=now, end=now)

    def reaches(self, credit: float, contracts: Iterable[Contract]) -> float:
        """Returns when the credit falls to that value at today's rates; infinity if it never does."""
        rate = sum(_usd_per_hour(contract) for contract in contracts) / _HOUR
        left = self.credit - credit
        if left <= 0:
            return self._at
        return self._at + left / rate if rate > 0 else float("inf")

    def _charge_time(self, contract: Contract, start: float, end: float) -> None:
        bill, seconds = self.bills[contract.id], end - start
        for kind, rate in _rates(contract):
            self._charge(bill, kind, amount=rate * seconds / _HOUR, quantity=seconds, start=start, end=end)

    def _charge(self, bill: Bill, kind: Kind, *, amount: float, quantity: float, start: float, end: float) -> None:
        self.billed += amount
        bill.add(kind, amount=amount, quantity=quantity, start=start, end=end)


def _rates(contract: Contract) -> Iterator[tuple[Kind, float]]:
    if contract.bills_gpu:
        yield Kind.GPU, contract.gpu_usd_per_hour
    if contract.bills_storage:
        yield Kind.DISK, contract.storage_usd_per_hour


def _usd_per_hour(contract: Contract) -> float:
    return sum(rate for _, rate in _rates(contract))


def _days(start: float, end: float) -> Iterator[tuple[float, float]]:
    """Cuts a span of epochs at the midnights of UTC."""
    while start < end:
        midnight = start - start % _DAY + _DAY
        yield start, min(midnight, end)
        start = midnight
