"""A gRPC server as both services run it: health, reflection, the stages, and an orderly end."""

import asyncio
import contextlib
import errno
import ipaddress
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import grpc
import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from servicekit.addresses import Network
from servicekit.errors import FailedPrecondition
from servicekit.rpc.callers import CallerStage
from servicekit.rpc.interceptors import StagesInterceptor
from servicekit.rpc.keys import AnyKey, KeyCheck, SessionKeys
from servicekit.rpc.reflection import add_reflection
from servicekit.rpc.stages import AuthenticationStage, ContextStage, ErrorStage, LimitStage

if TYPE_CHECKING:
    # Measured: cryptography costs 8 MiB, which a server without a session need not hold.
    from servicekit.session import SessionIdentity

MAX_MESSAGE_BYTES = 16 * 1024 * 1024

_OPTIONS: tuple[tuple[str, int], ...] = (
    # Measured: with the default of 1000, bursts of 3000 calls lost 500 of them as CANCELLED; with these none of 6000.
    ("grpc.server.max_pending_requests", 20_000),
    ("grpc.server.max_pending_requests_hard_limit", 40_000),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    # Two servers on one port would otherwise go unnoticed and share its calls.
    ("grpc.so_reuseport", 0),
    # Clients may ping every ten seconds, also while nothing is going on, without being sent away.
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    # A client that vanished without a word is noticed within about a minute.
    ("grpc.keepalive_time_ms", 40_000),
    ("grpc.keepalive_timeout_ms", 20_000),
)
# Watchers of health hear NOT_SERVING within this time, before their stream is ended with the others.
_NOTICE_SECONDS = 0.1
# What stopping may take beyond the grace period, in which gRPC ends the calls that are left.
_STOP_MARGIN_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """How a server is reached: `listen` is host:port (port 0: any free one) or unix:/path; times in seconds.

    With a `session` the server speaks mutual TLS and wants the session's token, and `deployment_key` too unless that is
    empty; keys and a certificate of its own have no place beside it. `allowed_callers` empty: any address.
    """

    listen: str
    api_keys: tuple[str, ...] = field(default=(), repr=False)
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    session: "SessionIdentity | None" = None
    deployment_key: str = field(default="", repr=False)
    allowed_callers: tuple[Network, ...] = ()
    allow_insecure: bool = False
    shutdown_grace: float = 10.0
    max_concurrent_streams: int = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class RpcService:
    """One gRPC service: its full name, and what adds its servicer to a server."""

    name: str
    add: Callable[[grpc.aio.Server], None]


class RpcServer:
    """Serves the services while its `async with` block runs.

    Entering raises FailedPrecondition: INSECURE_LISTEN, ADDRESS_IN_USE, ADDRESS_UNUSABLE, TLS_INCOMPLETE,
    TLS_FILE_UNREADABLE, SESSION_AMBIGUOUS or SESSION_MISSING. Leaving says NOT_SERVING, ends the streams (their clients
    resume), gives other calls `shutdown_grace` seconds, and then stops.
    """

    def __init__(
        self,
        settings: ServerSettings,
        services: Sequence[RpcService],
        *,
        on_authenticated: Callable[[], None] | None = None,
    ) -> None:
        self._settings = settings
        self._services = tuple(services)
        self._limits = LimitStage(max_concurrent_streams=settings.max_concurrent_streams)
        self._callers = CallerStage(allowed=settings.allowed_callers)
        self._authentication = AuthenticationStage(check=_key_check(settings), on_authenticated=on_authenticated)
        self._health = health.aio.HealthServicer()
        self._server: grpc.aio.Server | None = None
        self._log = structlog.get_logger("rpc")
        self.port = 0
        self.address = settings.listen

    async def __aenter__(self) -> Self:
        refuse_contradiction(self._settings)
        refuse_insecure(self._settings)
        credentials = _credentials(self._settings)
        stages = (ContextStage(), ErrorStage(), self._callers, self._limits, self._authentication)
        server = grpc.aio.server(interceptors=[StagesInterceptor(stages)], options=_OPTIONS)
        for service in self._services:
            service.add(server)
        await self._add_health(server)
        add_reflection(server, [*(service.name for service in self._services), "grpc.health.v1.Health"])
        self.port = _bind(server, self._settings.listen, credentials)
        host, _ = split_listen(self._settings.listen)
        if host is not None:
            self.address = f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"
        await server.start()
        self._server = server
        mutual = self._settings.session is not None
        self._log.info("listening", address=self.address, tls=credentials is not None, mutual_tls=mutual)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        stopping = asyncio.create_task(self._stop(), name="stop rpc server")
        try:
            await asyncio.shield(stopping)
        except asyncio.CancelledError:
            await stopping
            raise

    async def _stop(self) -> None:
        assert self._server is not None
        await self._health.enter_graceful_shutdown()
        if self._limits.open_streams:
            await asyncio.sleep(_NOTICE_SECONDS)
        self._limits.end_streams()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._settings.shutdown_grace + _STOP_MARGIN_SECONDS):
                await self._server.stop(self._settings.shutdown_grace)
        self._log.info("stopped", address=self.address)

    async def _add_health(self, server: grpc.aio.Server) -> None:
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        for service in self._services:
            await self._health.set(service.name, health_pb2.HealthCheckResponse.SERVING)


