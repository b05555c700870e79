"""The simulated marketplace rents out: what it makes, what it refuses and in which words."""

from typing import Any

import pytest

from tests.service.simulators.conftest import HALF, QUARTER, SINGLE, WHOLE, Open
from tests.simulators.vast.caller import Caller
from tests.simulators.vast.market import Market
from tests.simulators.vast.offers import Offer
from tests.simulators.vast.wire import Drop


async def test_a_contract_is_made(market: Market, caller: Caller) -> None:
    answer = await caller.create(SINGLE.id, label="orch:1")
    body = answer.json()
    assert (answer.status, body["success"], body.keys()) == (
        200,
        True,
        {"success", "new_contract", "instance_api_key"},
    )
    (contract,) = market.contracts
    assert (contract.id, contract.label, contract.offer.machine_id) == (body["new_contract"], "orch:1", 1)
    assert market.creates == 1


async def test_what_was_ordered_is_read_back(caller: Caller) -> None:
    env = {"-p 3334:3334": "1", "-p 8082:8082/udp": "1", "A": "B"}
    row = await caller.show(await caller.rent(SINGLE.id, env=env, args=["--port", "3334"], disk=20.5, label="x"))
    assert row["extra_env"] == [["-p 3334:3334", "1"], ["-p 8082:8082/udp", "1"], ["A", "B"]]
    assert (row["image_args"], row["image_runtype"], row["disk_space"]) == (["--port", "3334"], "args", 20.5)
    assert (row["label"], row["is_bid"], row["dph_base"]) == ("x", False, 0.36)
    assert row["dph_total"] == pytest.approx(0.36 + 0.144 * 20.5 / 720)


async def test_an_environment_that_is_a_text_is_not_applied(caller: Caller) -> None:
    row = await caller.show(await caller.rent(SINGLE.id, env="-p 3334:3334 -e A=B"))
    assert row["extra_env"] == []


async def test_without_args_the_run_type_is_ssh(caller: Caller) -> None:
    row = await caller.show(await caller.rent(SINGLE.id, runtype=None, args=None))
    assert row["image_runtype"] == "ssh"


async def test_an_offer_that_never_was(caller: Caller) -> None:
    answer = await caller.create(1234567)
    assert (answer.status, answer.json()) == (
        404,
        {
            "success": False,
            "error": "invalid_args",
            "msg": "error 404/3603: no_such_ask Instance type by id 1234567 is not available.",
            "ask_id": 1234567,
        },
    )


async def test_the_same_offer_twice(caller: Caller) -> None:
    await caller.rent(SINGLE.id)
    answer = await caller.create(SINGLE.id)
    assert (answer.status, answer.json()["error"]) == (410, "no_such_ask")
    assert "error 410/3907: no_such_ask" in answer.json()["msg"]


async def test_an_offer_whose_gpus_are_taken(caller: Caller) -> None:
    await caller.rent(HALF.id)
    answer = await caller.create(WHOLE.id)
    assert (answer.status, "error 404/3603: no_such_ask" in answer.json()["msg"]) == (400, True)
    assert (await caller.create(QUARTER.id)).status == 200


async def test_a_host_that_does_not_rent_just_now(open_market: Open) -> None:
    caller = Caller(open_market(offers=[Offer(id=5, machine_id=5, rentable=False)]))
    assert [row["rentable"] for row in await caller.search()] == [False]
    assert await caller.search(rentable={"eq": True}) == []
    assert (await caller.create(5)).status == 404


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"image": None}, "invalid_args"),
        ({"image": "Not an image"}, "server_error"),
        ({"image": "x" * 1025}, "server_error"),
        ({"disk": 7}, "invalid_args"),
        ({"disk": 201}, "invalid_args"),
        ({"disk": "large"}, "invalid_args"),
        ({"label": "x" * 257}, "invalid_args"),
        ({"env": {"KEY": "x" * 257}}, "invalid_args"),
        ({"env": {f"KEY{number}": "x" * 250 for number in range(140)}}, "invalid_args"),
        ({"env": {f"-p {port}:{port}": "1" for port in range(65)}}, "invalid_args"),
        ({"onstart": "x" * 4097}, "invalid_args"),
        ({"price": 0.0001}, "invalid_price"),
        ({"price": "cheap"}, "invalid_price"),
    ],
)
async def test_what_it_refuses(market: Market, caller: Caller, body: dict[str, Any], error: str) -> None:
    answer = await caller.create(SINGLE.id, **body)
    assert (answer.status, answer.json()["success"], answer.json()["error"]) == (400, False, error)
    assert market.contracts == ()


