"""The simulated marketplace answers searches: shapes, operators, prices, what it never filters."""

import json
from typing import Any

import pytest

from tests.service.simulators.conftest import DISK, HALF, OFFERS, QUARTER, SINGLE, WHOLE, Open
from tests.simulators.vast.caller import Caller
from tests.simulators.vast.catalogue import catalogue
from tests.simulators.vast.market import Market
from tests.simulators.vast.offers import Offer, offer_row


def ids(rows: list[dict[str, Any]]) -> set[int]:
    return {row["id"] for row in rows}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, {SINGLE.id, WHOLE.id, HALF.id, QUARTER.id}),
        ({"gpu_name": {"eq": "RTX 4090"}}, {SINGLE.id}),
        ({"gpu_name": {"in": ["RTX 4090", "RTX 3090"]}, "num_gpus": {"eq": 1}}, {SINGLE.id, QUARTER.id}),
        ({"gpu_name": {"notin": ["RTX 4090"]}, "num_gpus": {"neq": 4}}, {HALF.id, QUARTER.id}),
        ({"num_gpus": {"gte": "2", "lt": "4"}}, {HALF.id}),
        ({"dph_base": {"gt": 0.17, "lte": "0.36"}}, {SINGLE.id, HALF.id}),
        (
            {"verified": {"eq": "true"}, "external": {"eq": False}, "rentable": {"eq": True}, "num_gpus": {"eq": 4}},
            {201},
        ),
        ({"driver_version": {"gte": 570086015}, "num_gpus": {"eq": 4}}, {WHOLE.id}),
        ({"driver_version": {"gt": 570086015}}, set()),
        ({"geolocation": {"in": ["US"]}, "num_gpus": {"eq": 4}}, {WHOLE.id}),
        ({"geolocation": {"notin": ["US"]}}, set()),
        ({"datacenter": {"eq": True}, "num_gpus": {"eq": 4}}, {WHOLE.id}),
        ({"duration": {"gte": 86400 * 89.0}, "num_gpus": {"eq": 4}}, {WHOLE.id}),
        ({"duration": {"gte": 86400 * 91.0}}, set()),
        ({"gpu_ram_GB": {"gte": 24.5}}, {SINGLE.id, WHOLE.id, HALF.id, QUARTER.id}),
        ({"gpu_totalram": {"gte": 90_000}}, {WHOLE.id}),
        ({"target_reliability": 0.99, "num_gpus": {"eq": 4}}, {WHOLE.id}),
        ({"target_reliability": 0.999}, set()),
        ({"allocated_storage": 300}, {WHOLE.id, HALF.id, QUARTER.id}),
        ({"cluster_id": {"eq": None}, "num_gpus": {"eq": 4}}, {WHOLE.id}),
        ({"cluster_id": {"eq": 5}}, set()),
    ],
)
async def test_filters(caller: Caller, query: dict[str, Any], found: set[int]) -> None:
    assert ids(await caller.search(**query)) == found


async def test_a_filter_by_id_finds_nothing_and_one_by_ask_contract_id_does(caller: Caller) -> None:
    assert await caller.search(id={"eq": SINGLE.id}) == []
    assert ids(await caller.search(ask_contract_id={"eq": SINGLE.id})) == {SINGLE.id}


async def test_rented_is_never_filtered(caller: Caller) -> None:
    assert len(await caller.search(rented={"eq": True})) == 4


async def test_offers_without_a_gpu_come_only_to_those_who_ask_for_none(caller: Caller) -> None:
    (row,) = await caller.search(num_gpus={"eq": 0})
    assert (row["id"], row["resource_type"], row["gpu_name"]) == (DISK.id, "disk", None)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"driver_version": {"gte": "555.0"}}, "query values can't be None"),
        ({"num_gpus": {"gte": "many"}}, "query values can't be None"),
        ({"colour": {"eq": "red"}}, "colour is not a valid search key"),
        ({"num_gpus": {"like": 1}}, "like is not a valid search op"),
        ({"target_reliability": {"gte": 0.9}}, "target_reliability"),
        ({"order": [["colour", "asc"]]}, "colour is not a valid search key"),
        ({"type": "gift"}, "gift is not a valid offer type"),
    ],
)
async def test_what_it_does_not_understand(caller: Caller, query: dict[str, Any], words: str) -> None:
    answer = await caller.ask("POST", "/api/v0/bundles/", query)
    assert (answer.status, answer.json()["error"]) == (400, "invalid_request")
    assert words in answer.json()["msg"]


