"""The simulated marketplace refuses whoever asks too often, in all the shapes that were seen."""

import json

import pytest

from tests.service.simulators.conftest import QUARTER, SINGLE, Open
from tests.simulators.clock import FakeClock
from tests.simulators.vast.caller import Caller
from tests.simulators.vast.catalogue import catalogue
from tests.simulators.vast.market import Market
from tests.simulators.vast.wire import Answer


@pytest.fixture
def market(open_market: Open) -> Market:
    return open_market(pacing=True)


@pytest.mark.parametrize(
    ("method", "path", "seconds"),
    [
        ("GET", "/api/v0/instances/1/", 2.0),
        ("GET", "/api/v1/instances/", 1.0),
        ("PUT", "/api/v0/instances/1/", 1.0),
        ("DELETE", "/api/v0/instances/1/", 3.0),
        ("PUT", "/api/v0/instances/bid_price/1/", 5.5),
        ("GET", "/api/v0/charges/", 1.0),
    ],
)
async def test_the_least_interval(caller: Caller, clock: FakeClock, method: str, path: str, seconds: float) -> None:
    statuses = []
    for pause in (0, seconds / 2, seconds / 2, seconds):
        await clock.advance(pause)
        statuses.append((await caller.ask(method, path, {} if method == "PUT" else None)).status == 429)
    assert statuses == [False, True, False, False]


async def test_creates_that_come_too_early_wait_longer(caller: Caller, clock: FakeClock) -> None:
    assert (await caller.create(SINGLE.id)).status == 200
    await clock.advance(4.4)
    assert (await caller.create(QUARTER.id)).status == 429
    await clock.advance(11)
    assert (await caller.create(QUARTER.id)).status == 429
    await clock.advance(12)
    assert (await caller.create(QUARTER.id)).status == 200


async def test_endpoints_and_callers_have_intervals_of_their_own(market: Market, caller: Caller) -> None:
    await caller.page()
    assert (await caller.ask("GET", "/api/v0/instances/1/")).status == 200
    assert (await Caller(market, key="wrong").ask("GET", "/api/v1/instances/")).status == 404
    assert (await caller.ask("GET", "/api/v1/instances/")).status == 429


async def test_ten_searches_in_a_minute(market: Market, caller: Caller, clock: FakeClock) -> None:
    for _ in range(10):
        await caller.search()
        await clock.advance(1)
    assert (await caller.ask("POST", "/api/v0/bundles/", {})).status == 429
    assert len(await Caller(market, key=None).search()) > 0
    await clock.advance(51)
    assert len(await caller.search()) > 0


async def test_the_rows_of_a_day_are_counted(open_market: Open, clock: FakeClock) -> None:
    market = open_market(pacing=True, offers=catalogue(1))
    caller = Caller(market)
    rows = 0
    while rows < 20_000:
        rows += len(await caller.search(limit=64))
        await clock.advance(6)
    answer = await caller.ask("POST", "/api/v0/bundles/", {})
    left = 86400 - clock.now().timestamp() % 86400
    assert (answer.status, answer.json()["error"]) == (429, "search_quota_exceeded")
    assert answer.json()["retry_after"] == int(answer.headers["Retry-After"]) == pytest.approx(left, abs=1)
    assert int(answer.headers["X-RateLimit-Reset"]) == pytest.approx(clock.now().timestamp() + left, abs=1)
    await clock.advance(left)
    assert len(await caller.search()) > 0


async def test_refusals_come_in_all_shapes(caller: Caller) -> None:
    await caller.page()
    answers = [await caller.ask("GET", "/api/v1/instances/") for _ in range(5)]
    texts = {answer.body.decode() for answer in answers if answer.headers["Content-Type"].startswith("text/plain")}
    bodies = [answer.json() for answer in answers if answer.headers["Content-Type"] == "application/json"]
    assert texts == {"API requests too frequent", "API requests too frequent: endpoint threshold=1.0"}
    assert {"detail": "API requests too frequent endpoint threshold=1.0"} in bodies
    assert {body["error"] for body in bodies if "error" in body} == {"rate_limit_exceeded"}
    assert sorted("Retry-After" in answer.headers for answer in answers) == [False] * 4 + [True]


def is_json(answer: Answer) -> bool:
    try:
        json.loads(answer.body)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(
    ("fault", "shape"),
    [
        ("rate_limit_text", (False, None)),
        ("rate_limit_detail", (True, None)),
        ("rate_limit_json", (True, None)),
        ("rate_limit_retry_after", (True, "5")),
    ],
)
async def test_each_shape_on_demand(market: Market, caller: Caller, fault: str, shape: tuple[bool, str | None]) -> None:
    market.faults.arm(fault, match={"endpoint": "list"})
    answer = await caller.ask("GET", "/api/v1/instances/")
    assert (answer.status, (is_json(answer), answer.headers.get("Retry-After"))) == (429, shape)
    assert market.faults[fault].fired == 1


async def test_the_quota_on_demand(market: Market, caller: Caller) -> None:
    market.faults.arm("search_quota_exceeded", value=120)
    answer = await caller.ask("POST", "/api/v0/bundles/", {})
    assert (answer.status, answer.json()["retry_after"]) == (429, 120)
    assert market.faults["search_quota_exceeded"].fired == 1
