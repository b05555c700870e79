"""Fetched files → what planning needs to know of them."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from servicekit.media.operations import Operation, Transcode
from servicekit.probe import MediaProber, MediaUnreadable, Pace
from worker.errors import FailureReason, TaskFailed
from worker.fonts.own import read_font
from worker.media import subtitles
from worker.media.cutting import cut_times
from worker.media.input_limits import refuse_excess
from worker.media.plan import ProbedInput
from worker.media.stillfile import StillHeader, StillUnreadable, read_header
from worker.media.streams import media_of, video_stream

_SUBTITLES = "subtitles"
_IMAGE = "image"
_FONT = "font-"
_NAMES = {"audio": "The audio file"}


async def probe_inputs(operation: Operation, paths: Mapping[str, Path], prober: MediaProber) -> dict[str, ProbedInput]:
    """Reads each input as its role asks for; the roles are those of `sources(operation)`.

    Raises TaskFailed(INPUT_INVALID) for what is no media file, SUBTITLES_INVALID for subtitles that are too large.
    """
    times = cut_times(operation) if isinstance(operation, Transcode) else ()
    return {role: await _probed(role, path, prober, times) for role, path in paths.items()}


async def _probed(role: str, path: Path, prober: MediaProber, times: Sequence[timedelta]) -> ProbedInput:
    if role == _SUBTITLES:
        return ProbedInput(path=path, content=await asyncio.to_thread(_head, path, subtitles.MAX_BYTES + 1))
    if role == _IMAGE:
        return ProbedInput(path=path, still=await asyncio.to_thread(_still, path))
    if role.startswith(_FONT):
        return ProbedInput(path=path, faces=await read_font(path, _name(role)))
    try:
        media = await prober.probe(path)
        cuts = await prober.cuts(path, times) if times else {}
    except MediaUnreadable as error:
        raise TaskFailed(FailureReason.INPUT_INVALID, error.words(_name(role))) from error
    refuse_excess(media, _name(role))
    return ProbedInput(path=path, media=media, cuts=cuts)


async def probe_pace(source: ProbedInput, prober: MediaProber) -> Pace:
    """Returns how the pictures of a video follow each other; raises TaskFailed(INPUT_INVALID) where it has none."""
    video_stream(media_of(source))
    try:
        return await prober.pace(source.path)
    except MediaUnreadable as error:
        raise TaskFailed(FailureReason.INPUT_INVALID, error.words("The video")) from error


def _name(role: str) -> str:
    kind, _, number = role.partition("-")
    return f"{kind.capitalize()} {number}" if number else _NAMES.get(role, f"The {role}")


def _still(path: Path) -> StillHeader:
    try:
        with path.open("rb") as file:
            return read_header(file)
    except StillUnreadable as error:
        raise TaskFailed(FailureReason.INPUT_INVALID, str(error)) from error


def _head(path: Path, size: int) -> bytes:
    with path.open("rb") as file:
        return file.read(size)
