"""Rows as the real service has been seen to send them."""

from datetime import timedelta
from typing import Any

import pytest

from orchestrator.cloud.vast.codec import cost_from_charges, instance_from_row, offer_from_row
from orchestrator.money.price import Cost
from orchestrator.ports import CloudState

# A row of a real search, shortened (published in 2024).
OFFER: dict[str, Any] = {
    "id": 11684738,
    "ask_contract_id": 11684738,
    "machine_id": 22990,
    "gpu_name": "RTX 4090",
    "num_gpus": 1,
    "gpu_ram": 24564,
    "driver_version": "535.183.01",
    "cpu_cores": 96,
    "cpu_cores_effective": 24.0,
    "disk_space": 1607.875,
    "inet_up": 77.7,
    "inet_down": 105.9,
    "inet_up_cost": 0.0,
    "inet_down_cost": 0.01,
    "direct_port_count": 249,
    "geolocation": "Guangxi, CN",
    "verification": "verified",
    "reliability": 0.97,
    "reliability2": 0.97,
    "rentable": True,
    "external": None,
    "min_bid": 0.2,
    "dph_base": 0.246667,
    "storage_cost": 0.0013333,
    "dph_total": 0.246676,
    "duration": 13356528.57,
    "resource_type": "gpu",
}
INSTANCE: dict[str, Any] = {
    "id": 7835610,
    "label": "spotreel/prod/4f1c",
    "actual_status": "running",
    "intended_status": "running",
    "cur_state": "running",
    "status_msg": "success, running ghcr.io/acme/worker_1.4.2/args\n",
    "public_ipaddr": "203.0.113.4\n",
    "ports": {"3334/tcp": [{"HostIp": "0.0.0.0", "HostPort": "40001"}, {"HostIp": "::", "HostPort": "40001"}]},
}
CDI_FAILURE = (
    "Error response from daemon: failed to create task for container: OCI runtime create failed: "
    "failed to inject CDI devices: unresolvable CDI devices D.1f/gpu=0: unknown\n"
    "Error: failed to start containers: C.7835610"
)
PULL_FAILURE = (
    "error pulling image configuration: download failed after attempts=6: read tcp 10.0.0.2:1->1.2.3.4:443: "
    "connection reset by peer"
)


def read(row: dict[str, Any], *, interruptible: bool = False) -> Any:
    return offer_from_row(row, interruptible=interruptible, disk_bytes=20_000_000_000, bid_factor=1.5)


def test_an_offer_is_priced_with_the_disk_that_will_be_rented() -> None:
    offer = read(OFFER)
    assert (offer.offer_id, offer.machine_id, offer.gpu_count) == ("11684738", "22990", 1)
    # 0.0013333 $ per GB and month of 720 hours, for 20 GB.
    assert offer.storage_usd_micros_per_hour == 38
    assert offer.usd_micros_per_hour == 246_705
    assert (offer.download_bps, offer.upload_bps) == (105_900_000, 77_700_000)
    assert (offer.location, offer.country) == ("Guangxi, CN", "CN")
    assert (offer.free_disk_bytes, offer.disk_bytes) == (1_607_875_000_000, 20_000_000_000)
    assert offer.cpu_cores == 24.0
    assert offer.remaining == timedelta(seconds=13356528.57)
    assert offer.verified


def test_an_interruptible_offer_is_priced_at_our_bid() -> None:
    offer = read(OFFER, interruptible=True)
    assert offer.interruptible
    assert offer.usd_micros_per_hour - offer.storage_usd_micros_per_hour == pytest.approx(300_000, abs=1)


@pytest.mark.parametrize(
    "change",
    [
        {"id": None, "ask_contract_id": None},
        {"dph_base": None},
        {"dph_base": 0},
        {"dph_base": float("nan")},
        {"resource_type": "disk"},
        {"rentable": False},
    ],
)
def test_what_is_no_machine_with_a_price_is_no_offer(change: dict[str, Any]) -> None:
    assert read(OFFER | change) is None


def test_fields_may_be_missing_null_or_texts() -> None:
    bare = read({"id": 5, "dph_base": "0.25"})
    assert (bare.offer_id, bare.usd_micros_per_hour, bare.gpu_name, bare.direct_ports) == ("5", 250_000, "", 0)
    assert (bare.country, bare.remaining, bare.verified) == ("", None, False)
    odd = read(OFFER | {"geolocation": ", US", "gpu_ram": None, "reliability2": None, "cpu_cores_effective": None})
    assert (odd.country, odd.gpu_memory_bytes, odd.reliability, odd.cpu_cores) == ("US", 0, 0.97, 96)


