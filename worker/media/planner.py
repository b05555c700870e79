"""An operation, its inputs and this machine → the plan. Pure: nothing is read, nothing is started."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from servicekit.media.operations import AddAudio, Caption, Concat, Fit, ImageToVideo, Operation, Thumbnails, Transcode
from servicekit.media.outputs import DEFAULT_QUALITY, FrameSize, OutputSpec, VideoCodec, VideoEncoding
from servicekit.media.support import contradictions, unsupported
from servicekit.media_info import MediaInfo, StreamInfo
from worker.errors import FailureReason, TaskFailed
from worker.fonts.book import FontBook
from worker.hardware.capabilities import Capabilities
from worker.media import geometry
from worker.media.captions import caption_script
from worker.media.containers import VIDEO_CODECS
from worker.media.encoders import choose_encoder
from worker.media.exif import is_turned
from worker.media.motion import ZoomJob
from worker.media.plan import (
    AudioTrack,
    CopyVideo,
    DrawCaptions,
    EncodeVideo,
    ExpectedOutput,
    FrameRate,
    MediaFile,
    Pictures,
    PixelFormat,
    Plan,
    ProbedInput,
    RawFrames,
    VideoFilter,
)
from worker.media.sound import encoded_sound, kept_sound, replaced_sound
from worker.media.subtitles import read_subtitles

CAPTIONS_FILE = "captions.ass"
MAX_LENGTH = timedelta(hours=24)

_KEYFRAME_SECONDS = 2
_USUAL_FRAME_RATE = 30.0
_MAX_FRAME_RATE = 240.0
_LANDSCAPE = FrameSize(width=1920, height=1080)
_PORTRAIT = FrameSize(width=1080, height=1920)
_CODEC_NAMES = {VideoCodec.H264: "h264", VideoCodec.HEVC: "hevc", VideoCodec.AV1: "av1"}


def make_plan(
    operation: Operation,
    output: OutputSpec,
    inputs: Mapping[str, ProbedInput],
    capabilities: Capabilities,
    *,
    fonts: FontBook,
) -> Plan:
    """Decides what is to happen; `inputs` by role, as `sources(operation)` names them.

    Raises TaskFailed with INPUT_INVALID, SUBTITLES_INVALID, FONT_MISSING or ENCODER_UNAVAILABLE, in words for the user.
    """
    for path, description in [*unsupported(operation, output), *contradictions(operation, output)]:
        raise TaskFailed(FailureReason.INPUT_INVALID, f"{path}: {description}.", metadata={"field": path})
    match operation:
        case Caption():
            return _caption_plan(operation, output, inputs, capabilities, fonts)
        case ImageToVideo():
            return _still_plan(operation, output, inputs, capabilities)
        case AddAudio():
            return _sound_plan(operation, output, inputs, capabilities)
        case Transcode() | Concat() | Thumbnails():
            raise AssertionError("refused as unsupported above")


def _caption_plan(
    operation: Caption,
    output: OutputSpec,
    inputs: Mapping[str, ProbedInput],
    capabilities: Capabilities,
    fonts: FontBook,
) -> Plan:
    source = inputs["video"]
    media, stream = _media(source), _video_stream(_media(source))
    picture, resize = geometry.fitted(geometry.upright(stream), output.video.size)
    cues = read_subtitles(inputs["subtitles"].content)
    script = caption_script(cues, operation.style, aspect=picture.aspect, fonts=fonts)
    draw = DrawCaptions(round(picture.height * picture.aspect), picture.height)
    filters = (*resize, *_rate_filter(output.video), draw)
    video = _encoded(stream, output.video, picture, filters, capabilities)
    audio = kept_sound(_audio_streams(media), output.audio, output.container)
    return Plan(
        inputs=(_file(source),),
        video=video,
        audio=audio,
        container=output.container,
        expected=_expected(video, audio, picture, _length(media)),
        ffmpeg_release=capabilities.ffmpeg_release,
        files={CAPTIONS_FILE: script.text},
        fonts=tuple(face.path for family in script.families for face in family.faces),
    )


def _still_plan(
    operation: ImageToVideo, output: OutputSpec, inputs: Mapping[str, ProbedInput], capabilities: Capabilities
) -> Plan:
    """Plans a film of a still: 1920x1080, or 1080x1920 of a portrait still, unless a size is asked for."""
    stream = _still_stream(inputs["image"])
    turned = is_turned(inputs["image"].content)
    width, height = (stream.height, stream.width) if turned else (stream.width, stream.height)
    size = output.video.size
    if not size.width and not size.height:
        size = _PORTRAIT if height > width else _LANDSCAPE
    frame = geometry.frame_size(size, width / height)
    rate = output.video.frame_rate or operation.frame_rate
    frames = max(round(operation.duration.total_seconds() * rate), 1)
    if not 0 < rate <= _MAX_FRAME_RATE or not timedelta() < operation.duration <= MAX_LENGTH:
        message = f"A film of {operation.duration} at {rate} frames per second cannot be made of a still."
        raise TaskFailed(FailureReason.INPUT_INVALID, message)
    length = timedelta(seconds=frames / rate)
    frames_in = replace(stream, index=0, frame_rate=rate, bit_depth=8)
    video = _encoded(frames_in, output.video, frame, (), capabilities)
    sound = inputs.get("audio")
    audio: tuple[AudioTrack, ...] = ()
    if sound is not None:
        audio = (encoded_sound(_first_audio(sound), output.audio, source=1),)
    return Plan(
        inputs=(
            RawFrames(width=frame.width, height=frame.height, frame_rate=rate),
            *((_file(sound),) if sound is not None else ()),
        ),
        video=video,
        audio=audio,
        container=output.container,
        expected=_expected(video, audio, frame, length),
        ffmpeg_release=capabilities.ffmpeg_release,
        end=length,
        producer=ZoomJob(
            image=str(inputs["image"].path.absolute()),
            width=frame.width,
            height=frame.height,
            frames=frames,
            fit=Fit(operation.fit),
            zoom=operation.zoom,
        ),
    )


def _sound_plan(
    operation: AddAudio, output: OutputSpec, inputs: Mapping[str, ProbedInput], capabilities: Capabilities
) -> Plan:
    """Plans a new sound track; the picture is copied unless the request names a codec for it."""
    source, sound = inputs["video"], inputs["audio"]
    media, stream = _media(source), _video_stream(_media(source))
    video_length = _stream_length(stream, media)
    audio, total = replaced_sound(
        operation,
        _first_audio(sound),
        output.audio,
        output.container,
        video_length=video_length,
        audio_length=_stream_length(_first_audio(sound), _media(sound)),
    )
    video: CopyVideo | EncodeVideo
    picture = geometry.stored(stream)
    if output.video.codec is VideoCodec.COPY:
        video = _copied(stream, output)
    else:
        picture, resize = geometry.fitted(geometry.upright(stream), output.video.size)
        video = _encoded(stream, output.video, picture, (*resize, *_rate_filter(output.video)), capabilities)
    return Plan(
        inputs=(_file(source), _file(sound)),
        video=video,
        audio=(audio,),
        container=output.container,
        expected=_expected(video, (audio,), picture, total),
        ffmpeg_release=capabilities.ffmpeg_release,
        end=total,
        shortest=total is None,
    )


def _copied(stream: StreamInfo, output: OutputSpec) -> CopyVideo:
    accepted = VIDEO_CODECS[output.container]
    if accepted is not None and stream.codec not in accepted:
        message = f"Video in {stream.codec} cannot be copied into {output.container}; name a codec instead of COPY."
        raise TaskFailed(FailureReason.INPUT_INVALID, message, metadata={"codec": stream.codec})
    return CopyVideo(stream=stream.index, codec=stream.codec)


def _encoded(
    stream: StreamInfo,
    wanted: VideoEncoding,
    picture: geometry.Picture,
    filters: tuple[VideoFilter, ...],
    capabilities: Capabilities,
) -> EncodeVideo:
    codec = wanted.codec
    encoder = choose_encoder(codec, wanted.encoder_policy, capabilities, width=picture.width, height=picture.height)
    rate = wanted.frame_rate or stream.frame_rate
    # Containers without frame rates report their clock instead (1000, 90000), which says nothing about keyframes.
    rate = rate if 0 < rate <= _MAX_FRAME_RATE else _USUAL_FRAME_RATE
    pixels = PixelFormat(_pixel_format(codec, stream, hardware=encoder.hardware))
    return EncodeVideo(
        pictures=(Pictures(source=0, stream=stream.index, filters=(*filters, pixels)),),
        encoder=encoder.name,
        codec=codec,
        hardware=encoder.hardware,
        quality=DEFAULT_QUALITY if wanted.quality is None else wanted.quality,
        bitrate_bps=wanted.bitrate_bps,
        effort=wanted.effort,
        keyframe_frames=max(int(rate * _KEYFRAME_SECONDS), 1),
    )


def _pixel_format(codec: VideoCodec, stream: StreamInfo, *, hardware: bool) -> str:
    """H.264 is 8 bits because players expect it; HEVC and AV1 keep ten bits where the input has more than eight."""
    if codec is VideoCodec.H264 or stream.bit_depth <= 8:
        return "yuv420p"
    return "p010le" if hardware else "yuv420p10le"


def _rate_filter(wanted: VideoEncoding) -> tuple[VideoFilter, ...]:
    return (FrameRate(wanted.frame_rate),) if wanted.frame_rate else ()


def _expected(
    video: CopyVideo | EncodeVideo,
    audio: tuple[AudioTrack, ...],
    picture: geometry.Picture,
    duration: timedelta | None,
) -> ExpectedOutput:
    return ExpectedOutput(
        video_codec=video.codec if isinstance(video, CopyVideo) else _CODEC_NAMES[video.codec],
        audio_codecs=tuple(track.codec for track in audio),
        width=picture.width,
        height=picture.height,
        duration=duration,
    )


def _file(source: ProbedInput) -> MediaFile:
    # The probe names all formats of a demuxer; FFmpeg takes any one of them.
    return MediaFile(path=source.path, demuxer=_media(source).format.split(",")[0])


def _media(source: ProbedInput) -> MediaInfo:
    if source.media is None:
        raise AssertionError("inputs other than subtitles are probed before they are planned with")
    return source.media


def _video_stream(media: MediaInfo) -> StreamInfo:
    """The first stream of moving pictures; a cover picture in a music file is none."""
    for stream in media.streams:
        if stream.type == "video" and not stream.attached_picture and stream.width and stream.height:
            return stream
    raise TaskFailed(FailureReason.INPUT_INVALID, f"The video has no video stream; it has {_described(media)}.")


def _audio_streams(media: MediaInfo) -> Sequence[StreamInfo]:
    return [stream for stream in media.streams if stream.type == "audio" and stream.channels]


def _first_audio(source: ProbedInput) -> StreamInfo:
    streams = _audio_streams(_media(source))
    if not streams:
        message = f"The audio file has no sound; it has {_described(_media(source))}."
        raise TaskFailed(FailureReason.INPUT_INVALID, message)
    return streams[0]


def _still_stream(source: ProbedInput) -> StreamInfo:
    media = _media(source)
    stream = next((stream for stream in media.streams if stream.type == "video"), None)
    if stream is None or not stream.width or not stream.height:
        raise TaskFailed(FailureReason.INPUT_INVALID, f"The image has no picture; it has {_described(media)}.")
    if stream.width * stream.height > geometry.MAX_STILL_PIXELS:
        message = (
            f"The image has {stream.width}x{stream.height} pixels; "
            f"more than {geometry.MAX_STILL_PIXELS // 1_000_000} million are not read."
        )
        raise TaskFailed(FailureReason.INPUT_INVALID, message)
    return stream


def _described(media: MediaInfo) -> str:
    kinds = [f"{stream.type} ({stream.codec or 'unknown'})" for stream in media.streams]
    return ", ".join(kinds) or "no stream at all"


def _length(media: MediaInfo) -> timedelta | None:
    video = next((stream for stream in media.streams if stream.type == "video" and not stream.attached_picture), None)
    lengths = [stream.duration for stream in _audio_streams(media) if stream.duration is not None]
    if video is not None and video.duration is not None:
        return max([video.duration, *lengths])
    return media.duration


def _stream_length(stream: StreamInfo, media: MediaInfo) -> timedelta | None:
    return stream.duration if stream.duration is not None else media.duration