def split_listen(listen: str) -> tuple[str | None, int]:
    """Returns host and port of `host:port` or `[v6]:port`; host None for a unix: address.

    Raises FailedPrecondition (LISTEN_INVALID).
    """
    if listen.startswith(("unix:", "unix-abstract:")):
        return None, 0
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535 or (":" in host and not host.startswith("[")):
        raise _refused(
            f"{listen!r} is no address to listen on; write host:port, [v6]:port or unix:/path.",
            "LISTEN_INVALID",
            listen,
        )
    return host.removeprefix("[").removesuffix("]"), int(port)


def refuse_contradiction(settings: ServerSettings) -> None:
    """Raises FailedPrecondition where it is not clear who is to get in.

    SESSION_AMBIGUOUS: a session beside keys or a certificate; SESSION_MISSING: a deployment key, which only adds to a
    session, without one.
    """
    if settings.session is None and settings.deployment_key:
        raise _refused(
            "A deployment key only adds to a session, and there is none: set the session secret too.",
            "SESSION_MISSING",
            settings.listen,
        )
    if settings.session is not None and (settings.api_keys or settings.tls_certificate or settings.tls_key):
        raise _refused(
            "A session brings its own certificate and token: leave out the API keys, the TLS certificate and its key.",
            "SESSION_AMBIGUOUS",
            settings.listen,
        )


def refuse_insecure(settings: ServerSettings) -> None:
    """Raises FailedPrecondition (INSECURE_LISTEN) where others could reach the server without TLS or without a key.

    A session is both.
    """
    host, _ = split_listen(settings.listen)
    if settings.session is not None or settings.allow_insecure or host is None or is_loopback(host):
        return
    missing = [
        what
        for what, present in (("TLS certificate", settings.tls_certificate), ("API key", settings.api_keys))
        if not present
    ]
    if missing:
        raise _refused(
            f"Listening on {settings.listen} would let others in without {' and '.join(missing)}. "
            "Set both, listen on 127.0.0.1, or allow it plainly with --allow-insecure.",
            "INSECURE_LISTEN",
            settings.listen,
        )


def is_loopback(host: str) -> bool:
    """Tells whether a host, by its address or as `localhost`, is this machine itself."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _key_check(settings: ServerSettings) -> KeyCheck:
    if settings.session is None:
        return AnyKey(settings.api_keys)
    return SessionKeys(token=settings.session.token, deployment_key=settings.deployment_key)


def _credentials(settings: ServerSettings) -> grpc.ServerCredentials | None:
    if settings.session is not None:
        return settings.session.server_credentials()
    certificate, key = settings.tls_certificate, settings.tls_key
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise _refused(
            "TLS needs a certificate and its key, but only one of the two is set.", "TLS_INCOMPLETE", settings.listen
        )
    try:
        pair = (key.read_bytes(), certificate.read_bytes())
    except OSError as error:
        raise _refused(
            f"{error.filename} cannot be read: {error.strerror}.", "TLS_FILE_UNREADABLE", settings.listen
        ) from error
    return grpc.ssl_server_credentials([pair])


def _bind(server: grpc.aio.Server, listen: str, credentials: grpc.ServerCredentials | None) -> int:
    try:
        if credentials is None:
            return server.add_insecure_port(listen)
        return server.add_secure_port(listen, credentials)
    except RuntimeError as error:
        raise _bind_failure(listen) from error


def _bind_failure(listen: str) -> FailedPrecondition:
    """gRPC only says that it failed; binding a plain socket tells why."""
    host, port = split_listen(listen)
    reason, why = "ADDRESS_UNUSABLE", "the address cannot be bound"
    try:
        for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
    except OSError as error:
        why = error.strerror or str(error)
        reason = "ADDRESS_IN_USE" if error.errno == errno.EADDRINUSE else reason
    return _refused(
        f"Cannot listen on {listen}: {why}. Stop what uses it, or choose another port with --listen (0: any free one).",
        reason,
        listen,
    )


def _refused(message: str, reason: str, listen: str) -> FailedPrecondition:
    return FailedPrecondition(message, reason=reason, subject=listen, metadata={"listen": listen})
