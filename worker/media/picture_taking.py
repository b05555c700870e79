"""Carries out plans of pictures: samples the video, chooses the poster, puts sheets together and packs them."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import groupby
from pathlib import Path

from servicekit.media.sprites import sheet_name, webvtt, write_archive
from worker.errors import FailureReason, TaskFailed
from worker.ffmpeg.progress import Progress
from worker.ffmpeg.runner import OutputSink, RunResult, stored
from worker.ffmpeg.series import RunSeries
from worker.ffmpeg.sinks import FileSink, NoSink
from worker.media.arguments import telling
from worker.media.clarity import clarity
from worker.media.sampling import Sampling, passthrough, raw_output, sampling_runs
from worker.media.thumbnails import PicturesPlan, PosterPlan, Search, SpritesPlan, cues

_RAW = "pictures.raw"
_ARCHIVE = "sprites.zip"
_GRAY, _JPEG_PIXELS = "gray", "yuvj420p"
# FFmpeg's scale for JPEG, 2 (best) to 31. Small pictures are looked at in passing.
_POSTER_QUALITY, _SHEET_QUALITY = 2, 4
_COPY_BYTES = 1 << 20
# Of the whole work: sampling decodes, the rest only puts together what it gave.
_SAMPLING_SHARE = 0.95


async def take_pictures(plan: PicturesPlan, runs: RunSeries, sink: OutputSink) -> RunResult:
    """Writes the output to the sink; files of its own lie in `runs.folder`. Raises TaskFailed as `run_ffmpeg` does."""
    if isinstance(plan, PosterPlan):
        return await _take_poster(plan, runs, sink)
    return await _take_sprites(plan, runs, sink)


async def _take_poster(plan: PosterPlan, runs: RunSeries, sink: OutputSink) -> RunResult:
    sampling = plan.sampling
    for search in plan.searches:
        score, best = await _best(search, runs)
        sampling = replace(
            search.sampling,
            start=search.sampling.start + best * search.sampling.interval,
            count=1,
            filters=plan.sampling.filters,
        )
        if score:
            break
    (run,) = sampling_runs(sampling, _jpeg(_POSTER_QUALITY, ["-f", "image2pipe", "pipe:1"]))
    result = await runs.run(run.arguments, sink=sink)
    if not result.output_bytes:
        raise _nothing_at(sampling.start)
    return result


async def _best(search: Search, runs: RunSeries) -> tuple[float, int]:
    """Returns the clarity and the number of the clearest picture; the first one where all are black or blank."""
    path = await _sampled(search.sampling, runs, _GRAY, search.width * search.height)
    return await asyncio.to_thread(_clearest, path, search)


def _clearest(path: Path, search: Search) -> tuple[float, int]:
    size = search.width * search.height
    with path.open("rb") as file:
        scores = [clarity(file.read(size), search.width) for _ in range(search.sampling.count)]
    best = max(scores)
    return best, scores.index(best)


async def _take_sprites(plan: SpritesPlan, runs: RunSeries, sink: OutputSink) -> RunResult:
    width, height = plan.expected.width, plan.expected.height
    raw = await _sampled(plan.sampling, runs, _JPEG_PIXELS, width * height * 3 // 2)
    sheets: list[str] = []
    for shape, alike in groupby(plan.sheets):
        names = [sheet_name(len(sheets) + number) for number, _ in enumerate(alike, start=1)]
        arguments = _sheets(plan, raw, shape, first=len(sheets), count=len(names))
        await runs.run(arguments, sink=NoSink())
        sheets += names
    archive = runs.folder / _ARCHIVE
    with stored():
        await asyncio.to_thread(write_archive, archive, webvtt(cues(plan)), [runs.folder / name for name in sheets])
        await asyncio.to_thread(_copy, archive, sink)
    progress = Progress(media_time=plan.expected.duration, frames=plan.sampling.count)
    return RunResult(progress=progress, output_bytes=archive.stat().st_size, elapsed=runs.elapsed, log=())


def _sheets(
    plan: SpritesPlan, raw: Path, shape: tuple[int, int], *, first: int, count: int
) -> Callable[[int], Sequence[str]]:
    """Puts pictures together as `count` sheets of that shape, after the `first` full ones."""
    columns, rows = shape
    before = first * plan.columns * plan.rows
    size = f"{plan.expected.width}x{plan.expected.height}"
    reading = ["-f", "rawvideo", "-pixel_format", _JPEG_PIXELS, "-video_size", size, "-framerate", "1"]
    reading += ["-protocol_whitelist", "file", "-i", f"file:{raw.name}"]
    filters = ["-vf", f"trim=start_frame={before},tile={columns}x{rows}", "-frames:v", str(count)]
    files = ["-f", "image2", "-start_number", str(first + 1), "-y", "sprites-%03d.jpg"]
    output = [*passthrough(plan.sampling.source.ffmpeg_release), *_jpeg(_SHEET_QUALITY, files)]
    return lambda progress_fd: [*telling(progress_fd), *reading, *filters, *output]


async def _sampled(sampling: Sampling, runs: RunSeries, pixel_format: str, picture_bytes: int) -> Path:
    """Returns the file of all pictures, one after the other."""
    path = runs.folder / _RAW
    output = raw_output(pixel_format)
    with FileSink(path) as sink:
        todo = sampling_runs(sampling, output)
        for number, run in enumerate(todo):
            share = _SAMPLING_SHARE if len(todo) == 1 else 1 / (len(todo) - number + 1)
            result = await runs.run(run.arguments, sink=sink, share=share)
            if result.output_bytes != picture_bytes * sampling.count // len(todo):
                raise _nothing_at(run.at)
    return path


def _jpeg(quality: int, muxer: Sequence[str]) -> list[str]:
    # Bit-exact leaves out which version of FFmpeg it was.
    return ["-c:v", "mjpeg", "-q:v", str(quality), "-flags:v", "+bitexact", *muxer]


def _copy(path: Path, sink: OutputSink) -> None:
    with path.open("rb") as file:
        while data := file.read(_COPY_BYTES):
            sink.write(data)


def _nothing_at(time: timedelta) -> TaskFailed:
    message = f"No picture could be decoded at {time.total_seconds():g} s; the video is damaged or cut off there."
    return TaskFailed(FailureReason.INPUT_INVALID, message)
