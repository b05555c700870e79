"""An instance of the simulated marketplace lives: null, created, loading, running, and what ends or interrupts that."""

from typing import Any

import pytest

from tests.service.simulators.conftest import BOOTED, HALF, QUARTER, SINGLE, WHOLE, Open
from tests.simulators.clock import FakeClock
from tests.simulators.vast.caller import Caller
from tests.simulators.vast.market import Market
from tests.simulators.vast.offers import Offer


def states(row: dict[str, Any]) -> tuple[Any, Any, Any]:
    return row["actual_status"], row["intended_status"], row["cur_state"]


async def running(caller: Caller, clock: FakeClock, **order: Any) -> int:
    contract = await caller.rent(SINGLE.id, **order)
    await clock.advance(BOOTED)
    return contract


async def test_it_goes_from_null_to_running(caller: Caller, clock: FakeClock) -> None:
    contract = await caller.rent(SINGLE.id)
    seen: list[str | None] = []
    words: set[str] = set()
    for _ in range(int(BOOTED)):
        row = await caller.show(contract)
        if not seen or row["actual_status"] != seen[-1]:
            seen.append(row["actual_status"])
        if row["actual_status"] != "running":
            assert (row["ports"], row["public_ipaddr"]) == (None, None)
            words.add(str(row["status_msg"]).strip().partition(": ")[2])
        await clock.advance(1)
    assert seen == [None, "created", "loading", "running"]
    assert {"Downloading", "Verifying Checksum", "Download complete", "Extracting", "Pull complete"} <= words
    row = await caller.show(contract)
    assert row["status_msg"] == "success, running ghcr.io/spotreel/worker_1.4.2/args\n"


async def test_early_in_loading_it_says_stopped_and_is_meant_to_run(caller: Caller, clock: FakeClock) -> None:
    contract = await caller.rent(SINGLE.id)
    await clock.advance(30)
    assert states(await caller.show(contract)) == ("loading", "running", "stopped")


async def test_ports_and_address_when_it_runs(caller: Caller, clock: FakeClock) -> None:
    env = {"-p 3334:3334": "1", "-p 8082:8082/udp": "1", "-p 70000:70000": "1"}
    row = await caller.show(await running(caller, clock, env=env))
    assert row["public_ipaddr"] == f"{SINGLE.public_ipaddr}\n"
    (first, second), udp = row["ports"]["3334/tcp"], row["ports"]["8082/udp"]
    assert (first["HostIp"], second["HostIp"], len(udp)) == ("0.0.0.0", "::", 2)
    assert first["HostPort"] == second["HostPort"]
    assert first["HostPort"].isdecimal()
    # From 70000 on the port inside is the one outside.
    (same,) = set(row["ports"]) - {"3334/tcp", "8082/udp"}
    assert same == f"{row['ports'][same][0]['HostPort']}/tcp"


async def test_a_row_has_all_fields_that_clients_read(caller: Caller, clock: FakeClock) -> None:
    row = await caller.show(await running(caller, clock))
    fields = """id machine_id host_id bundle_id label actual_status intended_status cur_state next_state status_msg
        image_uuid image_runtype image_args extra_env onstart template_id template_hash_id public_ipaddr local_ipaddrs
        ssh_host ssh_idx ssh_port ports direct_port_count direct_port_start direct_port_end static_ip geolocation
        gpu_name num_gpus gpu_ram gpu_totalram gpu_util gpu_temp gpu_frac cpu_cores cpu_cores_effective cpu_ram cpu_util
        disk_space disk_usage disk_util inet_up inet_down inet_up_cost inet_down_cost cuda_max_good driver_version
        is_bid min_bid dph_base dph_total storage_cost storage_total_cost reliability2 verification rentable
        hosting_type start_date end_date duration uptime_mins time_remaining"""
    assert set(fields.split()) <= row.keys()
    assert row["local_ipaddrs"] == "10.2.202.31 172.17.0.1 \n"
    assert row["end_date"] - row["start_date"] == pytest.approx(SINGLE.remaining_seconds)


