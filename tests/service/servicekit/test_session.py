"""A session over real sockets: who gets through the handshake, what is checked after it, and from where."""

import ipaddress
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2

from servicekit.errors import FailedPrecondition
from servicekit.rpc.server import RpcServer, RpcService, ServerSettings
from servicekit.rpc.status import DETAILS_KEY
from servicekit.session import SessionIdentity, Side
from tests.simulators.echo import NAME, Echo, open_call, outcome

SECRET = b"s" * 32
SESSION = SessionIdentity(SECRET)
STRANGER = SessionIdentity(b"x" * 32)
RIGHT = (("authorization", f"Bearer {SESSION.token}"),)
DEPLOYMENT_KEY = "the key of the deployment"
Networks = tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]


@asynccontextmanager
async def serving(echo: Echo, **settings: Any) -> AsyncIterator[RpcServer]:
    chosen = {"listen": "127.0.0.1:0", "session": SESSION, "shutdown_grace": 1.0, **settings}
    async with RpcServer(ServerSettings(**chosen), [RpcService(name=NAME, add=echo.add)]) as server:
        yield server


def connect(
    server: RpcServer, credentials: grpc.ChannelCredentials, target: str = "", *, identity: SessionIdentity = SESSION
) -> grpc.aio.Channel:
    return grpc.aio.secure_channel(target or server.address, credentials, options=identity.channel_options)


