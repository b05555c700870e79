"""A small service of all four shapes, whose behaviour the caller chooses by the request."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc

from servicekit.errors import FieldViolation, InvalidArgument, NotFound

NAME = "spotreel.test.v1.EchoService"
SHAPES = ("UnaryUnary", "UnaryStream", "StreamUnary", "StreamStream")


class Echo:
    """Answers with the request; some requests are orders: what to raise, or to wait until the test says so."""

    def __init__(self) -> None:
        self.waiting = asyncio.Event()
        self.released = asyncio.Event()
        self.cleaned_up = asyncio.Event()

    async def unary_unary(self, request: bytes, context: Any) -> bytes:
        return await self._act(request)

    async def unary_stream(self, request: bytes, context: Any) -> AsyncIterator[bytes]:
        yield await self._act(request)
        yield b"end"

    async def stream_unary(self, requests: AsyncIterator[bytes], context: Any) -> bytes:
        return b"".join([await self._act(request) async for request in requests])

    async def stream_stream(self, requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        async for request in requests:
            yield await self._act(request)

    async def _act(self, request: bytes) -> bytes:
        match request:
            case b"wait":
                self.waiting.set()
                try:
                    await self.released.wait()
                finally:
                    self.cleaned_up.set()
            case b"not found":
                raise NotFound("There is no job jobs/1.", resource_type="Job", resource_name="jobs/1", reason="GONE")
            case b"invalid":
                raise InvalidArgument("Bad spec.", violations=[FieldViolation("spec.priority", "must be positive")])
            case b"bug":
                raise KeyError("the secret of the bug")
            case b"timeout":
                raise TimeoutError
            case b"foreign cancellation":
                raise asyncio.CancelledError
        return request

    def add(self, server: grpc.aio.Server) -> None:
        handlers: dict[str, Any] = {
            "UnaryUnary": grpc.unary_unary_rpc_method_handler(self.unary_unary),
            "UnaryStream": grpc.unary_stream_rpc_method_handler(self.unary_stream),
            "StreamUnary": grpc.stream_unary_rpc_method_handler(self.stream_unary),
            "StreamStream": grpc.stream_stream_rpc_method_handler(self.stream_stream),
        }
        server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(NAME, handlers)])


def open_call(
    channel: grpc.aio.Channel,
    shape: str,
    request: bytes,
    *,
    metadata: tuple[tuple[str, str], ...] = (),
    path: str = "",
    hold_back: bool = False,
) -> Any:
    """Starts a call of that shape; await `outcome` of it.

    With `hold_back` a request stream stays open without a message: a client of grpc.aio that is still writing when the
    server refuses the call may report its own failed write in place of the server's status.
    """
    path = path or f"/{NAME}/{shape}"
    send: Any = request
    if shape.startswith("Stream"):
        send = _hold_back() if hold_back else iter([request])
    makers: dict[str, Callable[..., Any]] = {
        "UnaryUnary": channel.unary_unary,
        "UnaryStream": channel.unary_stream,
        "StreamUnary": channel.stream_unary,
        "StreamStream": channel.stream_stream,
    }
    return makers[shape](path)(send, metadata=metadata, timeout=20)


async def _hold_back() -> AsyncIterator[bytes]:
    await asyncio.Event().wait()
    yield b""


async def outcome(call: Any) -> list[bytes]:
    """All responses of a call, whatever its shape."""
    if hasattr(call, "__aiter__"):
        return [response async for response in call]
    return [await call]
