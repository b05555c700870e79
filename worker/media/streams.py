"""What planning needs of probed inputs: the streams that count, their lengths, and the words when they are missing."""

from collections.abc import Sequence
from datetime import timedelta

from servicekit.media_info import MediaInfo, StreamInfo
from worker.errors import FailureReason, TaskFailed
from worker.media.plan import MediaFile, ProbedInput

# What FFmpeg calls the demuxers of single pictures.
_STILL = "_pipe"


def input_file(source: ProbedInput, *, seek: timedelta = timedelta()) -> MediaFile:
    """Returns the input as FFmpeg is to read it, from that time on."""
    # The probe names all formats of a demuxer; FFmpeg takes any one of them.
    return MediaFile(path=source.path, demuxer=media_of(source).format.split(",")[0], seek=seek)


def media_of(source: ProbedInput) -> MediaInfo:
    """Returns what the probe found."""
    if source.media is None:
        raise AssertionError("inputs other than subtitles are probed before they are planned with")
    return source.media


def video_stream(media: MediaInfo, name: str = "The video") -> StreamInfo:
    """Returns the first stream of moving pictures; a cover picture is none. Raises TaskFailed(INPUT_INVALID)."""
    if media.format.endswith(_STILL):
        message = f"{name} is a still picture ({media.format.removesuffix(_STILL)}); make a film of it first."
        raise TaskFailed(FailureReason.INPUT_INVALID, message)
    for stream in media.streams:
        if stream.type == "video" and not stream.attached_picture and stream.width and stream.height:
            return stream
    raise TaskFailed(FailureReason.INPUT_INVALID, f"{name} has no video stream; it has {_described(media)}.")


def audio_streams(media: MediaInfo) -> Sequence[StreamInfo]:
    """Returns the sound tracks."""
    return [stream for stream in media.streams if stream.type == "audio" and stream.channels]


def first_audio(source: ProbedInput) -> StreamInfo:
    """Returns the first sound track; raises TaskFailed(INPUT_INVALID) where there is none."""
    streams = audio_streams(media_of(source))
    if not streams:
        message = f"The audio file has no sound; it has {_described(media_of(source))}."
        raise TaskFailed(FailureReason.INPUT_INVALID, message)
    return streams[0]


def _described(media: MediaInfo) -> str:
    kinds = [f"{stream.type} ({stream.codec or 'unknown'})" for stream in media.streams]
    return ", ".join(kinds) or "no stream at all"


def length_of(media: MediaInfo) -> timedelta | None:
    """Returns how long the picture and the sound play, whichever is longer; None where nobody knows."""
    video = next((stream for stream in media.streams if stream.type == "video" and not stream.attached_picture), None)
    lengths = [stream.duration for stream in audio_streams(media) if stream.duration is not None]
    if video is not None and video.duration is not None:
        return max([video.duration, *lengths])
    return media.duration


def stream_length(stream: StreamInfo, media: MediaInfo) -> timedelta | None:
    """Returns how long a stream plays; None where nobody knows."""
    return stream.duration if stream.duration is not None else media.duration
