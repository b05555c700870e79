"""Which wishes contradict each other, as far as a request alone tells.

Pure and light, so that both services answer alike, with INVALID_ARGUMENT. Field paths are relative to the message that
holds `operation` and `output`.
"""

from collections.abc import Iterator, Mapping

from servicekit.media.languages import stated_language
from servicekit.media.operations import (
    AddAudio,
    AudioLength,
    AudioMode,
    Caption,
    CaptionMode,
    ImageToVideo,
    Operation,
)
from servicekit.media.outputs import AudioCodec, Container, OutputSpec, VideoCodec

Finding = tuple[str, str]

# What FFmpeg's muxers write and common players read; MKV takes everything.
_VIDEO_CODECS: Mapping[Container, frozenset[VideoCodec]] = {
    Container.MP4: frozenset(VideoCodec),
    Container.MOV: frozenset({VideoCodec.H264, VideoCodec.HEVC, VideoCodec.COPY}),
    Container.MKV: frozenset(VideoCodec),
    Container.WEBM: frozenset({VideoCodec.AV1, VideoCodec.COPY}),
}
_AUDIO_CODECS: Mapping[Container, frozenset[AudioCodec]] = {
    Container.MP4: frozenset(AudioCodec),
    Container.MOV: frozenset({AudioCodec.AAC, AudioCodec.COPY}),
    Container.MKV: frozenset(AudioCodec),
    Container.WEBM: frozenset({AudioCodec.OPUS, AudioCodec.COPY}),
}


def contradictions(operation: Operation, output: OutputSpec) -> list[Finding]:
    """Returns (field path, description) for each wish that no input could fulfil."""
    return [*_container_contradictions(output), *_operation_contradictions(operation, output)]


def _container_contradictions(output: OutputSpec) -> Iterator[Finding]:
    container = output.container
    if output.video.codec not in _VIDEO_CODECS[container]:
        choices = _names(_VIDEO_CODECS[container])
        yield "output.video.codec", f"{output.video.codec} does not go into {container}; use one of {choices}"
    if output.audio.codec not in _AUDIO_CODECS[container]:
        choices = _names(_AUDIO_CODECS[container])
        yield "output.audio.codec", f"{output.audio.codec} does not go into {container}; use one of {choices}"


def _operation_contradictions(operation: Operation, output: OutputSpec) -> Iterator[Finding]:
    if output.video.codec is VideoCodec.COPY:
        if isinstance(operation, ImageToVideo):
            yield "output.video.codec", "a still has no video stream that could be copied; name a codec"
        if isinstance(operation, Caption) and operation.mode is CaptionMode.BURN_IN:
            yield "output.video.codec", "burning captions in changes the picture, so it cannot be copied; name a codec"
    if isinstance(operation, Caption) and stated_language(operation.language, output.container) is None:
        stated = f"{output.container} files cannot state the language {operation.language!r}; use MP4 or MKV"
        yield "operation.caption.language", stated
    if not isinstance(operation, AddAudio):
        return
    if output.audio.codec is AudioCodec.COPY and _changes_sound(operation):
        yield "output.audio.codec", "what is asked for changes the sound, so it cannot be copied; name a codec"
    if operation.mode is AudioMode.REPLACE and operation.video_gain_db:
        yield "operation.add_audio.video_gain_db", "has no effect when the video's own sound is replaced"


def _changes_sound(operation: AddAudio) -> bool:
    return (
        operation.mode is AudioMode.MIX
        or operation.length is AudioLength.LOOP_AUDIO
        or operation.loudness_lufs is not None
        or bool(operation.audio_gain_db or operation.audio_offset or operation.fade_in or operation.fade_out)
    )


def _names(codecs: frozenset[VideoCodec] | frozenset[AudioCodec]) -> str:
    return ", ".join(sorted(codec.value for codec in codecs))
