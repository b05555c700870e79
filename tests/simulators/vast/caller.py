"""Asks a market in process, as a plain client would; for tests of the market, and for tests that only need a renter."""

import json
from typing import Any
from urllib.parse import urlencode

from tests.simulators.vast.market import Market
from tests.simulators.vast.wire import Answer, Request

IMAGE = "ghcr.io/spotreel/worker:1.4.2"
WORKER_ENV = {"-p 3334:3334": "1", "MODE": "x"}


class Caller:
    """One caller with one key; None for a caller without."""

    def __init__(self, market: Market, *, key: str | None = "test-key") -> None:
        self.market = market
        self._key = key

    async def ask(self, method: str, path: str, body: Any = None, *, query: dict[str, Any] | None = None) -> Answer:
        """Sends one request; what is no text in the query is written as JSON."""
        parameters = {
            name: value if isinstance(value, str) else json.dumps(value) for name, value in (query or {}).items()
        }
        target = f"{path}?{urlencode(parameters)}" if parameters else path
        headers = {} if self._key is None else {"Authorization": f"Bearer {self._key}"}
        content = b"" if body is None else json.dumps(body).encode()
        return await self.market.handle(Request(method, target, headers, content))

    async def search(self, **query: Any) -> list[dict[str, Any]]:
        """Returns the rows of a search."""
        answer = await self.ask("POST", "/api/v0/bundles/", query)
        assert answer.status == 200, answer.body
        rows: list[dict[str, Any]] = answer.json()["offers"]
        return rows

    async def create(self, offer_id: int, **body: Any) -> Answer:
        """Rents an offer; what is not said is as our own orchestrator says it."""
        order = {"image": IMAGE, "disk": 10, "runtype": "args", "args": [], "env": WORKER_ENV, "label": "tests"}
        return await self.ask("PUT", f"/api/v0/asks/{offer_id}/", order | body)

    async def rent(self, offer_id: int, **body: Any) -> int:
        """Rents an offer and returns the number of the contract."""
        answer = await self.create(offer_id, **body)
        assert answer.status == 200, answer.body
        return int(answer.json()["new_contract"])

    async def show(self, contract_id: int) -> dict[str, Any]:
        """Returns the row of an instance that exists."""
        row: dict[str, Any] | None = (await self.ask("GET", f"/api/v0/instances/{contract_id}/")).json()["instances"]
        assert row is not None
        return row

    async def destroy(self, contract_id: int) -> Answer:
        """Destroys an instance."""
        return await self.ask("DELETE", f"/api/v0/instances/{contract_id}/", {})

    async def page(self, **query: Any) -> dict[str, Any]:
        """Returns one page of the list."""
        answer = await self.ask("GET", "/api/v1/instances/", query=query)
        assert answer.status == 200, answer.body
        body: dict[str, Any] = answer.json()
        return body
