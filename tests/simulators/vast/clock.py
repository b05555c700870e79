"""Clocks for the simulator as a server."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol, runtime_checkable

from servicekit.clock import Clock


@runtime_checkable
class ControllableClock(Clock, Protocol):
    """A clock that can be moved forward."""

    async def advance(self, seconds: float) -> None:
        """Moves time forward by that many seconds."""
        ...


class ScaledClock:
    """Runs `speed` times as fast as the machine's, and can be moved forward besides."""

    def __init__(self, *, speed: float = 1.0) -> None:
        self._speed = speed
        self._wall = datetime.now(UTC)
        self._began = time.monotonic()
        self._skipped = 0.0

    def now(self) -> datetime:
        return self._wall + timedelta(seconds=self._elapsed())

    def monotonic(self) -> float:
        return self._began + self._elapsed()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(seconds, 0) / self._speed)

    async def advance(self, seconds: float) -> None:
        """Moves time forward. Whoever sleeps already sleeps on: only what is computed from the time sees the jump."""
        self._skipped += seconds

    def _elapsed(self) -> float:
        return (time.monotonic() - self._began) * self._speed + self._skipped