async def test_a_bid_above_the_floor_rents_at_the_bid(caller: Caller) -> None:
    row = await caller.show(await caller.rent(SINGLE.id, price=0.2))
    assert (row["is_bid"], row["dph_base"], row["intended_status"]) == (True, 0.2, "running")


async def test_a_bid_below_the_floor_is_half_a_success(market: Market, caller: Caller) -> None:
    answer = await caller.create(SINGLE.id, price=0.05)
    assert (answer.status, answer.json()["success"]) == (200, False)
    row = await caller.show(answer.json()["new_contract"])
    assert (row["intended_status"], row["cur_state"], row["actual_status"]) == ("stopped", "stopped", None)
    assert len(market.contracts) == 1


async def test_a_bid_below_the_floor_that_is_to_be_cancelled_makes_nothing(market: Market, caller: Caller) -> None:
    answer = await caller.create(SINGLE.id, price=0.05, cancel_unavail=True)
    assert (answer.status, market.contracts) == (400, ())


async def test_one_that_is_ordered_stopped(caller: Caller) -> None:
    row = await caller.show(await caller.rent(SINGLE.id, target_state="stopped"))
    assert row["intended_status"] == "stopped"


async def test_without_credit(market: Market, caller: Caller) -> None:
    market.set_credit(0)
    answer = await caller.create(SINGLE.id)
    assert (answer.status, answer.json()) == (
        400,
        {
            "success": False,
            "error": "insufficient_credit",
            "msg": "Your account lacks credit; see the billing page.",
        },
    )


@pytest.mark.parametrize(
    ("fault", "status", "error"),
    [
        ("offer_gone_404", 404, "invalid_args"),
        ("offer_gone_410", 410, "no_such_ask"),
        ("offer_gone_400", 400, "invalid_args"),
        ("insufficient_credit", 400, "insufficient_credit"),
        ("spend_rate_limit", 400, "spend_rate_limit"),
        ("server_error", 400, "server_error"),
    ],
)
async def test_faults_that_refuse(market: Market, caller: Caller, fault: str, status: int, error: str) -> None:
    market.faults.arm(fault, match={"machine": 1})
    answer = await caller.create(SINGLE.id)
    assert (answer.status, answer.json()["error"]) == (status, error)
    assert fault.startswith("offer_gone") == ("no_such_ask" in answer.body.decode())
    assert (market.contracts, market.faults[fault].fired) == ((), 1)
    assert (await caller.create(SINGLE.id)).status == 200


async def test_a_lost_answer_leaves_a_contract(market: Market, caller: Caller) -> None:
    market.faults.arm("create_answer_lost")
    assert (await caller.create(SINGLE.id, label="orch:1")).drop is Drop.TIMEOUT
    assert [contract.label for contract in market.contracts] == ["orch:1"]
    assert market.faults["create_answer_lost"].fired == 1


async def test_an_answer_that_refuses_is_not_the_one_that_is_lost(market: Market, caller: Caller) -> None:
    market.faults.arm("create_answer_lost")
    assert (await caller.create(404)).status == 404
    assert market.faults["create_answer_lost"].fired == 0


async def test_a_lost_request_leaves_nothing(market: Market, caller: Caller) -> None:
    market.faults.arm("create_request_lost", value="timeout")
    assert (await caller.create(SINGLE.id)).drop is Drop.TIMEOUT
    assert (market.contracts, market.faults["create_request_lost"].fired) == ((), 1)


@pytest.mark.parametrize("status", [200, 400])
async def test_half_a_success(market: Market, caller: Caller, status: int) -> None:
    market.faults.arm("half_success", value=status)
    answer = await caller.create(SINGLE.id)
    assert (answer.status, answer.json()["success"]) == (status, False)
    assert [contract.id for contract in market.contracts] == [answer.json()["new_contract"]]
    assert market.faults["half_success"].fired == 1
