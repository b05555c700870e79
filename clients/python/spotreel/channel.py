"""Where a server is, and how a channel to it is opened."""

import ipaddress
import os
import re
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import grpc

from spotreel.errors import InvalidRequest, LocalFile
from spotreel.service_config import service_config_json

SERVER_VARIABLE = "SPOTREEL_SERVER"
API_KEY_VARIABLE = "SPOTREEL_API_KEY"
TLS_CA_VARIABLE = "SPOTREEL_TLS_CA"

_DEFAULT_PORT = {True: 443, False: 50051}
# A chunk of output is at most 1 MiB; a job with its log tail far less.
_MAX_MESSAGE_BYTES = 8 * 1024 * 1024
_NOT_IN_HOSTS = re.compile(r"[\s:/?#@\[\]]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A server: `target` is `host:port`; the key is never shown."""

    target: str
    tls: bool
    tls_ca: bytes | None = field(default=None, repr=False)
    api_key: str | None = field(default=None, repr=False)

    @classmethod
    def resolve(
        cls,
        server: str | None = None,
        *,
        api_key: str | None = None,
        tls: bool | None = None,
        tls_ca: Path | None = None,
    ) -> Self:
        """Fills in what is not given from SPOTREEL_SERVER, SPOTREEL_API_KEY and SPOTREEL_TLS_CA.

        TLS is used unless the server is this machine; `http://` or `https://` before the name, or `tls`, say otherwise.
        Raises InvalidRequest where no server is named (SERVER_MISSING) or what is named is none (SERVER_INVALID), and
        where the key cannot be sent (API_KEY_MALFORMED); LocalFile where `tls_ca` cannot be read.
        """
        named = server or os.environ.get(SERVER_VARIABLE)
        if not named:
            raise InvalidRequest(
                f"No server is named: pass one, or set {SERVER_VARIABLE} to host:port.", reason="SERVER_MISSING"
            )
        ca_path = tls_ca or _path(os.environ.get(TLS_CA_VARIABLE))
        scheme, _, host_port = named.rpartition("://")
        host_port = host_port.rstrip("/")
        if "@" in named:
            # Not repeated: what stands before it may be a secret.
            raise InvalidRequest(
                "A server is named without a user: write host:port, or https://host:port.", reason="SERVER_INVALID"
            )
        if scheme not in {"", "http", "https"} or not host_port:
            raise InvalidRequest(
                f"{named!r} is no server: write host:port, or https://host:port.", reason="SERVER_INVALID"
            )
        secure = tls if tls is not None else (scheme == "https" or (not scheme and not _is_this_machine(host_port)))
        target = _with_port(host_port, _DEFAULT_PORT[secure])
        if not _is_target(target):
            raise InvalidRequest(
                f"{named!r} is no server: write host:port, with a port of at most 65535.", reason="SERVER_INVALID"
            )
        return cls(
            target=target,
            tls=secure,
            tls_ca=_read_ca(ca_path) if secure and ca_path else None,
            api_key=_checked_key(api_key or os.environ.get(API_KEY_VARIABLE) or None),
        )

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What is sent with every call."""
        return (("authorization", f"Bearer {self.api_key}"),) if self.api_key else ()

    def open(self) -> grpc.aio.Channel:
        """Opens a channel, on the running loop; it connects with the first call."""
        options = [
            ("grpc.service_config", service_config_json()),
            ("grpc.enable_retries", 1),
            # The default of 1 s would spend all tries of a call before the second attempt to connect.
            ("grpc.initial_reconnect_backoff_ms", 200),
            ("grpc.max_reconnect_backoff_ms", 5000),
            ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
            ("grpc.keepalive_time_ms", 30_000),
            ("grpc.keepalive_timeout_ms", 10_000),
            ("grpc.primary_user_agent", "spotreel-python"),
            # Channels of one process with equal options share a connection otherwise, and with it its failures.
            ("grpc.use_local_subchannel_pool", 1),
        ]
        if self.tls:
            return grpc.aio.secure_channel(self.target, grpc.ssl_channel_credentials(self.tls_ca), options)
        return grpc.aio.insecure_channel(self.target, options)


def _is_this_machine(host_port: str) -> bool:
    host = _host(host_port)
    if host == "localhost" or host_port.startswith("unix:"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _host(host_port: str) -> str:
    if host_port.startswith("["):
        return host_port[1:].partition("]")[0]
    return host_port.rpartition(":")[0] if host_port.count(":") == 1 else host_port


def _with_port(host_port: str, default: int) -> str:
    if host_port.startswith("unix:"):
        return host_port
    host = _host(host_port)
    if host_port in {host, f"[{host}]"}:
        return f"[{host}]:{default}" if ":" in host else f"{host}:{default}"
    return host_port


def _is_target(target: str) -> bool:
    if target.startswith("unix:"):
        return True
    host, _, port = target.rpartition(":")
    if not (port.isascii() and port.isdigit() and 0 <= int(port[:6]) <= 65_535):
        return False
    if host.startswith("["):
        try:
            return ipaddress.ip_address(host[1:-1]).version == 6
        except ValueError:
            return False
    return bool(host) and not _NOT_IN_HOSTS.search(host)


def _checked_key(api_key: str | None) -> str | None:
    if api_key is not None and not (api_key.isascii() and api_key.isprintable()):
        raise InvalidRequest("The API key may only have printable ASCII characters.", reason="API_KEY_MALFORMED")
    return api_key


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None


def _read_ca(path: Path) -> bytes:
    try:
        pem = path.read_bytes()
        # gRPC says of what is no certificate only that it could not connect, and takes the machine's own for nothing.
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=pem.decode("ascii"))
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and not isinstance(error, ssl.SSLError) else ""
        raise LocalFile(
            f"The certificates in {path} cannot be read: {why or 'it is no PEM file of certificates'}.",
            reason="TLS_CA_UNREADABLE",
            metadata={"path": str(path)},
        ) from error
    return pem
