"""How much may be spent. The ledger's rows are what counts: one that was only asked for counts as if it ran."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from orchestrator.fleet.instance import Instance, InstanceState
from orchestrator.money.cost import cost_since
from orchestrator.money.price import dollars
from orchestrator.offers.offer import Offer

DAY = timedelta(hours=24)
# What each machine may still cost between the decision to end it and its end; kept free in the daily budget.
_RESERVE = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Bounds in micro US dollars, 0 for none: on what all machines together cost in an hour of running, and on what was
    spent in any 24 hours."""

    usd_micros_per_hour: int = 0
    usd_micros_per_day: int = 0

    def objection(self, offer: Offer, instances: Sequence[Instance], *, now: datetime) -> str:
        """Returns why this offer must not be rented beside the instances of the ledger; empty where it may."""
        rate = hourly_rate(instances) + offer.usd_micros_per_hour
        if self.usd_micros_per_hour and rate > self.usd_micros_per_hour:
            return (
                f"All machines together would cost {dollars(rate)} an hour, more than the "
                f"{dollars(self.usd_micros_per_hour)} that are allowed."
            )
        spent = spent_in_a_day(instances, now=now)
        if self.usd_micros_per_day and spent + _reserved(rate) > self.usd_micros_per_day:
            return f"{self._spent(spent)} Another machine is rented when enough of it is free again."
        return ""

    def is_used_up(self, instances: Sequence[Instance], *, now: datetime) -> str:
        """Returns that the daily budget is spent, so that every machine has to end now; empty while it is not."""
        spent = spent_in_a_day(instances, now=now)
        return self._spent(spent) if self.usd_micros_per_day and spent >= self.usd_micros_per_day else ""

    def is_running_out(self, instances: Sequence[Instance], *, now: datetime) -> str:
        """Returns that the machines must take no new work, since the budget would not last; empty while it would."""
        spent = spent_in_a_day(instances, now=now)
        rate = hourly_rate(instances)
        short = self.usd_micros_per_day and rate and spent + _reserved(rate) > self.usd_micros_per_day
        return self._spent(spent) if short else ""

    def _spent(self, usd_micros: int) -> str:
        return f"Of the {dollars(self.usd_micros_per_day)} for 24 hours, {dollars(usd_micros)} are spent."


def hourly_rate(instances: Iterable[Instance]) -> int:
    """Returns what the instances that are not proved to be gone cost together in an hour, in micro US dollars."""
    return sum(
        one.offer.usd_micros_per_hour
        for one in instances
        if one.offer is not None and one.state is not InstanceState.DESTROYED
    )


def spent_in_a_day(instances: Iterable[Instance], *, now: datetime) -> int:
    """Returns what was spent in the last 24 hours, in micro US dollars."""
    return sum(cost_since(one, now - DAY, now=now).total_usd_micros for one in instances)


def _reserved(usd_micros_per_hour: int) -> int:
    return usd_micros_per_hour * (_RESERVE // timedelta(seconds=1)) // 3600
