"""This machine, looked at once, in the background of the start."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog

from servicekit.clock import Clock
from servicekit.confined import landlock_version
from servicekit.errors import SpotreelError
from servicekit.ffmpeg import can_be_confined, locate_ffmpeg
from servicekit.probe import MediaProber
from worker.fonts.book import FontBook
from worker.hardware.capabilities import Capabilities
from worker.hardware.probe import probe_capabilities
from worker.hardware.warmup import warm_up
from worker.media.engine import MediaEngine
from worker.ports import Engine
from worker.spool.folder import WorkFolder

# Beside what is remembered of the machine: both outlive tasks and this worker.
CUDA_CACHE = "cuda-cache"
"""The folder in the cache folder where NVIDIA's driver keeps what it compiled."""


class ProbedMachine:
    """Starts looking when entered, so that the server can listen meanwhile. `worker.ports.Machine` says the rest."""

    def __init__(
        self,
        *,
        ffmpeg: Path | None,
        font_folders: Sequence[Path],
        slots: int,
        cache_folder: Path,
        folder: WorkFolder,
        prober: MediaProber,
        clock: Clock,
    ) -> None:
        """Takes the FFmpeg to use (None: find one), `slots` 0 for as many as fit, and where results are remembered."""
        self._ffmpeg = ffmpeg
        self._font_folders = tuple(font_folders)
        self._slots = slots
        self._cache_folder = cache_folder
        self._cuda_cache = cache_folder / CUDA_CACHE
        self._folder = folder
        self._prober = prober
        self._clock = clock

    async def __aenter__(self) -> Self:
        self._look = asyncio.create_task(self._look_around(), name="look at the machine")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._look.cancel()
        await asyncio.wait((self._look,))
        if not self._look.cancelled():
            # Whoever asked has been told; asked for here so that the loop does not complain that nobody did.
            self._look.exception()

    async def capabilities(self) -> Capabilities:
        found, _ = await asyncio.shield(self._look)
        return replace(found, disk_free_bytes=self._folder.free_bytes())

    async def engine(self) -> Engine:
        _, engine = await asyncio.shield(self._look)
        return engine

    async def _look_around(self) -> tuple[Capabilities, Engine]:
        log = structlog.get_logger()
        try:
            ffmpeg, fonts = await asyncio.gather(
                asyncio.to_thread(locate_ffmpeg, self._ffmpeg), asyncio.to_thread(FontBook.load, self._font_folders)
            )
        except SpotreelError as error:
            log.warning("ffmpeg_not_usable", reason=error.reason, detail=error.message)
            raise
        found = await probe_capabilities(
            ffmpeg,
            data_folder=self._cache_folder,
            fonts=fonts,
            clock=self._clock,
            build=_build(),
            slots=self._slots,
        )
        found = await warm_up(ffmpeg, found, cuda_cache=self._cuda_cache, clock=self._clock)
        log.info(
            "machine_known",
            ffmpeg=str(ffmpeg),
            encoders={one.name: one.frames_per_second for one in found.encoders if one.usable},
            hardware_decoders=[one.codec for one in found.hardware_decoders if one.usable],
            gpus=[gpu.name for gpu in found.gpus],
            diagnosis=found.diagnosis.value,
            slots=found.slots,
        )
        engine = MediaEngine(
            ffmpeg=ffmpeg,
            capabilities=found,
            fonts=fonts,
            prober=self._prober,
            clock=self._clock,
            cuda_cache=self._cuda_cache,
            any_file=not await self._confinable(ffmpeg),
        )
        return found, engine

    async def _confinable(self, ffmpeg: Path) -> bool:
        """Says so where a file that takes FFmpeg over could open more than it needs."""
        restricted = landlock_version() > 0 and await asyncio.to_thread(can_be_confined, ffmpeg)
        if not restricted:
            structlog.get_logger().warning("ffmpeg_may_open_any_file", landlock=landlock_version(), ffmpeg=str(ffmpeg))
        return restricted


def _build() -> str:
    try:
        return version("spotreel")
    except PackageNotFoundError:
        return "unknown"