async def refusal(call: Any) -> tuple[grpc.StatusCode, str, str]:
    """Returns code, reason (empty where the server sent none) and words of a call that is refused."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await outcome(call)
    raw = dict(caught.value.trailing_metadata() or ()).get(DETAILS_KEY)
    info = error_details_pb2.ErrorInfo()
    if isinstance(raw, bytes):
        assert status_pb2.Status.FromString(raw).details[0].Unpack(info)
    return caught.value.code(), info.reason, caught.value.details() or ""


async def test_the_same_secret_on_both_sides_opens(echo: Echo) -> None:
    # Another object, as it is in the other process.
    orchestrator = SessionIdentity(SECRET)
    async with serving(echo) as server, connect(server, orchestrator.channel_credentials()) as channel:
        assert await outcome(open_call(channel, "UnaryUnary", b"hello", metadata=RIGHT)) == [b"hello"]
        assert await outcome(open_call(channel, "StreamStream", b"hello", metadata=RIGHT)) == [b"hello"]


async def test_another_secret_fails_the_handshake(echo: Echo) -> None:
    async with serving(echo) as server, connect(server, STRANGER.channel_credentials()) as channel:
        code, reason, words = await refusal(open_call(channel, "UnaryUnary", b"hello", metadata=RIGHT))
    assert (code, reason) == (grpc.StatusCode.UNAVAILABLE, "")
    assert "CERTIFICATE_VERIFY_FAILED" in words


def channel_credentials_with(leaf_of: SessionIdentity, side: Side) -> grpc.ChannelCredentials:
    leaf = leaf_of.issue(side)
    return grpc.ssl_channel_credentials(SESSION.authority, leaf.key, leaf.certificate)


@pytest.mark.parametrize(
    "credentials",
    [
        pytest.param(grpc.ssl_channel_credentials(SESSION.authority), id="no certificate"),
        pytest.param(channel_credentials_with(STRANGER, Side.ORCHESTRATOR), id="one of another session"),
        pytest.param(channel_credentials_with(SESSION, Side.WORKER), id="the worker's own kind"),
    ],
)
async def test_a_client_without_the_right_certificate_gets_no_answer(
    echo: Echo, credentials: grpc.ChannelCredentials
) -> None:
    async with serving(echo) as server, connect(server, credentials) as channel:
        code, reason, _ = await refusal(open_call(channel, "UnaryUnary", b"hello", metadata=RIGHT))
        assert (code, reason) == (grpc.StatusCode.UNAVAILABLE, "")
        check = open_call(channel, "UnaryUnary", b"", path="/grpc.health.v1.Health/Check")
        assert (await refusal(check))[0] is grpc.StatusCode.UNAVAILABLE


async def test_an_orchestrators_certificate_does_not_pass_for_a_worker(echo: Echo) -> None:
    leaf = SESSION.issue(Side.ORCHESTRATOR)
    server = grpc.aio.server()
    echo.add(server)
    credentials = grpc.ssl_server_credentials([(leaf.key, leaf.certificate)], SESSION.authority, True)
    port = server.add_secure_port("127.0.0.1:0", credentials)
    await server.start()
    try:
        async with grpc.aio.secure_channel(
            f"127.0.0.1:{port}",
            SESSION.channel_credentials(),
            # Its own name, so that the purpose alone is in question.
            options=(("grpc.ssl_target_name_override", Side.ORCHESTRATOR.value[0]),),
        ) as channel:
            code, _, words = await refusal(open_call(channel, "UnaryUnary", b"hello", metadata=RIGHT))
    finally:
        await server.stop(None)
    assert code is grpc.StatusCode.UNAVAILABLE
    assert "unsupported certificate purpose" in words


async def test_plaintext_is_not_spoken(echo: Echo) -> None:
    async with serving(echo) as server, grpc.aio.insecure_channel(server.address) as channel:
        code, reason, _ = await refusal(open_call(channel, "UnaryUnary", b"hello", metadata=RIGHT))
    assert (code, reason) == (grpc.StatusCode.UNAVAILABLE, "")


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ((), "SESSION_TOKEN_INVALID"),
        ((("authorization", f"Bearer {STRANGER.token}"), ("x-api-key", DEPLOYMENT_KEY)), "SESSION_TOKEN_INVALID"),
        ((("x-api-key", SESSION.token),), "SESSION_TOKEN_INVALID"),
        ((("authorization", f"Bearer {DEPLOYMENT_KEY}"), ("x-api-key", DEPLOYMENT_KEY)), "SESSION_TOKEN_INVALID"),
        (RIGHT, "DEPLOYMENT_KEY_INVALID"),
        ((*RIGHT, ("x-api-key", "wrong")), "DEPLOYMENT_KEY_INVALID"),
        ((*RIGHT, ("x-api-key", SESSION.token)), "DEPLOYMENT_KEY_INVALID"),
    ],
)
async def test_the_handshake_alone_is_not_enough(
    echo: Echo, metadata: tuple[tuple[str, str], ...], reason: str
) -> None:
    async with (
        serving(echo, deployment_key=DEPLOYMENT_KEY) as server,
        connect(server, SESSION.channel_credentials()) as channel,
    ):
        refused = await refusal(open_call(channel, "UnaryUnary", b"hello", metadata=metadata))
    assert refused[:2] == (grpc.StatusCode.UNAUTHENTICATED, reason)
    assert SESSION.token not in refused[2]
    assert DEPLOYMENT_KEY not in refused[2]


async def test_token_and_deployment_key_together_open_and_are_reported(echo: Echo) -> None:
    spoken: list[bool] = []
    settings = ServerSettings(listen="127.0.0.1:0", session=SESSION, deployment_key=DEPLOYMENT_KEY)
    services = [RpcService(name=NAME, add=echo.add)]
    async with (
        RpcServer(settings, services, on_authenticated=lambda: spoken.append(True)) as server,
        connect(server, SESSION.channel_credentials()) as channel,
    ):
        await refusal(open_call(channel, "UnaryUnary", b"hello", metadata=RIGHT))
        assert not spoken
        metadata = (*RIGHT, ("x-api-key", DEPLOYMENT_KEY))
        assert await outcome(open_call(channel, "UnaryUnary", b"hello", metadata=metadata)) == [b"hello"]
        assert spoken == [True]


async def test_health_needs_the_handshake_and_nothing_more(echo: Echo) -> None:
    async with (
        serving(echo, deployment_key=DEPLOYMENT_KEY) as server,
        connect(server, SESSION.channel_credentials()) as channel,
    ):
        (answer,) = await outcome(open_call(channel, "UnaryUnary", b"", path="/grpc.health.v1.Health/Check"))
    assert health_pb2.HealthCheckResponse.FromString(answer).status == health_pb2.HealthCheckResponse.SERVING


async def test_a_session_may_listen_everywhere(echo: Echo) -> None:
    async with (
        serving(echo, listen="0.0.0.0:0") as server,
        connect(server, SESSION.channel_credentials(), f"127.0.0.1:{server.port}") as channel,
    ):
        assert await outcome(open_call(channel, "UnaryUnary", b"hello", metadata=RIGHT)) == [b"hello"]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"api_keys": ("a key",)}, "SESSION_AMBIGUOUS"),
        ({"tls_certificate": Path("c"), "tls_key": Path("k")}, "SESSION_AMBIGUOUS"),
        ({"session": None, "deployment_key": DEPLOYMENT_KEY}, "SESSION_MISSING"),
    ],
)
async def test_contradictions_are_refused(echo: Echo, settings: dict[str, Any], reason: str) -> None:
    with pytest.raises(FailedPrecondition) as caught:
        async with serving(echo, **settings):
            pass
    assert caught.value.reason == reason
    assert DEPLOYMENT_KEY not in str(caught.value)


def networks(*texts: str) -> Networks:
    return tuple(ipaddress.ip_network(text) for text in texts)


@pytest.mark.parametrize(
    ("listen", "host", "allowed"),
    [
        ("127.0.0.1:0", "127.0.0.1", networks()),
        ("127.0.0.1:0", "127.0.0.1", networks("10.0.0.0/8", "127.0.0.0/8")),
        ("127.0.0.1:0", "127.0.0.1", networks("::ffff:127.0.0.1/128")),
        ("[::]:0", "127.0.0.1", networks("127.0.0.1/32")),
        ("[::]:0", "[::1]", networks("127.0.0.1/32", "::1/128")),
    ],
)
async def test_allowed_callers_get_in(echo: Echo, listen: str, host: str, allowed: Networks) -> None:
    async with (
        serving(echo, listen=listen, allowed_callers=allowed) as server,
        connect(server, SESSION.channel_credentials(), f"{host}:{server.port}") as channel,
    ):
        assert await outcome(open_call(channel, "UnaryUnary", b"hello", metadata=RIGHT)) == [b"hello"]


@pytest.mark.parametrize(
    ("listen", "host", "allowed", "address"),
    [
        ("127.0.0.1:0", "127.0.0.1", networks("10.0.0.0/8", "::/0"), "127.0.0.1"),
        ("[::]:0", "127.0.0.1", networks("::1/128"), "127.0.0.1"),
        ("[::]:0", "[::1]", networks("0.0.0.0/0"), "::1"),
    ],
)
async def test_others_are_refused_by_address_whatever_they_call(
    echo: Echo, listen: str, host: str, allowed: Networks, address: str
) -> None:
    async with (
        serving(echo, listen=listen, allowed_callers=allowed) as server,
        connect(server, SESSION.channel_credentials(), f"{host}:{server.port}") as channel,
    ):
        for path in (f"/{NAME}/UnaryUnary", "/grpc.health.v1.Health/Check", "/a.B/C"):
            code, reason, words = await refusal(open_call(channel, "UnaryUnary", b"", metadata=RIGHT, path=path))
            assert (code, reason) == (grpc.StatusCode.PERMISSION_DENIED, "ADDRESS_NOT_ALLOWED")
            assert f"from {address} are not allowed" in words


async def test_a_unix_socket_has_no_address_to_be_refused(echo: Echo, tmp_path: Path) -> None:
    listen = f"unix:{tmp_path}/s"
    async with (
        serving(echo, listen=listen, session=None, allowed_callers=networks("10.0.0.0/8")),
        grpc.aio.insecure_channel(listen) as channel,
    ):
        assert await outcome(open_call(channel, "UnaryUnary", b"hello")) == [b"hello"]
