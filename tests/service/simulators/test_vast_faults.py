"""The knobs of the simulated marketplace: how they are armed, and those that any request may meet."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import httpx
import pytest

from tests.service.simulators.conftest import SINGLE
from tests.simulators.clock import FakeClock
from tests.simulators.vast.caller import Caller
from tests.simulators.vast.faults import Faults
from tests.simulators.vast.knobs import KNOBS
from tests.simulators.vast.market import Market
from tests.simulators.vast.transport import MarketTransport
from tests.simulators.vast.wire import Drop


@pytest.fixture
def faults(clock: FakeClock) -> Faults:
    return Faults(seed=1, clock=clock)


def test_nothing_fires_that_is_not_armed(faults: Faults) -> None:
    assert not any(faults.hit(name, endpoint="create") for name in KNOBS)
    assert faults.fired == {}


def test_by_a_count(faults: Faults) -> None:
    faults.arm("bad_gateway", times=2)
    assert [faults.hit("bad_gateway") is not None for _ in range(3)] == [True, True, False]
    assert faults["bad_gateway"].fired == 2


def test_by_a_script_with_values(faults: Faults) -> None:
    faults.arm("bad_gateway", script=[False, True, 503], value=504)
    hits = [faults.hit("bad_gateway") for _ in range(4)]
    assert [hit.value if hit else None for hit in hits] == [None, 504, 503, None]


def test_by_a_probability_that_is_the_same_every_time(clock: FakeClock) -> None:
    runs = []
    for _ in range(2):
        faults = Faults(seed=7, clock=clock)
        faults.arm("bad_gateway", probability=0.3)
        runs.append([faults.hit("bad_gateway") is not None for _ in range(200)])
    assert runs[0] == runs[1]
    assert 30 < sum(runs[0]) < 90


def test_where_it_matches(faults: Faults) -> None:
    faults.arm("bad_gateway", times=5, match={"label": "orch:*", "endpoint": ["create", "show"]})
    assert faults.hit("bad_gateway", endpoint="create", label="orch:1")
    assert not faults.hit("bad_gateway", endpoint="list", label="orch:1")
    assert not faults.hit("bad_gateway", endpoint="create", label="other")
    assert not faults.hit("bad_gateway", endpoint="create")
    assert (faults["bad_gateway"].asked, faults["bad_gateway"].times) == (1, 4)


async def test_for_a_while(faults: Faults, clock: FakeClock) -> None:
    faults.arm("api_down", probability=1, seconds=60)
    assert faults.hit("api_down")
    await clock.advance(60)
    assert not faults.hit("api_down")
    assert not faults["api_down"].armed


def test_disarmed_it_keeps_its_count(faults: Faults) -> None:
    faults.arm("api_down", times=5)
    faults.hit("api_down")
    faults.disarm()
    assert (faults.hit("api_down"), faults["api_down"].fired) == (None, 1)


def test_what_cannot_be_armed(faults: Faults) -> None:
    with pytest.raises(KeyError):
        faults.arm("rain")
    with pytest.raises(ValueError, match="several"):
        faults.arm("api_down", times=1, probability=0.5)
    with pytest.raises(ValueError, match=r"1\.5"):
        faults.arm("api_down", probability=1.5)


@pytest.mark.parametrize(
    ("fault", "value", "outcome"),
    [
        ("connection_refused", None, (0, Drop.REFUSED)),
        ("request_lost", None, (0, Drop.RESET)),
        ("answer_lost", "timeout", (200, Drop.TIMEOUT)),
        ("api_down", None, (503, None)),
        ("api_down", "refused", (0, Drop.REFUSED)),
        ("bad_gateway", None, (502, None)),
        ("bad_gateway_after_effect", None, (504, None)),
        ("wrong_redirect", 308, (308, None)),
        ("success_false_200", None, (200, None)),
        ("not_json", None, (200, None)),
    ],
)
async def test_what_any_request_may_meet(
    market: Market, caller: Caller, fault: str, value: object, outcome: tuple[int, Drop | None]
) -> None:
    market.faults.arm(fault, value=value)
    answer = await caller.ask("GET", "/api/v1/instances/")
    assert ((answer.status, answer.drop), market.faults[fault].fired) == (outcome, 1)
    if not answer.dropped:
        assert b'"instances"' not in answer.body
    assert (await caller.page())["instances"] == []


@pytest.mark.parametrize(
    ("fault", "done"),
    [
        ("answer_lost", True),
        ("bad_gateway_after_effect", True),
        ("not_json", True),
        ("slow_answer", True),
        ("request_lost", False),
        ("bad_gateway", False),
        ("success_false_200", False),
        ("wrong_redirect", False),
    ],
)
async def test_whether_it_was_done_nevertheless(market: Market, caller: Caller, fault: str, done: bool) -> None:
    market.faults.arm(fault, match={"endpoint": "create", "label": "orch:1"})
    await caller.create(SINGLE.id, label="orch:1")
    assert (len(market.contracts) == 1, market.faults[fault].fired) == (done, 1)


def behind_a_client(market: Market, clock: FakeClock) -> httpx.AsyncClient:
    transport = MarketTransport(market, clock=clock)
    headers = {"Authorization": "Bearer test-key"}
    return httpx.AsyncClient(transport=transport, base_url="http://market", headers=headers)


async def test_behind_an_http_client(market: Market, clock: FakeClock) -> None:
    async with behind_a_client(market, clock) as client:
        answer = await client.post("/api/v0/bundles/", json={"num_gpus": {"eq": 1}, "limit": 1})
        assert answer.headers["Content-Type"] == "application/json"
        offer = answer.json()["offers"][0]["id"]
        made = await client.put(f"/api/v0/asks/{offer}/", json={"image": "x:1", "disk": 10})
        listed = await client.get("/api/v1/instances/", params={"select_filters": '{"label": {"eq": null}}'})
    assert [row["id"] for row in listed.json()["instances"]] == [made.json()["new_contract"]]


@pytest.mark.parametrize(
    ("fault", "value", "error"),
    [
        ("connection_refused", None, httpx.ConnectError),
        ("request_lost", "reset", httpx.ReadError),
        ("request_lost", "timeout", httpx.ReadTimeout),
        ("slow_answer", 31.0, httpx.ReadTimeout),
    ],
)
async def test_failures_behind_an_http_client(
    market: Market, clock: FakeClock, fault: str, value: object, error: type[Exception]
) -> None:
    market.faults.arm(fault, value=value)
    async with behind_a_client(market, clock) as client:
        with pytest.raises(error):
            await passing(clock, client.get("/api/v1/instances/", timeout=30.0))


async def passing(clock: FakeClock, asked: Coroutine[Any, Any, httpx.Response]) -> httpx.Response:
    """Waits for an answer while the clock goes on."""
    request = asyncio.create_task(asked, name="request")
    while not request.done():
        await clock.advance(1)
    return await request


async def test_a_slow_answer_comes_late(market: Market, clock: FakeClock) -> None:
    market.faults.arm("slow_answer", value=12.0)
    async with behind_a_client(market, clock) as client:
        answer = await passing(clock, client.get("/api/v1/instances/", timeout=30.0))
    assert answer.status_code == 200
    assert clock.monotonic() == pytest.approx(12, abs=2)
