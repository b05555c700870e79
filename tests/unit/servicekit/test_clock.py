"""The fake clock wakes sleepers in order; ids sort by time."""

import asyncio

from servicekit.ids import new_id
from tests.simulators.clock import FakeClock


async def test_sleepers_wake_in_the_order_of_their_deadlines(clock: FakeClock) -> None:
    woken: list[tuple[str, float]] = []

    async def sleep(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append((name, clock.monotonic()))

    async with asyncio.TaskGroup() as tasks:
        for name, seconds in (("late", 30.0), ("early", 1.0), ("middle", 5.0)):
            tasks.create_task(sleep(name, seconds), name=name)
        await clock.wait_for_sleepers(3)
        await clock.advance(10)
        assert woken == [("early", 1.0), ("middle", 5.0)]
        await clock.advance(20)

    assert woken[-1] == ("late", 30.0)


async def test_a_sleeper_that_sleeps_again_is_woken_within_one_advance(clock: FakeClock) -> None:
    ticks: list[float] = []

    async def tick() -> None:
        for _ in range(3):
            await clock.sleep(2)
            ticks.append(clock.monotonic())

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(tick(), name="tick")
        await clock.advance(6)

    assert ticks == [2.0, 4.0, 6.0]


async def test_ids_are_lower_case_distinct_and_sort_by_time(clock: FakeClock) -> None:
    earlier = new_id(clock)
    twin = new_id(clock)
    await clock.advance(0.001)
    later = new_id(clock)

    assert len(earlier) == 26
    assert earlier == earlier.lower()
    assert earlier != twin
    assert max(earlier, twin) < later
