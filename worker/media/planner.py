"""An operation, its inputs and this machine → the plan. Pure: nothing is read, nothing is started."""

from collections.abc import Mapping
from dataclasses import replace

from servicekit.media.contradictions import contradictions
from servicekit.media.operations import (
    AddAudio,
    Caption,
    Concat,
    ImageToVideo,
    Operation,
    Thumbnails,
    Transcode,
    sources,
)
from servicekit.media.outputs import OutputSpec, VideoCodec
from worker.errors import FailureReason, TaskFailed
from worker.fonts.book import FontBook
from worker.hardware.capabilities import Capabilities
from worker.media import geometry
from worker.media.added_sound import added_sound
from worker.media.caption_plan import caption_plan
from worker.media.cutting import transcode_plan
from worker.media.gpu import with_gpu
from worker.media.joining import concat_plan
from worker.media.part import WHOLE, Part, part_of
from worker.media.picture import copied_picture, encoded_picture, expected_output, rate_filter
from worker.media.plan import (
    CopyVideo,
    EncodeVideo,
    Plan,
    ProbedInput,
)
from worker.media.stills import still_plan
from worker.media.streams import (
    audio_streams,
    first_audio,
    input_file,
    media_of,
    stream_length,
    video_stream,
)


def make_plan(
    operation: Operation,
    output: OutputSpec,
    inputs: Mapping[str, ProbedInput],
    capabilities: Capabilities,
    *,
    fonts: FontBook,
    part: Part = WHOLE,
) -> Plan:
    """Decides what is to happen to make that part; `inputs` by role, as `sources(operation)` names them.

    Raises TaskFailed with INPUT_INVALID, SUBTITLES_INVALID, FONT_MISSING or ENCODER_UNAVAILABLE, in words for the user.
    """
    for path, description in contradictions(operation, output):
        raise TaskFailed(FailureReason.INPUT_INVALID, f"{path}: {description}.", metadata={"field": path})
    plan = _plan(operation, output, inputs, capabilities, fonts)
    return with_gpu(part_of(plan, part), inputs, capabilities)


def _plan(
    operation: Operation,
    output: OutputSpec,
    inputs: Mapping[str, ProbedInput],
    capabilities: Capabilities,
    fonts: FontBook,
) -> Plan:
    match operation:
        case Caption():
            return caption_plan(operation, output, inputs, capabilities, fonts)
        case ImageToVideo():
            return still_plan(operation, output, inputs, capabilities)
        case AddAudio():
            return _sound_plan(operation, output, inputs, capabilities)
        case Transcode():
            return transcode_plan(operation, output, inputs["video"], capabilities)
        case Concat():
            return concat_plan(output, [inputs[role] for role, _ in sources(operation)], capabilities)
        case Thumbnails():
            raise AssertionError("pictures have a plan of their own, which `thumbnails_plan` makes")


def _sound_plan(
    operation: AddAudio, output: OutputSpec, inputs: Mapping[str, ProbedInput], capabilities: Capabilities
) -> Plan:
    """Plans a new sound track; the picture is copied unless the request names a codec for it."""
    source, sound = inputs["video"], inputs["audio"]
    media, stream = media_of(source), video_stream(media_of(source))
    sounding = added_sound(
        operation,
        output,
        added=first_audio(sound),
        added_length=stream_length(first_audio(sound), media_of(sound)),
        own=audio_streams(media),
        video_length=stream_length(stream, media),
    )
    video: CopyVideo | EncodeVideo
    picture = geometry.stored(stream)
    if output.video.codec is VideoCodec.COPY:
        video = replace(copied_picture(stream, output), hold_until=sounding.hold_until)
    else:
        picture, resize = geometry.fitted(geometry.upright(stream), output.video.size)
        video = encoded_picture(stream, output.video, picture, (*resize, *rate_filter(output.video)), capabilities)
    return Plan(
        inputs=(input_file(source), input_file(sound)),
        video=video,
        audio=sounding.tracks,
        container=output.container,
        expected=expected_output(video, sounding.tracks, picture, sounding.total),
        ffmpeg_release=capabilities.ffmpeg_release,
        end=sounding.end,
        shortest=sounding.shortest,
        preparations=sounding.preparations,
    )
