"""Time as a seam: what the clock shows, what passes, and waiting for it."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """The only source of time for domain code, so that tests can move it."""

    def now(self) -> datetime:
        """Returns the wall-clock time, aware, in UTC. It may jump."""
        ...

    def monotonic(self) -> float:
        """Returns seconds since an arbitrary moment; never falls. For intervals and deadlines."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Waits for that many seconds of monotonic time; zero or less only lets other tasks run."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(seconds, 0))
