"""Markets on a clock that stands still, with a few offers; rate limits only where a test is about them."""

from collections.abc import Callable

import pytest

from tests.simulators.clock import FakeClock
from tests.simulators.vast.caller import Caller
from tests.simulators.vast.lifecycle import BootTimes
from tests.simulators.vast.market import Market
from tests.simulators.vast.offers import Offer
from tests.simulators.vast.world import MarketSettings

Open = Callable[..., Market]

SINGLE = Offer(id=101, machine_id=1, gpu_name="RTX 4090", dph_base=0.36, storage_cost=0.144, disk_space=200.0)
"""A machine with one GPU: 0.36 $/h are 0.0001 $/s, 10 GB cost 0.002 $/h."""
WHOLE = Offer(id=201, machine_id=2, gpu_name="RTX 3090", num_gpus=4, machine_gpus=4, dph_base=0.68, min_bid=0.24)
HALF = Offer(id=202, machine_id=2, gpu_name="RTX 3090", num_gpus=2, machine_gpus=4, dph_base=0.34, min_bid=0.12)
QUARTER = Offer(id=203, machine_id=2, gpu_name="RTX 3090", num_gpus=1, machine_gpus=4, dph_base=0.17, min_bid=0.06)
DISK = Offer(id=301, machine_id=3, gpu_name="", num_gpus=0, machine_gpus=0, resource_type="disk", dph_base=0.0)
OFFERS = (SINGLE, WHOLE, HALF, QUARTER, DISK)

BOOT = BootTimes(scheduling=10, creating=5, loading=60)
BOOTED = 100.0
"""Seconds after which an instance of these markets runs, whatever the chance."""


@pytest.fixture
def open_market(clock: FakeClock) -> Open:
    """Opens a market on the clock; keywords are those of its settings, or `offers` and `host`."""

    def opened(**given: object) -> Market:
        parts = {name: given.pop(name) for name in ("offers", "host") if name in given}
        settings = MarketSettings(**({"pacing": False, "boot": BOOT} | given))  # type: ignore[arg-type]
        return Market(clock=clock, settings=settings, **({"offers": OFFERS} | parts))  # type: ignore[arg-type]

    return opened


@pytest.fixture
def market(open_market: Open) -> Market:
    """A market with the offers above."""
    return open_market()


@pytest.fixture
def caller(market: Market) -> Caller:
    """Whoever rents there."""
    return Caller(market)
