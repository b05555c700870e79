"""The market behind a port."""

import asyncio
import contextlib
from types import TracebackType
from typing import Self

import structlog
from aiohttp import web

from servicekit.clock import Clock
from tests.simulators.vast.market import Market
from tests.simulators.vast.wire import Answer, Drop, Request

# How often what is due happens although nobody asks: containers start and end by themselves.
_TICK_SECONDS = 0.1
# How long a connection is held that is never answered; nobody waits longer.
_HELD_SECONDS = 600.0
_MOST_BYTES = 4 << 20


class MarketServer:
    """Serves a market on loopback; use as `async with`. Leaving it does not end the market's containers."""

    def __init__(self, market: Market, *, clock: Clock, host: str = "127.0.0.1", port: int = 0) -> None:
        """Takes the address to listen on; port 0 takes any free one."""
        self._market = market
        self._clock = clock
        self._host = host
        self._wanted = port
        self._closing = asyncio.Event()
        self._log = structlog.get_logger("vast")

    async def __aenter__(self) -> Self:
        application = web.Application(client_max_size=_MOST_BYTES)
        application.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._wanted).start()
        self._ticker = asyncio.create_task(self._tick(), name="tick of the market")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._ticker.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._ticker
        await self._runner.cleanup()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._runner.addresses[0][1])

    @property
    def url(self) -> str:
        """Where a client finds it, without a slash at the end."""
        return f"http://{self._host}:{self.port}"

    async def _tick(self) -> None:
        while True:
            await self._market.settle()
            await asyncio.sleep(_TICK_SECONDS)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        answer = await self._market.handle(
            Request(
                method=request.method,
                target=request.raw_path,
                headers=dict(request.headers),
                body=await request.read(),
                client=request.remote or "",
            )
        )
        self._log.debug("request", method=request.method, path=request.path, status=answer.status, drop=answer.drop)
        if answer.drop is not None:
            return await self._dropped(request, answer.drop)
        if answer.delay:
            await self._clock.sleep(answer.delay)
        return _response(answer)

    async def _dropped(self, request: web.Request, drop: Drop) -> web.StreamResponse:
        if drop is Drop.TIMEOUT:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_HELD_SECONDS):
                    await self._closing.wait()
        # Whoever listens cannot refuse a connection either: a refused one is cut too.
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)


def _response(answer: Answer) -> web.Response:
    """Returns aiohttp's response; the type of its content stays exactly as the market says it."""
    return web.Response(status=answer.status, body=answer.body, headers=dict(answer.headers))
