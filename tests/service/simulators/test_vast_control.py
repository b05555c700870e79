"""The simulator's own endpoints: faults, events, time, and the truth."""

from datetime import UTC, datetime

import pytest

from servicekit.clock import SystemClock
from tests.service.simulators.conftest import BOOTED, SINGLE
from tests.simulators.clock import FakeClock
from tests.simulators.vast.caller import Caller
from tests.simulators.vast.clock import ScaledClock
from tests.simulators.vast.knobs import KNOBS
from tests.simulators.vast.market import Market
from tests.simulators.vast.wire import Request


@pytest.fixture
def anonymous(market: Market) -> Caller:
    return Caller(market, key=None)


async def test_faults_are_armed_shown_and_disarmed(market: Market, anonymous: Caller, caller: Caller) -> None:
    shown = (await anonymous.ask("GET", "/control/faults")).json()["faults"]
    assert shown.keys() == KNOBS.keys()
    body = {"times": 1, "match": {"endpoint": "create"}, "value": 503}
    answer = await anonymous.ask("PUT", "/control/faults/bad_gateway", body)
    assert (answer.json()["armed"], answer.json()["value"]) == (True, 503)
    assert (await caller.create(SINGLE.id)).status == 503
    assert (await anonymous.ask("GET", "/control/faults/bad_gateway")).json()["fired"] == 1
    await anonymous.ask("PUT", "/control/faults/api_down", {"probability": 1.0})
    await anonymous.ask("DELETE", "/control/faults/api_down")
    await anonymous.ask("PUT", "/control/faults/not_json", {"script": [True]})
    await anonymous.ask("DELETE", "/control/faults")
    assert (await caller.create(SINGLE.id)).status == 200


async def test_what_cannot_be_armed(anonymous: Caller) -> None:
    assert (await anonymous.ask("PUT", "/control/faults/rain", {})).status == 404
    assert (await anonymous.ask("DELETE", "/control/faults/rain")).status == 404
    for body in ({"often": True}, {"times": 1, "probability": 1}, {"probability": 2}):
        assert (await anonymous.ask("PUT", "/control/faults/api_down", body)).status == 400


async def test_the_truth(anonymous: Caller, caller: Caller, clock: FakeClock) -> None:
    contract = await caller.rent(SINGLE.id, label="orch:1")
    await clock.advance(BOOTED)
    await caller.destroy(contract)
    second = await caller.rent(SINGLE.id, price=0.2)
    state = (await anonymous.ask("GET", "/control/state")).json()
    assert state["requests"] == {"create": 2, "destroy": 1}
    assert (state["creates"], state["credit_usd"] < 25) == (2, True)
    assert state["credit_usd"] + state["billed_usd"] == pytest.approx(25)
    ((living,), (gone,)) = state["contracts"], state["history"]
    assert (living["id"], living["bid"], living["actual_status"]) == (second, 0.2, None)
    assert (gone["id"], gone["label"], gone["machine_id"]) == (contract, "orch:1", SINGLE.machine_id)
    assert gone["destroyed"] - gone["created"] == pytest.approx(BOOTED)
    assert 0 < gone["gpu_seconds"] < gone["storage_seconds"] == pytest.approx(BOOTED)
    assert gone["billed_usd"] > 0


@pytest.mark.parametrize(
    ("what", "intended", "actual"),
    [
        ("outbid", "stopped", "running"),
        ("stop", "stopped", "running"),
        ("end_contract", "stopped", "running"),
        ("kill", "running", "exited"),
        ("offline", "running", "offline"),
    ],
)
async def test_events(caller: Caller, clock: FakeClock, what: str, intended: str, actual: str) -> None:
    contract = await caller.rent(SINGLE.id)
    await clock.advance(BOOTED)
    assert (await caller.ask("POST", f"/control/instances/{contract}/{what}")).status == 200
    row = await caller.show(contract)
    assert (row["intended_status"], row["actual_status"]) == (intended, actual)


async def test_events_undone(market: Market, caller: Caller, clock: FakeClock) -> None:
    contract = await caller.rent(SINGLE.id)
    await clock.advance(BOOTED)
    for there, back in (("offline", "online"), ("outbid", "resume"), ("destroy", "resurrect")):
        await market.do(contract, there)
        assert not market.contract(contract).bills_gpu
        await market.do(contract, back)
        await clock.advance(BOOTED)
        assert (await caller.show(contract))["actual_status"] == "running"


async def test_an_image_that_is_stuck_can_be_let_through(market: Market, caller: Caller, clock: FakeClock) -> None:
    market.faults.arm("stuck_loading")
    contract = await caller.rent(SINGLE.id)
    await clock.advance(10 * BOOTED)
    assert (await caller.show(contract))["actual_status"] == "loading"
    await market.do(contract, "loaded")
    assert (await caller.show(contract))["actual_status"] == "running"


async def test_traffic(market: Market, caller: Caller, anonymous: Caller) -> None:
    contract = await caller.rent(SINGLE.id)
    body = {"down_bytes": 1000, "up_bytes": 2000}
    answer = (await anonymous.ask("POST", f"/control/instances/{contract}/traffic", body)).json()
    assert (answer["down_bytes"], answer["up_bytes"]) == (1000, 2000)


async def test_events_of_nothing(market: Market, caller: Caller) -> None:
    contract = await caller.rent(SINGLE.id)
    for path in ("1/outbid", f"{contract}/tickle", f"{contract}/resurrect"):
        assert (await caller.ask("POST", f"/control/instances/{path}")).status == 404
    with pytest.raises(ValueError, match="tickle"):
        await market.do(contract, "tickle")


async def test_time_and_credit(market: Market, anonymous: Caller, clock: FakeClock) -> None:
    answer = await anonymous.ask("POST", "/control/advance", {"seconds": 90})
    assert (answer.status, clock.monotonic()) == (200, 90)
    assert answer.json()["now"] == datetime(2026, 1, 1, 0, 1, 30, tzinfo=UTC).timestamp()
    assert (await anonymous.ask("POST", "/control/advance", {"seconds": "soon"})).status == 400
    assert (await anonymous.ask("POST", "/control/credit", {"usd": 0.5})).json() == {"credit_usd": 0.5}
    assert market.credit_usd == 0.5
    assert (await anonymous.ask("POST", "/control/credit", {})).status == 400


async def test_the_machines_own_clock_cannot_be_moved() -> None:
    caller = Caller(Market(clock=SystemClock(), offers=[]), key=None)
    assert (await caller.ask("POST", "/control/advance", {"seconds": 1})).status == 409


async def test_a_scaled_clock_can_be_moved() -> None:
    clock = ScaledClock(speed=1000)
    began = clock.now()
    await Caller(Market(clock=clock, offers=[]), key=None).ask("POST", "/control/advance", {"seconds": 86400})
    assert (clock.now() - began).total_seconds() >= 86400


async def test_only_from_this_machine(market: Market) -> None:
    for method, path in (("GET", "/control/state"), ("POST", "/control/advance")):
        answer = await market.handle(Request(method, path, {}, b'{"seconds": 1}', client="203.0.113.9"))
        assert answer.status == 403
