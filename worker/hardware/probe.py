"""Finds out what this machine can do: encoders and decoders by trying them, GPUs by asking the driver."""

import asyncio
import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from servicekit.clock import Clock
from servicekit.errors import SpotreelError
from servicekit.process import query
from worker.ffmpeg.environment import ffmpeg_environment
from worker.fonts.book import FontBook
from worker.hardware.capabilities import Capabilities, Encoder, Gpu
from worker.hardware.decodes import DecodeTrials
from worker.hardware.diagnosis import Diagnosis
from worker.hardware.encodes import MOST_AT_ONCE, EncodeTrials
from worker.hardware.record import Findings, MachineRecord
from worker.media.encoders import ENCODERS

_GPU_FIELDS = "name,driver_version,memory.total,compute_cap"
_MEBIBYTE = 1 << 20
# What a task takes at most of the GPU's memory and of the machine's, with room to spare at 1080p.
_TASK_BYTES = 1 << 30
# An encode by software fills two cores well.
_CORES_PER_TASK = 2
_NVIDIA = "0x10de"
# What is only said of a GPU that is there, although nvidia-smi, which may be missing, did not list it.
_OF_A_GPU = frozenset(Diagnosis) - {
    Diagnosis.UNSPECIFIED,
    Diagnosis.NO_GPU,
    Diagnosis.NO_DRIVER,
    Diagnosis.NOT_BUILT,
}


