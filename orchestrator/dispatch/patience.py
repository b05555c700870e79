"""How long a worker may stay silent before it counts as lost, and how often it is asked meanwhile."""

import random

from servicekit.clock import Clock

_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 3.0


class Patience:
    """Pauses between tries that double up to 3 s, each cut short at random by up to a half, until time is up.

    Any progress starts it anew.
    """

    def __init__(self, seconds: float, *, clock: Clock) -> None:
        self._seconds = seconds
        self._clock = clock
        self.renew()

    def renew(self) -> None:
        """Forgets the failures so far: something was heard."""
        self._pause = _FIRST_PAUSE_SECONDS
        self._until = self._clock.monotonic() + self._seconds

    async def pause(self) -> bool:
        """Waits before the next try; False at once when there must be none."""
        left = self._until - self._clock.monotonic()
        if left <= 0:
            return False
        await self._clock.sleep(min(left, self._pause * random.uniform(0.5, 1.0)))
        self._pause = min(self._pause * 2, _LONGEST_PAUSE_SECONDS)
        return True
