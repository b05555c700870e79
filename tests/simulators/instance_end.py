"""The part of a marketplace that a rented container speaks to: it destroys one instance, or refuses to, as told."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from aiohttp import web

DESTROYED: dict[str, Any] = {"success": True}


@dataclass(frozen=True, slots=True)
class Answer:
    """What to answer; `fault` is the name under which it is counted when it was given."""

    fault: str
    status: int = 200
    body: Any = None
    text: str = ""
    location: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it came."""

    method: str
    path: str
    authorization: str
    body: Any


class InstanceEnd:
    """Gives each answer once, in order, and then says that the instance is destroyed; use as `async with`."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)
        self.asked: list[Asked] = []
        self.fired: Counter[str] = Counter()
        self._news = asyncio.Event()

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{int(self._runner.addresses[0][1])}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    async def was_asked(self, times: int) -> None:
        """Returns when that many requests have come."""
        async with asyncio.timeout(10):
            while len(self.asked) < times:
                self._news.clear()
                await self._news.wait()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.json() if request.can_read_body else None
        self.asked.append(Asked(request.method, request.path, request.headers.get("Authorization", ""), body))
        self._news.set()
        if not self._answers:
            return web.json_response(DESTROYED)
        answer = self._answers.pop(0)
        self.fired[answer.fault] += 1
        headers = {"Location": answer.location} if answer.location else {}
        if answer.text:
            return web.Response(status=answer.status, text=answer.text, headers=headers)
        return web.json_response(answer.body, status=answer.status, headers=headers)