async def test_a_dead_host_never_gets_past_null(open_market: Open, clock: FakeClock) -> None:
    caller = Caller(open_market(offers=[Offer(id=5, machine_id=5, dead=True)]))
    contract = await caller.rent(5)
    await clock.advance(3600)
    assert (await caller.show(contract))["actual_status"] is None


@pytest.mark.parametrize(
    ("fault", "value", "shown"),
    [
        ("stuck_scheduling", None, ((None, "running", "unloaded"), "None")),
        ("stuck_loading", None, (("loading", "running", "stopped"), "Retrying in 5 seconds")),
        ("docker_build_error", None, (("loading", "stopped", "stopped"), "docker_build() error writing dockerfile")),
        ("pull_error_network", None, (("loading", "running", "stopped"), "download failed after attempts=6")),
        ("image_not_found", None, (("loading", "running", "stopped"), "manifest unknown")),
        ("image_not_found", "pull access denied", (("loading", "running", "stopped"), "pull access denied")),
        ("cdi_failure", None, (("created", "running", "stopped"), "unresolvable CDI devices")),
        ("exits_at_start", None, (("exited", "running", "stopped"), "success, running")),
    ],
)
async def test_starts_that_fail(
    market: Market,
    clock: FakeClock,
    fault: str,
    value: Any,
    shown: tuple[tuple[Any, Any, Any], str],
) -> None:
    caller = Caller(market)
    market.faults.arm(fault, value=value, match={"label": "doomed*"})
    contract = await caller.rent(SINGLE.id, label="doomed:1")
    await clock.advance(10 * BOOTED)
    row = await caller.show(contract)
    state, words = shown
    assert (states(row), words in str(row["status_msg"])) == (state, True)
    assert (row["ports"], market.faults[fault].fired) == (None, 1)


async def test_it_may_be_missing_from_the_first_reads(market: Market, caller: Caller) -> None:
    market.faults.arm("hidden_first_reads", value=2)
    contract = await caller.rent(SINGLE.id)
    path = f"/api/v0/instances/{contract}/"
    page = await caller.page()
    assert (page["instances"], page["total_instances"]) == ([], 0)
    assert (await caller.ask("GET", path)).json() == {"instances": None}
    assert (await caller.show(contract))["id"] == contract
    assert market.faults["hidden_first_reads"].fired == 1


async def test_all_new_ones_may_be_missing_at_first(open_market: Open) -> None:
    caller = Caller(open_market(hidden_reads=1))
    await caller.rent(SINGLE.id)
    assert [len((await caller.page())["instances"]) for _ in range(2)] == [0, 1]


@pytest.mark.parametrize(
    ("fault", "value", "ports"),
    [
        ("port_missing", None, {}),
        ("port_null", "ports", None),
        ("port_null", "binding", {"3334/tcp": None}),
        ("port_null", "empty", {"3334/tcp": []}),
        (
            "port_null",
            None,
            {"3334/tcp": [{"HostIp": "0.0.0.0", "HostPort": None}, {"HostIp": "::", "HostPort": None}]},
        ),
    ],
)
async def test_ports_that_are_not_there(market: Market, clock: FakeClock, fault: str, value: Any, ports: Any) -> None:
    caller = Caller(market)
    market.faults.arm(fault, value=value)
    row = await caller.show(await running(caller, clock))
    assert (row["actual_status"], row["ports"], market.faults[fault].fired) == ("running", ports, 1)


async def test_a_port_where_nobody_listens(market: Market, caller: Caller, clock: FakeClock) -> None:
    market.faults.arm("unreachable_port")
    row = await caller.show(await running(caller, clock))
    assert (row["ports"]["3334/tcp"][0]["HostPort"], market.faults["unreachable_port"].fired) == ("9", 1)


