"""Pictures of a video at regular distances: which way to get them costs least, and FFmpeg's command lines for it. Pure.

A *cell* is a span of time with one picture that stands for it. The picture was shown within its cell: the one at its
start, or its last key frame. Only where a video has no new picture in a cell is it the one that goes on from before.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from servicekit.media.demuxers import reading_options
from servicekit.media_info import Pace
from worker.media.arguments import FPS_MODE_SINCE, READING_LIMITS, telling, video_filters
from worker.media.cutting import INDEXED
from worker.media.plan import MediaFile, VideoFilter

# Measured with FFmpeg 9.0.2 on two cores: a run that seeks in a small file takes 50 ms until its first picture, 1080p
# in H.264 is decoded at 110 frames a second, and a key frame of it takes 30 ms, as much as three other frames.
_SECONDS_PER_RUN = 0.05
_SECONDS_PER_PIXEL = 1 / (110 * 1920 * 1080)
_KEY_FRAME_WEIGHT = 3.0
# Seeking aims this much before the time where pictures are reordered.
_SEEK_SLACK = timedelta(milliseconds=500)
_MOMENT = timedelta(milliseconds=1)
# In a transport stream or FLV a seek lands anywhere, so it aims a whole group of pictures early; what has no index
# either is read from its start.
_SEEKABLE = frozenset({"mpegts", "flv"})


class Way(StrEnum):
    """How to get at the pictures."""

    EVERY_FRAME = "EVERY_FRAME"
    """One run decodes all there is and takes what is shown at the start of each cell."""
    KEY_FRAMES = "KEY_FRAMES"
    """One run decodes key frames only and takes the last one of each cell."""
    SEEK = "SEEK"
    """A run for each cell decodes from the key frame before it to its start."""
    SEEK_KEY_FRAMES = "SEEK_KEY_FRAMES"
    """A run for each cell decodes its last key frame."""

    @property
    def seeks(self) -> bool:
        """Whether each picture has a run of its own."""
        return self in (Way.SEEK, Way.SEEK_KEY_FRAMES)

    @property
    def is_by_key_frames(self) -> bool:
        """Whether only key frames are decoded."""
        return self in (Way.KEY_FRAMES, Way.SEEK_KEY_FRAMES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The video that pictures are taken of: `pixels` of one picture as stored; `whole` are filters that need every
    picture, before any is left out."""

    file: MediaFile
    stream: int
    pixels: int
    pace: Pace
    ffmpeg_release: tuple[int, int]
    whole: tuple[VideoFilter, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """Take `count` pictures, one of each `interval` from `start` on, through the filters.

    Where the video ends early its last picture is repeated.
    """

    source: Source
    way: Way
    start: timedelta
    interval: timedelta
    count: int
    filters: tuple[VideoFilter, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingRun:
    """One run of FFmpeg: pictures on standard output, in the form that `output` of `sampling_runs` asked for."""

    arguments: Callable[[int], Sequence[str]]
    at: timedelta


def cheapest_way(source: Source, interval: timedelta, count: int) -> Way:
    """Returns the way that is expected to take the least time, of those that show pictures of the right time."""
    pace = source.pace
    frame = source.pixels * _SECONDS_PER_PIXEL
    covered = min(interval * count / pace.end, 1.0) if pace.end else 1.0
    group = pace.frames / max(pace.key_frames, 1)
    costs = {Way.EVERY_FRAME: pace.frames * covered * frame}
    if pace.longest_gap <= interval:
        costs[Way.KEY_FRAMES] = pace.key_frames * covered * frame * _KEY_FRAME_WEIGHT
    if source.file.demuxer in INDEXED:
        costs[Way.SEEK] = count * (_SECONDS_PER_RUN + frame * (_KEY_FRAME_WEIGHT + group / 2))
        if pace.longest_gap + _SEEK_SLACK <= interval:
            costs[Way.SEEK_KEY_FRAMES] = count * (_SECONDS_PER_RUN + frame * _KEY_FRAME_WEIGHT)
    return min(costs, key=lambda way: costs[way])


def sampling_runs(sampling: Sampling, output: Sequence[str]) -> list[SamplingRun]:
    """Returns the runs that give the pictures in their order; `output` are FFmpeg's options for their form."""
    if not sampling.way.seeks:
        return [_run(sampling, sampling.start, sampling.count, output)]
    starts = [sampling.start + number * sampling.interval for number in range(sampling.count)]
    return [_run(sampling, start, 1, output) for start in starts]


def raw_output(pixel_format: str) -> list[str]:
    """Returns the options for bare pictures, one after the other."""
    return ["-c:v", "rawvideo", "-pix_fmt", pixel_format, "-f", "rawvideo", "pipe:1"]


def passthrough(release: tuple[int, int]) -> list[str]:
    """Returns the options with which FFmpeg neither repeats nor drops pictures."""
    return ["-fps_mode" if release >= FPS_MODE_SINCE else "-vsync", "passthrough"]


def _run(sampling: Sampling, start: timedelta, count: int, output: Sequence[str]) -> SamplingRun:
    source, by_key_frames = sampling.source, sampling.way.is_by_key_frames
    at = start + sampling.interval - _MOMENT if sampling.way is Way.SEEK_KEY_FRAMES else start
    seek = _seek(source, at)
    reading = [
        *READING_LIMITS,
        *reading_options(source.file.demuxer),
        *(["-skip_frame", "nokey", "-discard", "nokey"] if by_key_frames else []),
        # What is shown at that time began before it, so that nothing may be left out.
        *(["-noaccurate_seek", "-ss", _seconds(seek)] if seek else []),
        *["-i", f"file:{source.file.path.absolute()}", "-map", f"0:{source.stream}"],
    ]
    filters = [_filters(sampling.source.whole), *_chosen(sampling, at - seek), _filters(sampling.filters)]
    ending = ["-frames:v", str(count), *passthrough(source.ffmpeg_release), "-map_metadata", "-1", *output]
    chain = ",".join(one for one in filters if one)

    def arguments(progress_fd: int) -> list[str]:
        return [*telling(progress_fd), *reading, "-vf", chain, *ending]

    return SamplingRun(arguments=arguments, at=start)


def _chosen(sampling: Sampling, late: timedelta) -> list[str]:
    """The filters that take one picture of each cell; the first cell begins `late` after what FFmpeg calls zero.

    `fps` has an option for that too, but then loses the last picture of a video (FFmpeg 9.0.2).
    """
    if sampling.way is Way.SEEK_KEY_FRAMES:
        return []
    shifted = [f"setpts=PTS-{_seconds(late)}/TB"] if late else []
    microseconds = sampling.interval // timedelta(microseconds=1)
    # Up: a picture counts from the first border at which it is seen. Down: from the one before it.
    rounding = "down" if sampling.way is Way.KEY_FRAMES else "up"
    return [
        *shifted,
        f"fps=fps=1000000/{microseconds}:start_time=0:round={rounding}:eof_action=pass",
        "tpad=stop=-1:stop_mode=clone",
    ]


def _seek(source: Source, at: timedelta) -> timedelta:
    if source.file.demuxer in INDEXED:
        return at
    if source.file.demuxer in _SEEKABLE:
        return max(at - source.pace.longest_gap - timedelta(seconds=1), timedelta())
    return timedelta()


def _filters(filters: tuple[VideoFilter, ...]) -> str:
    return video_filters(filters) if filters else ""


def _seconds(duration: timedelta) -> str:
    return f"{duration / timedelta(seconds=1):.6f}"
