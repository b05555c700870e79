"""Work that may be called off, and work that must not be."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Interrupted(Exception):
    """The work was called off before it was done; `by` is the event that did it."""

    def __init__(self, by: asyncio.Event) -> None:
        super().__init__("interrupted")
        self.by = by


async def unless(work: Coroutine[Any, Any, T], *events: asyncio.Event, name: str) -> T:
    """Does the work until it is done, or until one of the events is set: then it is cancelled, and Interrupted raised.

    What is done when the event comes counts as done.
    """
    task = asyncio.create_task(work, name=name)
    waiters = [asyncio.create_task(event.wait(), name=f"{name}: event") for event in events]
    try:
        await asyncio.wait({task, *waiters}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise Interrupted(next(event for event in events if event.is_set()))
    finally:
        for one in (task, *waiters):
            one.cancel()
        await asyncio.gather(task, *waiters, return_exceptions=True)


async def to_the_end(work: Coroutine[Any, Any, T], *, patience: float | None = None) -> T:
    """Does the work to its end also when the caller is cancelled meanwhile, who hears of it only then.

    For what must not be left half done: a write that a thread is at, a call whose effect somebody has to undo. With
    `patience` it is cancelled too when it takes longer than that many seconds from then on.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        _, late = await asyncio.wait({task}, timeout=patience)
        for one in late:
            one.cancel()
            await asyncio.wait({one})
        if not task.cancelled():
            task.exception()
        raise
