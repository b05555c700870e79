"""The picture of an output: copied, or encoded by which encoder, in which pixels, through which filters."""

import math
from datetime import timedelta

from servicekit.media.outputs import DEFAULT_QUALITY, OutputSpec, VideoCodec, VideoEncoding
from servicekit.media_info import StreamInfo
from worker.errors import FailureReason, TaskFailed
from worker.hardware.capabilities import Capabilities
from worker.media import geometry
from worker.media.containers import VIDEO_CODECS
from worker.media.encoders import choose_encoder
from worker.media.plan import (
    AudioTrack,
    CopyVideo,
    Deinterlace,
    EncodeVideo,
    ExpectedOutput,
    FrameRate,
    Pictures,
    PixelFormat,
    SubtitleTrack,
    ToneMap,
    VideoFilter,
)

MAX_FRAME_RATE = 240.0

_KEYFRAME_SECONDS = 2
_USUAL_FRAME_RATE = 30.0
HIGH_DYNAMIC_RANGE = frozenset({"smpte2084", "arib-std-b67"})
_TONE_MAPPING = frozenset({"zscale", "tonemap"})
CODEC_NAMES = {VideoCodec.H264: "h264", VideoCodec.HEVC: "hevc", VideoCodec.AV1: "av1"}


def copied_picture(stream: StreamInfo, output: OutputSpec) -> CopyVideo:
    """Takes the picture as it is; raises TaskFailed(INPUT_INVALID) where the container does not take its codec."""
    accepted = VIDEO_CODECS[output.container]
    if accepted is not None and stream.codec not in accepted:
        message = f"Video in {stream.codec} cannot be copied into {output.container}; name a codec instead of COPY."
        raise TaskFailed(FailureReason.INPUT_INVALID, message, metadata={"codec": stream.codec})
    return CopyVideo(stream=stream.index, codec=stream.codec)


def encoded_picture(
    stream: StreamInfo,
    wanted: VideoEncoding,
    picture: geometry.Picture,
    filters: tuple[VideoFilter, ...],
    capabilities: Capabilities,
) -> EncodeVideo:
    """Encodes the first input's stream after the filters; raises TaskFailed(ENCODER_UNAVAILABLE)."""
    whole = source_filters(stream, wanted.codec, capabilities)
    pictures = (Pictures(source=0, stream=stream.index, filters=(*whole, *filters)),)
    return encoded_pictures(pictures, stream, wanted, picture, capabilities)


def encoded_pictures(
    pictures: tuple[Pictures, ...],
    stream: StreamInfo,
    wanted: VideoEncoding,
    picture: geometry.Picture,
    capabilities: Capabilities,
    *,
    filters: tuple[VideoFilter, ...] = (),
) -> EncodeVideo:
    """Encodes pictures that are joined, as those of `stream` would be; raises TaskFailed(ENCODER_UNAVAILABLE)."""
    codec = wanted.codec
    encoder = choose_encoder(codec, wanted.encoder_policy, capabilities, width=picture.width, height=picture.height)
    rate = wanted.frame_rate or stream.frame_rate
    # Containers without frame rates report their clock instead (1000, 90000), which says nothing about keyframes.
    rate = rate if 0 < rate <= MAX_FRAME_RATE else _USUAL_FRAME_RATE
    pixels = PixelFormat(_pixel_format(codec, stream, hardware=encoder.hardware))
    return EncodeVideo(
        pictures=pictures,
        encoder=encoder.name,
        codec=codec,
        hardware=encoder.hardware,
        quality=DEFAULT_QUALITY if wanted.quality is None else wanted.quality,
        bitrate_bps=wanted.bitrate_bps,
        effort=wanted.effort,
        keyframe_frames=max(math.ceil(rate * _KEYFRAME_SECONDS), 1),
        filters=(*filters, pixels),
    )


def source_filters(stream: StreamInfo, codec: VideoCodec, capabilities: Capabilities) -> tuple[VideoFilter, ...]:
    """Returns what makes whole pictures of a stream, of a dynamic range that players of the codec show.

    HEVC and AV1 keep a high dynamic range (PQ, HLG), since who plays them has been able to show it from the start;
    H.264 is brought to BT.709. Raises TaskFailed(ENCODER_UNAVAILABLE) where this FFmpeg cannot.
    """
    filters: list[VideoFilter] = [Deinterlace()] if stream.interlaced else []
    if stream.color_transfer in HIGH_DYNAMIC_RANGE and codec is VideoCodec.H264:
        if not set(capabilities.filters) >= _TONE_MAPPING:
            message = (
                "The video has a high dynamic range, and this worker's FFmpeg lacks the filters (zscale, tonemap) that "
                "bring it to what H.264 shows; ask for HEVC or AV1, which keep it."
            )
            raise TaskFailed(FailureReason.ENCODER_UNAVAILABLE, message)
        filters.append(ToneMap())
    return tuple(filters)


def _pixel_format(codec: VideoCodec, stream: StreamInfo, *, hardware: bool) -> str:
    """H.264 is 8 bits because players expect it; HEVC and AV1 keep ten bits where the input has more than eight."""
    if codec is VideoCodec.H264 or stream.bit_depth <= 8:
        return "yuv420p"
    return "p010le" if hardware else "yuv420p10le"


def rate_filter(wanted: VideoEncoding) -> tuple[VideoFilter, ...]:
    """Returns what makes the frame rate that was asked for, if one was."""
    return (FrameRate(wanted.frame_rate),) if wanted.frame_rate else ()


def expected_output(
    video: CopyVideo | EncodeVideo,
    audio: tuple[AudioTrack, ...],
    picture: geometry.Picture,
    duration: timedelta | None,
    subtitles: tuple[SubtitleTrack, ...] = (),
) -> ExpectedOutput:
    """Returns what the output of these parts has to be."""
    return ExpectedOutput(
        video_codec=video.codec if isinstance(video, CopyVideo) else CODEC_NAMES[video.codec],
        audio_codecs=tuple(track.codec for track in audio),
        width=picture.width,
        height=picture.height,
        duration=duration,
        subtitles=tuple((track.codec, track.language) for track in subtitles),
    )
