"""What is refused by the request alone, and with which field."""

from dataclasses import replace
from datetime import timedelta

import pytest

from servicekit.media.contradictions import contradictions
from servicekit.media.operations import (
    AddAudio,
    AssetSource,
    AudioLength,
    AudioMode,
    Caption,
    CaptionMode,
    ImageToVideo,
    Operation,
    Poster,
    Thumbnails,
)
from servicekit.media.outputs import AudioCodec, AudioEncoding, Container, OutputSpec, VideoCodec, VideoEncoding

ANY = AssetSource(asset="assets/any")
CAPTION = Caption(video=ANY, subtitles=ANY)
SOUND = AddAudio(video=ANY, audio=ANY)
COPY = VideoEncoding(codec=VideoCodec.COPY)
COPIED_SOUND = OutputSpec(video=COPY, audio=AudioEncoding(codec=AudioCodec.COPY))


@pytest.mark.parametrize("operation", [CAPTION, SOUND, ImageToVideo(image=ANY), Thumbnails(video=ANY, kind=Poster())])
def test_defaults_do_not_contradict_each_other(operation: Operation) -> None:
    assert contradictions(operation, OutputSpec()) == []


@pytest.mark.parametrize(
    ("operation", "output", "field"),
    [
        (SOUND, OutputSpec(container=Container.WEBM, video=COPY), "output.audio.codec"),
        (SOUND, OutputSpec(container=Container.MOV, video=VideoEncoding(codec=VideoCodec.AV1)), "output.video.codec"),
        (CAPTION, OutputSpec(video=COPY), "output.video.codec"),
        (ImageToVideo(image=ANY), OutputSpec(video=COPY), "output.video.codec"),
        (replace(SOUND, audio_gain_db=3.0), COPIED_SOUND, "output.audio.codec"),
        (replace(SOUND, mode=AudioMode.MIX), COPIED_SOUND, "output.audio.codec"),
        (replace(SOUND, length=AudioLength.LOOP_AUDIO), COPIED_SOUND, "output.audio.codec"),
        (replace(SOUND, loudness_lufs=-16.0), COPIED_SOUND, "output.audio.codec"),
        (replace(SOUND, fade_in=timedelta(seconds=1)), COPIED_SOUND, "output.audio.codec"),
        (replace(SOUND, video_gain_db=3.0), OutputSpec(video=COPY), "operation.add_audio.video_gain_db"),
        (
            replace(CAPTION, mode=CaptionMode.SOFT, language="fil"),
            OutputSpec(container=Container.MOV, video=COPY),
            "operation.caption.language",
        ),
    ],
)
def test_wishes_that_exclude_each_other(operation: Operation, output: OutputSpec, field: str) -> None:
    assert [path for path, _ in contradictions(operation, output)] == [field]
