"""Settings of the orchestrator: environment variables `SPOTREEL_*`, or a file of them, each with default and unit."""

import ipaddress
import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from orchestrator.jobs.admission import Ceilings
from orchestrator.money.budget import Budget
from orchestrator.offers.requirements import Requirements
from orchestrator.public_address import DEFAULT_SERVICES
from servicekit.rpc.server import ServerSettings

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_GIB = 1 << 30
_GB = 1_000_000_000
_MICROS = 1_000_000
_LOGIN = re.compile(r"(?P<user>[^\s:]+):(?P<password>\S+)@(?P<registry>[^\s@]+)")
_SQLITE = "sqlite:///"
_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})


def _default_data_dir() -> Path:
    data = os.environ.get("XDG_DATA_HOME", "")
    return (Path(data) if data else Path("~/.local/share").expanduser()) / "spotreel"


class OrchestratorSettings(BaseSettings):
    """How the orchestrator listens, keeps and ends. Lists are separated by commas."""

    model_config = SettingsConfigDict(env_prefix="SPOTREEL_", extra="ignore", frozen=True, allow_inf_nan=False)

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
    cloud: Literal["local", "vast"] = Field(
        default="local",
        description="Where jobs run: on local workers, or on machines rented on Vast.ai. With `vast`, local workers "
        "are house workers, which take the jobs that only copy the picture.",
    )
    deployment: str = Field(
        default="default",
        pattern=r"^[a-z0-9][a-z0-9-]{0,39}$",
        description="Name of this orchestrator in the labels of what it rents. Each orchestrator of an account, or on "
        "one machine, needs one of its own.",
    )
    take_over: bool = Field(
        default=False,
        description="Whether to start although the account has instances of this deployment that a new ledger knows "
        "nothing of; they are destroyed then.",
    )
    vast_api_key: SecretStr | None = Field(
        default=None,
        description="Key of the Vast.ai account, with the scopes misc, instance_read, instance_write, user_read and "
        "billing_read.",
    )
    vast_url: str = Field(
        default="https://console.vast.ai", pattern=r"^https?://", description="Address of the marketplace's API."
    )
    vast_image: str = Field(
        default="", max_length=1024, description="Image of the worker that rented machines run. Needed with `vast`."
    )
    vast_image_login: SecretStr | None = Field(
        default=None, description="Login at the image's registry, `USER:PASSWORD@REGISTRY`, where it wants one."
    )
    vast_driver_floor: str = Field(
        default="570",
        pattern=r"^\d+(\.\d+)*$",
        description="Oldest NVIDIA driver that the image's FFmpeg encodes with: 470.57 for one built with "
        "nv-codec-headers 11.1, 520.56 for 12.0, 550.54 for 12.2, 570 for 13.0, 610 for 13.1.",
    )
    vast_disk_gb: int = Field(default=20, ge=8, le=2000, description="Disk space to rent at least, in GB (10^9 bytes).")
    vast_interruptible: bool = Field(
        default=False, description="Whether to rent at a bid, for about half the price, and be outbid at any time."
    )
    vast_bid_factor: float = Field(
        default=1.25, ge=1, le=10, description="What is bid, as a multiple of the least that the host takes."
    )
    min_instances: int = Field(default=0, ge=0, le=100, description="Rented machines that are kept, work or not.")
    max_instances: int = Field(
        default=2, ge=0, le=100, description="Rented machines at most; one that is not proved to be gone counts."
    )
    jobs_per_instance: int = Field(
        default=4, ge=1, le=1000, description="Jobs that wait for one rented machine before another one is rented."
    )
    idle_timeout: float = Field(
        default=0.0,
        ge=0,
        le=86_400,
        description="Seconds that a rented machine is kept without work. 0: as long as its start took, 1 to 15 min.",
    )
    budget_usd_per_hour: float = Field(
        default=2.0,
        ge=0,
        description="What all rented machines together may cost in an hour, in US dollars. 0: no bound.",
    )
    budget_usd_per_day: float = Field(
        default=10.0,
        ge=0,
        description="What may be spent in any 24 hours, in US dollars; when it is used up every machine is ended. "
        "0: no bound.",
    )
    offer_max_usd_per_hour: float = Field(
        default=1.0, ge=0, description="What one machine may cost in an hour, in US dollars. 0: no bound."
    )
    offer_gpu_names: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="GPU models to rent, such as `RTX 4090`. Empty: all that encode what is needed."
    )
    offer_min_gpu_memory_gb: float = Field(default=0.0, ge=0, description="Memory of the GPU at least, in GB.")
    offer_min_cpu_cores: float = Field(default=2.0, ge=0, description="Processor cores at least.")
    offer_min_reliability: float = Field(
        default=0.95, ge=0, le=1, description="Reliability of the host at least, 0 to 1."
    )
    offer_min_download_mbps: float = Field(default=100.0, ge=0, description="Download rate at least, in Mbit/s.")
    offer_min_upload_mbps: float = Field(default=50.0, ge=0, description="Upload rate at least, in Mbit/s.")
    offer_min_hours: float = Field(
        default=2.0, ge=0, description="Hours that the host must still offer the machine at least."
    )
    offer_verified_only: bool = Field(
        default=True, description="Whether only machines that the marketplace has verified are rented."
    )
    offer_countries: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Countries to rent in, as codes of two letters. Empty: all."
    )
    offer_denied_countries: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Countries not to rent in; where one is not known, it is not rented either."
    )
    deployment_key: SecretStr | None = Field(
        default=None,
        max_length=256,
        description="Key that rented workers ask for beside their session's own; the machine's host can read it.",
    )
    dead_man_timeout: float = Field(
        default=600.0,
        ge=60,
        le=86_400,
        description="Seconds of silence after which a rented machine destroys itself.",
    )
    public_addresses: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Addresses or networks that rented workers take calls from: those of this server. Empty: found by "
        "asking `address_services`. `any`: everybody who knows the session's secret.",
    )
    address_services: Annotated[tuple[str, ...], NoDecode] = Field(
        default=DEFAULT_SERVICES,
        description="Addresses that answer with the address of who asks, asked in this order.",
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

    @field_validator(
        "api_keys",
        "allowed_networks",
        "offer_gpu_names",
        "offer_countries",
        "offer_denied_countries",
        "public_addresses",
        "address_services",
        mode="before",
    )
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator(
        *("api_key", "ffmpeg", "tls_certificate", "tls_key"),
        *("vast_api_key", "vast_image_login", "deployment_key"),
        mode="before",
    )
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator("api_key", "api_keys", "vast_api_key", "deployment_key", mode="after")
    @classmethod
    def _are_words(cls, value: object) -> object:
        """Keys travel in headers; the values stay out of the message."""
        keys = value if isinstance(value, tuple) else (value,)
        for key in keys:
            text = key.get_secret_value() if isinstance(key, SecretStr) else str(key or "x")
            if not text.isascii() or not text.isprintable() or text != text.strip():
                raise ValueError("a key has printable ASCII characters only, and no blanks at its ends")
        return value

    @field_validator("vast_url", mode="after")
    @classmethod
    def _is_safe(cls, value: str) -> str:
        host = (urlsplit(value).hostname or "").lower()
        if not value.startswith("https://") and host not in _THIS_MACHINE:
            raise ValueError("must be https: the account's key is sent there")
        return value

    @field_validator("public_addresses", mode="after")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if "any" in value and len(value) > 1:
            raise ValueError("`any` stands alone")
        for one in value:
            if one != "any":
                ipaddress.ip_network(one)
        return value

    @field_validator("vast_image", mode="after")
    @classmethod
    def _is_stripped(cls, value: str) -> str:
        return value.strip()

    @field_validator("ledger_url", mode="after")
    @classmethod
    def _is_sqlite(cls, value: str) -> str:
        if "://" in value and not value.startswith(_SQLITE):
            raise ValueError("only SQLite is built in: give the path of a file")
        return value

    @field_validator("offer_countries", "offer_denied_countries", mode="after")
    @classmethod
    def _are_countries(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for country in value:
            if len(country) != 2 or not country.isalpha():
                raise ValueError(f"{country[:20]!r} is no code of two letters, such as DE")
        return tuple(country.upper() for country in value)

    @field_validator("vast_image_login", mode="after")
    @classmethod
    def _is_login(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not _LOGIN.fullmatch(value.get_secret_value()):
            # Blanks would be read as the next option; the value itself stays out of the message.
            raise ValueError("must be USER:PASSWORD@REGISTRY without blanks")
        return value

    @model_validator(mode="after")
    def _can_rent(self) -> Self:
        if self.cloud == "vast" and self.vast_api_key is None:
            raise ValueError("cloud is vast, which needs SPOTREEL_VAST_API_KEY")
        if self.cloud == "vast" and not self.vast_image:
            raise ValueError("cloud is vast, which needs SPOTREEL_VAST_IMAGE")
        if self.min_instances > self.max_instances:
            raise ValueError("min_instances must not be more than max_instances")
        return self

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
    def budget(self) -> Budget:
        """What may be spent."""
        return Budget(
            usd_micros_per_hour=round(self.budget_usd_per_hour * _MICROS),
            usd_micros_per_day=round(self.budget_usd_per_day * _MICROS),
        )

    @property
    def rental_terms(self) -> Requirements:
        """What every rented machine has to meet."""
        return Requirements(
            gpu_names=frozenset(self.offer_gpu_names),
            min_gpu_memory_bytes=round(self.offer_min_gpu_memory_gb * _GB),
            min_disk_bytes=self.vast_disk_gb * _GB,
            min_download_bps=round(self.offer_min_download_mbps * _MICROS),
            min_upload_bps=round(self.offer_min_upload_mbps * _MICROS),
            min_reliability=self.offer_min_reliability,
            min_cpu_cores=self.offer_min_cpu_cores,
            min_remaining=timedelta(hours=self.offer_min_hours),
            max_usd_micros_per_hour=round(self.offer_max_usd_per_hour * _MICROS),
            verified_only=self.offer_verified_only,
            countries=frozenset(self.offer_countries),
            denied_countries=frozenset(self.offer_denied_countries),
            driver_floor=self.vast_driver_floor,
        )

    @property
    def registry_login(self) -> str:
        """The login in the form that the marketplace wants, in clear; empty where there is none."""
        match = _LOGIN.fullmatch(self.vast_image_login.get_secret_value()) if self.vast_image_login else None
        return f"-u {match['user']} -p {match['password']} {match['registry']}" if match else ""

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
