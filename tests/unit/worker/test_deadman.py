"""Silence ends a worker, and the instance that it runs in, however often that fails; what is heard puts it off."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from tests.simulators.clock import FakeClock
from tests.simulators.instance_end import Answer, Asked, InstanceEnd
from worker.container import Container, RentedInstance
from worker.deadman import DeadMansSwitch
from worker.ports import InstanceRemains, OwnInstance

KEY = "key-of-the-container"
CONTAINER = Container(instance_id="4242", api_key=KEY)
ASKED = Asked("DELETE", "/api/v0/instances/4242/", f"Bearer {KEY}", {})
BUSY = Answer("busy", 503, text="try later")


async def test_silence_is_acted_on_once_it_lasts(clock: FakeClock) -> None:
    acted: list[float] = []
    switch = DeadMansSwitch(timeout_seconds=60, clock=clock, on_silence=lambda: acted.append(clock.monotonic()))
    watching = asyncio.ensure_future(switch.watch())
    await clock.advance(50)
    switch.heard()
    await clock.advance(59)
    assert not acted
    await clock.advance(1)
    assert acted == [110]
    await watching


async def test_zero_is_never(clock: FakeClock) -> None:
    acted: list[bool] = []
    await DeadMansSwitch(timeout_seconds=0, clock=clock, on_silence=lambda: acted.append(True)).watch()
    assert acted == []


class Watched:
    """A switch that is at work, and when it stopped the worker."""

    def __init__(self, clock: FakeClock, instance: OwnInstance) -> None:
        self.stopped = asyncio.Event()
        self.switch = DeadMansSwitch(timeout_seconds=60, clock=clock, on_silence=self.stopped.set, instance=instance)

    async def stops(self) -> None:
        async with asyncio.timeout(10):
            await self.stopped.wait()


@asynccontextmanager
async def silent(clock: FakeClock, instance: OwnInstance | InstanceEnd) -> AsyncIterator[Watched]:
    """Lets the time of silence pass."""
    if isinstance(instance, InstanceEnd):
        instance = RentedInstance(CONTAINER, marketplace_url=instance.url)
    watched = Watched(clock, instance)
    watching = asyncio.create_task(watched.switch.watch(), name="watch")
    await clock.advance(60)
    yield watched
    watching.cancel()
    await asyncio.wait([watching])


async def test_a_rented_machine_is_destroyed_before_the_worker_stops(clock: FakeClock) -> None:
    async with InstanceEnd() as end, silent(clock, end) as watched:
        await watched.stops()
    assert end.asked == [ASKED]


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Answer("gone", 404, {"success": False, "error": "no_such_instance"}), id="no such instance"),
        pytest.param(Answer("gone", 404, {"error": "not_found", "msg": "x"}), id="not found"),
    ],
)
async def test_gone_is_as_good_as_destroyed(answer: Answer) -> None:
    async with InstanceEnd(answer) as end:
        await RentedInstance(CONTAINER, marketplace_url=end.url).destroy()
    assert end.asked == [ASKED]
    assert end.fired["gone"] == 1


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer("auth", 404, {"success": False, "error": "auth_error", "msg": KEY}), "answered 404 auth_error"),
        (Answer("refused", 200, {"success": False, "msg": KEY}), "answered 200"),
        (Answer("truthy", 200, {"success": 1}), "answered 200"),
        (Answer("odd word", 403, {"error": f"no {KEY}"}), "answered 403"),
        (Answer("not an object", 200, [True]), "answered 200"),
        (Answer("not json", 404, text="404 page not found"), "answered 404"),
        (Answer("long", 200, text='{"success": true, "msg": "' + "x" * 200_000 + '"}'), "answered 200"),
        (Answer("too many", 429, text="API requests too frequent"), "answered 429"),
        (Answer("redirect", 301, {"success": True}, location="/elsewhere/"), "answered 301"),
        (Answer("redirect", 308, {"success": True}, location="/elsewhere/"), "answered 308"),
    ],
)
async def test_nothing_else_is(answer: Answer, words: str) -> None:
    async with InstanceEnd(answer) as end:
        with pytest.raises(InstanceRemains, match=words) as caught:
            await RentedInstance(CONTAINER, marketplace_url=end.url).destroy()
    assert end.fired[answer.fault] == 1
    assert end.asked == [ASKED]
    assert KEY not in str(caught.value)


async def test_a_marketplace_that_is_not_there_destroyed_nothing() -> None:
    async with InstanceEnd() as end:
        pass
    with pytest.raises(InstanceRemains, match=r"was not reached \(ClientConnectorError\)"):
        await RentedInstance(CONTAINER, marketplace_url=end.url).destroy()


async def test_it_is_tried_until_it_works_ever_more_slowly(clock: FakeClock) -> None:
    pauses = [5, 10, 20, 40, 60, 60, 60]
    async with InstanceEnd(*[BUSY] * len(pauses)) as end:
        with capture_logs() as logs:
            async with silent(clock, end) as watched:
                for tries, pause in enumerate(pauses, start=1):
                    await clock.wait_for_sleepers()
                    assert len(end.asked) == tries
                    await clock.advance(pause - 1)
                    assert len(end.asked) == tries
                    assert not watched.stopped.is_set()
                    await clock.advance(1)
                    await end.was_asked(tries + 1)
                await watched.stops()
    assert end.fired["busy"] == len(pauses)
    told = [line["again_in_seconds"] for line in logs if line["event"] == "instance_not_destroyed"]
    assert told == pauses
    assert KEY not in str(logs)


async def test_it_is_given_up_when_somebody_speaks_again(clock: FakeClock) -> None:
    async with InstanceEnd(BUSY, BUSY) as end, silent(clock, end) as watched:
        await clock.wait_for_sleepers()
        watched.switch.heard()
        await clock.advance(59)
        assert len(end.asked) == 1
        assert not watched.stopped.is_set()

        # And silence after that begins anew.
        await clock.advance(1)
        await end.was_asked(2)
        await clock.wait_for_sleepers()
        await clock.advance(5)
        await watched.stops()
    assert end.fired["busy"] == 2
    assert len(end.asked) == 3


async def test_not_even_a_bug_ends_the_trying(clock: FakeClock) -> None:
    class Broken:
        tries = 0

        async def destroy(self) -> None:
            self.tries += 1
            if self.tries == 1:
                raise KeyError("a bug")

    broken = Broken()
    async with silent(clock, broken) as watched:
        await clock.advance(5)
        await watched.stops()
    assert broken.tries == 2


@pytest.mark.parametrize(
    ("environment", "container"),
    [
        ({}, None),
        ({"CONTAINER_API_KEY": KEY}, None),
        # distrobox and toolbox name their boxes so.
        ({"CONTAINER_ID": "my-box", "CONTAINER_API_KEY": KEY}, None),
        ({"CONTAINER_ID": "4242/../1", "CONTAINER_API_KEY": KEY}, None),
        ({"CONTAINER_ID": "4242"}, Container(instance_id="4242")),
        ({"CONTAINER_ID": "4242", "CONTAINER_API_KEY": KEY}, CONTAINER),
    ],
)
def test_a_container_is_known_by_its_environment(environment: dict[str, str], container: Container | None) -> None:
    found = Container.of(environment)
    assert found == container
    assert KEY not in repr(found)
