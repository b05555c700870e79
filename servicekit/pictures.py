"""Proof that an output which is no video is what it should be: a JPEG, or an archive of sprite sheets."""

import asyncio
from dataclasses import replace
from pathlib import Path

from servicekit.media.forms import PICTURE, OutputForm
from servicekit.media.sprites import check_archive, extract
from servicekit.media_info import MediaInfo, MediaUnreadable
from servicekit.probe import MediaProber


async def check_pictures(path: Path, form: OutputForm, prober: MediaProber) -> MediaInfo:
    """Returns what the file holds, once every picture in it was decoded; raises MediaUnreadable.

    Of an archive that is its format and size: it is no media file, and has no streams.
    """
    if form is PICTURE:
        return await check_picture(path, prober)
    picture = path.with_name(f"{path.name}.sheet")
    try:
        for name in await asyncio.to_thread(check_archive, path):
            await asyncio.to_thread(extract, path, name, picture)
            await check_picture(picture, prober)
    finally:
        picture.unlink(missing_ok=True)
    return MediaInfo(format="zip", size_bytes=path.stat().st_size)


async def check_picture(path: Path, prober: MediaProber) -> MediaInfo:
    """Returns what a JPEG holds, once it was decoded; raises MediaUnreadable for anything else."""
    media = await prober.check_decodable(path)
    if media.video is None or media.video.codec != "mjpeg" or len(media.streams) != 1 or media.duration:
        raise MediaUnreadable("{it} is no JPEG picture.")
    # The demuxer of stills claims 25 frames a second.
    return replace(media, streams=(replace(media.video, frame_rate=0.0),))
