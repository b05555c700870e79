"""Settings of the worker: environment variables `SPOTREEL_WORKER_*`, each with its default and unit."""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from servicekit.addresses import Network
from servicekit.rpc.server import ServerSettings, is_loopback

if TYPE_CHECKING:
    from servicekit.session import SessionIdentity

_SESSION_SECRET = re.compile(r"[0-9a-fA-F]{64}")


def _default_cache_dir() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(cache) if cache else Path("~/.cache").expanduser()) / "spotreel"


def _default_work_dir() -> Path:
    return _default_cache_dir() / "worker"


class WorkerSettings(BaseSettings):
    """How a worker listens, works and ends. Lists are separated by commas."""

    model_config = SettingsConfigDict(
        env_prefix="SPOTREEL_WORKER_", extra="ignore", frozen=True, hide_input_in_errors=True
    )

    listen: str = Field(
        default="127.0.0.1:3334",
        description="Address to listen on, `host:port` or `unix:/path`. Port 0 takes any free one.",
    )
    api_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        default=(),
        description="Keys, any one of which callers must present. Empty: callers need none.",
    )
    session_secret: SecretStr | None = Field(
        default=None,
        description="Secret of the session with the orchestrator, 64 hex digits. With it the worker speaks mutual TLS "
        "and wants the session's token, both derived from it; API keys and a certificate have no place beside it.",
    )
    deployment_key: SecretStr | None = Field(
        default=None,
        description="Key that callers must present as `x-api-key` besides the session's token. Not set: none.",
    )
    allowed_callers: Annotated[tuple[Network, ...], NoDecode] = Field(
        default=(),
        description="Addresses and networks (CIDR), IPv4 and IPv6, that may call the worker, health checks included. "
        "Empty: any.",
    )
    tls_certificate: Path | None = Field(default=None, description="PEM file with the server's certificate chain.")
    tls_key: Path | None = Field(default=None, description="PEM file with the certificate's private key.")
    allow_insecure: bool = Field(
        default=False, description="Whether to listen beyond this machine without TLS or without a key."
    )
    work_dir: Path = Field(
        default_factory=_default_work_dir,
        description="Folder for inputs, outputs and working files. Default: `spotreel/worker` in the user's cache "
        "folder. Several workers may share it.",
    )
    cache_dir: Path = Field(
        default_factory=_default_cache_dir,
        description="Folder for what was measured of this machine, and for what NVIDIA's driver compiled for its GPU. "
        "Default: `spotreel` in the user's cache folder. Where it cannot be written, each start measures anew.",
    )
    ffmpeg: Path | None = Field(
        default=None,
        description="FFmpeg to use. Default: a complete one on PATH, else the one of imageio-ffmpeg.",
    )
    font_folders: Annotated[tuple[Path, ...], NoDecode] = Field(
        default=(), description="Folders with more fonts for captions. DejaVu Sans is always there."
    )
    allowed_networks: Annotated[tuple[Network, ...], NoDecode] = Field(
        default=(),
        description="Networks (CIDR) that inputs may be fetched from although they are not public, such as "
        "`10.0.0.0/8`.",
    )
    slots: int = Field(
        default=0, ge=0, le=64, description="Tasks that run at once. 0: as many as the probe of the machine says."
    )
    shutdown_grace: float = Field(
        default=10.0, ge=0, le=600, description="Seconds that calls get to end when the worker is stopped."
    )
    dead_man_timeout: float = Field(
        default=0.0,
        ge=0,
        description="Seconds after which the worker stops itself when nobody with a key has spoken to it; in a rented "
        "container it destroys its instance first. 0: never.",
    )
    marketplace_url: str = Field(
        default="https://console.vast.ai",
        description="Where a rented container's instance is destroyed, `https://host`; `http` only on this machine.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="Least important level that is logged."
    )
    log_json: bool = Field(default=True, description="Whether logs are JSON lines, or columns for people.")

    @field_validator("api_keys", "font_folders", "allowed_networks", "allowed_callers", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator("session_secret", "deployment_key", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator("session_secret", mode="after")
    @classmethod
    def _is_a_secret(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not _SESSION_SECRET.fullmatch(value.get_secret_value()):
            raise ValueError(f"must be 64 hex digits (32 bytes); these are {len(value)} characters")
        return value

    @field_validator("marketplace_url", mode="after")
    @classmethod
    def _is_a_base(cls, value: str) -> str:
        parts = urlsplit(value)
        host = parts.hostname or ""
        if not (parts.scheme == "https" and host) and not (parts.scheme == "http" and is_loopback(host)):
            raise ValueError("must be https://host; the key of the container goes there")
        if parts.path.strip("/") or parts.query or parts.fragment or parts.username is not None:
            raise ValueError("must be https://host and nothing more")
        return value.rstrip("/")

    def server(self) -> ServerSettings:
        """Returns the part that the server needs, with the keys in clear."""
        return ServerSettings(
            listen=self.listen,
            api_keys=tuple(key.get_secret_value() for key in self.api_keys),
            tls_certificate=self.tls_certificate,
            tls_key=self.tls_key,
            session=self._session(),
            deployment_key="" if self.deployment_key is None else self.deployment_key.get_secret_value(),
            allowed_callers=self.allowed_callers,
            allow_insecure=self.allow_insecure,
            shutdown_grace=self.shutdown_grace,
        )

    def _session(self) -> "SessionIdentity | None":
        if self.session_secret is None:
            return None
        # Only now: it costs 8 MiB, and a local worker has no session.
        from servicekit.session import SessionIdentity  # noqa: PLC0415

        return SessionIdentity(bytes.fromhex(self.session_secret.get_secret_value()))
