"""Settle: what an instance cost is read from the marketplace's books after its end, and divided among its jobs."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import structlog

from orchestrator.fleet.instance import Instance, InstanceState, settled
from orchestrator.jobs.job import AttemptCost, with_attempt_cost
from orchestrator.money.cost import cost_since
from orchestrator.money.price import Cost
from orchestrator.money.shares import Stint, shares
from orchestrator.ports import Ledger, Marketplace
from servicekit.clock import Clock
from servicekit.errors import NotFound

# When charges are booked is not documented: they count as complete when two readings, so far apart, are the same. What
# is not there after a day will not come, and our own figure stands.
_ASK_EVERY_SECONDS = 60.0
_GIVE_UP = timedelta(days=1)
# An orchestrator that was away for so long still settles what ended before.
_LOOK_BACK = timedelta(days=14)
_MOST_AT_ONCE = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """What the books said of an instance, and when; before the first reading, when it was first to be read."""

    at: float
    cost: Cost | None = None


class Settle:
    """DESTROYED instances get their final cost, and their attempts their shares of it."""

    def __init__(self, *, ledger: Ledger, cloud_name: str, market: Marketplace, clock: Clock) -> None:
        self._ledger = ledger
        self._cloud_name = cloud_name
        self._market = market
        self._clock = clock
        self._readings: dict[str, _Reading] = {}
        self._log = structlog.get_logger("fleet")

    async def step(self) -> bool:
        """Asks for the charges of what ended lately. Raises CloudUnavailable."""
        now, monotonic = self._clock.now(), self._clock.monotonic()
        ended = [
            one
            for one in await self._ledger.instances_since(self._cloud_name, now - _LOOK_BACK)
            if one.state is InstanceState.DESTROYED and one.offer is not None and one.charged is None
        ]
        self._readings = {one.id: self._readings.get(one.id, _Reading(at=monotonic)) for one in ended}
        due = [one for one in ended if monotonic - self._readings[one.id].at >= _ASK_EVERY_SECONDS]
        for instance in due[:_MOST_AT_ONCE]:
            if (cost := await self._final(instance, now)) is not None:
                await self._divide(instance, cost)
                await self._ledger.change_instance(instance.id, partial(settled, charged=cost))
                self._log.info("instance_settled", instance=instance.id, usd_micros=cost.total_usd_micros)
        return False

    async def _final(self, instance: Instance, now: datetime) -> Cost | None:
        """Reads the charges; returns what the instance cost once that will not change any more."""
        if not instance.provider_id:
            # It never existed.
            return Cost()
        before = self._readings[instance.id].cost
        charged = await self._market.charges(instance.provider_id, since=instance.create_time)
        self._readings[instance.id] = _Reading(at=self._clock.monotonic(), cost=charged)
        if charged is None and instance.end_time is not None and now - instance.end_time > _GIVE_UP:
            self._log.warning("charges_missing", instance=instance.id, provider_id=instance.provider_id)
            return cost_since(instance, instance.create_time, now=now)
        return charged if charged == before else None

    async def _divide(self, instance: Instance, cost: Cost) -> None:
        """May be repeated: a crash in between leaves shares that are written once more, the same."""
        assert instance.end_time is not None, "what is DESTROYED has ended"
        stints = [
            Stint(key=(job_id, attempt.number), start=attempt.start_time, end=attempt.end_time or instance.end_time)
            for job_id, attempt in await self._ledger.attempts_on(instance.id)
        ]
        for (job_id, number), share in shares(instance, cost, stints).items():
            final = AttemptCost(own=share.own, overhead_usd_micros=share.overhead_usd_micros, final=True)
            try:
                await self._ledger.change_job(job_id, partial(with_attempt_cost, number=number, cost=final))
            except NotFound:
                # Deleted this moment; its share stays unattributed.
                self._log.info("share_unattributed", instance=instance.id, job=job_id)
