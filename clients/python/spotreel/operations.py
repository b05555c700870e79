"""What can be asked for, made of Python values: the messages of `spotreel.media.v1`."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TypedDict
from urllib.parse import urlsplit

from google.protobuf.duration_pb2 import Duration

from spotreel.errors import InvalidRequest
from spotreel.media.v1.operation_pb2 import (
    AddAudio,
    Caption,
    CaptionStyle,
    Concat,
    ImageToVideo,
    Operation,
    Poster,
    SpriteSheet,
    Thumbnails,
    Transcode,
    Zoom,
)
from spotreel.media.v1.output_pb2 import FrameSize, OutputSpec
from spotreel.media.v1.source_pb2 import MediaSource
from spotreel.orchestrator.v1.job_pb2 import JobLimits, JobSpec

Seconds = float | timedelta
"""A time in seconds, or as a timedelta."""


class JobSettings(TypedDict, total=False):
    """What any job may be given beside its operation; each has the default of its field in `JobSpec`."""

    output: OutputSpec
    display_name: str
    placement: "JobSpec.Placement.ValueType"
    priority: int
    limits: JobLimits
    labels: dict[str, str]


def is_url(source: str | Path) -> bool:
    """Whether a source is an address for the server to fetch, rather than a path or an asset."""
    return isinstance(source, str) and urlsplit(source).scheme in {"http", "https"} and "://" in source


def caption(
    video: MediaSource,
    subtitles: MediaSource,
    *,
    mode: "Caption.Mode.ValueType" = Caption.MODE_UNSPECIFIED,
    style: CaptionStyle | None = None,
    language: str = "",
    fonts: Sequence[MediaSource] = (),
    missing_glyphs: "Caption.MissingGlyphs.ValueType" = Caption.MISSING_GLYPHS_UNSPECIFIED,
) -> Operation:
    """Puts subtitles onto a video: burnt in, with `fonts` besides the worker's, or with MODE_SOFT as a track."""
    return Operation(
        caption=Caption(
            video=video,
            subtitles=subtitles,
            mode=mode,
            style=style,
            language=language,
            fonts=fonts,
            missing_glyphs=missing_glyphs,
        )
    )


def image_to_video(
    image: MediaSource,
    *,
    duration: Seconds | None = None,
    frame_rate: float | None = None,
    zoom: Zoom | None = None,
    fit: "ImageToVideo.Fit.ValueType" = ImageToVideo.FIT_UNSPECIFIED,
    border: "ImageToVideo.Border.ValueType" = ImageToVideo.BORDER_UNSPECIFIED,
    background_color: str = "",
    audio: MediaSource | None = None,
) -> Operation:
    """Makes a film of a still; `duration` is 5 s and `frame_rate` 24 unless given, `background_color` is `#RRGGBB`."""
    return Operation(
        image_to_video=ImageToVideo(
            image=image,
            duration=duration_of(duration),
            frame_rate=frame_rate,
            zoom=zoom,
            fit=fit,
            border=border,
            background_color=background_color,
            audio=audio,
        )
    )


def add_audio(
    video: MediaSource,
    audio: MediaSource,
    *,
    mode: "AddAudio.Mode.ValueType" = AddAudio.MODE_UNSPECIFIED,
    length: "AddAudio.Length.ValueType" = AddAudio.LENGTH_UNSPECIFIED,
    video_gain_db: float | None = None,
    audio_gain_db: float | None = None,
    audio_offset: Seconds | None = None,
    fade_in: Seconds | None = None,
    fade_out: Seconds | None = None,
    loudness_lufs: float | None = None,
    duck_video: bool = False,
) -> Operation:
    """Puts sound to a video, in place of its own or, with MODE_MIX, beside it."""
    return Operation(
        add_audio=AddAudio(
            video=video,
            audio=audio,
            mode=mode,
            length=length,
            video_gain_db=video_gain_db,
            audio_gain_db=audio_gain_db,
            audio_offset=duration_of(audio_offset),
            fade_in=duration_of(fade_in),
            fade_out=duration_of(fade_out),
            loudness_lufs=loudness_lufs,
            duck_video=duck_video,
        )
    )


def transcode(video: MediaSource, *, start_time: Seconds | None = None, end_time: Seconds | None = None) -> Operation:
    """Encodes a video anew, or the part of it between two times."""
    return Operation(
        transcode=Transcode(video=video, start_time=duration_of(start_time), end_time=duration_of(end_time))
    )


def concat(videos: Sequence[MediaSource]) -> Operation:
    """Joins videos one after the other."""
    return Operation(concat=Concat(videos=videos))


def thumbnails(video: MediaSource, kind: Poster | SpriteSheet | None = None) -> Operation:
    """Makes pictures of a video: a poster, or sprite sheets; without a kind, the poster that the server chooses."""
    if isinstance(kind, SpriteSheet):
        return Operation(thumbnails=Thumbnails(video=video, sprite_sheet=kind))
    return Operation(thumbnails=Thumbnails(video=video, poster=kind or Poster()))


def poster(*, time: Seconds | None = None, size: FrameSize | None = None) -> Poster:
    """One picture, a JPEG; without a `time` the clearest one near a tenth of the length."""
    return Poster(time=duration_of(time), size=size)


def sprite_sheet(*, interval: Seconds | None = None, width: int = 0, columns: int = 0, rows: int = 0) -> SpriteSheet:
    """Small pictures on sheets with a WebVTT file, a ZIP archive; zeros take the server's defaults."""
    return SpriteSheet(interval=duration_of(interval), width=width, columns=columns, rows=rows)


def duration_of(time: Seconds | None) -> Duration | None:
    """Makes a Duration, to the microsecond; raises InvalidRequest for what no Duration can hold, such as infinity."""
    if time is None:
        return None
    made = Duration()
    try:
        made.FromTimedelta(time if isinstance(time, timedelta) else timedelta(seconds=time))
    except (ValueError, OverflowError) as error:
        raise InvalidRequest(
            f"{time} is no time in seconds that can be asked for.",
            reason="DURATION_INVALID",
            metadata={"value": str(time)},
        ) from error
    return made
