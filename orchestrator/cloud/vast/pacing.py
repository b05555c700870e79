"""How often each endpoint of the marketplace may be asked, and for how long it is left alone when it says too often."""

import asyncio
from dataclasses import dataclass, field
from enum import Enum

from orchestrator.ports import CloudUnavailable
from servicekit.clock import Clock

# Public providers that poll the API go from 15 to 120 s.
_FIRST_BACKOFF_SECONDS = 15.0
_LONGEST_BACKOFF_SECONDS = 120.0
# A pause that the marketplace asks for counts as far as this; a quota that is gone until midnight is asked for hourly.
_LONGEST_ASKED_SECONDS = 3600.0


class Endpoint(Enum):
    """An endpoint with the least seconds between two calls that Vast.ai's documentation allows (2026), searches 10 a
    minute; those of `USER` and `LOG_FILE` are not documented."""

    CREATE = ("create", 4.5)
    LIST = ("list", 1.0)
    SHOW = ("show", 2.0)
    DESTROY = ("destroy", 3.0)
    LABEL = ("label", 1.0)
    LOGS = ("logs", 1.5)
    SEARCH = ("search", 6.0)
    CHARGES = ("charges", 1.0)
    USER = ("user", 2.0)
    LOG_FILE = ("log file", 0.5)

    def __init__(self, label: str, interval: float) -> None:
        self.label = label
        self.interval = interval


class RateLimited(CloudUnavailable):
    """The marketplace was asked too often, so it did nothing."""


@dataclass(slots=True)
class _Pace:
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    called_at: float = float("-inf")
    closed_until: float = float("-inf")
    backoff: float = 0.0


class Pacer:
    """One queue per endpoint."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._paces = {endpoint: _Pace() for endpoint in Endpoint}

    async def turn(self, endpoint: Endpoint) -> None:
        """Returns when the endpoint may be called. Raises RateLimited at once while it is to be left alone."""
        pace = self._paces[endpoint]
        self._refuse_closed(endpoint, pace)
        async with pace.turn:
            self._refuse_closed(endpoint, pace)
            await self._clock.sleep(pace.called_at + endpoint.interval - self._clock.monotonic())
            pace.called_at = self._clock.monotonic()

    def limited(self, endpoint: Endpoint, asked: float | None) -> float:
        """Notes a 429; `asked` is the pause that the marketplace wants, in seconds. Returns the pause that is kept."""
        pace = self._paces[endpoint]
        pace.backoff = min(max(pace.backoff * 2, _FIRST_BACKOFF_SECONDS), _LONGEST_BACKOFF_SECONDS)
        pause = pace.backoff if asked is None else min(max(asked, endpoint.interval), _LONGEST_ASKED_SECONDS)
        pace.closed_until = self._clock.monotonic() + pause
        return pause

    def answered(self, endpoint: Endpoint) -> None:
        """Notes an answer that was no 429."""
        self._paces[endpoint].backoff = 0.0

    def _refuse_closed(self, endpoint: Endpoint, pace: _Pace) -> None:
        left = pace.closed_until - self._clock.monotonic()
        if left > 0:
            raise RateLimited(f"It was asked too often ({endpoint.label}); it is asked again in {left:.0f} s.")