async def probe_capabilities(
    ffmpeg: Path, *, data_folder: Path, fonts: FontBook, clock: Clock, build: str, slots: int = 0
) -> Capabilities:
    """Returns what this machine can do; the first call takes seconds, later ones use `data_folder`'s record.

    `slots` 0 measures how many tasks at once are worth while; another number is taken as it is. The disk is left to
    whoever knows where tasks work.
    """
    gpus, version, filters = await asyncio.gather(
        asyncio.to_thread(_gpus), asyncio.to_thread(_version, ffmpeg), asyncio.to_thread(_listed, ffmpeg, "-filters")
    )
    cores = len(os.sched_getaffinity(0))
    memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    record = MachineRecord(data_folder, ffmpeg, gpus, slots_measured=not slots)
    found = await asyncio.to_thread(record.read)
    if found is None:
        most = 0 if slots else min(MOST_AT_ONCE, max(memory_bytes // _TASK_BYTES, 1))
        found = await _tried(ffmpeg, gpus, clock, cores=cores, most=most)
        await asyncio.to_thread(record.write, found)
    return Capabilities(
        gpus=gpus,
        encoders=found.encoders,
        hardware_decoders=found.decoders,
        filters=filters,
        cpu_count=cores,
        memory_bytes=memory_bytes,
        disk_free_bytes=0,
        slots=slots or found.slots,
        ffmpeg_version=version,
        nvenc_driver_floor=os.environ.get("SPOTREEL_NVENC_DRIVER_FLOOR", ""),
        fonts=fonts.names,
        build=build,
    )


async def _tried(ffmpeg: Path, gpus: Sequence[Gpu], clock: Clock, *, cores: int, most: int) -> Findings:
    """Tries everything, one after the other, since what runs beside a measurement falsifies it.

    `most` is the most tasks at once, 0 to not ask.
    """
    driver = gpus[0].driver_version if gpus else ""
    with tempfile.TemporaryDirectory(prefix="spotreel-trial-") as name:
        folder, environment = Path(name), ffmpeg_environment()
        encodes = EncodeTrials(
            ffmpeg=ffmpeg, folder=folder, environment=environment, driver_version=driver, clock=clock
        )
        present = await asyncio.to_thread(nvidia_present)
        encoders = [told_of_absence(one, present=present) for one in await _encoders(encodes)]
        decodes = DecodeTrials(
            ffmpeg=ffmpeg, folder=folder, environment=environment, driver_version=driver, clock=clock
        )
        seen = gpus or any(one.usable or one.diagnosis in _OF_A_GPU for one in encoders if one.hardware)
        decoders = await decodes.decoders() if seen else ()
        slots = await _slots(encodes, encoders, gpus, cores=cores, most=most) if most else 0
    return Findings(encoders=tuple(encoders), decoders=decoders, slots=slots)


async def _encoders(encodes: EncodeTrials) -> Sequence[Encoder]:
    """Tries NVENC's encoders first: where one works, those of the CPU are the exception, and only seen to work.

    A rented machine bills while it is looked at, and measuring the CPU's encoders takes over a second.
    """
    hardware = {codec: await encodes.encoder(names[0], codec) for codec, names in ENCODERS.items()}
    if any(encoder.usable for encoder in hardware.values()):
        seen = [encodes.encoder(names[1], codec, measured=False) for codec, names in ENCODERS.items()]
        software = list(await asyncio.gather(*seen))
    else:
        software = [await encodes.encoder(names[1], codec) for codec, names in ENCODERS.items()]
    return [one for pair in zip(hardware.values(), software, strict=True) for one in pair]


async def _slots(
    encodes: EncodeTrials, encoders: Sequence[Encoder], gpus: Sequence[Gpu], *, cores: int, most: int
) -> int:
    """Measures with the encoder that most tasks will use: NVENC where it works, H.264 rather than the others."""
    first = next((one for one in encoders if one.hardware and one.usable), None)
    first = first or next((one for one in encoders if one.usable), None)
    if first is None:
        return 1
    if first.hardware:
        # FFmpeg encodes on the first GPU that can, whatever else is there.
        memory = min((gpu.memory_bytes for gpu in gpus), default=0)
        limit = min(most, memory // _TASK_BYTES) if memory else most
    else:
        limit = min(most, cores // _CORES_PER_TASK)
    return await encodes.most_at_once(first, limit=limit)


def told_of_absence(encoder: Encoder, *, present: bool) -> Encoder:
    """Says that there is no GPU where there is none: FFmpeg only sees that there is no driver."""
    if present or encoder.diagnosis is not Diagnosis.NO_DRIVER:
        return encoder
    return replace(encoder, diagnosis=Diagnosis.NO_GPU, reason="There is no NVIDIA GPU in this machine.")


def nvidia_present(root: Path = Path("/")) -> bool:
    """Tells whether a device of NVIDIA is to be seen; in a container too, since those show the host's buses."""
    if (root / "dev/nvidiactl").exists() or (root / "dev/dxg").exists():
        return True
    return any(_read(vendor) == _NVIDIA for vendor in (root / "sys/bus/pci/devices").glob("*/vendor"))


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _gpus() -> tuple[Gpu, ...]:
    if shutil.which("nvidia-smi") is None:
        return ()
    try:
        answer = query(["nvidia-smi", f"--query-gpu={_GPU_FIELDS}", "--format=csv,noheader,nounits"], timeout=20)
    except SpotreelError:
        return ()
    return parse_gpus(answer)


def parse_gpus(answer: str) -> tuple[Gpu, ...]:
    """Reads nvidia-smi's CSV of name, driver version, memory in MiB and compute capability; odd lines are left out."""
    gpus: list[Gpu] = []
    for line in answer.splitlines():
        fields = [field.strip() for field in line.split(",")]
        if len(fields) == len(_GPU_FIELDS.split(",")) and fields[2].isdigit():
            memory = int(fields[2]) * _MEBIBYTE
            gpus.append(
                Gpu(name=fields[0], driver_version=fields[1], memory_bytes=memory, compute_capability=fields[3])
            )
    return tuple(gpus)


def _version(ffmpeg: Path) -> str:
    words = query([ffmpeg, "-version"]).split()
    return words[2] if words[:2] == ["ffmpeg", "version"] else ""


def _listed(ffmpeg: Path, question: str) -> tuple[str, ...]:
    """The names in FFmpeg's lists, which come after flags and before a description."""
    answer = query([ffmpeg, "-hide_banner", question])
    return tuple(re.findall(r"^ [A-Z.|]{2,8} +(\w[\w-]*) +\S", answer, re.MULTILINE))
