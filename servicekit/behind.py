"""Work that goes on while its owner fetches what comes next."""

import asyncio
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self


class OneBehind:
    """Does one piece of work at a time, in order, while the caller is already at the next: writing a chunk to disk
    while the following one comes in. Never more than one piece waits, so memory stays bounded.

    Leaving the block waits for the last piece; what a piece raised is raised by the next `do`, or at the end.
    """

    def __init__(self, name: str) -> None:
        """Takes the name that the work's tasks get."""
        self._name = name
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            await self._settle()
        elif self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def do(self, work: Coroutine[Any, Any, None]) -> None:
        """Starts a piece of work as soon as the one before is done."""
        try:
            await self._settle()
        except BaseException:
            work.close()
            raise
        self._task = asyncio.create_task(work, name=self._name)

    async def _settle(self) -> None:
        if self._task is not None:
            await self._task
            self._task = None
