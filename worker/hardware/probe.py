"""Finds out what this machine can do: encoders by encoding with them, GPUs by asking the driver.

FFmpeg lists NVENC's encoders on machines without any NVIDIA chip, and an A100 or H100 has a GPU but no NVENC, so only
a real encode counts. The answers are kept in a file, keyed by FFmpeg's binary, the driver and the GPUs, since the
test takes seconds and the machine rarely changes.
"""

import asyncio
import dataclasses
import hashlib
import json
import os
import re
import shutil
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from servicekit.clock import Clock
from servicekit.errors import SpotreelError
from servicekit.media.outputs import VideoCodec
from servicekit.process import query
from worker.errors import TaskFailed
from worker.fonts.book import FontBook
from worker.hardware.capabilities import Capabilities, Encoder, Gpu
from worker.hardware.trial import trial_head, try_out
from worker.media.encoders import ENCODERS

_TEST_FRAMES = 10
_TEST_TIMEOUT = timedelta(seconds=30)
_AT_ONCE = 2
_CACHE_FILE = "capabilities.json"
_CACHE_VERSION = 1
_GPU_FIELDS = "name,driver_version,memory.total,compute_cap"
_MEBIBYTE = 1 << 20
# NVENC sessions that one GPU serves at good total throughput: eight decodes at once took twice the time of one
# (measured); encoders saturate sooner, and consumer cards allow eight sessions per host.
_TASKS_PER_GPU = 3
# An encode by software fills two cores well; more at once only makes each one later.
_CORES_PER_TASK = 2


async def probe_capabilities(
    ffmpeg: Path, *, data_folder: Path, fonts: FontBook, clock: Clock, build: str, slots: int = 0
) -> Capabilities:
    """Returns what this machine can do; the first call takes seconds, later ones use `data_folder`'s record.

    `slots` 0 derives the number of tasks at once: three per GPU with a working NVENC, else one for two cores.
    """
    gpus = await asyncio.to_thread(_gpus)
    version, decoders, filters = await asyncio.gather(
        asyncio.to_thread(_version, ffmpeg),
        asyncio.to_thread(_listed, ffmpeg, "-decoders"),
        asyncio.to_thread(_listed, ffmpeg, "-filters"),
    )
    encoders = await _encoders(ffmpeg, gpus, data_folder, clock)
    cores = len(os.sched_getaffinity(0))
    return Capabilities(
        gpus=gpus,
        encoders=encoders,
        decoders=decoders,
        filters=filters,
        cpu_count=cores,
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        disk_free_bytes=shutil.disk_usage(data_folder).free,
        slots=slots or _slots(gpus, encoders, cores),
        ffmpeg_version=version,
        nvenc_driver_floor=os.environ.get("SPOTREEL_NVENC_DRIVER_FLOOR", ""),
        fonts=fonts.names,
        build=build,
    )


def _slots(gpus: Sequence[Gpu], encoders: Sequence[Encoder], cores: int) -> int:
    if any(encoder.hardware and encoder.usable for encoder in encoders):
        return max(len(gpus), 1) * _TASKS_PER_GPU
    return max(1, cores // _CORES_PER_TASK)


async def _encoders(ffmpeg: Path, gpus: Sequence[Gpu], data_folder: Path, clock: Clock) -> tuple[Encoder, ...]:
    record = data_folder / _CACHE_FILE
    key = _cache_key(ffmpeg, gpus)
    known = await asyncio.to_thread(_read_record, record, key)
    if known is not None:
        return known
    turns = asyncio.Semaphore(_AT_ONCE)
    async with asyncio.TaskGroup() as tasks:
        tests = [
            tasks.create_task(
                _tested(ffmpeg, name, codec, folder=data_folder, turns=turns, clock=clock), name=f"test {name}"
            )
            for codec, names in ENCODERS.items()
            for name in names
        ]
    found = tuple(test.result() for test in tests)
    await asyncio.to_thread(_write_record, record, key, found)
    return found


async def _tested(
    ffmpeg: Path, name: str, codec: VideoCodec, *, folder: Path, turns: asyncio.Semaphore, clock: Clock
) -> Encoder:
    hardware = name.endswith("_nvenc")
    async with turns:
        started = clock.monotonic()
        try:
            await try_out(
                ffmpeg,
                lambda progress_fd: _test_arguments(name, progress_fd),
                folder=folder,
                timeout=_TEST_TIMEOUT,
                clock=clock,
            )
        except TaskFailed as failure:
            return Encoder(name=name, codec=codec, hardware=hardware, usable=False, reason=failure.message)
        elapsed = max(clock.monotonic() - started, 0.001)
    return Encoder(
        name=name, codec=codec, hardware=hardware, usable=True, frames_per_second=round(_TEST_FRAMES / elapsed, 1)
    )


def _test_arguments(encoder: str, progress_fd: int) -> list[str]:
    source = f"testsrc2=size=256x256:rate=25:duration={_TEST_FRAMES / 25}"
    encoding = ["-pix_fmt", "yuv420p", "-c:v", encoder, "-f", "matroska", "pipe:1"]
    return [*trial_head(progress_fd), "-f", "lavfi", "-i", source, *encoding]


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


def _cache_key(ffmpeg: Path, gpus: Sequence[Gpu]) -> str:
    status = ffmpeg.resolve().stat()
    identity = [_CACHE_VERSION, str(ffmpeg.resolve()), status.st_size, status.st_mtime_ns, [str(gpu) for gpu in gpus]]
    return hashlib.sha256(json.dumps(identity).encode()).hexdigest()


def _read_record(record: Path, key: str) -> tuple[Encoder, ...] | None:
    try:
        content = json.loads(record.read_text())
        if content["key"] != key:
            return None
        return tuple(Encoder(**{**entry, "codec": VideoCodec(entry["codec"])}) for entry in content["encoders"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write_record(record: Path, key: str, encoders: Sequence[Encoder]) -> None:
    """Hardware that did not work is not written down: another tenant's sessions may have been in the way."""
    if any(encoder.hardware and not encoder.usable and "sessions" in encoder.reason for encoder in encoders):
        return
    content = {"key": key, "encoders": [dataclasses.asdict(encoder) for encoder in encoders]}
    partial = record.with_suffix(".partial")
    partial.write_text(json.dumps(content, indent=1))
    partial.replace(record)
