"""Ends a worker that nobody speaks to any more: a rented machine without its orchestrator only costs money."""

from collections.abc import Callable

import structlog

from servicekit.clock import Clock


class DeadMansSwitch:
    """Watches for silence. Every authenticated call counts, and every message on a stream that is open."""

    def __init__(self, *, timeout_seconds: float, clock: Clock, on_silence: Callable[[], None]) -> None:
        """Takes what to do after so many seconds of silence; 0 is never."""
        self._timeout = timeout_seconds
        self._clock = clock
        self._on_silence = on_silence
        self._last_heard = clock.monotonic()

    def heard(self) -> None:
        """Notes that somebody is there."""
        self._last_heard = self._clock.monotonic()

    async def watch(self) -> None:
        """Returns after it has acted on silence; at once when it is switched off."""
        while self._timeout > 0:
            left = self._last_heard + self._timeout - self._clock.monotonic()
            if left <= 0:
                structlog.get_logger().warning("nobody_speaks_to_this_worker", silent_seconds=self._timeout)
                self._on_silence()
                return
            await self._clock.sleep(left)
