"""Silence ends a worker, anything that is heard puts it off, and zero switches it off."""

import asyncio

from tests.simulators.clock import FakeClock
from worker.deadman import DeadMansSwitch


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
