"""Where a server listens, what it refuses, how it stops."""

import asyncio
import contextlib
import subprocess
import time
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

from servicekit.errors import FailedPrecondition
from servicekit.rpc.server import RpcServer, RpcService, ServerSettings
from tests.simulators.echo import NAME, Echo, open_call, outcome


async def check_health(channel: grpc.aio.Channel, service: str) -> int:
    check = channel.unary_unary(
        "/grpc.health.v1.Health/Check",
        request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
        response_deserializer=health_pb2.HealthCheckResponse.FromString,
    )
    return int((await check(health_pb2.HealthCheckRequest(service=service), timeout=10)).status)


@pytest.mark.parametrize("service", ["", NAME])
async def test_health_needs_no_key(echo: Echo, service: str) -> None:
    settings = ServerSettings(listen="127.0.0.1:0", api_keys=("key",))
    async with (
        RpcServer(settings, [RpcService(name=NAME, add=echo.add)]) as server,
        grpc.aio.insecure_channel(server.address) as channel,
    ):
        assert await check_health(channel, service) == health_pb2.HealthCheckResponse.SERVING


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
async def test_reflection_lists_the_services_in_both_versions(channel: grpc.aio.Channel, version: str) -> None:
    ask = channel.stream_stream(
        f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )
    requests = [reflection_pb2.ServerReflectionRequest(list_services="")]
    (answer,) = [response async for response in ask(iter(requests), timeout=10)]
    names = {service.name for service in answer.list_services_response.service}
    assert {NAME, "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection"} <= names


async def test_every_listed_service_can_be_described(channel: grpc.aio.Channel) -> None:
    ask = channel.stream_stream(
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )
    names = ["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"]
    requests = [reflection_pb2.ServerReflectionRequest(file_containing_symbol=name) for name in names]
    answers = [response async for response in ask(iter(requests), timeout=10)]
    assert [answer.WhichOneof("message_response") for answer in answers] == ["file_descriptor_response"] * 3


async def test_a_taken_port_is_named_with_what_to_do(server: RpcServer, echo: Echo) -> None:
    with pytest.raises(FailedPrecondition, match=rf"{server.address}.*--listen") as caught:
        async with RpcServer(ServerSettings(listen=server.address), []):
            pass
    assert caught.value.reason == "ADDRESS_IN_USE"


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (ServerSettings(listen="0.0.0.0:0"), "INSECURE_LISTEN"),
        (ServerSettings(listen=":0"), "INSECURE_LISTEN"),
        (ServerSettings(listen="[::]:0", api_keys=("key",)), "INSECURE_LISTEN"),
        (ServerSettings(listen="example.com:0", api_keys=("key",)), "INSECURE_LISTEN"),
        (ServerSettings(listen="127.0.0.1"), "LISTEN_INVALID"),
        (ServerSettings(listen="127.0.0.1:99999"), "LISTEN_INVALID"),
        (ServerSettings(listen="192.0.2.1:0", allow_insecure=True), "ADDRESS_UNUSABLE"),
        (ServerSettings(listen="127.0.0.1:0", tls_key=Path("key.pem")), "TLS_INCOMPLETE"),
        (ServerSettings(listen="127.0.0.1:0", tls_key=Path("no"), tls_certificate=Path("no")), "TLS_FILE_UNREADABLE"),
    ],
)
async def test_what_cannot_be_or_must_not_be_listened_on_is_refused(settings: ServerSettings, reason: str) -> None:
    with pytest.raises(FailedPrecondition) as caught:
        async with RpcServer(settings, []):
            pass
    assert caught.value.reason == reason


async def test_an_open_bind_is_possible_when_asked_for_plainly(echo: Echo) -> None:
    settings = ServerSettings(listen="0.0.0.0:0", allow_insecure=True)
    async with RpcServer(settings, [RpcService(name=NAME, add=echo.add)]) as server:
        assert server.port > 0
        async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            assert await outcome(open_call(channel, "UnaryUnary", b"hello")) == [b"hello"]


async def test_unix_sockets_work(echo: Echo, tmp_path: Path) -> None:
    settings = ServerSettings(listen=f"unix:{tmp_path}/s")
    async with (
        RpcServer(settings, [RpcService(name=NAME, add=echo.add)]) as server,
        grpc.aio.insecure_channel(server.address) as channel,
    ):
        assert await outcome(open_call(channel, "StreamStream", b"hello")) == [b"hello"]


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A self-signed certificate for localhost, and its key."""
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    extra = ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*command, *extra], check=True, capture_output=True)
    return certificate, key


async def test_tls_is_served(echo: Echo, certificate: tuple[Path, Path]) -> None:
    chain, key = certificate
    settings = ServerSettings(listen="127.0.0.1:0", tls_certificate=chain, tls_key=key)
    credentials = grpc.ssl_channel_credentials(chain.read_bytes())
    async with (
        RpcServer(settings, [RpcService(name=NAME, add=echo.add)]) as server,
        grpc.aio.secure_channel(f"localhost:{server.port}", credentials) as channel,
    ):
        assert await outcome(open_call(channel, "UnaryUnary", b"hello")) == [b"hello"]


async def test_stopping_tells_health_ends_streams_and_lets_calls_finish(echo: Echo) -> None:
    settings = ServerSettings(listen="127.0.0.1:0", shutdown_grace=20.0)
    watched: list[int] = []

    async def watch(channel: grpc.aio.Channel) -> None:
        stream = channel.unary_stream(
            "/grpc.health.v1.Health/Watch",
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )(health_pb2.HealthCheckRequest(service=NAME), timeout=20)
        with contextlib.suppress(grpc.aio.AioRpcError):
            async for response in stream:
                watched.append(response.status)
                watching.set()

    watching = asyncio.Event()
    started = time.monotonic()
    services = [RpcService(name=NAME, add=echo.add)]
    server = RpcServer(settings, services)
    await server.__aenter__()
    async with grpc.aio.insecure_channel(server.address) as channel, asyncio.TaskGroup() as tasks:
        tasks.create_task(watch(channel), name="watch")
        await watching.wait()
        call = open_call(channel, "UnaryUnary", b"wait")
        stream = open_call(channel, "UnaryStream", b"wait")
        await echo.waiting.wait()
        stopping = tasks.create_task(server.__aexit__(None, None, None), name="stop")
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await outcome(stream)
        echo.released.set()
        assert await outcome(call) == [b"wait"]
        await stopping

    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert watched == [health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING]
    assert time.monotonic() - started < 10
