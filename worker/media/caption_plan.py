"""Captions: which plan puts subtitles into the picture, or beside it as a track."""

from collections.abc import Mapping

from servicekit.media.languages import stated_language
from servicekit.media.operations import Caption, CaptionMode
from servicekit.media.outputs import OutputSpec, VideoCodec
from servicekit.media_info import StreamInfo
from worker.fonts.book import FontBook
from worker.hardware.capabilities import Capabilities
from worker.media import geometry
from worker.media.brightness import style_for
from worker.media.captions import SCRIPT_FILE, caption_script
from worker.media.picture import copied_picture, encoded_picture, expected_output, rate_filter
from worker.media.plan import CopyVideo, DrawCaptions, EncodeVideo, Plan, ProbedInput, SubtitleTrack, WrittenFile
from worker.media.sound import kept_sound
from worker.media.streams import audio_streams, input_file, length_of, media_of, stream_length, video_stream
from worker.media.subtitle_track import subtitle_track
from worker.media.subtitles import read_subtitles


def caption_plan(
    operation: Caption,
    output: OutputSpec,
    inputs: Mapping[str, ProbedInput],
    capabilities: Capabilities,
    fonts: FontBook,
) -> Plan:
    """Plans captions in the picture or, with SOFT, a track of them; raises TaskFailed as `make_plan` does."""
    if operation.mode is CaptionMode.SOFT:
        return _track_plan(operation, output, inputs, capabilities)
    return _burned_plan(operation, output, inputs, capabilities, fonts)


def _burned_plan(
    operation: Caption,
    output: OutputSpec,
    inputs: Mapping[str, ProbedInput],
    capabilities: Capabilities,
    fonts: FontBook,
) -> Plan:
    source = inputs["video"]
    media, stream = media_of(source), video_stream(media_of(source))
    picture, resize = geometry.fitted(geometry.upright(stream), output.video.size)
    cues = read_subtitles(inputs["subtitles"].content)
    own = [face for role, source in inputs.items() if role.startswith("font-") for face in source.faces]
    kept_range = "" if output.video.codec is VideoCodec.H264 else stream.color_transfer
    script = caption_script(
        cues,
        style_for(operation.style, kept_range),
        aspect=picture.aspect,
        fonts=fonts.with_faces(own),
        missing=operation.missing_glyphs,
    )
    draw = DrawCaptions(round(picture.height * picture.aspect), picture.height)
    filters = (*resize, *rate_filter(output.video), draw)
    video = encoded_picture(stream, output.video, picture, filters, capabilities)
    audio = kept_sound(audio_streams(media), output.audio, output.container)
    return Plan(
        inputs=(input_file(source),),
        video=video,
        audio=audio,
        container=output.container,
        expected=expected_output(video, audio, picture, length_of(media)),
        ffmpeg_release=capabilities.ffmpeg_release,
        files={SCRIPT_FILE: script.text},
        fonts=tuple(face.path for family in script.families for face in family.faces),
    )


def _track_plan(
    operation: Caption, output: OutputSpec, inputs: Mapping[str, ProbedInput], capabilities: Capabilities
) -> Plan:
    """Plans a track beside the picture, which is copied unless a codec is named; tracks that were there are dropped."""
    source = inputs["video"]
    media, stream = media_of(source), video_stream(media_of(source))
    cues = read_subtitles(inputs["subtitles"].content)
    written = subtitle_track(cues, output.container, length=stream_length(stream, media))
    language = stated_language(operation.language, output.container) or ""
    track = SubtitleTrack(source=1, codec=written.codec, language=language)
    video, picture = _kept_picture(stream, output, capabilities)
    audio = kept_sound(audio_streams(media), output.audio, output.container)
    return Plan(
        inputs=(input_file(source), WrittenFile(name=written.name, demuxer=written.demuxer)),
        video=video,
        audio=audio,
        subtitles=(track,),
        container=output.container,
        expected=expected_output(video, audio, picture, length_of(media), (track,)),
        ffmpeg_release=capabilities.ffmpeg_release,
        files={written.name: written.content},
    )


def _kept_picture(
    stream: StreamInfo, output: OutputSpec, capabilities: Capabilities
) -> tuple[CopyVideo | EncodeVideo, geometry.Picture]:
    if output.video.codec is VideoCodec.COPY:
        return copied_picture(stream, output), geometry.stored(stream)
    picture, resize = geometry.fitted(geometry.upright(stream), output.video.size)
    filters = (*resize, *rate_filter(output.video))
    return encoded_picture(stream, output.video, picture, filters, capabilities), picture
