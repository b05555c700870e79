"""The orchestrator's own addresses: asked for over real sockets, believed only where they can be true."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from types import TracebackType
from typing import Self

import httpx
import pytest
from aiohttp import web
from structlog.testing import capture_logs

from orchestrator.public_address import DEFAULT_SERVICES, PublicAddress
from tests.simulators.clock import FakeClock

V4, V6 = "8.8.4.4", "2606:4700:4700::1111"
FALSE = ("html", "private", "v6-private", "mapped", "scoped", "oversized", "endless", "empty", "binary")
FAILING = ("redirect", "error")


class AddressServices:
    """One path for each kind of service; what they answer may be changed, and how often each was asked is counted."""

    def __init__(self) -> None:
        self.texts = {
            "v4": f"{V4}\n",
            "v6": V6,
            "html": f"<html>{V4}</html>",
            "private": "192.168.1.4",
            "v6-private": "fd00::1",
            "mapped": f"::ffff:{V4}",
            "oversized": V4 + " " * 1000,
            "empty": "",
            "scoped": f"{V6}%1",
        }
        self.asked: Counter[str] = Counter()
        self._closing = asyncio.Event()

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.router.add_get("/{kind}", self._answer)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._port = int(self._runner.addresses[0][1])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        await self._runner.cleanup()

    def urls(self, *kinds: str) -> Sequence[str]:
        return [f"http://127.0.0.1:{self._port}/{kind}" for kind in kinds]

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        kind = request.match_info["kind"]
        self.asked[kind] += 1
        match kind:
            case "redirect":
                return web.Response(status=302, headers={"Location": "/v4"}, text=V4)
            case "error":
                return web.Response(status=503, text=V4)
            case "binary":
                return web.Response(body=b"\xff\xfe8.8.4.4")
            case "silent":
                await self._closing.wait()
            case "endless":
                return await self._stream_on(request)
        return web.Response(text=self.texts[kind])

    async def _stream_on(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while not self._closing.is_set():
                await response.write(b" " * 1024)
        except ConnectionError:
            pass
        return response


@pytest.fixture
async def services() -> AsyncIterator[AddressServices]:
    async with AddressServices() as running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
        yield client


async def test_both_families_are_found_and_nobody_is_asked_after_that(
    services: AddressServices, http: httpx.AsyncClient, clock: FakeClock
) -> None:
    urls = services.urls("v6", "v4", "private")
    address = PublicAddress(services=urls, override=(), http=http, clock=clock)
    assert await address.networks() == (f"{V4}/32", f"{V6}/128")
    assert services.asked == {"v6": 1, "v4": 1}


@pytest.mark.parametrize("kind", FALSE + FAILING)
async def test_what_cannot_be_true_is_passed_over(
    services: AddressServices, http: httpx.AsyncClient, clock: FakeClock, kind: str
) -> None:
    address = PublicAddress(services=services.urls(kind, "v4"), override=(), http=http, clock=clock)
    with capture_logs() as logs:
        assert await address.networks() == (f"{V4}/32",)
    assert services.asked == {kind: 1, "v4": 1}
    (failure,) = [line for line in logs if line["event"] == "address_service_failed"]
    assert failure["service"].endswith(f"/{kind}")


async def test_a_silent_service_holds_nobody_up_for_long(
    services: AddressServices, http: httpx.AsyncClient, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.public_address._ASK_SECONDS", 0.1)
    address = PublicAddress(services=services.urls("silent", "v4"), override=(), http=http, clock=clock)
    assert await address.networks() == (f"{V4}/32",)
    assert services.asked["silent"] == 1


async def test_nothing_found_is_nothing_and_asked_for_again_soon(
    services: AddressServices, http: httpx.AsyncClient, clock: FakeClock
) -> None:
    urls = [*services.urls("private"), "http://127.0.0.1:1/", "no address at all"]
    address = PublicAddress(services=urls, override=(), http=http, clock=clock)
    with capture_logs() as logs:
        assert await address.networks() == ()
        assert await address.networks() == ()
    assert services.asked["private"] == 1
    assert [line["event"] for line in logs].count("public_address_not_found") == 1

    services.texts["private"] = V4
    await clock.advance(30)
    assert await address.networks() == (f"{V4}/32",)


async def test_answers_are_kept_for_minutes_and_then_renewed(
    services: AddressServices, http: httpx.AsyncClient, clock: FakeClock
) -> None:
    address = PublicAddress(services=services.urls("v4", "v6"), override=(), http=http, clock=clock)
    await address.networks()
    services.texts |= {"v4": "1.1.1.1", "v6": "fd00::1"}
    await clock.advance(299)
    assert await address.networks() == (f"{V4}/32", f"{V6}/128")

    await clock.advance(1)
    # What nobody answers for keeps the address it had.
    assert await address.networks() == ("1.1.1.1/32", f"{V6}/128")
    assert services.asked == {"v4": 2, "v6": 2}

    services.texts["v4"] = "fd00::1"
    await clock.advance(300)
    assert await address.networks() == ("1.1.1.1/32", f"{V6}/128")


async def test_many_at_once_ask_once(services: AddressServices, http: httpx.AsyncClient, clock: FakeClock) -> None:
    address = PublicAddress(services=services.urls("v4", "v6"), override=(), http=http, clock=clock)
    answers = await asyncio.gather(*(address.networks() for _ in range(10)))
    assert set(answers) == {(f"{V4}/32", f"{V6}/128")}
    assert services.asked == {"v4": 1, "v6": 1}


async def test_what_the_operator_says_is_used_as_it_is(
    services: AddressServices, http: httpx.AsyncClient, clock: FakeClock
) -> None:
    given = ("10.0.0.0/8", "192.0.2.7", "2001:db8::/64")
    address = PublicAddress(services=services.urls("v4"), override=given, http=http, clock=clock)
    assert await address.networks() == given
    assert not services.asked


async def test_without_services_nobody_is_asked(http: httpx.AsyncClient, clock: FakeClock) -> None:
    with capture_logs() as logs:
        assert await PublicAddress(services=(), override=(), http=http, clock=clock).networks() == ()
    assert not logs


@pytest.mark.parametrize("given", ["nonsense", "10.0.0.1/8", ""])
async def test_a_wrong_override_is_refused_at_once(http: httpx.AsyncClient, clock: FakeClock, given: str) -> None:
    with pytest.raises(ValueError, match=r"network|host bits"):
        PublicAddress(services=(), override=(given,), http=http, clock=clock)


def test_the_services_asked_by_default_are_reached_safely() -> None:
    assert all(service.startswith("https://") for service in DEFAULT_SERVICES)
