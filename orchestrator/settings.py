"""Settings of the orchestrator: environment variables `SPOTREEL_*`, or a file of them, each with default and unit."""

import ipaddress
import os
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from orchestrator.jobs.admission import Ceilings
from servicekit.rpc.server import ServerSettings

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_GIB = 1 << 30
_SQLITE = "sqlite:///"


def _default_data_dir() -> Path:
    data = os.environ.get("XDG_DATA_HOME", "")
    return (Path(data) if data else Path("~/.local/share").expanduser()) / "spotreel"


class OrchestratorSettings(BaseSettings):
    """How the orchestrator listens, keeps and ends. Lists are separated by commas."""

    model_config = SettingsConfigDict(env_prefix="SPOTREEL_", extra="ignore", frozen=True)

    listen: str = Field(
        default="127.0.0.1:50051",
        description="Address to listen on, `host:port` or `unix:/path`. Port 0 takes any free one.",
    )
    api_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        default=(), description="Keys, any one of which callers must present. Empty: callers need none."
    )
    api_key: SecretStr | None = Field(
        default=None, description="One more such key; clients read the same variable for the key that they present."
    )
    tls_certificate: Path | None = Field(default=None, description="PEM file with the server's certificate chain.")
    tls_key: Path | None = Field(default=None, description="PEM file with the certificate's private key.")
    allow_insecure: bool = Field(
        default=False, description="Whether to listen beyond this machine without TLS or without a key."
    )
    data_dir: Path = Field(
        default_factory=_default_data_dir,
        description="Folder of the ledger, of outputs on their way home, of uploads and of local workers. Default: "
        "`spotreel` in the user's data folder.",
    )
    ledger_url: str = Field(
        default="",
        description="SQLite file of the ledger, on a local disk: its path, or `sqlite:///` and its path. Default: "
        "`ledger.sqlite` in data_dir.",
    )
    storage_url: str = Field(
        default="",
        description="Where assets and outputs are kept: a folder, or `s3://bucket/prefix`, `gs://…`, `az://…` with "
        "credentials from the environment. Default: `blobs` in data_dir.",
    )
    local_workers: int = Field(default=1, ge=0, le=64, description="Worker processes that run beside the server.")
    local_worker_slots: int = Field(
        default=0, ge=0, le=64, description="Jobs that a local worker runs at once. 0: as many as its probe says."
    )
    ffmpeg: Path | None = Field(
        default=None, description="FFmpeg to use. Default: a complete one on PATH, else the one of imageio-ffmpeg."
    )
    allowed_networks: Annotated[tuple[Network, ...], NoDecode] = Field(
        default=(),
        description="Networks (CIDR) that local workers may fetch inputs from although they are not public, such as "
        "`10.0.0.0/8`.",
    )
    max_queued_jobs: int = Field(default=10_000, ge=1, description="Jobs that may wait at once.")
    max_input_bytes: int = Field(
        default=10 * _GIB, ge=1, description="Highest `max_input_bytes` that a job may ask for, in bytes."
    )
    max_run_timeout: float = Field(
        default=86_400.0, ge=1, le=86_400, description="Highest `run_timeout` that a job may ask for, in seconds."
    )
    max_asset_bytes: int = Field(default=10 * _GIB, ge=1, description="Largest file that is taken, in bytes.")
    fetch_idle_timeout: float = Field(
        default=30.0,
        gt=0,
        le=3600,
        description="Seconds that an input at an address may send nothing before the attempt fails.",
    )
    stall_timeout: float = Field(
        default=60.0,
        gt=0,
        le=3600,
        description="Seconds without progress and without growth of the output after which an attempt is STALLED.",
    )
    job_retention: float = Field(
        default=604_800.0, ge=60, description="Seconds that a job and its output are kept after its end."
    )
    asset_retention: float = Field(
        default=604_800.0, ge=60, description="Seconds that an asset is kept after its last use."
    )
    shutdown_grace: float = Field(
        default=10.0, ge=0, le=600, description="Seconds that calls get to end when the server is stopped."
    )
    max_concurrent_streams: int = Field(
        default=2000, ge=1, description="Watches, uploads and downloads that may be open at once."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="Least important level that is logged."
    )
    log_json: bool = Field(default=True, description="Whether logs are JSON lines, or columns for people.")

    @field_validator("api_keys", "allowed_networks", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("api_key", "ffmpeg", "tls_certificate", "tls_key", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator("ledger_url", mode="after")
    @classmethod
    def _is_sqlite(cls, value: str) -> str:
        if "://" in value and not value.startswith(_SQLITE):
            raise ValueError("only SQLite is built in: give the path of a file")
        return value

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator("data_dir", "ffmpeg", "tls_certificate", "tls_key", mode="after")
    @classmethod
    def _at_home(cls, value: Path | None) -> Path | None:
        return None if value is None else value.expanduser().absolute()

    @classmethod
    def load(cls, config: Path | None, **given: Any) -> Self:
        """Reads the settings: those given go before the environment, and that before the file."""
        return cls(**{"_env_file": config, "_env_file_encoding": "utf-8", **given})

    @property
    def ledger_path(self) -> Path:
        """The file of the ledger."""
        path = self.ledger_url.removeprefix(_SQLITE)
        return Path(path).expanduser().absolute() if path else self.data_dir / "ledger.sqlite"

    @property
    def storage_place(self) -> str:
        """The folder or address of the store."""
        return self.storage_url or str(self.data_dir / "blobs")

    @property
    def ceilings(self) -> Ceilings:
        """What a job may ask for at most."""
        return Ceilings(
            max_queued_jobs=self.max_queued_jobs,
            max_input_bytes=self.max_input_bytes,
            max_run_timeout=timedelta(seconds=self.max_run_timeout),
        )

    def server(self) -> ServerSettings:
        """Returns the part that the server needs, with the keys in clear."""
        keys = (*self.api_keys, *(() if self.api_key is None else (self.api_key,)))
        return ServerSettings(
            listen=self.listen,
            api_keys=tuple(key.get_secret_value() for key in keys if key.get_secret_value()),
            tls_certificate=self.tls_certificate,
            tls_key=self.tls_key,
            allow_insecure=self.allow_insecure,
            shutdown_grace=self.shutdown_grace,
            max_concurrent_streams=self.max_concurrent_streams,
        )
