"""Reads of the simulated marketplace: paths and slashes, keys, pages, the account, logs."""

from typing import Any

import pytest

from tests.service.simulators.conftest import BOOTED, SINGLE, Open
from tests.simulators.clock import FakeClock
from tests.simulators.vast.caller import Caller
from tests.simulators.vast.market import Market
from tests.simulators.vast.offers import Offer
from tests.simulators.vast.wire import Request


async def fleet(open_market: Open, size: int) -> Caller:
    offers = [Offer(id=number, machine_id=number) for number in range(1, size + 1)]
    caller = Caller(open_market(offers=offers))
    for number in range(1, size + 1):
        await caller.rent(number, label=f"fleet:{number % 2}")
    return caller


async def test_without_the_slash_it_redirects_with_a_body_that_has_nothing(caller: Caller) -> None:
    for path in ("/api/v1/instances", "/api/v0/instances/7", "/api/v0/charges"):
        answer = await caller.ask("GET", path, query={"limit": "5"})
        assert (answer.status, answer.headers["Content-Type"]) == (301, "application/json")
        assert answer.headers["Location"] == f"{path}/?limit=5"
        assert not answer.json().keys() & {"instances", "results"}


async def test_the_account_is_read_with_and_without_the_slash(caller: Caller) -> None:
    for path in ("/api/v0/users/current", "/api/v0/users/current/"):
        assert (await caller.ask("GET", path)).json()["credit"] == 25.0


async def test_the_account_takes_no_parameters(caller: Caller) -> None:
    answer = await caller.ask("GET", "/api/v0/users/current/", query={"owner": "me"})
    assert (answer.status, answer.json()["msg"]) == (400, "owner: Extra inputs are not permitted")


async def test_the_old_list_is_gone(caller: Caller) -> None:
    answer = await caller.ask("GET", "/api/v0/instances/")
    assert (answer.status, answer.json()) == (
        410,
        {
            "success": False,
            "error": "deprecated_endpoint",
            "msg": "/api/v0/instances/ is deprecated. Use /api/v1/instances/ instead.",
        },
    )


@pytest.mark.parametrize(
    ("key", "status", "msg"), [("wrong", 404, "Invalid user key"), (None, 403, "This action requires login.")]
)
async def test_keys(market: Market, key: str | None, status: int, msg: str) -> None:
    for method, path in (("GET", "/api/v1/instances/"), ("GET", "/api/v0/instances/1/"), ("PUT", "/api/v0/asks/1/")):
        answer = await Caller(market, key=key).ask(method, path)
        assert (answer.status, answer.json()["error"], answer.json()["msg"]) == (status, "auth_error", msg)


async def test_the_key_may_be_in_the_address(market: Market) -> None:
    answer = await market.handle(Request("GET", "/api/v0/users/current/?api_key=test-key"))
    assert answer.status == 200


@pytest.mark.parametrize("status", [404, 401])
async def test_a_key_that_was_revoked(market: Market, caller: Caller, status: int) -> None:
    market.faults.arm("key_revoked", value=status)
    answer = await caller.ask("GET", "/api/v0/instances/1/")
    assert (answer.status, answer.json()["error"]) == (status, "auth_error")
    assert market.faults["key_revoked"].fired == 1


async def test_what_is_not_there(caller: Caller) -> None:
    assert (await caller.ask("GET", "/api/v0/elsewhere/")).status == 404
    assert (await caller.ask("POST", "/api/v0/asks/1/", {})).status == 405


async def test_pages(open_market: Open) -> None:
    caller = await fleet(open_market, 60)
    pages = [await caller.page()]
    while (token := pages[-1]["next_token"]) is not None:
        pages.append(await caller.page(after_token=token))
    assert [len(page["instances"]) for page in pages] == [25, 25, 10]
    assert {(page["total_instances"], page["instances_found"]) for page in pages} == {(60, 60)}
    assert pages[0]["label_counts"] == {"fleet:0": 30, "fleet:1": 30}
    ids = [row["id"] for page in pages for row in page["instances"]]
    assert ids == sorted(set(ids))


@pytest.mark.parametrize(("limit", "rows"), [("3", 3), ("100", 25), ("0", 5), ("-1", 5)])
async def test_the_size_of_a_page(open_market: Open, limit: str, rows: int) -> None:
    caller = await fleet(open_market, 30)
    assert len((await caller.page(limit=limit))["instances"]) == rows


async def test_filters_order_and_columns_of_a_list(open_market: Open) -> None:
    caller = await fleet(open_market, 6)
    page = await caller.page(
        select_filters={"label": {"eq": "fleet:1"}},
        order_by=[{"col": "machine_id", "dir": "desc"}],
        select_cols=["id", "machine_id", "colour"],
    )
    assert [row["machine_id"] for row in page["instances"]] == [5, 3, 1]
    assert page["instances"][0].keys() == {"id", "machine_id", "colour"}
    assert page["instances"][0]["colour"] is None
    assert (page["instances_found"], page["total_instances"]) == (3, 6)
    first = page["instances"][0]["id"]
    (row,) = (await caller.page(select_filters={"id": {"in": [first]}}))["instances"]
    assert row["id"] == first


