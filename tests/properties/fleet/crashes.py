"""Kills the orchestrator between any two of its steps: at a call to its ledger or to the marketplace, before the call
has any effect or after it."""

import asyncio
from collections.abc import Awaitable, Callable
from fnmatch import fnmatchcase
from typing import Any, TypeVar, cast

import httpx

from orchestrator.ports import Ledger
from tests.simulators.vast.routes import Unroutable, understood
from tests.simulators.vast.wire import Request

T = TypeVar("T")


class Killed(BaseException):
    """The process that makes this call has been killed; nothing but the end of its tasks is left of it."""


class Life:
    """One run of the orchestrator. Once killed, none of its calls has any effect, and none returns, until `bury`; from
    then on they raise Killed, so that its tasks can be ended."""

    def __init__(self) -> None:
        self.killed_at = ""
        self._buried = False
        self._doom: tuple[str, int, bool] | None = None

    def doom(self, calls: str, *, nth: int, after: bool) -> None:
        """Plans its end at the nth call from now whose name matches a shell pattern: before its effect, or after it.

        Names are such as `ledger.change_instance`, `http.create`.
        """
        self._doom = (calls, nth, after)

    def kill(self) -> None:
        """Ends it now, wherever its tasks are."""
        self.killed_at = self.killed_at or "at once"

    def bury(self) -> None:
        """Lets the calls that hang be ended."""
        self._buried = True

    async def call(self, name: str, work: Callable[[], Awaitable[T]]) -> T:
        """Makes a call unless the life ends before it, and returns its result unless it ends after it."""
        await self._live_through(name, after=False)
        try:
            result = await work()
        except Exception:
            await self._live_through(name, after=True)
            raise
        await self._live_through(name, after=True)
        return result

    async def _live_through(self, name: str, *, after: bool) -> None:
        if self._doom is not None and not self.killed_at:
            calls, nth, at_the_end = self._doom
            if after == at_the_end and fnmatchcase(name, calls):
                self._doom = (calls, nth - 1, at_the_end)
                if nth <= 1:
                    self.killed_at = f"{'after' if after else 'before'} {name}"
        if self.killed_at and not self._buried:
            await asyncio.get_running_loop().create_future()
        if self._buried:
            raise Killed

    # --- what it calls ---

    def ledger(self, ledger: Ledger) -> Ledger:
        """Returns the ledger as this life reaches it."""
        return cast("Ledger", _MortalLedger(ledger, self))

    def wire(self, transport: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
        """Returns the marketplace as this life reaches it."""
        return _MortalTransport(transport, self)


class _MortalLedger:
    def __init__(self, ledger: Ledger, life: Life) -> None:
        self._ledger = ledger
        self._life = life

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._ledger, name)

        async def call(*arguments: Any, **options: Any) -> Any:
            return await self._life.call(f"ledger.{name}", lambda: method(*arguments, **options))

        return call


class _MortalTransport(httpx.AsyncBaseTransport):
    def __init__(self, transport: httpx.AsyncBaseTransport, life: Life) -> None:
        self._transport = transport
        self._life = life

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._life.call(f"http.{endpoint(request)}", lambda: self._transport.handle_async_request(request))


def endpoint(request: httpx.Request) -> str:
    """Returns the name of the marketplace's endpoint that a request is for."""
    try:
        route, _ = understood(Request(request.method, request.url.raw_path.decode("ascii")))
    except Unroutable:
        return "nowhere"
    return route.endpoint
