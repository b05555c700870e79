"""A loop's bell: it sleeps until somebody rings, or until its next round is due."""

import asyncio

from servicekit.clock import Clock
from servicekit.waiting import wait_for_any


class Wakeup:
    """Rings that come while nobody waits are kept as one."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Ends the wait that is going on, or the next one."""
        self._rung.set()

    async def wait(self, seconds: float) -> None:
        """Returns when it was rung since the last wait ended, or after that many seconds."""
        await wait_for_any(self._rung.wait(), seconds=seconds, clock=self._clock)
        self._rung.clear()