def test_a_running_instance_has_an_address() -> None:
    instance = instance_from_row(INSTANCE)
    assert instance is not None
    assert (instance.provider_id, instance.label) == ("7835610", "spotreel/prod/4f1c")
    assert (instance.state, instance.address, instance.problem) == (CloudState.RUNNING, "203.0.113.4:40001", None)


@pytest.mark.parametrize(
    "change",
    [
        {"public_ipaddr": None},
        {"public_ipaddr": "\n"},
        {"ports": None},
        {"ports": {}},
        {"ports": {"3334/tcp": None}},
        {"ports": {"3334/tcp": []}},
        {"ports": {"3334/tcp": [{"HostPort": None}]}},
        {"ports": {"3334/tcp": [{"HostPort": "0"}]}},
        {"ports": {"3334/tcp": ["40001"]}},
        {"ports": {"22/tcp": [{"HostPort": "1"}]}},
        {"ports": [8080, 8081]},
    ],
)
def test_an_address_may_be_missing_in_every_way(change: dict[str, Any]) -> None:
    instance = instance_from_row(INSTANCE | change)
    assert instance is not None
    assert (instance.state, instance.address) == (CloudState.RUNNING, "")


def test_an_ipv6_address_is_written_for_dialling() -> None:
    instance = instance_from_row(INSTANCE | {"public_ipaddr": "2001:db8::7 "})
    assert instance is not None
    assert instance.address == "[2001:db8::7]:40001"


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ({"actual_status": None}, CloudState.SCHEDULING),
        ({"actual_status": "created"}, CloudState.SCHEDULING),
        ({"actual_status": "scheduling"}, CloudState.SCHEDULING),
        ({"actual_status": "loading"}, CloudState.PULLING),
        # Early in loading this is seen, and means nothing.
        ({"actual_status": "loading", "cur_state": "stopped"}, CloudState.PULLING),
        ({"actual_status": "exited"}, CloudState.STOPPED),
        ({"actual_status": "frozen"}, CloudState.STOPPED),
        ({"actual_status": "offline"}, CloudState.OFFLINE),
        ({"actual_status": "unknown"}, CloudState.OFFLINE),
        # Outbid: it is still shown as running for minutes.
        ({"intended_status": "stopped", "cur_state": "stopped"}, CloudState.STOPPED),
    ],
)
def test_states(change: dict[str, Any], state: CloudState) -> None:
    instance = instance_from_row(INSTANCE | change)
    assert instance is not None
    assert instance.state is state


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("Error response from daemon: manifest for ghcr.io/a/b:1 not found: manifest unknown", "IMAGE_NOT_FOUND"),
        ("pull access denied for a/b, repository does not exist or may require docker login", "IMAGE_NOT_FOUND"),
        ("Head https://ghcr.io/v2/a/manifests/1: unauthorized", "REGISTRY_DENIED"),
        (CDI_FAILURE, "HOST_BROKEN"),
        ("docker_build() error writing dockerfile", "HOST_BROKEN"),
        (PULL_FAILURE, "HOST_NETWORK"),
        ("3a1f: Downloading [=====>   ] 12MB/99MB", ""),
        ("error: Retrying in 5 seconds", ""),
        ('#0 building with "default" instance using docker driver', ""),
        ("", ""),
    ],
)
def test_words_of_a_start(words: str, reason: str) -> None:
    instance = instance_from_row(INSTANCE | {"actual_status": "loading", "status_msg": words})
    assert instance is not None
    assert ("" if instance.problem is None else instance.problem.reason) == reason


def test_a_container_that_ended_is_a_problem_whatever_it_says() -> None:
    instance = instance_from_row(INSTANCE | {"actual_status": "exited", "status_msg": None})
    assert instance is not None
    assert instance.problem is not None
    assert instance.problem.reason == "WORKER_EXITED"


def test_charges_are_summed_by_meter() -> None:
    ours = {
        "source": "instance-77",
        "amount": 0.5,
        "items": [
            {"type": "gpu", "amount": 0.4},
            {"type": "disk", "amount": "0.05"},
            {"type": "bwd", "amount": 0.03},
            {"type": "bwu", "amount": 0.02},
        ],
    }
    other = {"source": "instance-78", "amount": 9.0}
    assert cost_from_charges([ours, other], "77") == Cost(
        gpu_usd_micros=400_000, storage_usd_micros=50_000, transfer_usd_micros=50_000
    )
    assert cost_from_charges([{"source": "instance-77", "amount": 0.25}], "77") == Cost(gpu_usd_micros=250_000)
    assert cost_from_charges([other], "77") is None
