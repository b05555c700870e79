"""A marketplace whose instances are real workers, and the settings of an orchestrator that rents there."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from servicekit.clock import SystemClock
from tests.simulators.nvidia.pretence import DRIVER_FLOOR
from tests.simulators.vast.catalogue import catalogue
from tests.simulators.vast.lifecycle import BootTimes
from tests.simulators.vast.market import Market
from tests.simulators.vast.process_host import ProcessHost
from tests.simulators.vast.server import MarketServer
from tests.simulators.vast.world import MarketSettings

MARKET_KEY = "key-of-the-account"


@asynccontextmanager
async def open_market(
    folder: Path, *, boot: BootTimes, ffmpeg: Path | None = None, overriding: Mapping[str, str] | None = None
) -> AsyncIterator[tuple[Market, str]]:
    """Serves a market in real time, with its containers under `folder`; gives it and its address.

    `ffmpeg` is what the workers' pretended one runs (default: imageio-ffmpeg's), `overriding` what their environment
    has in place of what was ordered.
    """
    clock, settings = SystemClock(), MarketSettings(key=MARKET_KEY, boot=boot)
    # Hosts on which nothing ever starts cost five real minutes each.
    offers = [offer for offer in catalogue(settings.seed) if not offer.dead]
    host = ProcessHost(folder, ffmpeg=ffmpeg, overriding=overriding)
    async with (
        Market(clock=clock, settings=settings, offers=offers, host=host) as market,
        MarketServer(market, clock=clock) as server,
    ):
        host.marketplace_url = server.url
        yield market, server.url


def rental_settings(url: str, *, deployment: str, idle_seconds: float) -> dict[str, str]:
    """Returns the environment of an orchestrator on this machine that rents at that address."""
    return {
        "SPOTREEL_CLOUD": "vast",
        "SPOTREEL_DEPLOYMENT": deployment,
        "SPOTREEL_VAST_URL": url,
        "SPOTREEL_VAST_API_KEY": MARKET_KEY,
        "SPOTREEL_VAST_IMAGE": "registry.example/spotreel-worker:1",
        # What the pretended driver of these machines wants.
        "SPOTREEL_VAST_DRIVER_FLOOR": DRIVER_FLOOR,
        "SPOTREEL_IDLE_TIMEOUT": f"{idle_seconds:g}",
        "SPOTREEL_PUBLIC_ADDRESSES": "127.0.0.1",
    }
