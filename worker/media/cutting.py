"""A video, or a part of it: copied where that is exact and enough, else encoded."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from servicekit.media.operations import Transcode
from servicekit.media.outputs import OutputSpec, VideoCodec, VideoEncoding
from servicekit.media_info import StreamInfo
from worker.errors import FailureReason, TaskFailed
from worker.hardware.capabilities import Capabilities
from worker.media import geometry
from worker.media.containers import VIDEO_CODECS
from worker.media.picture import (
    CODEC_NAMES,
    MAX_FRAME_RATE,
    copied_picture,
    encoded_picture,
    expected_output,
    rate_filter,
)
from worker.media.plan import CopyVideo, EncodeVideo, Plan, ProbedInput
from worker.media.sound import kept_sound
from worker.media.streams import audio_streams, input_file, length_of, media_of, stream_length, video_stream

# Times come in milliseconds where frames have finer ones.
_TIME_ROUNDING = timedelta(milliseconds=1)
# In others a seek may land behind the key frame that is needed.
INDEXED = frozenset({"mov", "matroska"})
"""Demuxers of formats that know where their key frames are."""


def cut_times(operation: Transcode) -> Sequence[timedelta]:
    """Returns the times at which planning has to know how the picture can be cut."""
    times = (operation.start_time, operation.end_time)
    return [time for time in times if time]


def transcode_plan(operation: Transcode, output: OutputSpec, source: ProbedInput, capabilities: Capabilities) -> Plan:
    """Plans the part between two times; raises TaskFailed as `make_plan` does."""
    media = media_of(source)
    stream = video_stream(media)
    length = length_of(media)
    start, end = operation.start_time, operation.end_time
    if length is not None:
        _refuse_behind(start, stream_length(stream, media) or length, stream.frame_rate)
        end = None if end is None or end >= length else end
    video: CopyVideo | EncodeVideo
    picture = geometry.stored(stream)
    seeks = input_file(source).demuxer in INDEXED
    if output.video.codec is VideoCodec.COPY:
        _refuse_unindexed(start, media.format, seeks=seeks)
        start = _keyframe(source, start)
        video = copied_picture(stream, output)
    elif is_copyable(stream, output) and all(seeks and _is_clean(source, time) for time in (start, end) if time):
        start = _keyframe(source, start)
        video = replace(copied_picture(stream, output), until=None if end is None else end - start)
    else:
        picture, resize = geometry.fitted(geometry.upright(stream), output.video.size)
        video = encoded_picture(stream, output.video, picture, (*resize, *rate_filter(output.video)), capabilities)
    audio = kept_sound(audio_streams(media), output.audio, output.container)
    last = length if end is None else end
    return Plan(
        inputs=(input_file(source, seek=start if seeks else timedelta()),),
        video=video,
        audio=audio,
        container=output.container,
        expected=expected_output(video, audio, picture, None if last is None else last - start),
        ffmpeg_release=capabilities.ffmpeg_release,
        end=None if end is None else end - start,
        skip=timedelta() if seeks else start,
    )


def is_copyable(stream: StreamInfo, output: OutputSpec) -> bool:
    """Tells whether the picture is what was asked for already: of that codec, and nothing else was asked for."""
    wanted = output.video
    accepted = VIDEO_CODECS[output.container]
    return (
        wanted == VideoEncoding(codec=wanted.codec)
        and stream.codec == CODEC_NAMES.get(wanted.codec)
        and (accepted is None or stream.codec in accepted)
        # What players expect of H.264, and what encoding it would give.
        and (wanted.codec is not VideoCodec.H264 or stream.pixel_format in ("yuv420p", "yuvj420p"))
    )


def _refuse_behind(start: timedelta, length: timedelta, frame_rate: float) -> None:
    """No frame begins within the time that the last one is shown."""
    last = timedelta(seconds=1 / frame_rate) if 0 < frame_rate <= MAX_FRAME_RATE else timedelta()
    if start >= length or start > length - last + _TIME_ROUNDING:
        message = (
            f"start_time is {start.total_seconds():g} s, and the video ends at {length.total_seconds():g} s: "
            "nothing of it is left."
        )
        raise TaskFailed(FailureReason.INPUT_INVALID, message, metadata={"field": "operation.transcode.start_time"})


def _refuse_unindexed(start: timedelta, kind: str, *, seeks: bool) -> None:
    if start and not seeks:
        message = (
            f"The video is a file ({kind}) that does not know its key frames, so a part of it that begins later "
            "cannot be copied; name a codec instead of COPY."
        )
        raise TaskFailed(FailureReason.INPUT_INVALID, message, metadata={"field": "output.video.codec"})


def _is_clean(source: ProbedInput, time: timedelta) -> bool:
    cut = source.cuts.get(time)
    return cut is not None and cut.clean


def _keyframe(source: ProbedInput, start: timedelta) -> timedelta:
    """The time of the key frame that a copy from `start` begins with; the start of the file where there is none."""
    cut = source.cuts.get(start)
    return cut.keyframe if cut is not None and cut.keyframe is not None else timedelta()
