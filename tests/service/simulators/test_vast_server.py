"""The simulated marketplace behind a port: exact headers, lost answers, and what happens although nobody asks."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest

from tests.service.simulators.conftest import OFFERS, SINGLE
from tests.simulators.vast.clock import ScaledClock
from tests.simulators.vast.contracts import Address, Contract
from tests.simulators.vast.host import NoHost, StartFailed
from tests.simulators.vast.lifecycle import BootTimes
from tests.simulators.vast.market import Market
from tests.simulators.vast.server import MarketServer
from tests.simulators.vast.world import MarketSettings

DEADLINE_SECONDS = 20.0
BOOT = BootTimes(scheduling=1, creating=1, loading=1)
ORDER = {"image": "x:1", "disk": 10, "runtype": "args", "env": {"-p 3334:3334": "1"}}


class Watched(NoHost):
    """Notes what it is told to start, and refuses what it is told to refuse."""

    def __init__(self) -> None:
        super().__init__()
        self.started = asyncio.Event()
        self.refusal = ""

    async def start(self, contract: Contract) -> Address:
        self.started.set()
        if self.refusal:
            raise StartFailed(self.refusal)
        return await super().start(contract)


@dataclass(frozen=True, slots=True)
class Shop:
    market: Market
    host: Watched
    clock: ScaledClock
    server: MarketServer
    client: httpx.AsyncClient


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    clock, host = ScaledClock(speed=100), Watched()
    market = Market(clock=clock, settings=MarketSettings(pacing=False, boot=BOOT), offers=OFFERS, host=host)
    headers = {"Authorization": "Bearer test-key"}
    async with (
        market,
        MarketServer(market, clock=clock) as server,
        httpx.AsyncClient(base_url=server.url, headers=headers, timeout=DEADLINE_SECONDS) as client,
    ):
        yield Shop(market, host, clock, server, client)


async def test_the_type_of_the_content_is_exactly_json(shop: Shop) -> None:
    answer = await shop.client.get("/api/v1/instances/")
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json()["instances"] == []


async def test_filters_in_the_address_arrive_as_they_were_sent(shop: Shop) -> None:
    await shop.client.put(f"/api/v0/asks/{SINGLE.id}/", json=ORDER | {"label": "a+b c/d"})
    filters = '{"label": {"eq": "a+b c/d"}}'
    answer = await shop.client.get("/api/v1/instances/", params={"select_filters": filters})
    assert [row["label"] for row in answer.json()["instances"]] == ["a+b c/d"]


async def test_redirects_are_answers(shop: Shop) -> None:
    answer = await shop.client.get("/api/v1/instances", params={"limit": 5})
    assert (answer.status_code, answer.headers["Location"]) == (301, "/api/v1/instances/?limit=5")


@pytest.mark.parametrize("fault", ["connection_refused", "request_lost", "answer_lost"])
async def test_connections_that_are_cut(shop: Shop, fault: str) -> None:
    shop.market.faults.arm(fault)
    with pytest.raises(httpx.TransportError):
        await shop.client.get("/api/v1/instances/")
    assert shop.market.faults[fault].fired == 1
    assert (await shop.client.get("/api/v1/instances/")).status_code == 200


async def test_answers_that_never_come(shop: Shop) -> None:
    shop.market.faults.arm("create_answer_lost")
    with pytest.raises(httpx.ReadTimeout):
        await shop.client.put(f"/api/v0/asks/{SINGLE.id}/", json=ORDER, timeout=0.2)
    assert len(shop.market.contracts) == 1


async def test_slow_answers_are_slow_by_the_markets_clock(shop: Shop) -> None:
    shop.market.faults.arm("slow_answer", value=20.0)
    before = shop.clock.monotonic()
    assert (await shop.client.get("/api/v1/instances/")).status_code == 200
    assert shop.clock.monotonic() - before >= 20


async def test_containers_start_although_nobody_asks(shop: Shop) -> None:
    answer = await shop.client.put(f"/api/v0/asks/{SINGLE.id}/", json=ORDER)
    async with asyncio.timeout(DEADLINE_SECONDS):
        await shop.host.started.wait()
    assert shop.market.contract(answer.json()["new_contract"]).actual == "running"
    assert set(shop.market.requests) == {"create"}


async def test_a_container_that_cannot_be_started(shop: Shop) -> None:
    shop.host.refusal = "Error response from daemon: no space left on device"
    answer = await shop.client.put(f"/api/v0/asks/{SINGLE.id}/", json=ORDER)
    async with asyncio.timeout(DEADLINE_SECONDS):
        await shop.host.started.wait()
    row = (await shop.client.get(f"/api/v0/instances/{answer.json()['new_contract']}/")).json()["instances"]
    assert (row["actual_status"], row["status_msg"]) == ("exited", shop.host.refusal)


async def test_the_control_endpoints(shop: Shop) -> None:
    async with httpx.AsyncClient(base_url=shop.server.url) as client:
        assert (await client.put("/control/faults/api_down", json={"times": 1})).json()["armed"] is True
        assert (await client.post("/control/advance", json={"seconds": 3600})).status_code == 200
        assert (await shop.client.get("/api/v1/instances/")).status_code == 503
        assert (await client.get("/control/state")).json()["fired"] == {"api_down": 1}
