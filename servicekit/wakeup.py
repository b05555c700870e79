"""A loop's bell: it sleeps until somebody rings, or until its next round is due."""

import asyncio

from servicekit.clock import Clock


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
        ring = asyncio.ensure_future(self._rung.wait())
        due = asyncio.ensure_future(self._clock.sleep(seconds))
        try:
            await asyncio.wait({ring, due}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ring.cancel()
            due.cancel()
        self._rung.clear()
