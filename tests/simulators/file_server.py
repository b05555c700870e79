"""A web server on loopback that serves one file and misbehaves on demand."""

import asyncio
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from aiohttp import web


@dataclass(kw_only=True)
class Faults:
    """The knobs. Each that is set counts how often it acted in `FileServer.acted`."""

    status: int | None = None
    """Answer with this status instead, as often as `status_times` says."""
    status_times: int = 1_000_000
    cut_after: int | None = None
    """Close the connection after that many bytes of a body, as often as `cut_times` says."""
    cut_times: int = 1_000_000
    silent_after: int | None = None
    """Send that many bytes and then nothing any more."""
    redirect_to: str = ""
    """Send the client elsewhere."""
    change_on_resume: bool = False
    """Be another file, with another ETag, from the second request on."""


@dataclass(kw_only=True)
class Served:
    """What is served, and how."""

    content: bytes
    ranges: bool = True
    length: bool = True
    faults: Faults = field(default_factory=Faults)


class FileServer:
    """Serves `served` at every path; use as `async with`."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.acted: dict[str, int] = {}
        self.requests: list[web.Request] = []
        self._closing = asyncio.Event()

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.router.add_get("/{path:.*}", self._answer)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = int(self._runner.addresses[0][1])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        await self._runner.cleanup()

    def url(self, path: str = "input.mp4", host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}/{path}"

    def _act(self, fault: str) -> int:
        self.acted[fault] = self.acted.get(fault, 0) + 1
        return self.acted[fault]

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        faults = self.served.faults
        if faults.status is not None and self.acted.get("status", 0) < faults.status_times:
            self._act("status")
            return web.Response(status=faults.status)
        if faults.redirect_to:
            self._act("redirect_to")
            return web.Response(status=302, headers={"Location": faults.redirect_to})
        return await self._send(request, self._version())

    def _version(self) -> tuple[bytes, str]:
        if self.served.faults.change_on_resume and len(self.requests) > 1:
            self._act("change_on_resume")
            return self.served.content[::-1], '"second"'
        return self.served.content, '"first"'

    async def _send(self, request: web.Request, version: tuple[bytes, str]) -> web.StreamResponse:
        content, etag = version
        start = 0
        headers = {"ETag": etag} if self.served.ranges else {}
        if self.served.ranges and "Range" in request.headers and request.headers.get("If-Range") == etag:
            start = int(request.headers["Range"].removeprefix("bytes=").removesuffix("-"))
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        response = web.StreamResponse(status=206 if start else 200, headers=headers)
        if self.served.length:
            response.content_length = len(content) - start
        else:
            response.enable_chunked_encoding()
        await response.prepare(request)
        await self._send_body(request, response, content[start:])
        return response

    async def _send_body(self, request: web.Request, response: web.StreamResponse, body: bytes) -> None:
        faults = self.served.faults
        cuts_left = faults.cut_times - self.acted.get("cut_after", 0)
        if faults.cut_after is not None and cuts_left > 0 and len(body) > faults.cut_after:
            self._act("cut_after")
            await response.write(body[: faults.cut_after])
            assert request.transport is not None
            request.transport.close()
            return
        if faults.silent_after is not None:
            self._act("silent_after")
            await response.write(body[: faults.silent_after])
            await self._closing.wait()
            return
        await response.write(body)
