"""What every call passes through, over real sockets and in all four shapes."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
import structlog
from google.rpc import error_details_pb2, status_pb2
from structlog.testing import capture_logs

from servicekit.rpc.server import RpcServer, RpcService, ServerSettings
from servicekit.rpc.status import DETAILS_KEY
from tests.simulators.echo import NAME, SHAPES, Echo, open_call, outcome

KEY = "a-key-of-the-operator"


@asynccontextmanager
async def serve(echo: Echo, **settings: Any) -> AsyncIterator[tuple[RpcServer, grpc.aio.Channel]]:
    chosen = ServerSettings(listen="127.0.0.1:0", shutdown_grace=1.0, **settings)
    async with (
        RpcServer(chosen, [RpcService(name=NAME, add=echo.add)]) as server,
        grpc.aio.insecure_channel(server.address) as channel,
    ):
        yield server, channel


def details(error: grpc.aio.AioRpcError) -> dict[str, Any]:
    raw = dict(error.trailing_metadata())[DETAILS_KEY]
    found: dict[str, Any] = {}
    for packed in status_pb2.Status.FromString(raw).details:
        kind = getattr(error_details_pb2, packed.type_url.rpartition(".")[2])
        message = kind()
        assert packed.Unpack(message)
        found[kind.__name__] = message
    return found


@pytest.mark.parametrize("shape", SHAPES)
async def test_the_request_id_comes_back_with_success_and_with_an_error(channel: grpc.aio.Channel, shape: str) -> None:
    call = open_call(channel, shape, b"hello", metadata=(("x-request-id", "my-id"),))
    assert (await outcome(call))[0] == b"hello"
    assert dict(await call.trailing_metadata())["x-request-id"] == "my-id"

    call = open_call(channel, shape, b"not found", metadata=(("x-request-id", "not sane: has blanks"),))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await outcome(call)
    made = dict(caught.value.trailing_metadata())["x-request-id"]
    assert len(made) == 36


@pytest.mark.parametrize("shape", SHAPES)
async def test_errors_arrive_with_their_details(channel: grpc.aio.Channel, shape: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError, match=r"There is no job jobs/1") as caught:
        await outcome(open_call(channel, shape, b"not found"))

    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    found = details(caught.value)
    assert (found["ErrorInfo"].reason, found["ErrorInfo"].domain) == ("GONE", "spotreel")
    assert found["ResourceInfo"].resource_name == "jobs/1"


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_bug_tells_nothing_but_its_request_id(channel: grpc.aio.Channel, shape: str) -> None:
    with capture_logs() as logs, pytest.raises(grpc.aio.AioRpcError) as caught:
        await outcome(open_call(channel, shape, b"bug", metadata=(("x-request-id", "r-7"),)))

    assert caught.value.code() is grpc.StatusCode.INTERNAL
    assert "secret" not in str(caught.value.details())
    assert "r-7" in str(caught.value.details())
    assert details(caught.value)["ErrorInfo"].reason == "INTERNAL"
    assert any(isinstance(one.get("exc_info"), KeyError) for one in logs)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("request_bytes", "code"),
    [
        (b"timeout", grpc.StatusCode.DEADLINE_EXCEEDED),
        (b"foreign cancellation", grpc.StatusCode.UNAVAILABLE),
        (b"invalid", grpc.StatusCode.INVALID_ARGUMENT),
    ],
)
async def test_no_failure_leaves_the_client_waiting(
    channel: grpc.aio.Channel, shape: str, request_bytes: bytes, code: grpc.StatusCode
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await outcome(open_call(channel, shape, request_bytes))
    assert caught.value.code() is code


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_handler_cleans_up_at_once_when_its_client_goes(
    channel: grpc.aio.Channel, echo: Echo, shape: str
) -> None:
    call = open_call(channel, shape, b"wait")
    async with asyncio.timeout(10):
        await echo.waiting.wait()
        call.cancel()
        await echo.cleaned_up.wait()
    assert echo.cleaned_up.is_set()


async def test_an_unknown_method_is_named(channel: grpc.aio.Channel) -> None:
    with pytest.raises(grpc.aio.AioRpcError, match=r"/a\.B/C") as caught:
        await outcome(open_call(channel, "UnaryUnary", b"", path="/a.B/C"))
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert details(caught.value)["ErrorInfo"].reason == "METHOD_UNKNOWN"


async def test_each_call_leaves_one_access_line(channel: grpc.aio.Channel) -> None:
    with capture_logs() as logs:
        await outcome(open_call(channel, "UnaryUnary", b"x"))
        with pytest.raises(grpc.aio.AioRpcError):
            await outcome(open_call(channel, "UnaryStream", b"invalid"))
        async with asyncio.timeout(10):
            while sum(one["event"] == "call_ended" for one in logs) < 2:  # noqa: ASYNC110 - the line is written after the answer
                await asyncio.sleep(0)

    lines = [one for one in logs if one["event"] == "call_ended"]
    assert [one["code"] for one in lines] == ["OK", "INVALID_ARGUMENT"]
    assert all(one["duration_ms"] >= 0 and "127.0.0.1" in one["peer"] for one in lines)
    assert json.dumps(lines)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ((), "API_KEY_MISSING"),
        ((("authorization", "Basic abc"),), "API_KEY_MISSING"),
        ((("authorization", "Bearer wrong"),), "API_KEY_INVALID"),
        ((("x-api-key", KEY + "x"),), "API_KEY_INVALID"),
    ],
)
async def test_calls_without_a_right_key_are_refused(
    echo: Echo, shape: str, metadata: tuple[tuple[str, str], ...], reason: str
) -> None:
    async with serve(echo, api_keys=("another", KEY)) as (_, channel):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await outcome(open_call(channel, shape, b"hello", metadata=metadata, hold_back=True))
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert details(caught.value)["ErrorInfo"].reason == reason


@pytest.mark.parametrize("header", [("authorization", f"Bearer {KEY}"), ("x-api-key", KEY)])
async def test_either_header_opens_and_is_reported(echo: Echo, header: tuple[str, str]) -> None:
    spoken = 0

    def on_authenticated() -> None:
        nonlocal spoken
        spoken += 1

    settings = ServerSettings(listen="127.0.0.1:0", api_keys=("another", KEY))
    services = [RpcService(name=NAME, add=echo.add)]
    async with (
        RpcServer(settings, services, on_authenticated=on_authenticated) as server,
        grpc.aio.insecure_channel(server.address) as channel,
    ):
        with pytest.raises(grpc.aio.AioRpcError):
            await outcome(open_call(channel, "UnaryUnary", b"hello"))
        assert spoken == 0
        assert await outcome(open_call(channel, "UnaryUnary", b"hello", metadata=(header,))) == [b"hello"]
        assert spoken == 1


async def test_too_many_streams_are_told_when_to_come_back(echo: Echo) -> None:
    async with serve(echo, max_concurrent_streams=1) as (_, channel):
        held = open_call(channel, "UnaryStream", b"wait")
        await echo.waiting.wait()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await outcome(open_call(channel, "UnaryStream", b"hello"))
        assert await outcome(open_call(channel, "UnaryUnary", b"not a stream")) == [b"not a stream"]
        echo.released.set()
        assert await outcome(held) == [b"wait", b"end"]
        assert await outcome(open_call(channel, "UnaryStream", b"again")) == [b"again", b"end"]

    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    found = details(caught.value)
    assert found["ErrorInfo"].reason == "TOO_MANY_REQUESTS"
    assert found["RetryInfo"].retry_delay.seconds == 2


async def test_the_log_context_of_a_call_stays_its_own(channel: grpc.aio.Channel) -> None:
    await outcome(open_call(channel, "UnaryUnary", b"x"))
    assert "request_id" not in structlog.contextvars.get_contextvars()
