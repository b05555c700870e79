"""A clock that only the test moves."""

import asyncio
import heapq
import itertools
from datetime import UTC, datetime, timedelta

# One wake-up may lead to another sleep through several awaits; this many turns of the loop let it get there.
_SETTLE_TURNS = 20


class FakeClock:
    """Stands still until `advance`, which wakes the sleepers in the order of their deadlines."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._start = start
        self._elapsed = 0.0
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._sleeper_added = asyncio.Event()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        return self._elapsed

    @property
    def sleepers(self) -> int:
        """How many tasks wait for this clock."""
        return sum(not waiting.done() for _, _, waiting in self._sleepers)

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        waiting = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._elapsed + seconds, next(self._order), waiting))
        self._sleeper_added.set()
        await waiting

    async def wait_for_sleepers(self, count: int = 1) -> None:
        """Returns when at least so many tasks wait for this clock."""
        while self.sleepers < count:
            self._sleeper_added.clear()
            await self._sleeper_added.wait()

    async def advance(self, seconds: float) -> None:
        """Moves time forward, stopping at each sleeper's deadline so that it sees the time it asked for."""
        target = self._elapsed + seconds
        await _settle()
        while self._sleepers and self._sleepers[0][0] <= target:
            deadline, _, waiting = heapq.heappop(self._sleepers)
            self._elapsed = max(self._elapsed, deadline)
            if not waiting.done():
                waiting.set_result(None)
            await _settle()
        self._elapsed = target


async def _settle() -> None:
    for _ in range(_SETTLE_TURNS):
        await asyncio.sleep(0)
