"""The client of the marketplace against the simulated one: what it asks, what it believes, and what it does not."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.cloud.vast.pacing import RateLimited
from orchestrator.cloud.vast.vast_cloud import VastCloud
from orchestrator.fleet.offer_search import OfferSearch
from orchestrator.money.price import Cost
from orchestrator.offers.choice import choose
from orchestrator.offers.offer import Offer
from orchestrator.offers.requirements import Requirements, Work
from orchestrator.ports import (
    Blame,
    CloudForbidden,
    CloudState,
    CloudUnavailable,
    LaunchOrder,
    LaunchRefused,
    LaunchStillborn,
    LaunchUnknown,
)
from tests.simulators.clock import FakeClock
from tests.simulators.rental import IMAGE, Rental
from tests.simulators.vast.catalogue import catalogue
from tests.simulators.vast.wire import Request

H264 = Requirements(encoder="h264", driver_floor="530.41", min_disk_bytes=20_000_000_000)
SECRET = bytes(range(32))


@pytest.fixture
def rental(clock: FakeClock) -> Rental:
    return Rental(clock)


@pytest.fixture
async def vast(rental: Rental) -> AsyncIterator[VastCloud]:
    async with rental.marketplace() as cloud:
        yield cloud


async def on_clock(rental: Rental, work: Awaitable[Any]) -> Any:
    """Awaits something that waits on the clock, which is moved for it."""

    task = asyncio.ensure_future(work)
    while not task.done():
        await rental.clock.advance(0.5)
    return await task


async def best(rental: Rental, vast: VastCloud) -> Offer:
    found = await on_clock(rental, vast.search(H264))
    return choose(found, H264, work=Work(encoder="h264", frames=100)).ranked[0].offer


def order(offer: Offer, name: str = "1") -> LaunchOrder:
    return LaunchOrder(instance_id=name, label=f"spotreel/test/{name}", secret=SECRET, offer=offer)


async def test_a_search_finds_what_encodes_and_nothing_that_only_seems_to(rental: Rental, vast: VastCloud) -> None:
    found = await on_clock(rental, vast.search(H264))
    choice = choose(found, H264, work=Work(encoder="h264", frames=100))

    assert 10 < len(choice.ranked) <= 64
    assert not any(one.offer.gpu_name.startswith(("A100", "H100")) for one in choice.ranked)


async def test_every_condition_is_checked_again_when_the_server_ignores_it(rental: Rental, vast: VastCloud) -> None:
    fault = rental.market.faults.arm("filter_ignored", times=9)
    cheap = Requirements(encoder="h264", max_usd_micros_per_hour=200_000)
    choice = choose(await on_clock(rental, vast.search(cheap)), cheap, work=Work())

    assert fault.fired > 0
    assert choice.rejected
    assert all(one.offer.usd_micros_per_hour <= 200_000 for one in choice.ranked)


@pytest.mark.parametrize("fault", ["disk_only_rows", "null_fields"])
async def test_odd_rows_do_no_harm(rental: Rental, vast: VastCloud, fault: str) -> None:
    knob = rental.market.faults.arm(fault, times=9)
    found = await on_clock(rental, vast.search(H264, broad=True))

    assert knob.fired > 0
    assert all(one.gpu_count >= 0 and one.usd_micros_per_hour > 0 for one in found)


async def test_a_search_is_not_repeated_while_it_is_fresh(rental: Rental, vast: VastCloud) -> None:
    await on_clock(rental, vast.search(H264))
    await on_clock(rental, vast.search(H264))
    assert rental.market.requests["search"] == 1
    await rental.clock.advance(61)
    await on_clock(rental, vast.search(H264))
    assert rental.market.requests["search"] == 2


async def test_an_instance_is_created_seen_and_destroyed(rental: Rental, vast: VastCloud) -> None:
    offer = await best(rental, vast)
    provider_id = await on_clock(rental, vast.create(order(offer)))
    (contract,) = rental.ours
    assert contract.order.image == IMAGE
    assert contract.order.runtype == "args"
    assert contract.order.ports == ("3334/tcp",)
    assert contract.order.environment["SPOTREEL_WORKER_SESSION_SECRET"] == SECRET.hex()
    assert all(len(value) <= 256 for value in contract.order.environment.values())
    assert contract.price is None

    (starting,) = await on_clock(rental, vast.list())
    assert (starting.provider_id, starting.label) == (provider_id, "spotreel/test/1")
    assert (starting.state, starting.address) == (CloudState.SCHEDULING, "")
    await rental.clock.advance(30)
    (pulling,) = await on_clock(rental, vast.list())
    assert pulling.state is CloudState.PULLING
    await rental.clock.advance(180)
    running = await on_clock(rental, vast.get(provider_id))
    assert running is not None
    assert running.state is CloudState.RUNNING
    assert running.address.startswith(f"{offer_ip(rental, offer)}:")
    assert "nothing to say" in await on_clock(rental, vast.log_tail(provider_id))

    await on_clock(rental, vast.destroy(provider_id))
    await on_clock(rental, vast.destroy(provider_id))
    assert await on_clock(rental, vast.get(provider_id)) is None
    assert await on_clock(rental, vast.list()) == []
    assert rental.market.contracts == ()


def offer_ip(rental: Rental, offer: Offer) -> str:
    return rental.market.offer(int(offer.offer_id)).public_ipaddr.strip()


async def test_a_bid_is_made_explicitly(rental: Rental) -> None:
    async with rental.marketplace(interruptible=True, bid_factor=2.0) as vast:
        offer = await best(rental, vast)
        await on_clock(rental, vast.create(order(offer)))

    (contract,) = rental.ours
    assert contract.price == pytest.approx(2 * contract.offer.min_bid, rel=1e-3)


@pytest.mark.parametrize("fault", ["offer_gone_404", "offer_gone_410", "offer_gone_400"])
async def test_an_offer_that_is_gone_is_the_offers_fault(rental: Rental, vast: VastCloud, fault: str) -> None:
    offer = await best(rental, vast)
    knob = rental.market.faults.arm(fault)
    with pytest.raises(LaunchRefused) as refused:
        await on_clock(rental, vast.create(order(offer)))

    assert knob.fired == 1
    assert (refused.value.reason, refused.value.blame) == ("OFFER_GONE", Blame.OFFER)


@pytest.mark.parametrize("fault", ["insufficient_credit", "spend_rate_limit"])
async def test_money_is_the_accounts_matter(rental: Rental, vast: VastCloud, fault: str) -> None:
    offer = await best(rental, vast)
    knob = rental.market.faults.arm(fault)
    with pytest.raises(LaunchRefused) as refused:
        await on_clock(rental, vast.create(order(offer)))

    assert knob.fired == 1
    assert (refused.value.reason, refused.value.blame) == ("CREDIT_EXHAUSTED", Blame.ACCOUNT)


@pytest.mark.parametrize("status", [200, 400])
async def test_a_no_that_made_a_contract_names_it(rental: Rental, vast: VastCloud, status: int) -> None:
    offer = await best(rental, vast)
    knob = rental.market.faults.arm("half_success", value=status)
    with pytest.raises(LaunchStillborn) as born:
        await on_clock(rental, vast.create(order(offer)))

    assert knob.fired == 1
    assert born.value.provider_id == str(rental.ours[0].id)


@pytest.mark.parametrize(
    ("fault", "value", "made"),
    [
        ("create_answer_lost", "timeout", 1),
        ("create_answer_lost", "reset", 1),
        ("create_request_lost", "reset", 0),
        ("bad_gateway", 502, 0),
        ("bad_gateway_after_effect", 504, 1),
        ("not_json", None, 1),
        ("wrong_redirect", 301, 0),
        ("server_error", None, 0),
    ],
)
async def test_what_is_not_known_is_said_to_be_unknown(
    rental: Rental, vast: VastCloud, fault: str, value: Any, made: int
) -> None:
    offer = await best(rental, vast)
    knob = rental.market.faults.arm(fault, value=value)
    with pytest.raises(LaunchUnknown):
        await on_clock(rental, vast.create(order(offer)))

    assert knob.fired == 1
    assert len(rental.ours) == made
    assert rental.market.requests["create"] == 1, "a create is never repeated"


@pytest.mark.parametrize(
    "fault", ["connection_refused", "rate_limit_text", "rate_limit_detail", "rate_limit_json", "rate_limit_retry_after"]
)
async def test_what_was_certainly_not_done_is_no_unknown(rental: Rental, vast: VastCloud, fault: str) -> None:
    offer = await best(rental, vast)
    knob = rental.market.faults.arm(fault)
    with pytest.raises(CloudUnavailable):
        await on_clock(rental, vast.create(order(offer)))

    assert knob.fired == 1
    assert rental.ours == ()


@pytest.mark.parametrize(
    ("fault", "value"),
    [
        ("bad_gateway", 503),
        ("connection_refused", None),
        ("answer_lost", "timeout"),
        ("not_json", None),
        ("wrong_redirect", 308),
        ("success_false_200", None),
        ("list_truncated", "token"),
        ("list_truncated", "short"),
        ("list_truncated", "cut"),
        ("list_v0_style_410", None),
    ],
)
async def test_a_listing_that_fails_in_any_way_is_unknown_never_empty(
    rental: Rental, vast: VastCloud, fault: str, value: Any
) -> None:
    for number in range(30):
        await make(rental, f"spotreel/test/{number}")
    knob = rental.market.faults.arm(fault, value=value, match={"endpoint": "list"})
    with pytest.raises(CloudUnavailable):
        await on_clock(rental, vast.list())
    assert knob.fired == 1
    assert len(await on_clock(rental, vast.list())) == 30


async def make(rental: Rental, label: str) -> None:
    """Rents something by hand, beside us."""
    taken = {one.offer.machine_id for one in rental.market.contracts}
    offer = next(one for one in catalogue(1) if one.machine_id not in taken and one.rentable and one.num_gpus)
    body = {"client_id": "me", "image": "x:1", "disk": 10, "label": label, "runtype": "args", "args": []}
    answer = await rental.market.handle(
        Request("PUT", f"/api/v0/asks/{offer.id}/", {"Authorization": "Bearer test-key"}, json.dumps(body).encode())
    )
    assert answer.status == 200, answer.body
    await rental.clock.advance(5)


async def test_rows_that_come_twice_count_once(rental: Rental, vast: VastCloud) -> None:
    for number in range(3):
        await make(rental, f"spotreel/test/{number}")
    knob = rental.market.faults.arm("duplicate_rows")

    assert len(await on_clock(rental, vast.list())) == 3
    assert knob.fired == 1


@pytest.mark.parametrize("status", [404, 401])
async def test_a_revoked_key_says_nothing_about_instances(rental: Rental, vast: VastCloud, status: int) -> None:
    offer = await best(rental, vast)
    provider_id = await on_clock(rental, vast.create(order(offer)))
    knob = rental.market.faults.arm("key_revoked", times=99, value=status)
    calls: list[Callable[[], Awaitable[Any]]] = [
        vast.list,
        lambda: vast.get(provider_id),
        lambda: vast.destroy(provider_id),
        lambda: vast.create(order(offer, "2")),
    ]
    for call in calls:
        with pytest.raises(CloudForbidden):
            await on_clock(rental, call())
    assert knob.fired == 4


async def test_reads_of_one_tell_gone_from_unknown(rental: Rental, vast: VastCloud) -> None:
    assert await on_clock(rental, vast.get("123")) is None
    rental.market.faults.arm("unknown_as_404")
    assert await on_clock(rental, vast.get("123")) is None
    rental.market.faults.arm("bad_gateway")
    with pytest.raises(CloudUnavailable):
        await on_clock(rental, vast.get("123"))


async def test_a_destroy_that_is_refused_is_not_done(rental: Rental, vast: VastCloud) -> None:
    offer = await best(rental, vast)
    provider_id = await on_clock(rental, vast.create(order(offer)))
    rental.market.faults.arm("destroy_rate_limited")
    with pytest.raises(RateLimited):
        await on_clock(rental, vast.destroy(provider_id))
    assert len(rental.ours) == 1
    # While it is to be left alone nothing is asked at all.
    asked = rental.market.requests["destroy"]
    with pytest.raises(RateLimited):
        await on_clock(rental, vast.destroy(provider_id))
    assert rental.market.requests["destroy"] == asked


async def test_a_pause_that_is_asked_for_is_kept(rental: Rental, vast: VastCloud) -> None:
    rental.market.faults.arm("rate_limit_retry_after", value=40.0)
    with pytest.raises(RateLimited, match="40 s"):
        await on_clock(rental, vast.list())
    await rental.clock.advance(30)
    with pytest.raises(RateLimited):
        await vast.list()
    await rental.clock.advance(15)
    assert await on_clock(rental, vast.list()) == []


async def test_calls_in_a_row_keep_the_pace(rental: Rental, vast: VastCloud) -> None:
    """The market refuses what comes too fast; none of these is."""
    for _ in range(5):
        await on_clock(rental, vast.list())
        await on_clock(rental, vast.account())
        await on_clock(rental, vast.get("1"))
        await on_clock(rental, vast.destroy("1"))
    assert rental.market.requests["list"] == rental.market.requests["destroy"] == 5


async def test_searches_need_not_wait_for_each_other_until_there_are_many(rental: Rental, vast: VastCloud) -> None:
    began = rental.clock.monotonic()
    for cores in range(1, 6):
        await vast.search(replace(H264, min_cpu_cores=cores))
    assert rental.clock.monotonic() == began
    await on_clock(rental, vast.search(replace(H264, min_cpu_cores=6)))

    assert rental.clock.monotonic() - began >= 60
    assert rental.market.refused_for_pace == {}


async def test_a_request_that_took_long_to_arrive_is_not_followed_too_fast(rental: Rental, vast: VastCloud) -> None:
    """The marketplace counts from the arrival of the one before, which is later than it was sent."""
    rental.market.faults.arm("slow_answer", value=0.9)
    await on_clock(rental, vast.list())
    answered = rental.clock.monotonic()
    await on_clock(rental, vast.list())

    assert rental.clock.monotonic() - answered >= 1.0


async def test_people_who_look_at_offers_leave_searches_for_jobs(rental: Rental, vast: VastCloud) -> None:
    looked = 0
    while looked < 400 and await looks(rental, vast):
        await rental.clock.advance(70)
        looked += 1
    # Each look takes two searches: for what fits, and for what does not.
    assert 50 < looked < 150
    assert await on_clock(rental, vast.search(H264))


async def test_people_who_look_at_offers_do_not_stand_in_the_way_of_a_launch(rental: Rental, vast: VastCloud) -> None:
    """Neither those who look at once, nor those who come back all the time."""
    search = OfferSearch(ledger=rental.ledger, market=vast, cloud_name=vast.name, clock=rental.clock)
    refused: list[str] = []

    async def look(disk_gb: int) -> None:
        wanted = replace(H264, min_disk_bytes=disk_gb * 1_000_000_000)
        while True:
            try:
                await search.choose(wanted, work=Work(encoder="h264"), broad=True)
            except RateLimited as error:
                refused.append(str(error))
            await rental.clock.sleep(1)

    people = [asyncio.ensure_future(look(disk_gb)) for disk_gb in range(30, 60)]
    await rental.clock.advance(45)
    began = rental.clock.monotonic()
    assert await on_clock(rental, vast.search(H264))
    for one in people:
        one.cancel()
    await asyncio.gather(*people, return_exceptions=True)

    assert any("searched a lot" in words for words in refused)
    assert rental.clock.monotonic() - began <= 61


async def test_what_fits_is_shown_although_the_cheapest_of_everything_do_not(rental: Rental, vast: VastCloud) -> None:
    wanted = replace(H264, gpu_names=frozenset({"RTX 5090"}))
    search = OfferSearch(ledger=rental.ledger, market=vast, cloud_name=vast.name, clock=rental.clock)
    shown = await on_clock(rental, search.choose(wanted, work=Work(encoder="h264"), broad=True))
    rented = await on_clock(rental, search.choose(wanted, work=Work(encoder="h264")))

    assert [one.offer.offer_id for one in shown.ranked] == [one.offer.offer_id for one in rented.ranked]
    assert shown.ranked
    assert shown.rejected


async def looks(rental: Rental, vast: VastCloud) -> bool:
    """Whether somebody who only wants to look gets to see offers."""
    try:
        await on_clock(rental, vast.search(H264, broad=True))
    except RateLimited as error:
        return "kept for jobs" not in str(error)
    return True


async def test_the_account_and_the_charges_are_read(rental: Rental, vast: VastCloud) -> None:
    assert (await on_clock(rental, vast.account())).credit_usd_micros == 25_000_000
    offer = await best(rental, vast)
    began = rental.clock.now()
    provider_id = await on_clock(rental, vast.create(order(offer)))
    await rental.clock.advance(1800)
    rental.market.transfer(int(provider_id), up_bytes=2_000_000_000)
    await on_clock(rental, vast.destroy(provider_id))
    await rental.clock.advance(600)
    charged = await on_clock(rental, vast.charges(provider_id, since=began))

    assert isinstance(charged, Cost)
    assert charged.total_usd_micros == pytest.approx(rental.market.billed_usd_micros(int(provider_id)), abs=5)
    assert charged.gpu_usd_micros > charged.storage_usd_micros > 0
    assert charged.transfer_usd_micros == pytest.approx(2 * offer.upload_usd_micros_per_gb, abs=2)
    assert await on_clock(rental, vast.charges("1", since=began)) is None


async def test_our_key_never_goes_to_where_logs_lie(rental: Rental, vast: VastCloud) -> None:
    offer = await best(rental, vast)
    provider_id = await on_clock(rental, vast.create(order(offer)))
    knob = rental.market.faults.arm("log_not_ready")
    assert await on_clock(rental, vast.log_tail(provider_id))

    assert knob.fired == 1
    assert rental.market.keys_leaked == 0


async def test_what_is_too_long_for_an_environment_is_our_own_mistake(rental: Rental, vast: VastCloud) -> None:
    offer = await best(rental, vast)
    vast._image.environment["LONG"] = "x" * 257  # type: ignore[index]  # made a plain dictionary above
    with pytest.raises(LaunchRefused, match="LONG has 257 characters") as refused:
        await on_clock(rental, vast.create(order(offer)))
    assert (refused.value.reason, refused.value.blame) == ("LAUNCH_INVALID", Blame.OURS)
