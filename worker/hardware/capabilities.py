"""What a worker can do, as `Capabilities` of the contract has it."""

import re
from dataclasses import dataclass

from servicekit.media.outputs import VideoCodec


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """One GPU; `compute_capability` as in "8.9", `nvenc_engines` 0 where there is none or it is not known."""

    name: str
    driver_version: str
    memory_bytes: int
    compute_capability: str
    nvenc_engines: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoder:
    """One video encoder of FFmpeg; `usable` was found out by encoding, `reason` says why not.

    `frames_per_second` is that of the test encode (256x256): a sign of life, not a promise.
    """

    name: str
    codec: VideoCodec
    hardware: bool
    usable: bool
    reason: str = ""
    frames_per_second: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What this worker can do; `slots` is how many tasks it runs at once."""

    gpus: tuple[Gpu, ...]
    encoders: tuple[Encoder, ...]
    decoders: tuple[str, ...]
    filters: tuple[str, ...]
    cpu_count: int
    memory_bytes: int
    disk_free_bytes: int
    slots: int
    ffmpeg_version: str
    nvenc_driver_floor: str
    fonts: tuple[str, ...]
    build: str

    @property
    def ffmpeg_release(self) -> tuple[int, int]:
        """The release of FFmpeg as (major, minor); builds of the development branch count as newest."""
        match = re.match(r"n?(\d+)\.(\d+)", self.ffmpeg_version)
        return (int(match[1]), int(match[2])) if match else (99, 0)
