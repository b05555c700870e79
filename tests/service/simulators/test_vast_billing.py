"""The simulated marketplace charges: GPU in running only, disk in every state, bytes; and what no credit means."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.service.simulators.conftest import BOOT, BOOTED, OFFERS, QUARTER, SINGLE, Open
from tests.simulators.clock import FakeClock
from tests.simulators.vast.caller import Caller
from tests.simulators.vast.market import Market
from tests.simulators.vast.meters import Kind
from tests.simulators.vast.offers import Offer
from tests.simulators.vast.world import MarketSettings

# 10 GB of the single machine.
DISK_USD_PER_HOUR = 0.002
GPU_USD_PER_HOUR = 0.36


async def run_until_running(market: Market, caller: Caller, clock: FakeClock) -> tuple[int, float]:
    """Rents, and returns the number and the time at which it began to run."""
    contract = await caller.rent(SINGLE.id)
    while not market.contract(contract).bills_gpu:
        await clock.advance(0.25)
    return contract, market.contract(contract).since


async def test_the_gpu_is_charged_in_running_only_and_the_disk_always(
    market: Market, caller: Caller, clock: FakeClock
) -> None:
    contract, began = await run_until_running(market, caller, clock)
    await clock.advance(3600)
    bill = market.bill(contract)
    ran = clock.monotonic() - began
    assert bill.quantity(Kind.GPU) == pytest.approx(ran, abs=1e-3)
    assert bill.quantity(Kind.DISK) == pytest.approx(clock.monotonic(), abs=1e-3)
    assert bill.amount(Kind.GPU) == pytest.approx(GPU_USD_PER_HOUR * ran / 3600)
    assert bill.amount(Kind.DISK) == pytest.approx(DISK_USD_PER_HOUR * clock.monotonic() / 3600)
    assert market.billed_usd_micros(contract) == round(bill.amount() * 1e6)
    assert market.credit_usd == pytest.approx(25.0 - bill.amount())


async def test_stopped_it_costs_its_disk(market: Market, caller: Caller, clock: FakeClock) -> None:
    contract, _ = await run_until_running(market, caller, clock)
    await caller.ask("PUT", f"/api/v0/instances/{contract}/", {"state": "stopped"})
    before = market.bill(contract).quantity(Kind.GPU)
    await clock.advance(3600)
    bill = market.bill(contract)
    assert bill.quantity(Kind.GPU) == before
    assert bill.quantity(Kind.DISK) == pytest.approx(clock.monotonic(), abs=1e-3)


@pytest.mark.parametrize("fault", ["stuck_loading", "cdi_failure", "exits_at_start", "stuck_scheduling"])
async def test_what_never_runs_costs_its_disk(market: Market, caller: Caller, clock: FakeClock, fault: str) -> None:
    market.faults.arm(fault)
    contract = await caller.rent(SINGLE.id)
    await clock.advance(7200)
    bill = market.bill(contract)
    assert bill.quantity(Kind.GPU) == pytest.approx(2.0 if fault == "exits_at_start" else 0.0, abs=1e-6)
    assert bill.amount(Kind.DISK) == pytest.approx(2 * DISK_USD_PER_HOUR)


async def test_a_host_that_is_away_costs_nothing(market: Market, caller: Caller, clock: FakeClock) -> None:
    contract, _ = await run_until_running(market, caller, clock)
    await market.do(contract, "offline")
    before = market.billed_usd_micros(contract)
    await clock.advance(7200)
    assert market.billed_usd_micros(contract) == before


async def test_destroyed_it_costs_nothing_more_and_its_bill_stays(
    market: Market, caller: Caller, clock: FakeClock
) -> None:
    contract, _ = await run_until_running(market, caller, clock)
    await caller.destroy(contract)
    before = market.billed_usd_micros(contract)
    await clock.advance(7200)
    assert market.billed_usd_micros(contract) == before == market.billed_usd_micros()
    assert before > 0


async def test_come_back_it_is_charged_again(market: Market, caller: Caller, clock: FakeClock) -> None:
    market.faults.arm("resurrect", value=100)
    contract, _ = await run_until_running(market, caller, clock)
    await caller.destroy(contract)
    before = market.bill(contract).quantity(Kind.DISK)
    await clock.advance(160)
    assert market.bill(contract).quantity(Kind.DISK) == pytest.approx(before + 60, abs=1e-3)


async def test_bytes_are_charged_by_direction(open_market: Open) -> None:
    offer = Offer(id=5, machine_id=5, inet_down_cost=0.02, inet_up_cost=0.01)
    market = open_market(offers=[offer])
    contract = await Caller(market).rent(5)
    market.transfer(contract, down_bytes=3_000_000_000, up_bytes=500_000_000)
    bill = market.bill(contract)
    assert (bill.amount(Kind.DOWN), bill.amount(Kind.UP)) == pytest.approx((0.06, 0.005))


async def test_the_pull_of_an_image_may_be_metered(open_market: Open) -> None:
    market = open_market(image_bytes=2_000_000_000)
    contract = await Caller(market).rent(SINGLE.id)
    assert market.bill(contract).quantity(Kind.DOWN) == 2e9


async def test_credit_used_up_stops_everything(open_market: Open, clock: FakeClock) -> None:
    market = open_market(credit_usd=0.1)
    caller = Caller(market)
    contract, _ = await run_until_running(market, caller, clock)
    await clock.advance(1200)
    row = await caller.show(contract)
    assert (row["actual_status"], row["intended_status"], row["cur_state"]) == ("exited", "stopped", "stopped")
    assert market.contract(contract).stopped_because == "credit"
    assert (await caller.ask("GET", "/api/v0/users/current/")).json()["credit"] < 0
    # Stopped at the very second: 0.1 $ are 1000 s of GPU, less what the disk took.
    assert market.bill(contract).amount(Kind.GPU) == pytest.approx(0.1, abs=0.001)
    assert (await caller.create(QUARTER.id)).json()["error"] == "insufficient_credit"
    assert (await caller.ask("PUT", f"/api/v0/instances/{contract}/", {"state": "running"})).json()["success"] is False


async def test_storage_goes_on_into_debt_until_all_is_deleted(open_market: Open, clock: FakeClock) -> None:
    market = open_market(credit_usd=0.1, debt_usd=0.01)
    caller = Caller(market)
    contract, _ = await run_until_running(market, caller, clock)
    await clock.advance(4 * 3600)
    assert [one.id for one in market.contracts] == [contract]
    await clock.advance(4 * 3600)
    assert market.contracts == ()
    assert market.credit_usd == pytest.approx(-0.01)
    assert (await caller.ask("GET", f"/api/v0/instances/{contract}/")).json() == {"instances": None}


async def test_credit_may_be_gone_at_once(market: Market, caller: Caller, clock: FakeClock) -> None:
    market.faults.arm("credit_stop", value=5)
    contract, _ = await run_until_running(market, caller, clock)
    await clock.advance(10)
    assert (await caller.show(contract))["intended_status"] == "stopped"
    assert (market.credit_usd <= 0, market.faults["credit_stop"].fired) == (True, 1)
    market.set_credit(5.0)
    assert (await caller.create(QUARTER.id)).status == 200


async def test_charges_by_day_and_kind_also_of_those_that_are_gone(open_market: Open) -> None:
    clock = FakeClock(start=datetime(2026, 1, 1, 23, 0, tzinfo=UTC))
    market = Market(
        clock=clock,
        settings=MarketSettings(pacing=False, boot=BOOT),
        offers=[Offer(id=5, machine_id=5, storage_cost=72)],
    )
    caller = Caller(market)
    contract = await caller.rent(5)
    market.transfer(contract, up_bytes=1_000_000_000)
    await clock.advance(2 * 3600)
    await caller.destroy(contract)
    body = (await charges(caller, clock)).json()
    assert [row["source"] for row in body["results"]] == [f"instance-{contract}"] * 2
    first, second = body["results"]
    assert [item["type"] for item in first["items"]] == ["bwu", "disk", "gpu"]
    assert [item["type"] for item in second["items"]] == ["disk", "gpu"]
    for row in body["results"]:
        assert row["amount"] == pytest.approx(sum(item["amount"] for item in row["items"]))
    assert sum(row["amount"] for row in body["results"]) * 1e6 == pytest.approx(
        market.billed_usd_micros(contract), abs=1
    )
    assert second["start"] == datetime(2026, 1, 2, tzinfo=UTC).timestamp()


async def test_charges_come_in_pages_and_by_type(open_market: Open, clock: FakeClock) -> None:
    market = open_market(offers=[Offer(id=number, machine_id=number) for number in range(1, 6)])
    caller = Caller(market)
    ids = [await caller.rent(number) for number in range(1, 6)]
    await clock.advance(60)
    body = (await charges(caller, clock, limit="2", latest_first="true")).json()
    sources = [row["source"] for row in body["results"]]
    while body["next_token"]:
        body = (await charges(caller, clock, limit="2", latest_first="true", after_token=body["next_token"])).json()
        sources += [row["source"] for row in body["results"]]
    assert sources == [f"instance-{number}" for number in reversed(ids)]
    assert (await charges(caller, clock, kinds=["volume"])).json()["results"] == []
    assert (await charges(caller, clock, after_token="nonsense")).json()["error"] == "invalid_token"
    assert (await charges(caller, clock, begins=clock.now().timestamp() + 86400)).json()["results"] == []


async def charges(
    caller: Caller, clock: FakeClock, *, kinds: list[str] | None = None, begins: float = 0, **query: Any
) -> Any:
    filters = {"day": {"gte": begins, "lte": clock.now().timestamp()}, "type": {"in": kinds or ["instance"]}}
    return await caller.ask("GET", "/api/v0/charges/", query={"select_filters": filters, "format": "table", **query})


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["rent", "destroy", "stop", "start", "outbid", "resume", "offline", "online", "end_contract"]),
        st.integers(0, 5),
        st.floats(0, 5000),
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(steps=STEPS, credit=st.floats(0.01, 3))
async def test_credit_and_bills_always_add_up(steps: list[tuple[str, int, float]], credit: float) -> None:
    clock = FakeClock()
    market = Market(
        clock=clock, settings=MarketSettings(pacing=False, boot=BOOT, credit_usd=credit, debt_usd=0.1), offers=OFFERS
    )
    caller = Caller(market)
    for what, which, seconds in steps:
        await clock.advance(seconds)
        contracts = market.contracts
        if what == "rent":
            await caller.create(OFFERS[which % len(OFFERS)].id)
        elif contracts:
            contract = contracts[which % len(contracts)].id
            if what == "start":
                await caller.ask("PUT", f"/api/v0/instances/{contract}/", {"state": "running"})
            else:
                await market.do(contract, what)
    everyone = (*market.contracts, *market.history)
    assert market.credit_usd == pytest.approx(credit - market.billed_usd_micros() / 1e6, abs=2e-6)
    assert market.billed_usd_micros() == pytest.approx(
        sum(market.billed_usd_micros(one.id) for one in everyone), abs=20
    )
    assert market.credit_usd > -0.1 - 1e-6
    for machine in {offer.machine_id for offer in OFFERS}:
        used = sum(one.offer.num_gpus for one in market.contracts if one.holds_gpus and one.offer.machine_id == machine)
        assert used <= max(offer.machine_gpus for offer in OFFERS if offer.machine_id == machine)


async def test_the_gpu_was_free_before_it_ran(market: Market, caller: Caller, clock: FakeClock) -> None:
    contract = await caller.rent(SINGLE.id)
    await clock.advance(30)
    assert market.bill(contract).amount(Kind.GPU) == 0
    await clock.advance(BOOTED)
    assert market.bill(contract).amount(Kind.GPU) > 0
