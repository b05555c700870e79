"""Puts an nvidia-smi and an FFmpeg into a folder that make a worker believe in a GPU."""

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import imageio_ffmpeg

from tests.simulators.nvidia import ffmpeg_shim, nvidia_smi
from tests.simulators.nvidia.models import GPU_MODELS

DRIVER_FLOOR = "530.41.03"
"""The least driver of an FFmpeg built with the headers of Video Codec SDK 12.1, as worker images are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PretendedGpu:
    """What the programs pretend: `count` equal GPUs, whose NVENC encodes `codecs` if the driver is new enough.

    An empty `driver_version` is a machine without NVIDIA's driver. `sessions` of NVENC may be open at once, and what
    is only tried runs at `engine_fps` frames a second on each of the `engines`. NVDEC has the codecs in `decodes`,
    and with `decode_fails` takes none of what it is given later.
    `ffmpeg` is the real FFmpeg to run.
    """

    name: str
    driver_version: str
    memory_mib: int
    compute_cap: str
    codecs: tuple[str, ...]
    count: int = 1
    sessions: int = 8
    engines: int = 1
    engine_fps: int = 5000
    decodes: tuple[str, ...] = ("h264", "hevc", "vp9")
    decode_fails: bool = False
    driver_floor: str = DRIVER_FLOOR
    ffmpeg: str = ""

    @classmethod
    def of_model(
        cls,
        model: str,
        *,
        driver_version: str,
        count: int = 1,
        nvenc: bool = True,
        driver_floor: str = DRIVER_FLOOR,
        ffmpeg: Path | None = None,
    ) -> Self:
        """Returns a model of the table by its name on the marketplace; without `nvenc` its encoder is missing."""
        entry = GPU_MODELS[model]
        return cls(
            name=entry.product,
            driver_version=driver_version if entry.maker == "nvidia" else "",
            memory_mib=entry.memory_mib,
            compute_cap=entry.compute_cap,
            codecs=tuple(sorted(entry.codecs)) if nvenc else (),
            count=count,
            driver_floor=driver_floor,
            ffmpeg=str(ffmpeg) if ffmpeg is not None else "",
        )


@dataclass(frozen=True, slots=True)
class InstalledGpu:
    """Where the programs are: `folder` for PATH, `ffmpeg` for a setting."""

    folder: Path
    ffmpeg: Path


def install(folder: Path, gpu: PretendedGpu) -> InstalledGpu:
    """Writes the programs into an existing folder. Workers hand no environment of theirs to FFmpeg, so that what is
    pretended lies beside the programs in `gpu.json`."""
    settings = asdict(gpu) | {"ffmpeg": gpu.ffmpeg or imageio_ffmpeg.get_ffmpeg_exe()}
    (folder / "gpu.json").write_text(json.dumps(settings, indent=1))
    if gpu.driver_version:
        _write_program(folder / "nvidia-smi", Path(nvidia_smi.__file__))
    ffmpeg = folder / "ffmpeg"
    _write_program(ffmpeg, Path(ffmpeg_shim.__file__))
    return InstalledGpu(folder=folder, ffmpeg=ffmpeg)


def _write_program(program: Path, source: Path) -> None:
    program.write_text(f"#!{sys.executable} -IS\n{source.read_text()}\n\nmain()\n")
    program.chmod(0o755)
