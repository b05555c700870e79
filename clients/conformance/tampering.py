"""A gRPC proxy that changes answers, into those of a newer server or into damaged ones, or holds them back."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from types import TracebackType
from typing import Any, Self

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2
from spotreel.jobs import FINAL_STATES
from spotreel.orchestrator.v1.job_service_pb2 import (
    ReadJobOutputRequest,
    ReadJobOutputResponse,
    WatchJobRequest,
    WatchJobResponse,
)

Change = Callable[[str, bytes], Awaitable[bytes]]
"""Takes the method and an answer, and returns what the client gets instead, and when."""

UNKNOWN_NUMBER = 99
# Field 999, a string: what an older client has never heard of.
_UNKNOWN_FIELD = bytes([0xBA, 0x3E, 5]) + b"newer"


class NewerServer:
    """Answers as a server of the future: with fields, and values of enums, that no client knows yet.

    `enum_values` and `fields` count what was put in.
    """

    def __init__(self) -> None:
        self.enum_values = 0
        self.fields = 0

    async def __call__(self, method: str, answer: bytes) -> bytes:
        """Puts a field into each answer, and, while a job is watched, a stage into each and a state into the first."""
        self.fields += 1
        if method.endswith("/WatchJob"):
            message = WatchJobResponse.FromString(answer)
            job = message.job
            if job.state not in FINAL_STATES:
                if not self.enum_values:
                    job.state = UNKNOWN_NUMBER  # type: ignore[assignment]
                job.progress.stage = UNKNOWN_NUMBER  # type: ignore[assignment]
                self.enum_values += 1
            job.MergeFromString(_UNKNOWN_FIELD)
            answer = message.SerializeToString()
        return answer + _UNKNOWN_FIELD


class Count:
    """Changes nothing; `messages` counts the answers of each method, `sequences` has those of the watched job."""

    def __init__(self) -> None:
        self.messages: Counter[str] = Counter()
        self.sequences: set[int] = set()

    async def __call__(self, method: str, answer: bytes) -> bytes:
        """Counts what passes."""
        self.messages[method.rpartition("/")[2]] += 1
        if method.endswith("/WatchJob"):
            self.sequences.add(WatchJobResponse.FromString(answer).sequence)
        return answer


class DamagedChunk:
    """Changes a byte of the fourth chunk of output, once; `fired` counts.

    `at` is where that chunk starts, `asked` has the offset of each call that reads.
    """

    def __init__(self) -> None:
        self.fired = 0
        self.at = 0
        self.asked: list[int] = []
        self._chunks = 0

    def request(self, method: str, request: bytes) -> None:
        """Looks at what the client asks for."""
        if method.endswith("/ReadJobOutput"):
            self.asked.append(ReadJobOutputRequest.FromString(request).read_offset)

    async def __call__(self, method: str, answer: bytes) -> bytes:
        """Damages what passes, if it is the time."""
        if method.endswith("/ReadJobOutput"):
            message = ReadJobOutputResponse.FromString(answer)
            self._chunks += 1
            if self._chunks == 4:
                self.fired += 1
                self.at = message.offset
                message.data = bytes([message.data[0] ^ 1]) + message.data[1:]
                return message.SerializeToString()
        return answer


class WrongDigest:
    """States another SHA-256 of the whole than it has; `fired` counts."""

    def __init__(self) -> None:
        self.fired = 0

    async def __call__(self, method: str, answer: bytes) -> bytes:
        """Changes what the last message of an output says."""
        if method.endswith("/ReadJobOutput"):
            message = ReadJobOutputResponse.FromString(answer)
            if message.last:
                self.fired += 1
                message.sha256 = bytes(32)
                return message.SerializeToString()
        return answer


class Broken(Exception):
    """The call ends with a status of its own: by default with what gRPC makes of a connection that was reset."""

    def __init__(
        self, code: grpc.StatusCode = grpc.StatusCode.UNAVAILABLE, reason: str = "", *, retry_seconds: int = 0
    ) -> None:
        self.code = code
        self.trailers: tuple[tuple[str, bytes], ...] = ()
        if reason:
            info, retry = AnyMessage(), AnyMessage()
            info.Pack(error_details_pb2.ErrorInfo(reason=reason, domain="spotreel"))
            retry.Pack(error_details_pb2.RetryInfo(retry_delay=Duration(seconds=retry_seconds)))
            status = status_pb2.Status(code=code.value[0], details=[info, retry] if retry_seconds else [info])
            self.trailers = (("grpc-status-details-bin", status.SerializeToString()),)


class Break:
    """Ends a call to `method` in front of the answer with this number (from 0), once; `fired` counts.

    `sequences` has what each call to WatchJob went on behind, and `last` the sequence that was passed on last before.
    """

    def __init__(self, method: str, *, before: int = 0, error: Broken | None = None) -> None:
        self.fired = 0
        self.sequences: list[int] = []
        self.last = 0
        self._method = method
        self._before = before
        self._error = error or Broken()

    def request(self, method: str, request: bytes) -> None:
        """Looks at what the client asks for."""
        if method.endswith("/WatchJob"):
            self.sequences.append(WatchJobRequest.FromString(request).after_sequence)

    async def __call__(self, method: str, answer: bytes) -> bytes:
        """Raises Broken, if it is the time."""
        if method.endswith(f"/{self._method}") and not self.fired:
            if self._before == 0:
                self.fired += 1
                raise self._error
            self._before -= 1
            if self._method == "WatchJob":
                self.last = WatchJobResponse.FromString(answer).sequence
        return answer


class Silence:
    """Lets the answers of one call to `method` end in silence, in front of the one with this number (from 0).

    `fired` counts, `begun` is set from then on.
    """

    def __init__(self, method: str, *, before: int) -> None:
        self.fired = 0
        self.begun = asyncio.Event()
        self._method = method
        self._before = before

    async def __call__(self, method: str, answer: bytes) -> bytes:
        """Waits for ever, if it is the time."""
        if method.endswith(f"/{self._method}") and not self.fired:
            if self._before == 0:
                self.fired += 1
                self.begun.set()
                await asyncio.Event().wait()
            self._before -= 1
        return answer


class TamperingProxy(grpc.GenericRpcHandler):
    """Passes calls on to `target`, and what comes back through `change`; use it with `async with`."""

    def __init__(self, target: str, change: Change) -> None:
        self.address = ""
        self._target = target
        self._change = change
        self._channel: grpc.aio.Channel | None = None
        self._server: grpc.aio.Server | None = None

    async def __aenter__(self) -> Self:
        self._channel = grpc.aio.insecure_channel(self._target)
        self._server = grpc.aio.server(handlers=[self])
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        await self._server.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        assert self._channel is not None
        await self._server.stop(grace=None)
        await self._channel.close()

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[bytes, bytes]":
        """Takes any method: on the wire all four kinds of call are streams of messages."""
        method = handler_call_details.method

        async def pass_on(requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
            assert self._channel is not None
            start: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = self._channel.stream_stream(method)
            call = start(self._seen(method, requests), metadata=tuple(_passed(context.invocation_metadata())))
            try:
                async for answer in call:
                    yield await self._change(method, answer)
                context.set_trailing_metadata(tuple(_passed(await call.trailing_metadata())))
            except grpc.aio.AioRpcError as error:
                await context.abort(
                    error.code(), error.details() or "", tuple(_passed(error.trailing_metadata() or ()))
                )
            except Broken as broken:
                await context.abort(broken.code, "connection reset", broken.trailers)
            finally:
                call.cancel()

        return grpc.stream_stream_rpc_method_handler(pass_on)

    async def _seen(self, method: str, requests: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for request in requests:
            if isinstance(self._change, Break | DamagedChunk):
                self._change.request(method, request)
            yield request


def _passed(metadata: Any) -> Iterator[tuple[str, str | bytes]]:
    """What belongs to the call; the rest is of the connection."""
    for name, value in metadata:
        if name in {"authorization", "x-api-key"} or name.startswith("x-request") or name.endswith("-bin"):
            yield name, value
