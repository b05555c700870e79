"""The market behind an httpx client, without a socket, on the market's own clock."""

import httpx

from servicekit.clock import Clock
from tests.simulators.vast.market import Market
from tests.simulators.vast.wire import Answer, Drop, Request

# What counts where the client sets no time-out of its own.
_PATIENCE_SECONDS = 600.0


class MarketTransport(httpx.AsyncBaseTransport):
    """Hands requests to the market. Delays pass on the clock; the client's read time-out counts on it too."""

    def __init__(self, market: Market, *, clock: Clock) -> None:
        self._market = market
        self._clock = clock

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        content = await request.aread()
        patience = request.extensions.get("timeout", {}).get("read") or _PATIENCE_SECONDS
        answer = await self._market.handle(
            Request(
                method=request.method,
                target=request.url.raw_path.decode("ascii"),
                headers=dict(request.headers),
                body=content,
            )
        )
        if answer.drop is not None:
            raise await self._failure(answer.drop, patience, request)
        await self._wait(answer, patience, request)
        return httpx.Response(answer.status, headers=dict(answer.headers), content=answer.body, request=request)

    async def _wait(self, answer: Answer, patience: float, request: httpx.Request) -> None:
        if answer.delay > patience:
            raise await self._failure(Drop.TIMEOUT, patience, request)
        if answer.delay:
            await self._clock.sleep(answer.delay)

    async def _failure(self, drop: Drop, patience: float, request: httpx.Request) -> httpx.TransportError:
        match drop:
            case Drop.REFUSED:
                return httpx.ConnectError("All connection attempts failed", request=request)
            case Drop.RESET:
                return httpx.ReadError("Connection reset by peer", request=request)
            case Drop.TIMEOUT:
                await self._clock.sleep(patience)
                return httpx.ReadTimeout("The read operation timed out", request=request)