async def test_a_body_that_is_no_json(market: Market) -> None:
    answer = await Caller(market).ask("POST", "/api/v0/bundles/", ["a list"])
    assert (answer.status, answer.json()) == (
        400,
        {"success": False, "error": "invalid_request", "msg": "Invalid json body"},
    )


async def test_order_and_limit(caller: Caller) -> None:
    rows = await caller.search(order=[["num_gpus", "asc"], ["dph_total", "desc"]], limit=3)
    assert [row["id"] for row in rows] == [SINGLE.id, QUARTER.id, HALF.id]


async def test_at_most_64_rows_however_many_are_asked_for(open_market: Open) -> None:
    answer = await Caller(open_market(offers=None)).ask("POST", "/api/v0/bundles/", {"limit": 1000})
    assert (len(answer.json()["offers"]), answer.json()["truncated"]) == (64, True)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/api/v0/bundles/?q=" + "%7B%22num_gpus%22%3A%7B%22eq%22%3A4%7D%7D", None),
        ("PUT", "/api/v0/search/asks/", {"select_cols": ["*"], "q": {"num_gpus": {"eq": "4"}}}),
    ],
)
async def test_the_other_forms_of_a_search(caller: Caller, method: str, path: str, body: Any) -> None:
    answer = await caller.ask(method, path, body)
    assert ids(answer.json()["offers"]) == {WHOLE.id}


async def test_searching_needs_no_key_but_a_wrong_one_is_refused(market: Market) -> None:
    assert len(await Caller(market, key=None).search()) == 4
    answer = await Caller(market, key="wrong").ask("POST", "/api/v0/bundles/", {})
    assert (answer.status, answer.json()["error"]) == (404, "auth_error")


@pytest.mark.parametrize(
    ("storage_cost", "gigabytes", "expected"),
    [
        # A row captured in 2024, and the instance in Vast.ai's documentation of 2026.
        (0.0013333, 5.0, 9.259e-06),
        (0.149333, 10.0, 0.0020741),
    ],
)
def test_storage_costs_by_the_month_of_720_hours(storage_cost: float, gigabytes: float, expected: float) -> None:
    offer = Offer(id=1, machine_id=1, dph_base=0.246667, storage_cost=storage_cost)
    row = offer_row(offer, kind="on-demand", storage_gb=gigabytes, now=0.0, end=0.0)
    assert row["storage_total_cost"] == pytest.approx(expected, rel=1e-4)
    assert row["dph_total"] == pytest.approx(0.246667 + expected, rel=1e-6)


async def test_prices_are_those_for_the_storage_that_is_asked_for(caller: Caller) -> None:
    (small,) = await caller.search(gpu_name={"eq": "RTX 4090"}, allocated_storage=10)
    (large,) = await caller.search(gpu_name={"eq": "RTX 4090"}, allocated_storage="100")
    assert (small["dph_total"], large["dph_total"]) == pytest.approx((0.362, 0.38))


async def test_bids_are_shown_at_the_floor(caller: Caller) -> None:
    (row,) = await caller.search(type="bid", num_gpus={"eq": 4})
    assert (row["is_bid"], row["dph_base"], row["min_bid"]) == (True, 0.24, 0.24)
    (other,) = await caller.search(type="ondemand", num_gpus={"eq": 4})
    assert (other["is_bid"], other["dph_base"], other["min_bid"]) == (False, 0.68, 0.24)
    (reserved,) = await caller.search(type="reserved", num_gpus={"eq": 4})
    assert reserved["dph_base"] < other["dph_base"]


