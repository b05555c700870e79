"""Waiting for one of several things, or for a while."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from servicekit.clock import Clock


async def wait_for_any(*waits: Coroutine[Any, Any, Any], seconds: float, clock: Clock) -> bool:
    """Waits until one of `waits` is over, at most so many seconds; returns whether one was. All are ended then.

    The waits are begun a moment after the call: each has to notice by itself what came in between.
    """
    tasks = [asyncio.create_task(wait, name="wait for a change") for wait in waits]
    limit = asyncio.create_task(clock.sleep(seconds), name="wait no longer")
    try:
        done, _ = await asyncio.wait({*tasks, limit}, return_when=asyncio.FIRST_COMPLETED)
        return bool(done - {limit})
    finally:
        for task in (*tasks, limit):
            task.cancel()
        await asyncio.gather(*tasks, limit, return_exceptions=True)
