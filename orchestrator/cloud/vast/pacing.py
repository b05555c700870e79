"""How often each endpoint of the marketplace may be asked, and for how long it is left alone when it says too often."""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from enum import Enum

from orchestrator.ports import CloudUnavailable
from servicekit.clock import Clock

# Public providers that poll the API go from 15 to 120 s.
_FIRST_BACKOFF_SECONDS = 15.0
_LONGEST_BACKOFF_SECONDS = 120.0
# A pause that the marketplace asks for counts as far as this: for searches, whose quota may be gone until midnight, and
# for the rest, where something may bill meanwhile.
_LONGEST_ASKED_SEARCH_SECONDS = 3600.0
_LONGEST_ASKED_SECONDS = 120.0


class Endpoint(Enum):
    """An endpoint with the least seconds between two calls that Vast.ai's documentation allows (2026), and how many
    calls may come at once after as many such pauses; those of `USER` and `LOG_FILE` are not documented.

    Searches are limited to 10 a minute; half of them suffice, and these need not wait for each other.
    """

    CREATE = ("create", 4.5)
    LIST = ("list", 1.0)
    SHOW = ("show", 2.0)
    DESTROY = ("destroy", 3.0)
    LOGS = ("logs", 1.5)
    SEARCH = ("search", 12.0, 5)
    CHARGES = ("charges", 1.0)
    USER = ("user", 2.0)
    LOG_FILE = ("log file", 0.5)

    def __init__(self, label: str, interval: float, together: int = 1) -> None:
        self.label = label
        self.interval = interval
        self.together = together


class RateLimited(CloudUnavailable):
    """The marketplace was asked too often, so it did nothing."""


@dataclass(slots=True)
class _Pace:
    calls: deque[float]
    """When the latest calls were made, or answered; as many as may come together."""
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    closed_until: float = float("-inf")
    backoff: float = 0.0


class Pacer:
    """One queue per endpoint."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._paces = {one: _Pace(deque([float("-inf")] * one.together, maxlen=one.together)) for one in Endpoint}

    async def turn(self, endpoint: Endpoint) -> None:
        """Returns when the endpoint may be called. Raises RateLimited at once while it is to be left alone."""
        pace = self._paces[endpoint]
        self._refuse_closed(endpoint, pace)
        async with pace.turn:
            while (left := self._left(endpoint)) > 0:
                await self._clock.sleep(left)
            self._refuse_closed(endpoint, pace)
            pace.calls.append(self._clock.monotonic())

    def wait(self, endpoint: Endpoint) -> float:
        """Returns for how many seconds a call would wait for its turn, at least: longer where others wait already."""
        queued = endpoint.interval if self._paces[endpoint].turn.locked() else 0.0
        return self._left(endpoint) + queued

    def arrived(self, endpoint: Endpoint) -> None:
        """Notes that a call has been answered: the marketplace counts from when it arrived, which is by now."""
        self._paces[endpoint].calls[-1] = self._clock.monotonic()

    def limited(self, endpoint: Endpoint, asked: float | None) -> float:
        """Notes a 429; `asked` is the pause that the marketplace wants, in seconds. Returns the pause that is kept."""
        pace = self._paces[endpoint]
        pace.backoff = min(max(pace.backoff * 2, _FIRST_BACKOFF_SECONDS), _LONGEST_BACKOFF_SECONDS)
        longest = _LONGEST_ASKED_SEARCH_SECONDS if endpoint is Endpoint.SEARCH else _LONGEST_ASKED_SECONDS
        pause = pace.backoff if asked is None else min(max(asked, endpoint.interval), longest)
        pace.closed_until = self._clock.monotonic() + pause
        return pause

    def answered(self, endpoint: Endpoint) -> None:
        """Notes an answer that was no 429."""
        self._paces[endpoint].backoff = 0.0

    def _left(self, endpoint: Endpoint) -> float:
        oldest = self._paces[endpoint].calls[0]
        return max(oldest + endpoint.interval * endpoint.together - self._clock.monotonic(), 0.0)

    def _refuse_closed(self, endpoint: Endpoint, pace: _Pace) -> None:
        left = pace.closed_until - self._clock.monotonic()
        if left > 0:
            raise RateLimited(f"It was asked too often ({endpoint.label}); it is asked again in {left:.0f} s.")
