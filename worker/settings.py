"""Settings of the worker: environment variables `SPOTREEL_WORKER_*`, each with its default and unit."""

import ipaddress
import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from servicekit.rpc.server import ServerSettings

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _default_work_dir() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(cache) if cache else Path("~/.cache").expanduser()) / "spotreel" / "worker"


class WorkerSettings(BaseSettings):
    """How a worker listens, works and ends. Lists are separated by commas."""

    model_config = SettingsConfigDict(env_prefix="SPOTREEL_WORKER_", extra="ignore", frozen=True)

    listen: str = Field(
        default="127.0.0.1:3334",
        description="Address to listen on, `host:port` or `unix:/path`. Port 0 takes any free one.",
    )
    api_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        default=(),
        description="Keys or session tokens, any one of which callers must present. Empty: callers need none.",
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
        description="Seconds after which the worker stops itself when nobody with a key has spoken to it. 0: never.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="Least important level that is logged."
    )
    log_json: bool = Field(default=True, description="Whether logs are JSON lines, or columns for people.")

    @field_validator("api_keys", "font_folders", "allowed_networks", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    def server(self) -> ServerSettings:
        """Returns the part that the server needs, with the keys in clear."""
        return ServerSettings(
            listen=self.listen,
            api_keys=tuple(key.get_secret_value() for key in self.api_keys),
            tls_certificate=self.tls_certificate,
            tls_key=self.tls_key,
            allow_insecure=self.allow_insecure,
            shutdown_grace=self.shutdown_grace,
        )
