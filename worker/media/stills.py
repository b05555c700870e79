"""The plan of a film of a still."""

from collections.abc import Mapping
from datetime import timedelta

from servicekit.media.operations import ImageToVideo
from servicekit.media.outputs import FrameSize, OutputSpec
from servicekit.media_info import StreamInfo, StreamType
from worker.errors import FailureReason, TaskFailed
from worker.hardware.capabilities import Capabilities
from worker.media import geometry
from worker.media.motion import ZoomJob
from worker.media.picture import MAX_FRAME_RATE, encoded_picture, expected_output
from worker.media.plan import AudioTrack, PadSilence, Plan, ProbedInput, RawFrames
from worker.media.sound import encoded_sound
from worker.media.streams import first_audio, input_file

MAX_LENGTH = timedelta(hours=24)

_LANDSCAPE = FrameSize(width=1920, height=1080)
_PORTRAIT = FrameSize(width=1080, height=1920)


def still_plan(
    operation: ImageToVideo, output: OutputSpec, inputs: Mapping[str, ProbedInput], capabilities: Capabilities
) -> Plan:
    """Plans a film of a still: 1920x1080, or 1080x1920 of a portrait still, unless a size is asked for.

    Raises TaskFailed(INPUT_INVALID), for too many pixels among others, and ENCODER_UNAVAILABLE.
    """
    width, height = _upright_size(inputs["image"])
    size = output.video.size
    if not size.width and not size.height:
        size = _PORTRAIT if height > width else _LANDSCAPE
    frame = geometry.frame_size(size, width / height)
    rate = output.video.frame_rate or operation.frame_rate
    frames = max(round(operation.duration.total_seconds() * rate), 1)
    if not 0 < rate <= MAX_FRAME_RATE or not timedelta() < operation.duration <= MAX_LENGTH:
        message = f"A film of {operation.duration} at {rate} frames per second cannot be made of a still."
        raise TaskFailed(FailureReason.INPUT_INVALID, message)
    length = timedelta(seconds=frames / rate)
    video = encoded_picture(_frames_in(frame, rate), output.video, frame, (), capabilities)
    sound = inputs.get("audio")
    audio: tuple[AudioTrack, ...] = ()
    if sound is not None:
        padded = (PadSilence(length),)
        audio = (encoded_sound(first_audio(sound), output.audio, source=1, filters=padded),)
    return Plan(
        inputs=(
            RawFrames(width=frame.width, height=frame.height, frame_rate=rate),
            *((input_file(sound),) if sound is not None else ()),
        ),
        video=video,
        audio=audio,
        container=output.container,
        expected=expected_output(video, audio, frame, length),
        ffmpeg_release=capabilities.ffmpeg_release,
        end=length,
        producer=ZoomJob(
            image=str(inputs["image"].path.absolute()),
            width=frame.width,
            height=frame.height,
            frames=frames,
            fit=operation.fit,
            border=operation.border,
            background_color=operation.background_color,
            zoom=operation.zoom,
        ),
    )


def _upright_size(source: ProbedInput) -> tuple[int, int]:
    if source.still is None:
        raise AssertionError("the header of a still is read before it is planned with")
    width, height = source.still.upright_size
    if width * height > geometry.MAX_STILL_PIXELS:
        message = (
            f"The image has {width}x{height} pixels; "
            f"more than {geometry.MAX_STILL_PIXELS // 1_000_000} million are not read."
        )
        raise TaskFailed(FailureReason.INPUT_INVALID, message)
    return width, height


def _frames_in(frame: geometry.Picture, rate: float) -> StreamInfo:
    """What the producer of frames hands to FFmpeg, as a probe would describe it."""
    return StreamInfo(
        index=0, type=StreamType.VIDEO, width=frame.width, height=frame.height, frame_rate=rate, bit_depth=8
    )