@pytest.mark.parametrize(
    ("query", "error", "words"),
    [
        ({"after_token": "nonsense"}, "invalid_token", "token"),
        ({"select_filters": {"dph_total": {"lt": 1}}}, "invalid_request", "dph_total is not a valid search key"),
        ({"order_by": [{"col": "colour", "dir": "asc"}]}, "invalid_request", "colour is not a valid sort key"),
        ({"limit": "few"}, "invalid_request", "limit"),
        ({"select_filters": "{"}, "invalid_request", "select_filters"),
    ],
)
async def test_what_a_list_refuses(caller: Caller, query: dict[str, Any], error: str, words: str) -> None:
    answer = await caller.ask("GET", "/api/v1/instances/", query=query)
    assert (answer.status, answer.json()["error"], words in answer.json()["msg"]) == (400, error, True)


async def test_values_to_filter_by(open_market: Open) -> None:
    caller = await fleet(open_market, 3)
    answer = await caller.ask("GET", "/api/v0/instances/filters/")
    assert answer.json() == {
        "success": True,
        "filters": [{"actual_status": None, "verification": "verified", "gpu_name": "RTX 4090"}],
    }


async def test_rows_may_come_twice(open_market: Open) -> None:
    caller = await fleet(open_market, 3)
    caller.market.faults.arm("duplicate_rows")
    page = await caller.page()
    assert (len(page["instances"]), page["total_instances"]) == (6, 3)
    assert caller.market.faults["duplicate_rows"].fired == 1


async def test_a_list_that_breaks_off(open_market: Open) -> None:
    caller = await fleet(open_market, 4)
    faults = caller.market.faults
    faults.arm("list_truncated", script=["token", "short", "cut", "reset"])
    token = (await caller.page())["next_token"]
    assert (await caller.ask("GET", "/api/v1/instances/", query={"after_token": token})).json()["error"] == (
        "invalid_token"
    )
    short = await caller.page()
    assert (len(short["instances"]), short["next_token"], short["total_instances"]) == (2, None, 4)
    cut = await caller.ask("GET", "/api/v1/instances/")
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        cut.json()
    assert (await caller.ask("GET", "/api/v1/instances/")).dropped
    assert faults["list_truncated"].fired == 4


async def test_the_list_may_be_deprecated_too(market: Market, caller: Caller) -> None:
    market.faults.arm("list_v0_style_410")
    assert (await caller.ask("GET", "/api/v1/instances/")).status == 410
    assert market.faults["list_v0_style_410"].fired == 1


async def test_one_read_may_say_that_there_is_none(market: Market, caller: Caller) -> None:
    contract = await caller.rent(SINGLE.id)
    market.faults.arm("transient_null_read", script=[False, True])
    path = f"/api/v0/instances/{contract}/"
    answers = [(await caller.ask("GET", path)).json()["instances"] for _ in range(3)]
    assert [answer is None for answer in answers] == [False, True, False]
    assert market.faults["transient_null_read"].fired == 1


async def test_an_unknown_one_is_null_or_404(market: Market, caller: Caller) -> None:
    market.faults.arm("unknown_as_404", script=[False, True])
    answers = [await caller.ask("GET", "/api/v0/instances/1/") for _ in range(2)]
    assert answers[0].json() == {"instances": None}
    assert (answers[1].status, answers[1].json()["error"]) == (404, "no_such_instance")
    assert market.faults["unknown_as_404"].fired == 1


async def test_rows_of_instances_may_have_nulls(market: Market, caller: Caller) -> None:
    contract = await caller.rent(SINGLE.id)
    market.faults.arm("null_fields", match={"instance": contract})
    row = await caller.show(contract)
    assert (row["geolocation"], row["cpu_cores"], row["id"]) == (None, None, contract)
    assert market.faults["null_fields"].fired == 1


async def test_a_log_is_not_there_at_once(market: Market, caller: Caller, clock: FakeClock) -> None:
    contract = await caller.rent(SINGLE.id)
    await clock.advance(BOOTED)
    market.faults.arm("log_not_ready", value=2)
    answer = await caller.ask("PUT", f"/api/v0/instances/request_logs/{contract}/", {"tail": "5"})
    path = answer.json()["result_url"].removeprefix("http://localhost")
    anonymous = Caller(market, key=None)
    assert [(await anonymous.ask("GET", path)).status for _ in range(3)] == [403, 403, 200]
    assert f"C.{contract}" in (await anonymous.ask("GET", path)).body.decode()
    assert market.faults["log_not_ready"].fired == 1


async def test_where_logs_lie_nobody_wants_our_key(market: Market, caller: Caller) -> None:
    contract = await caller.rent(SINGLE.id)
    answer = await caller.ask("PUT", f"/api/v0/instances/request_logs/{contract}/", {})
    path = answer.json()["result_url"].removeprefix("http://localhost")
    assert ((await caller.ask("GET", path)).status, market.keys_leaked) == (400, 1)


async def test_logs_of_nothing(caller: Caller) -> None:
    answer = await caller.ask("PUT", "/api/v0/instances/request_logs/1/", {})
    assert (answer.status, answer.json()["error"]) == (404, "invalid_id")
    assert (await caller.ask("GET", "/s3/instance_logs/none.log")).status in (400, 404)


async def test_the_account_has_no_templates(caller: Caller) -> None:
    answer = await caller.ask("GET", "/api/v0/template/", query={"select_cols": ["*"]})
    assert answer.json() == {"success": True, "templates_found": 0, "templates": []}
