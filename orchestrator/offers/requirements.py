"""What a machine must have to be rented, and the work that it would be rented for."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirements:
    """What an offer has to meet; zero and empty ask for nothing.

    `encoder` is the codec (`h264`, `hevc`, `av1`) that its GPU has to encode. `driver_floor` is the oldest NVIDIA
    driver that the worker's image encodes with; it only counts with an encoder. Money in micro US dollars, sizes in
    bytes, rates in bits per second, countries as ISO 3166 codes of two letters.
    """

    encoder: str = ""
    gpu_names: frozenset[str] = frozenset()
    min_gpu_memory_bytes: int = 0
    min_disk_bytes: int = 0
    min_download_bps: int = 0
    min_upload_bps: int = 0
    min_reliability: float = 0.0
    min_cpu_cores: float = 0.0
    min_remaining: timedelta = timedelta()
    max_usd_micros_per_hour: int = 0
    verified_only: bool = True
    countries: frozenset[str] = frozenset()
    denied_countries: frozenset[str] = frozenset()
    driver_floor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """The work at hand, as far as it is known before the inputs are read: bytes to and from the machine, and pictures
    to encode, counted in frames of 1080p (a frame of 4K counts as four). `encoder` is the codec; empty: none. `rest` is
    time in which the machine is needed beside that."""

    input_bytes: int = 0
    output_bytes: int = 0
    frames: int = 0
    encoder: str = ""
    rest: timedelta = timedelta()

    def __add__(self, other: "Work") -> "Work":
        """Returns both; the codec of either, since one machine encodes them one after the other."""
        return Work(
            input_bytes=self.input_bytes + other.input_bytes,
            output_bytes=self.output_bytes + other.output_bytes,
            frames=self.frames + other.frames,
            encoder=self.encoder or other.encoder,
            rest=self.rest + other.rest,
        )
