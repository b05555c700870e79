"""A TCP proxy that cuts connections, or lets them fall silent, after a number of bytes, or makes the way long."""

import asyncio
import contextlib
from types import TracebackType
from typing import Self


class LossyProxy:
    """Passes bytes on to `target` (`host:port`); use it with `async with`.

    The next `cut_times` connections are reset, and the next `stall_times` ones fall silent, once `after_bytes` have
    passed from the server to the client. The next `upload_cut_times` ones are reset once `upload_after_bytes` have
    passed from the client to the server. `cuts`, `stalls`, `upload_cuts` and `connections` count; `bytes_down` and
    `bytes_up` are what has passed to the client and to the server. `delay_seconds` is what everything takes in each
    direction.
    """

    def __init__(self, target: str) -> None:
        self._host, _, port = target.rpartition(":")
        self._port = int(port)
        self.address = ""
        self.after_bytes = 0
        self.cut_times = 0
        self.stall_times = 0
        self.upload_after_bytes = 0
        self.upload_cut_times = 0
        self.delay_seconds = 0.0
        self.cuts = 0
        self.upload_cuts = 0
        self.bytes_down = 0
        self.bytes_up = 0
        self.stalls = 0
        self.connections = 0
        self._server: asyncio.Server | None = None
        self._links: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._link, "127.0.0.1", 0)
        self.address = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for link in self._links:
            link.cancel()
        await asyncio.gather(*self._links, return_exceptions=True)

    async def _link(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._links.add(task)
        self.connections += 1
        upstream: asyncio.StreamWriter | None = None
        try:
            from_server, upstream = await asyncio.open_connection(self._host, self._port)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass_on(reader, upstream), name="to the server")
                group.create_task(self._pass_back(from_server, writer), name="to the client")
        except* (OSError, asyncio.CancelledError):
            pass
        finally:
            for end in filter(None, (writer, upstream)):
                end.transport.abort()
            self._links.discard(task)

    async def _pass_on(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        passed = 0
        while data := await source.read(65536):
            passed += len(data)
            if passed > self.upload_after_bytes and self.upload_cuts < self.upload_cut_times:
                self.upload_cuts += 1
                raise ConnectionResetError
            await asyncio.sleep(self.delay_seconds)
            self.bytes_up += len(data)
            sink.write(data)
            await sink.drain()
        raise ConnectionResetError

    async def _pass_back(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        passed = 0
        while data := await source.read(65536):
            passed += len(data)
            if passed > self.after_bytes and self.cuts < self.cut_times:
                self.cuts += 1
                raise ConnectionResetError
            if passed > self.after_bytes and self.stalls < self.stall_times:
                self.stalls += 1
                await asyncio.Event().wait()
            await asyncio.sleep(self.delay_seconds)
            self.bytes_down += len(data)
            sink.write(data)
            with contextlib.suppress(ConnectionError):
                await sink.drain()
        raise ConnectionResetError
