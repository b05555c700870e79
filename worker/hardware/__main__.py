"""`python -m worker.hardware`: what this machine can do, as JSON of `spotreel.worker.v1.Capabilities`."""

import asyncio
import logging
import sys

import structlog
from google.protobuf.json_format import MessageToJson

from servicekit.clock import SystemClock
from servicekit.errors import SpotreelError
from servicekit.ffmpeg import locate_ffmpeg
from worker.fonts.book import FontBook
from worker.hardware.probe import probe_capabilities
from worker.hardware.warmup import warm_up
from worker.machine import CUDA_CACHE
from worker.rpc.convert import capabilities_to_proto
from worker.settings import WorkerSettings


async def _show() -> None:
    settings, clock = WorkerSettings(), SystemClock()
    ffmpeg = await asyncio.to_thread(locate_ffmpeg, settings.ffmpeg)
    fonts = await asyncio.to_thread(FontBook.load, settings.font_folders)
    found = await probe_capabilities(
        ffmpeg, data_folder=settings.cache_dir, fonts=fonts, clock=clock, build="", slots=settings.slots
    )
    found = await warm_up(ffmpeg, found, cuda_cache=settings.cache_dir / CUDA_CACHE, clock=clock)
    sys.stdout.write(MessageToJson(capabilities_to_proto(found), indent=None) + "\n")


def main() -> int:
    """Returns the exit status: 0, or 1 where there is no FFmpeg to try."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        asyncio.run(_show())
    except SpotreelError as error:
        sys.stderr.write(f"{error.message}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
