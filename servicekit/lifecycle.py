"""When a service has to stop."""

import asyncio
import os
import signal
import stat
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@asynccontextmanager
async def stop_signal(*, on_stdin_end: bool = False) -> AsyncIterator[asyncio.Event]:
    """Yields an event that is set by SIGTERM and SIGINT; a second signal exits at once, with 143 or 130.

    With `on_stdin_end` the end of standard input sets it too: a child of an embedding process, whose stdin must be a
    pipe or a socket, stops when that process is gone, however it went. Main thread only.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in _STOP_SIGNALS:
        loop.add_signal_handler(number, _stop_or_exit, number, stop)
    stdin = await _watch_stdin(stop.set) if on_stdin_end else None
    try:
        yield stop
    finally:
        if stdin is not None:
            stdin.close()
        for number in _STOP_SIGNALS:
            loop.remove_signal_handler(number)


def _stop_or_exit(number: signal.Signals, stop: asyncio.Event) -> None:
    if stop.is_set():
        # No clean-up by intention: whoever signals twice wants it now, and children die with their parent.
        os._exit(128 + number)
    structlog.get_logger().info("stopping", signal=number.name)
    stop.set()


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
