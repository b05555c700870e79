"""What a worker can do, as `Capabilities` of the contract has it."""

import re
from dataclasses import dataclass

from servicekit.media.outputs import VideoCodec
from worker.hardware.diagnosis import Diagnosis


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
    """One video encoder of FFmpeg; `usable` was found out by encoding, `reason` and `diagnosis` say why not.

    `frames_per_second` is of 1080p, measured with one encode at a time; 0 where it was not.
    """

    name: str
    codec: VideoCodec
    hardware: bool
    usable: bool
    reason: str = ""
    diagnosis: Diagnosis = Diagnosis.UNSPECIFIED
    frames_per_second: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoder:
    """NVDEC for one codec, by the probe's name of it; `usable` was found out by decoding."""

    codec: str
    usable: bool
    reason: str = ""
    diagnosis: Diagnosis = Diagnosis.UNSPECIFIED


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What this worker can do; `slots` is how many tasks it runs at once.

    `hardware_decoders` are those that were tried: none without a GPU.
    """

    gpus: tuple[Gpu, ...]
    encoders: tuple[Encoder, ...]
    filters: tuple[str, ...]
    cpu_count: int
    memory_bytes: int
    disk_free_bytes: int
    slots: int
    ffmpeg_version: str
    nvenc_driver_floor: str
    fonts: tuple[str, ...]
    build: str
    hardware_decoders: tuple[Decoder, ...] = ()

    @property
    def ffmpeg_release(self) -> tuple[int, int]:
        """The release of FFmpeg as (major, minor); builds of the development branch count as newest."""
        match = re.match(r"n?(\d+)\.(\d+)", self.ffmpeg_version)
        return (int(match[1]), int(match[2])) if match else (99, 0)

    @property
    def diagnosis(self) -> Diagnosis:
        """Why no codec can be encoded on the GPU; UNSPECIFIED where one can.

        Where the encoders fail for different reasons, the first one tells: H.264 is what every NVENC has.
        """
        hardware = [encoder for encoder in self.encoders if encoder.hardware]
        if not hardware or any(encoder.usable for encoder in hardware):
            return Diagnosis.UNSPECIFIED
        return hardware[0].diagnosis

    def decodes(self, codec: str) -> bool:
        """Tells whether NVDEC was seen to decode a codec, by the probe's name of it."""
        return any(decoder.usable for decoder in self.hardware_decoders if decoder.codec == codec)