async def test_an_offer_vanishes_when_it_is_rented_with_those_that_need_its_gpus(caller: Caller) -> None:
    contract = await caller.rent(HALF.id)
    assert ids(await caller.search()) == {SINGLE.id, QUARTER.id}
    await caller.destroy(contract)
    assert ids(await caller.search()) == {SINGLE.id, WHOLE.id, HALF.id, QUARTER.id}


async def test_numeric_filters_may_be_ignored(market: Market, caller: Caller) -> None:
    market.faults.arm("filter_ignored")
    assert ids(await caller.search(num_gpus={"eq": 4}, gpu_name={"eq": "RTX 3090"})) == {201, 202, 203}
    market.faults.arm("filter_ignored", value=["num_gpus"])
    assert ids(await caller.search(num_gpus={"eq": 4}, dph_base={"lte": 0.2})) == {QUARTER.id}
    assert market.faults["filter_ignored"].fired == 2


async def test_rows_may_be_of_machines_without_a_gpu(market: Market, caller: Caller) -> None:
    market.faults.arm("disk_only_rows")
    assert DISK.id in ids(await caller.search(num_gpus={"eq": 4}))
    assert market.faults["disk_only_rows"].fired == 1


async def test_fields_may_be_null(market: Market, caller: Caller) -> None:
    market.faults.arm("null_fields", match={"endpoint": "search"})
    (row,) = await caller.search(num_gpus={"eq": 4})
    assert (row["external"], row["geolocation"], row["cpu_cores"], row["id"]) == (None, None, None, WHOLE.id)
    assert market.faults["null_fields"].fired == 1


async def test_the_names_of_all_models(caller: Caller) -> None:
    answer = await caller.ask("GET", "/api/v0/gpu_names/unique/")
    assert {"RTX 4090", "A100 SXM4", "RTX 4070S Ti", "RTX 6000Ada"} <= set(answer.json()["gpu_names"])


def test_the_catalogue_is_large_the_same_every_time_and_full_of_traps() -> None:
    offers = catalogue(1)
    assert offers == catalogue(1) != catalogue(2)
    assert len(offers) > 200
    assert len({offer.gpu_name for offer in offers}) > 50
    by_machine = [offer.machine_id for offer in offers]
    assert max(by_machine.count(machine) for machine in by_machine) >= 4
    assert any(offer.direct_port_count == 0 for offer in offers)
    assert any(offer.dead for offer in offers)
    assert any(not offer.rentable for offer in offers)
    assert {None, ", US"} <= {offer.geolocation for offer in offers}
    assert {None, True, False} == {offer.external for offer in offers}
    assert {"verified", "unverified", "deverified", None} == {offer.verification for offer in offers}
    assert any(offer.cpu_cores is None for offer in offers)
    assert {"gpu", "disk"} == {offer.resource_type for offer in offers}
    assert any(offer.driver_version.startswith("470.") for offer in offers)
    assert all(0 < offer.min_bid < offer.dph_base for offer in offers if offer.resource_type == "gpu")


async def test_rows_have_all_fields_that_clients_read(caller: Caller) -> None:
    row = (await caller.search(limit=1))[0]
    fields = """id ask_contract_id bundle_id bundled_results machine_id host_id gpu_name num_gpus gpu_ram gpu_total_ram
        gpu_frac gpu_lanes gpu_mem_bw gpu_arch compute_cap cuda_max_good driver_version driver_vers cpu_name cpu_cores
        cpu_cores_effective cpu_ghz cpu_ram cpu_arch has_avx disk_space disk_bw disk_name inet_up inet_down inet_up_cost
        inet_down_cost direct_port_count static_ip public_ipaddr geolocation hosting_type verification vericode
        reliability reliability2 rentable rented external is_bid min_bid dph_base storage_cost storage_total_cost
        dph_total dlperf dlperf_per_dphtotal score duration start_date end_date resource_type vms_enabled search"""
    assert set(fields.split()) <= row.keys()
    assert json.dumps(row)


def test_offers_of_one_market_have_their_own_ids(open_market: Open) -> None:
    with pytest.raises(ValueError, match="same id"):
        open_market(offers=[*OFFERS, SINGLE])