async def test_what_a_host_really_has(market: Market, caller: Caller, clock: FakeClock) -> None:
    for fault in ("old_driver", "no_nvenc_chip", "dead_worker", "clock_skew"):
        market.faults.arm(fault)
    began = clock.now().timestamp()
    row = await caller.show(await running(caller, clock))
    assert (row["driver_version"], row["start_date"]) == ("470.82.01", pytest.approx(began + 7200))
    (contract,) = market.contracts
    assert {"no_nvenc_chip", "dead_worker", "clock_skew"} == contract.fates.keys()
    assert market.faults.fired == {"old_driver": 1, "no_nvenc_chip": 1, "dead_worker": 1, "clock_skew": 1}


async def test_outbid_it_is_meant_to_stop_while_it_shows_that_it_runs(
    market: Market, caller: Caller, clock: FakeClock
) -> None:
    market.faults.arm("outbid", value=10)
    contract = await caller.rent(SINGLE.id, price=0.2)
    await clock.advance(BOOTED)
    row = await caller.show(contract)
    assert (states(row), row["next_state"]) == (("running", "stopped", "stopped"), "stopped")
    assert (market.contracts[0].bills_gpu, market.faults["outbid"].fired) == (False, 1)
    await clock.advance(60)
    assert states(await caller.show(contract)) == ("exited", "stopped", "stopped")
    assert await caller.search(gpu_name={"eq": "RTX 4090"}) == []


async def test_outbid_it_resumes_by_itself(market: Market, caller: Caller, clock: FakeClock) -> None:
    market.faults.arm("outbid", value=10)
    market.faults.arm("auto_resume", value=300)
    contract = await caller.rent(SINGLE.id, price=0.2)
    await clock.advance(BOOTED + 10)
    assert (await caller.show(contract))["intended_status"] == "stopped"
    await clock.advance(300 + BOOTED)
    assert states(await caller.show(contract)) == ("running", "running", "running")
    assert market.faults.fired == {"outbid": 1, "auto_resume": 1}


async def test_its_host_goes_away_and_comes_back(market: Market, caller: Caller, clock: FakeClock) -> None:
    market.faults.arm("host_offline", value=10)
    market.faults.arm("host_comes_back", value=100)
    contract = await running(caller, clock)
    assert states(await caller.show(contract)) == ("offline", "running", "running")
    await clock.advance(100)
    assert states(await caller.show(contract)) == ("running", "running", "running")
    assert market.faults.fired == {"host_offline": 1, "host_comes_back": 1}


async def test_a_host_that_goes_away_during_the_start_goes_on_when_it_is_back(
    market: Market, caller: Caller, clock: FakeClock
) -> None:
    contract = await caller.rent(SINGLE.id)
    await clock.advance(30)
    await market.do(contract, "offline")
    await clock.advance(600)
    assert (await caller.show(contract))["actual_status"] == "offline"
    await market.do(contract, "online")
    await clock.advance(BOOTED)
    assert (await caller.show(contract))["actual_status"] == "running"


async def test_the_hosts_offer_ends(market: Market, caller: Caller, clock: FakeClock) -> None:
    market.faults.arm("contract_end", value=10)
    contract = await running(caller, clock)
    row = await caller.show(contract)
    assert (row["intended_status"], row["end_date"] <= clock.now().timestamp()) == ("stopped", True)
    answer = await caller.ask("PUT", f"/api/v0/instances/{contract}/", {"state": "running"})
    assert (answer.status, answer.json()["success"]) == (200, False)
    await clock.advance(48 * 3600)
    assert (await caller.ask("GET", f"/api/v0/instances/{contract}/")).json() == {"instances": None}
    assert market.faults["contract_end"].fired == 1


async def test_every_offer_ends_at_its_time(open_market: Open, clock: FakeClock) -> None:
    caller = Caller(open_market(offers=[Offer(id=5, machine_id=5, remaining_seconds=3600)]))
    contract = await caller.rent(5)
    await clock.advance(3601)
    assert (await caller.show(contract))["intended_status"] == "stopped"
    assert (await caller.create(5)).status == 400


