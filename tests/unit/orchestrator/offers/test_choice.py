"""Which offers are taken, in which order, and what is said of the others."""

from datetime import timedelta
from typing import Any

import pytest

from orchestrator.jobs.job import Placement
from orchestrator.offers.choice import choose, objections, summary
from orchestrator.offers.requirements import Requirements, Work
from tests.simulators.records import make_market_offer

H264 = Requirements(encoder="h264")


@pytest.mark.parametrize(
    ("offer", "requirements", "word"),
    [
        ({"gpu_name": "A100 SXM4"}, {}, "no video encoder (A100 SXM4)"),
        ({"gpu_name": "H100 NVL"}, {}, "no video encoder (H100 NVL)"),
        ({"gpu_name": "RTX 3090"}, {"encoder": "av1"}, "does not encode av1"),
        ({"gpu_count": 0}, {}, "no GPU"),
        ({"driver_version": "535.183.01"}, {"driver_floor": "570"}, "driver is too old (535.183.01, needs 570)"),
        ({"driver_version": ""}, {"driver_floor": "470.57"}, "driver is too old (unknown"),
        ({}, {"gpu_names": frozenset({"L4"})}, "another GPU model"),
        ({}, {"min_gpu_memory_bytes": 48 << 30}, "too little GPU memory"),
        ({"direct_ports": 0}, {}, "no direct port"),
        ({}, {"max_usd_micros_per_hour": 300_000}, "too expensive (0.360 $ an hour)"),
        ({}, {"min_disk_bytes": 10**12}, "too little disk"),
        ({"free_disk_bytes": 10}, {}, "too little disk"),
        ({}, {"min_download_bps": 10**9}, "download is too slow (800 Mbit/s)"),
        ({}, {"min_upload_bps": 10**9}, "upload is too slow"),
        ({}, {"min_reliability": 0.999}, "not reliable enough (0.990)"),
        ({}, {"min_cpu_cores": 32}, "too few processor cores"),
        ({"verified": False}, {}, "not verified"),
        ({"remaining": timedelta(hours=1)}, {"min_remaining": timedelta(hours=2)}, "too short a time (1.0 h)"),
        ({}, {"countries": frozenset({"DE"})}, "outside of the countries"),
        ({}, {"denied_countries": frozenset({"NO"})}, "ruled out (NO)"),
        ({"country": ""}, {"denied_countries": frozenset({"XX"})}, "ruled out (unknown)"),
    ],
)
def test_each_condition_is_a_reason(offer: dict[str, Any], requirements: dict[str, Any], word: str) -> None:
    reasons = list(
        objections(make_market_offer(**offer), Requirements(**({"encoder": "h264"} | requirements)), avoided={})
    )
    assert len(reasons) == 1
    assert word in reasons[0]


def test_what_fits_has_no_objection_and_a_machine_that_failed_has_one() -> None:
    offer = make_market_offer()
    assert list(objections(offer, H264, avoided={})) == []
    assert list(objections(offer, H264, avoided={"m1": "START_TIMEOUT"})) == ["the machine is avoided: START_TIMEOUT"]
    # Where nothing is encoded, any GPU will do.
    assert list(objections(make_market_offer(gpu_name="H100 SXM", driver_version=""), Requirements(), avoided={})) == []


def test_traffic_can_make_the_cheaper_machine_the_dearer_one() -> None:
    cheap = make_market_offer("1", usd_micros_per_hour=200_000, upload_usd_micros_per_gb=2_000_000)
    fair = make_market_offer("2", usd_micros_per_hour=300_000, upload_usd_micros_per_gb=0)
    much = Work(encoder="h264", frames=3_000, output_bytes=5_000_000_000)
    little = Work(encoder="h264", frames=3_000, output_bytes=1_000)

    assert [one.offer.offer_id for one in choose([cheap, fair], H264, work=much).ranked] == ["2", "1"]
    assert [one.offer.offer_id for one in choose([cheap, fair], H264, work=little).ranked] == ["1", "2"]


def test_the_fastest_is_not_the_cheapest() -> None:
    slow = make_market_offer("1", gpu_name="RTX 3060", usd_micros_per_hour=100_000, download_bps=100_000_000)
    fast = make_market_offer("2", gpu_name="RTX 5090", usd_micros_per_hour=900_000, download_bps=2_000_000_000)
    work = Work(encoder="hevc", frames=300_000, input_bytes=4_000_000_000)

    cheapest = choose([slow, fast], Requirements(encoder="hevc"), work=work)
    fastest = choose([slow, fast], Requirements(encoder="hevc"), work=work, placement=Placement.FASTEST)
    assert [one.offer.offer_id for one in cheapest.ranked] == ["1", "2"]
    assert [one.offer.offer_id for one in fastest.ranked] == ["2", "1"]
    assert fastest.ranked[0].expected_duration < cheapest.ranked[0].expected_duration


def test_what_a_machine_did_before_counts() -> None:
    offers = [make_market_offer("1"), make_market_offer("2")]
    starts = {"m1": timedelta(minutes=20), "m2": timedelta(minutes=1)}
    choice = choose(offers, H264, work=Work(encoder="h264", frames=100), starts=starts)

    assert [one.offer.offer_id for one in choice.ranked] == ["2", "1"]


def test_the_expected_cost_is_rent_traffic_and_a_share_of_failing() -> None:
    offer = make_market_offer(reliability=1.0)
    hour = Work(encoder="h264", rest=timedelta(hours=1), input_bytes=10**9)
    (best,) = choose([offer], H264, work=hour, starts={"m1": timedelta(minutes=6)}).ranked

    fetch = timedelta(seconds=10)
    busy = timedelta(hours=1) + fetch
    rent = 356_000 * (busy / timedelta(hours=1)) + 4_000 * ((busy + timedelta(minutes=6)) / timedelta(hours=1))
    failing = 0.05 * 360_000 * 0.1
    assert best.expected_usd_micros == pytest.approx(rent + 10_000 + failing, abs=5)


def test_rejected_offers_are_summed_up() -> None:
    offers = [make_market_offer(str(n), direct_ports=0) for n in range(3)]
    offers += [make_market_offer("a", gpu_name="A30"), make_market_offer("b", gpu_name="H200")]
    choice = choose(offers, H264, work=Work())

    assert choice.ranked == ()
    assert summary(choice.rejected).startswith("3 offers: no direct port")
    assert "2 offers: its GPU has no video encoder" in summary(choice.rejected)
