"""Waiting for something to change, without polling."""

import asyncio
from contextlib import suppress

from servicekit.clock import Clock

_SOON_SECONDS = 0.005


class Bell:
    """Wakes everybody who waits at that moment; nothing is remembered.

    Look at the state, then wait, without an await between: then no change is missed, because all rings happen on the
    loop. Another thread changes the state first and then calls `ring_from_thread`.
    """

    def __init__(self, clock: Clock) -> None:
        """Must be made on the loop that it rings on."""
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._waiting: set[asyncio.Future[None]] = set()
        self._ring_scheduled = False

    def ring(self) -> None:
        """Wakes all; on the loop only."""
        self._ring_scheduled = False
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)
        self._waiting.clear()

    def ring_from_thread(self) -> None:
        """Wakes all soon; many calls before that are one ring. Does nothing when the loop is closed.

        Soon is a little late on purpose: FFmpeg writes a few KiB at a time, and a message for each of them would cost
        more than what it carries.
        """
        if not self._ring_scheduled:
            self._ring_scheduled = True
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._loop.call_later, _SOON_SECONDS, self.ring)

    async def wait(self, seconds: float) -> bool:
        """Waits for a ring, at most so long; returns whether it rang."""
        if seconds <= 0:
            return False
        rang = self._loop.create_future()
        self._waiting.add(rang)
        timer = self._loop.create_task(self._clock.sleep(seconds), name="bell timer")
        try:
            await asyncio.wait((rang, timer), return_when=asyncio.FIRST_COMPLETED)
            return rang.done()
        finally:
            self._waiting.discard(rang)
            timer.cancel()
