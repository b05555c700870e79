"""What FFmpeg sees of the worker's environment: what it needs, and nothing secret."""

import os
from pathlib import Path

CUDA_CACHE = "CUDA_CACHE_PATH"

_INHERITED = ("PATH", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", CUDA_CACHE)


def ffmpeg_environment(cuda_cache: Path | None = None) -> dict[str, str]:
    """Returns the environment for a run of FFmpeg.

    `cuda_cache` is the folder in which NVIDIA's driver is to keep the filters that it compiled for this GPU (None: its
    own choice). One that the environment names already, in an image that brings a filled one say, goes before it.
    """
    inherited = {name: os.environ[name] for name in _INHERITED if os.environ.get(name)}
    return inherited if cuda_cache is None else {CUDA_CACHE: str(cuda_cache.absolute()), **inherited}
