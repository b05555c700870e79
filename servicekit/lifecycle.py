"""When a service has to stop."""

import asyncio
import os
import signal
import stat
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog

from servicekit.clock import Clock, SystemClock

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
# In seconds. GNU timeout and process managers signal the process and its group, so that one wish comes twice.
_SAME_WISH = 1.0


@asynccontextmanager
async def stop_signal(*, on_stdin_end: bool = False, clock: Clock | None = None) -> AsyncIterator[asyncio.Event]:
    """Yields an event that is set by SIGTERM and SIGINT; a second signal exits at once, with 143 or 130.

    A signal within a second of the beginning of the stop is taken for the same wish, and ignored.
    With `on_stdin_end` the end of standard input sets it too: a child of an embedding process, whose stdin must be a
    pipe or a socket, stops when that process is gone, however it went. Main thread only.
    """
    stop = _Stop(clock=clock or SystemClock())
    loop = asyncio.get_running_loop()
    for number in _STOP_SIGNALS:
        loop.add_signal_handler(number, stop.signalled, number)
    stdin = await _watch_stdin(stop.begin) if on_stdin_end else None
    try:
        yield stop.begun
    finally:
        if stdin is not None:
            stdin.close()
        for number in _STOP_SIGNALS:
            loop.remove_signal_handler(number)


class _Stop:
    """Tells the first wish to stop from a second one."""

    def __init__(self, *, clock: Clock) -> None:
        self.begun = asyncio.Event()
        self._clock = clock
        self._since = 0.0

    def begin(self) -> None:
        """Notes when the stop began."""
        if not self.begun.is_set():
            self._since = self._clock.monotonic()
            self.begun.set()

    def signalled(self, number: signal.Signals) -> None:
        """Stops in order, or exits if that was asked for before."""
        if not self.begun.is_set():
            structlog.get_logger().info("stopping", signal=number.name)
            self.begin()
        elif self._clock.monotonic() - self._since >= _SAME_WISH:
            # No clean-up by intention: whoever signals twice wants it now, and children die with their parent.
            os._exit(128 + number)


async def _watch_stdin(on_end: Callable[[], None]) -> asyncio.ReadTransport:
    mode = os.fstat(sys.stdin.fileno()).st_mode
    if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
        raise ValueError("standard input is neither a pipe nor a socket, so its end says nothing")
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(lambda: _UntilEnd(on_end), sys.stdin)
    return transport


class _UntilEnd(asyncio.Protocol):
    """Ignores what is written and reports that nothing more can be."""

    def __init__(self, on_end: Callable[[], None]) -> None:
        self._on_end = on_end

    def eof_received(self) -> None:
        self._on_end()
