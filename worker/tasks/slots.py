"""How many tasks may be at the same point at once, known only once the machine was looked at."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager


class Slots:
    """A semaphore whose size is asked for when it is first needed. Who waits longest comes first."""

    def __init__(self, count: Callable[[], Awaitable[int]], *, extra: int = 0) -> None:
        """Takes how to learn the count; `extra` is added to it."""
        self._count = count
        self._extra = extra
        self._semaphore: asyncio.Semaphore | None = None

    @asynccontextmanager
    async def take(self) -> AsyncIterator[None]:
        """Waits for a slot and holds it; raises what counting raises."""
        count = await self._count()
        if self._semaphore is None:
            self._semaphore = asyncio.Semaphore(count + self._extra)
        async with self._semaphore:
            yield