async def test_stop_and_start(caller: Caller, clock: FakeClock) -> None:
    contract = await running(caller, clock)
    path = f"/api/v0/instances/{contract}/"
    assert (await caller.ask("PUT", path, {"state": "stopped"})).json() == {"success": True}
    assert states(await caller.show(contract)) == ("running", "stopped", "stopped")
    await clock.advance(60)
    assert states(await caller.show(contract)) == ("exited", "stopped", "stopped")
    assert (await caller.ask("PUT", path, {"state": "running"})).json() == {"success": True}
    # The old word is shown for a while.
    assert states(await caller.show(contract)) == ("exited", "running", "stopped")
    await clock.advance(60)
    assert states(await caller.show(contract)) == ("running", "running", "running")


async def test_a_start_without_free_gpus_is_queued_and_happens_later(caller: Caller, clock: FakeClock) -> None:
    first = await caller.rent(WHOLE.id)
    await clock.advance(BOOTED)
    path = f"/api/v0/instances/{first}/"
    await caller.ask("PUT", path, {"state": "stopped"})
    second = await caller.rent(QUARTER.id)
    answer = await caller.ask("PUT", path, {"state": "running"})
    assert (answer.status, answer.json()["success"]) == (200, False)
    assert answer.json()["msg"] == "Required resources are currently unavailable, state change queued"
    await caller.destroy(second)
    await clock.advance(BOOTED)
    assert states(await caller.show(first)) == ("running", "running", "running")


async def test_a_queued_start_can_be_called_off(caller: Caller, clock: FakeClock) -> None:
    first = await caller.rent(HALF.id)
    path = f"/api/v0/instances/{first}/"
    await caller.ask("PUT", path, {"state": "stopped"})
    second = await caller.rent(WHOLE.id)
    await caller.ask("PUT", path, {"state": "running"})
    await caller.ask("PUT", path, {"state": "stopped"})
    await caller.destroy(second)
    await clock.advance(BOOTED)
    assert (await caller.show(first))["intended_status"] == "stopped"


async def test_reboot_and_recycle(caller: Caller, clock: FakeClock) -> None:
    contract = await running(caller, clock)
    for what, meanwhile in (("reboot", "rebooting"), ("recycle", "loading")):
        assert (await caller.ask("PUT", f"/api/v0/instances/{what}/{contract}/", {})).json() == {"success": True}
        assert (await caller.show(contract))["actual_status"] == meanwhile
        await clock.advance(BOOTED)
        assert (await caller.show(contract))["actual_status"] == "running"
    assert (await caller.ask("PUT", "/api/v0/instances/reboot/1/", {})).status == 404
    assert (await caller.ask("PUT", "/api/v0/instances/recycle/1/", {})).status == 404


async def test_labels(market: Market, caller: Caller) -> None:
    contract = await caller.rent(SINGLE.id)
    path = f"/api/v0/instances/{contract}/"
    assert (await caller.ask("PUT", path, {"label": "x" * 1024})).json() == {"success": True}
    assert market.contracts[0].label == "x" * 1024
    assert (await caller.ask("PUT", path, {"label": "x" * 1025})).json()["error"] == "invalid_args"
    assert (await caller.ask("PUT", path, {})).json()["error"] == "invalid_args"
    assert (await caller.ask("PUT", path, {"state": "asleep"})).json()["error"] == "invalid_args"
    assert (await caller.ask("PUT", "/api/v0/instances/1/", {"label": "y"})).json()["error"] == "no_such_instance"


