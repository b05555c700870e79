"""What the processes of a task may do: FFmpeg, and the producer of frames, which both read what users sent."""

import math
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from servicekit.confined import Bounds
from servicekit.ffmpeg import files_of
from worker.ffmpeg.runner import RunLimits
from worker.hardware.capabilities import Capabilities
from worker.media.plan import EncodeVideo, JoinedFiles, MediaFile, Plan
from worker.media.thumbnails import PicturesPlan

# What FFmpeg writes goes through a pipe; files of its own are notes between two runs, and a sound track to measure.
_FILE_BYTES = 4 << 30
_OPEN_FILES = 1024
# A 4K encode with x264 takes 1.5 GB; less than that per task is no machine to encode on.
_LEAST_MEMORY_BYTES = 2 << 30
_MEMORY_SHARE = 0.8
_CGROUP_MEMORY = Path("/sys/fs/cgroup/memory.max")


def ffmpeg_bounds(
    plan: Plan | PicturesPlan, *, ffmpeg: Path, workdir: Path, limits: RunLimits, cores: int, any_file: bool
) -> Bounds:
    """Returns the bounds of FFmpeg for a plan: the inputs and fonts to read, the working folder to write.

    On a GPU any file can be opened, since NVIDIA's libraries open devices and files that they do not tell of;
    `any_file` says that this FFmpeg needs it in any case.
    """
    readable = _inputs(plan)
    uses_gpu = isinstance(plan, Plan) and _uses_gpu(plan)
    return Bounds(
        # The clock of the run ends it long before that; this is for a worker that cannot.
        cpu_seconds=math.ceil(limits.run_timeout.total_seconds() * cores) + 60,
        file_size=_FILE_BYTES,
        open_files=_OPEN_FILES,
        readable=(*files_of(ffmpeg), *(str(path.resolve()) for path in readable)),
        writable=(str(workdir.resolve()),),
        any_file=any_file or uses_gpu,
    )


def producer_bounds(plan: Plan | PicturesPlan, bounds: Bounds) -> Bounds:
    """Returns those of the producer of frames: a Python with its modules and the image to read, nothing to write."""
    producer = plan.producer if isinstance(plan, Plan) else None
    image = [Path(producer.image).resolve()] if producer is not None else []
    modules = [Path(path).resolve() for path in (sys.prefix, sys.base_prefix, *sys.path) if path]
    return replace(bounds, readable=tuple(map(str, [*modules, *image])), writable=(), file_size=0, any_file=False)


def memory_of_a_task(capabilities: Capabilities) -> int:
    """Returns how many bytes the processes of one task may take: its share of four fifths of what there is."""
    return max(_LEAST_MEMORY_BYTES, int(_memory_bytes(capabilities) * _MEMORY_SHARE / max(capabilities.slots, 1)))


def _memory_bytes(capabilities: Capabilities) -> int:
    """A container may have less than its machine."""
    try:
        return min(int(_CGROUP_MEMORY.read_text()), capabilities.memory_bytes)
    except (OSError, ValueError):
        return capabilities.memory_bytes


def _uses_gpu(plan: Plan) -> bool:
    return plan.cpu_video is not None or (isinstance(plan.video, EncodeVideo) and plan.video.hardware)


def _inputs(plan: Plan | PicturesPlan) -> Iterator[Path]:
    if not isinstance(plan, Plan):
        yield plan.sampling.source.file.path
        return
    yield from plan.fonts
    for entry in plan.inputs:
        match entry:
            case MediaFile():
                yield entry.path
            case JoinedFiles():
                yield from entry.paths
