"""Server streams that go on where they broke."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from types import TracebackType
from typing import Any, Generic, Self, TypeVar, cast

import grpc

from spotreel.retry import BrokenStream, answered, persist

Message = TypeVar("Message")
Taken = TypeVar("Taken")

# The servers send something at least every 10 s; three misses in a row mean that nobody is there.
HEARTBEAT_SECONDS = 10.0
_MISSED_HEARTBEATS = 3


class ResumingStream(Generic[Message, Taken]):
    """Reads one logical stream over as many calls as it takes.

    `start` makes a call that goes on behind everything that `accept` has taken. `accept` makes of a message what `read`
    returns, or raises BrokenStream where it is bad; the call is then dropped and another one made. The back-off starts
    anew with each message that was accepted.
    """

    def __init__(
        self,
        start: Callable[[], "grpc.aio.UnaryStreamCall[object, Message]"],
        accept: Callable[[Message], Taken],
        *,
        server: str,
        patience: float,
        first_patience: float,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
        around: Callable[[Coroutine[Any, Any, Taken]], Awaitable[Taken]] | None = None,
    ) -> None:
        """Takes `patience`: seconds without an accepted message after which the last failure is raised; up to the
        first message it is `first_patience`.

        `around` is put around the wait for each message, and may end it early.
        """
        self._around = around
        self._start = start
        self._accept = accept
        self._server = server
        self._patience = patience
        self._first_patience = first_patience
        self._heard = False
        self._silence_timeout = _MISSED_HEARTBEATS * heartbeat_seconds
        self._call: grpc.aio.UnaryStreamCall[object, Message] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.drop()

    async def read(self) -> Taken:
        """Returns what the next message is taken as; the caller knows from that when to stop."""
        patience = self._patience if self._heard else self._first_patience
        reading = persist(self._read_once, patience=patience)
        taken = await (reading if self._around is None else self._around(reading))
        self._heard = True
        return taken

    def drop(self) -> None:
        """Ends the call that is open; the next read starts another."""
        if self._call is not None:
            self._call.cancel()
            self._call = None

    async def _read_once(self) -> Taken:
        if self._call is None:
            self._call = self._start()
        try:
            async with asyncio.timeout(self._silence_timeout):
                message = await answered(self._call.read(), server=self._server)
            if message is grpc.aio.EOF:
                raise BrokenStream(f"{self._server} ended the stream early.", reason="STREAM_CUT")
            return self._accept(cast("Message", message))
        except TimeoutError as error:
            self.drop()
            raise BrokenStream(
                f"{self._server} has been silent for {self._silence_timeout:g} s.", reason="STREAM_SILENT"
            ) from error
        except BaseException:
            self.drop()
            raise