async def test_bids_change(caller: Caller, clock: FakeClock) -> None:
    contract = await running(caller, clock, price=0.2)
    path = f"/api/v0/instances/bid_price/{contract}/"
    assert (await caller.ask("PUT", path, {"client_id": "me", "price": 0.3})).json() == {"success": True}
    assert (await caller.show(contract))["dph_base"] == 0.3
    await caller.ask("PUT", path, {"client_id": "me", "price": 0.01})
    assert (await caller.show(contract))["intended_status"] == "stopped"
    await caller.ask("PUT", path, {"client_id": "me", "price": 0.2})
    assert (await caller.show(contract))["intended_status"] == "running"
    answer = await caller.ask("PUT", path, {"client_id": "me", "price": 0})
    assert (answer.status, answer.json()["msg"]) == (400, "Please set a bid price >= 0.001.")
    answer = await caller.ask("PUT", "/api/v0/instances/bid_price/1/", {"client_id": "me", "price": 0.3})
    assert (answer.status, answer.json()["msg"]) == (404, "Instance with that ID does not exist.")


async def test_destroyed_it_is_gone(market: Market, caller: Caller, clock: FakeClock) -> None:
    contract = await running(caller, clock)
    assert (await caller.destroy(contract)).json()["success"] is True
    assert (await caller.ask("GET", f"/api/v0/instances/{contract}/")).json() == {"instances": None}
    assert (await caller.page())["instances"] == []
    assert ([one.id for one in market.history], market.contracts) == ([contract], ())
    again = await caller.destroy(contract)
    assert (again.status, again.json()["error"]) == (404, "no_such_instance")


async def test_several_at_once(market: Market, caller: Caller) -> None:
    contracts = [await caller.rent(offer) for offer in (SINGLE.id, HALF.id, QUARTER.id)]
    answer = await caller.ask("PUT", "/api/v0/instances/", {"state": "stopped", "ids": contracts})
    assert answer.json() == {"success": True}
    assert {one.intended for one in market.contracts} == {"stopped"}
    answer = await caller.ask("DELETE", "/api/v0/instances/", {"instance_ids": contracts[:2]})
    assert ([one.id for one in market.contracts], answer.json()["success"]) == (contracts[2:], True)
    assert (await caller.ask("DELETE", "/api/v0/instances/", {"instance_ids": [1]})).status == 404
    assert (await caller.ask("DELETE", "/api/v0/instances/", {})).status == 400


async def test_destroys_that_do_not_destroy(market: Market, caller: Caller) -> None:
    contract = await caller.rent(SINGLE.id)
    for fault, status in (("destroy_not_found", 404), ("destroy_ignored", 200), ("destroy_rate_limited", 429)):
        market.faults.arm(fault, match={"instance": contract})
        assert (await caller.destroy(contract)).status == status
        assert market.faults[fault].fired == 1
        assert [one.id for one in market.contracts] == [contract]
    assert (await caller.destroy(contract)).status == 200
    assert market.contracts == ()


async def test_one_comes_back_after_its_destroy(market: Market, caller: Caller, clock: FakeClock) -> None:
    market.faults.arm("resurrect", value=30)
    contract = await running(caller, clock)
    await caller.destroy(contract)
    assert list(market.contracts) == []
    await clock.advance(31)
    assert (await caller.show(contract))["actual_status"] == "loading"
    (contract_back,) = market.contracts
    assert (contract_back.returned, market.history) == (1, ())
    await clock.advance(BOOTED)
    await caller.destroy(contract)
    await clock.advance(3600)
    assert (market.contracts, market.faults["resurrect"].fired) == ((), 1)


async def test_an_instances_key_is_for_that_instance_only(market: Market, caller: Caller) -> None:
    body = (await caller.create(SINGLE.id)).json()
    other = await caller.rent(QUARTER.id)
    own = Caller(market, key=body["instance_api_key"])
    assert (await own.show(body["new_contract"]))["id"] == body["new_contract"]
    refused = [
        await own.destroy(other),
        await own.ask("GET", "/api/v1/instances/"),
        await own.ask("GET", "/api/v0/users/current/"),
        await own.create(WHOLE.id),
    ]
    assert [(answer.status, answer.json()["error"]) for answer in refused] == [(403, "not_authorized")] * 4
    assert (await own.destroy(body["new_contract"])).json()["success"] is True
    assert [one.id for one in market.contracts] == [other]
    assert (await own.destroy(other)).json()["error"] == "auth_error"
