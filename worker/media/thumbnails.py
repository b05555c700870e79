"""Pictures of a video: what was asked for and what the video is like → the plan. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from servicekit.media.forms import PICTURE, SPRITES, OutputForm
from servicekit.media.operations import Poster, SpriteSheet, Thumbnails
from servicekit.media.outputs import VideoCodec
from servicekit.media.sprites import Cue, sheet_name
from servicekit.media_info import Pace, StreamInfo
from worker.errors import FailureReason, TaskFailed
from worker.hardware.capabilities import Capabilities
from worker.media import geometry
from worker.media.picture import source_filters
from worker.media.plan import (
    Deinterlace,
    JpegPixels,
    PixelFormat,
    ProbedInput,
    Scale,
    SquarePixels,
    ToneMap,
    VideoFilter,
)
from worker.media.sampling import Sampling, Source, Way, cheapest_way
from worker.media.streams import input_file, media_of, video_stream

MAX_PICTURES = 10_000

# JPEG has no room for more in a side. 100 megapixels are what still images may have as inputs too.
_MAX_SHEET_SIDE = 65_500
_MAX_SHEET_PIXELS = 100_000_000
# A rest that is shorter than this gets no picture of its own.
_REST = timedelta(milliseconds=50)
_LEAST_INTERVAL = timedelta(seconds=1)
_SHARE_OF_LENGTH = 100
_MILLISECOND = timedelta(milliseconds=1)
# Where a poster is looked for: 16 pictures around a tenth of the length; if all are blank, 40 of the whole video.
_NEAR = (0.04, 0.2, 16)
_ANYWHERE = (0.0, 1.0, 40)
_SEARCH_WIDTH = 256
# Files that do not say how their colours are coded: what players take them for.
_HD_HEIGHT = 720


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedPictures:
    """What has to come out: pictures of that size. `duration` is that of the video, which progress is measured by."""

    width: int
    height: int
    duration: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Pictures to choose from, small and grey, `width` pixels wide: the best one is taken as `best` would be."""

    sampling: Sampling
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PosterPlan:
    """One JPEG: `sampling` is of one picture; where it is taken is found out in `searches`, if there are any.

    A search comes after another only where that one found nothing but black and blank pictures.
    """

    sampling: Sampling
    searches: tuple[Search, ...]
    expected: ExpectedPictures

    @property
    def form(self) -> OutputForm:
        """The form of the output."""
        return PICTURE

    @property
    def needs_encoder(self) -> bool:
        """No video is encoded."""
        return False

    @property
    def encoder(self) -> str:
        """The name shown to people."""
        return "mjpeg"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpritesPlan:
    """Sheets of `columns` times `rows` pictures; the last one has the columns and rows that are left."""

    sampling: Sampling
    expected: ExpectedPictures
    columns: int
    rows: int

    @property
    def form(self) -> OutputForm:
        """The form of the output."""
        return SPRITES

    @property
    def needs_encoder(self) -> bool:
        """No video is encoded."""
        return False

    @property
    def encoder(self) -> str:
        """The name shown to people."""
        return "mjpeg"

    @property
    def sheets(self) -> tuple[tuple[int, int], ...]:
        """Columns and rows of each sheet."""
        full, left = divmod(self.sampling.count, self.columns * self.rows)
        last = ((min(left, self.columns), -(-left // self.columns)),) if left else ()
        return ((self.columns, self.rows),) * full + last


PicturesPlan = PosterPlan | SpritesPlan


def thumbnails_plan(
    operation: Thumbnails, inputs: Mapping[str, ProbedInput], pace: Pace, capabilities: Capabilities
) -> PicturesPlan:
    """Decides which pictures are taken, and how; raises TaskFailed with INPUT_INVALID or ENCODER_UNAVAILABLE."""
    source = inputs["video"]
    stream = video_stream(media_of(source))
    if not pace.frames:
        raise TaskFailed(FailureReason.INPUT_INVALID, "The video has no pictures, though it says that it has.")
    filters = source_filters(stream, VideoCodec.H264, capabilities)
    sampled = Source(
        file=input_file(source),
        stream=stream.index,
        pixels=stream.width * stream.height,
        pace=pace,
        ffmpeg_release=capabilities.ffmpeg_release,
        whole=tuple(one for one in filters if isinstance(one, Deinterlace)),
    )
    colours = tuple(one for one in filters if isinstance(one, ToneMap))
    match operation.kind:
        case Poster():
            return _poster(operation.kind, sampled, stream, colours)
        case SpriteSheet():
            return _sprites(operation.kind, sampled, stream, colours)


def cells(length: timedelta, interval: timedelta) -> int:
    """Returns how many pictures a video of that length gets; a short rest belongs to the last one."""
    return max(-(-(length - _REST) // interval), 1)


def cues(plan: SpritesPlan) -> list[Cue]:
    """Returns the index of the sheets: each picture from its time to that of the next, the last one to the end."""
    width, height = plan.expected.width, plan.expected.height
    interval, count = plan.sampling.interval, plan.sampling.count
    found = []
    for number in range(count):
        sheet, place = divmod(number, plan.columns * plan.rows)
        row, column = divmod(place, plan.columns)
        found.append(
            Cue(
                start=number * interval,
                end=(number + 1) * interval if number + 1 < count else plan.expected.duration,
                sheet=sheet_name(sheet + 1),
                x=column * width,
                y=row * height,
                width=width,
                height=height,
            )
        )
    return found


def _poster(wanted: Poster, source: Source, stream: StreamInfo, colours: tuple[VideoFilter, ...]) -> PosterPlan:
    length = source.pace.end
    shown, resize = _poster_picture(wanted, stream)
    filters = (*colours, *resize, _jpeg_pixels(stream, colours))
    exact = Sampling(source=source, way=Way.SEEK, start=timedelta(), interval=_LEAST_INTERVAL, count=1, filters=filters)
    expected = ExpectedPictures(width=shown.width, height=shown.height, duration=length)
    if wanted.time is None:
        searches = tuple(_search(source, stream, colours, part) for part in (_NEAR, _ANYWHERE))
        return PosterPlan(sampling=exact, searches=searches, expected=expected)
    if wanted.time >= length:
        at, end = wanted.time.total_seconds(), length.total_seconds()
        raise TaskFailed(
            FailureReason.INPUT_INVALID,
            f"There is no picture at {at:g} s: the video is {end:.3f} s long.",
            metadata={"field": "operation.thumbnails.poster.time"},
        )
    return PosterPlan(sampling=replace(exact, start=wanted.time), searches=(), expected=expected)


def _poster_picture(wanted: Poster, stream: StreamInfo) -> tuple[geometry.Picture, tuple[VideoFilter, ...]]:
    """JPEG takes any size, so that an odd one is kept; its pixels are square."""
    picture = geometry.upright(stream)
    if wanted.size.width or wanted.size.height:
        return geometry.fitted(picture, wanted.size)
    width = max(round(picture.height * picture.aspect), 1)
    resize = (Scale(width, picture.height),) if width != picture.width else ()
    return geometry.Picture(width=width, height=picture.height, aspect=picture.aspect), (*resize, SquarePixels())


def _search(
    source: Source, stream: StreamInfo, colours: tuple[VideoFilter, ...], part: tuple[float, float, int]
) -> Search:
    (begin, end, count), length = part, source.pace.end
    interval = max(length * (end - begin) / count, _MILLISECOND)
    width, height = _small(stream, _SEARCH_WIDTH)
    sampling = Sampling(
        source=source,
        way=cheapest_way(source, interval, count),
        start=length * begin,
        interval=interval,
        count=count,
        filters=(*colours, Scale(width, height), PixelFormat("gray")),
    )
    return Search(sampling=sampling, width=width, height=height)


def _sprites(wanted: SpriteSheet, source: Source, stream: StreamInfo, colours: tuple[VideoFilter, ...]) -> SpritesPlan:
    length = source.pace.end
    # Whole milliseconds are what WebVTT can say.
    interval = wanted.interval or max(_LEAST_INTERVAL, -(-length // (_SHARE_OF_LENGTH * _MILLISECOND)) * _MILLISECOND)
    count = cells(length, interval)
    if count > MAX_PICTURES:
        message = (
            f"A picture every {interval.total_seconds():g} s of {length.total_seconds():.3f} s would be {count}; more "
            f"than {MAX_PICTURES} are not made. Ask for a longer interval."
        )
        metadata = {"field": "operation.thumbnails.sprite_sheet.interval"}
        raise TaskFailed(FailureReason.INPUT_INVALID, message, metadata=metadata)
    width, height = _small(stream, wanted.width)
    columns, rows = min(wanted.columns, count), min(wanted.rows, -(-count // wanted.columns))
    _refuse_huge(columns * width, rows * height)
    return SpritesPlan(
        sampling=Sampling(
            source=source,
            way=cheapest_way(source, interval, count),
            start=timedelta(),
            interval=interval,
            count=count,
            filters=(*colours, Scale(width, height), SquarePixels(), _jpeg_pixels(stream, colours)),
        ),
        expected=ExpectedPictures(width=width, height=height, duration=length),
        columns=columns,
        rows=rows,
    )


def _small(stream: StreamInfo, width: int) -> tuple[int, int]:
    """Returns a size of that width in the shape of the video; both sides are even."""
    return width, max(round(width / geometry.upright(stream).aspect / 2) * 2, 2)


def _refuse_huge(width: int, height: int) -> None:
    if max(width, height) > _MAX_SHEET_SIDE or width * height > _MAX_SHEET_PIXELS:
        message = (
            f"A sheet would have {width}x{height} pixels; more than {_MAX_SHEET_PIXELS // 1_000_000} million, or "
            f"{_MAX_SHEET_SIDE} in a side, are not made. Ask for smaller pictures, or fewer on a sheet."
        )
        raise TaskFailed(FailureReason.INPUT_INVALID, message)


def _jpeg_pixels(stream: StreamInfo, colours: tuple[VideoFilter, ...]) -> JpegPixels:
    guessed = not colours and not stream.color_matrix and stream.height >= _HD_HEIGHT
    return JpegPixels("bt709" if guessed else "auto")
