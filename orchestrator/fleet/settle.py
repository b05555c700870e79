"""Settle: what an instance really cost is read from the marketplace's books, some time after its end."""

from datetime import timedelta
from functools import partial

import structlog

from orchestrator.fleet.instance import InstanceState, settled
from orchestrator.ports import Ledger, Marketplace
from servicekit.clock import Clock

# Charges are booked within minutes; what is not there after a day will not come.
_ASK_EVERY_SECONDS = 300.0
_GIVE_UP = timedelta(days=1)
_MOST_AT_ONCE = 5


class Settle:
    """DESTROYED instances get their final cost."""

    def __init__(self, *, ledger: Ledger, cloud_name: str, market: Marketplace, clock: Clock) -> None:
        self._ledger = ledger
        self._cloud_name = cloud_name
        self._market = market
        self._clock = clock
        self._asked = float("-inf")
        self._log = structlog.get_logger("fleet")

    async def step(self) -> bool:
        """Asks for the charges of what ended lately. Raises CloudUnavailable."""
        if self._clock.monotonic() - self._asked < _ASK_EVERY_SECONDS:
            return False
        self._asked = self._clock.monotonic()
        now = self._clock.now()
        ended = [
            one
            for one in await self._ledger.instances_since(self._cloud_name, now - _GIVE_UP)
            if one.state is InstanceState.DESTROYED and one.provider_id and one.charged is None
        ]
        for instance in ended[:_MOST_AT_ONCE]:
            charged = await self._market.charges(instance.provider_id, since=instance.create_time)
            if charged is not None:
                await self._ledger.change_instance(instance.id, partial(settled, charged=charged))
                self._log.info("instance_settled", instance=instance.id, usd_micros=charged.total_usd_micros)
        return False
