"""Ends a worker that nobody speaks to any more: a rented machine without its orchestrator only costs money."""

from collections.abc import Callable

import structlog

from servicekit.clock import Clock
from worker.ports import InstanceRemains, OwnInstance

# Between two tries to destroy the instance, doubled after each. There is no last try: giving up would go on costing.
_FIRST_PAUSE_SECONDS = 5.0
_LONGEST_PAUSE_SECONDS = 60.0


class DeadMansSwitch:
    """Watches for silence. Every authenticated call counts, and every message on a stream that is open.

    Silence stops the worker. On a rented machine it destroys the instance first, and tries until that has worked, or
    until somebody speaks again.
    """

    def __init__(
        self,
        *,
        timeout_seconds: float,
        clock: Clock,
        on_silence: Callable[[], None],
        instance: OwnInstance | None = None,
    ) -> None:
        """Takes how to stop the worker after so many seconds of silence (0: never), and the rented instance if any."""
        self._timeout = timeout_seconds
        self._clock = clock
        self._on_silence = on_silence
        self._instance = instance
        self._last_heard = clock.monotonic()
        self._times_heard = 0
        self._log = structlog.get_logger("deadman")

    def heard(self) -> None:
        """Notes that somebody is there."""
        self._last_heard = self._clock.monotonic()
        self._times_heard += 1

    async def watch(self) -> None:
        """Returns after it has acted on silence; at once when it is switched off."""
        while self._timeout > 0:
            left = self._last_heard + self._timeout - self._clock.monotonic()
            if left > 0:
                await self._clock.sleep(left)
                continue
            self._log.warning("nobody_speaks_to_this_worker", silent_seconds=self._timeout)
            if self._instance is None or await self._destroyed(self._instance):
                self._on_silence()
                return

    async def _destroyed(self, instance: OwnInstance) -> bool:
        """Returns True when the instance is destroyed, False when somebody spoke before that."""
        before = self._times_heard
        pause = _FIRST_PAUSE_SECONDS
        while self._times_heard == before:
            if await self._try(instance, pause):
                return True
            await self._clock.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
        self._log.warning("somebody_speaks_again")
        return False

    async def _try(self, instance: OwnInstance, pause: float) -> bool:
        try:
            await instance.destroy()
        except InstanceRemains as error:
            self._log.error("instance_not_destroyed", detail=str(error), again_in_seconds=pause)
            return False
        except Exception:  # noqa: BLE001 - a bug must not leave a machine running that nobody asks for
            self._log.exception("instance_not_destroyed", again_in_seconds=pause)
            return False
        self._log.warning("instance_destroyed")
        return True
