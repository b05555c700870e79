"""Reading, checking and writing operations and outputs."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spotreel.media.v1.operation_pb2 import AddAudio as AddAudioMessage
from spotreel.media.v1.operation_pb2 import Caption as CaptionMessage
from spotreel.media.v1.operation_pb2 import Operation as OperationMessage
from spotreel.media.v1.output_pb2 import OutputSpec as OutputMessage
from spotreel.media.v1.output_pb2 import VideoEncoding as VideoEncodingMessage
from spotreel.media.v1.source_pb2 import MediaSource as SourceMessage

from servicekit.errors import InvalidArgument
from servicekit.media.convert import operation_from_proto, operation_to_proto, output_from_proto, output_to_proto
from servicekit.media.operations import (
    AddAudio,
    AssetSource,
    Border,
    Caption,
    CaptionMode,
    CaptionStyle,
    Concat,
    ImageToVideo,
    Operation,
    Poster,
    SpriteSheet,
    Thumbnails,
    Transcode,
    UriSource,
    Zoom,
)
from servicekit.media.outputs import AudioCodec, AudioEncoding, FrameSize, OutputSpec, VideoCodec, VideoEncoding
from servicekit.media.validation import Problems, check_media

VIDEO = UriSource(uri="https://example.com/v.mp4")
SUBTITLES = AssetSource(asset="assets/" + "a" * 64)
CAPTION = Caption(video=VIDEO, subtitles=SUBTITLES)
COPY = OutputSpec(video=VideoEncoding(codec=VideoCodec.COPY))

milliseconds = st.integers(-(10**7), 10**7).map(lambda value: timedelta(milliseconds=value))
sources = st.one_of(st.builds(UriSource, uri=st.text(min_size=1)), st.builds(AssetSource, asset=st.text(min_size=1)))
small = st.integers(-1000, 1000)
numbers = st.floats(allow_nan=False, allow_infinity=False)
styles = st.builds(
    CaptionStyle,
    font_family=st.text(min_size=1),
    font_size=small,
    primary_color=st.text(min_size=1),
    outline_color=st.text(min_size=1),
    back_color=st.text(),
    outline_width=small,
    shadow=small,
    margin_vertical=small,
    margin_horizontal=small,
    max_line_chars=small,
    highlight_color=st.text(),
)
kinds = st.one_of(
    st.builds(Poster, time=st.none() | milliseconds, size=st.just(FrameSize()) | st.just(FrameSize(width=640))),
    st.builds(
        SpriteSheet,
        interval=st.none() | milliseconds,
        width=st.integers(1, 1000),
        columns=st.integers(1, 30),
        rows=st.integers(1, 30),
    ),
)
operations: st.SearchStrategy[Operation] = st.one_of(
    st.builds(
        Caption,
        video=sources,
        subtitles=sources,
        style=styles,
        language=st.text(),
        fonts=st.lists(sources, max_size=3).map(tuple),
    ),
    st.builds(
        ImageToVideo,
        image=sources,
        duration=milliseconds,
        frame_rate=numbers,
        audio=st.none() | sources,
        zoom=st.builds(
            Zoom,
            start_scale=numbers,
            end_scale=numbers,
            focus_x=numbers,
            focus_y=numbers,
            end_focus_x=st.none() | numbers,
            end_focus_y=st.none() | numbers,
        ),
        background_color=st.text(min_size=1),
    ),
    st.builds(
        AddAudio,
        video=sources,
        audio=sources,
        video_gain_db=numbers,
        audio_gain_db=numbers,
        audio_offset=milliseconds,
        fade_in=milliseconds,
        fade_out=milliseconds,
        loudness_lufs=st.none() | numbers,
    ),
    st.builds(Transcode, video=sources, start_time=milliseconds, end_time=st.none() | milliseconds),
    st.builds(Concat, videos=st.lists(sources, min_size=1, max_size=3).map(tuple)),
    st.builds(Thumbnails, video=sources, kind=kinds),
)
encodings = st.one_of(
    st.builds(
        VideoEncoding,
        codec=st.sampled_from([VideoCodec.H264, VideoCodec.HEVC, VideoCodec.AV1]),
        quality=st.none() | small,
        bitrate_bps=st.none(),
        frame_rate=numbers,
        size=st.just(FrameSize()) | st.just(FrameSize(width=640)) | st.just(FrameSize(width=640, height=360)),
    ),
    st.builds(
        VideoEncoding,
        codec=st.just(VideoCodec.HEVC),
        quality=st.none(),
        bitrate_bps=st.integers(1, 10**9),
        size=st.just(FrameSize()),
        frame_rate=numbers,
    ),
    st.just(VideoEncoding(codec=VideoCodec.COPY)),
)


@given(operation=operations)
def test_an_operation_survives_the_wire(operation: Operation) -> None:
    problems = Problems()
    message = OperationMessage.FromString(operation_to_proto(operation).SerializeToString())
    assert operation_from_proto(message, problems, path="operation") == operation
    assert problems.violations == []


@given(output=st.builds(OutputSpec, video=encodings), operation=operations)
def test_an_output_survives_the_wire(output: OutputSpec, operation: Operation) -> None:
    problems = Problems()
    message = OutputMessage.FromString(output_to_proto(output).SerializeToString())
    assert output_from_proto(message, operation, problems, path="output") == output
    assert problems.violations == []


@pytest.mark.parametrize(
    ("operation", "codec"),
    [
        (CAPTION, VideoCodec.H264),
        (ImageToVideo(image=VIDEO), VideoCodec.H264),
        (AddAudio(video=VIDEO, audio=VIDEO), VideoCodec.COPY),
    ],
)
def test_the_default_codec_follows_the_operation(operation: Operation, codec: VideoCodec) -> None:
    assert output_from_proto(OutputMessage(), operation, Problems(), path="output").video.codec is codec


def test_what_cannot_be_read_is_noted_with_its_path() -> None:
    problems = Problems()
    message = OperationMessage(caption=CaptionMessage(video=SourceMessage(uri="https://example.com/v.mp4")))
    message.caption.mode = 77  # type: ignore[assignment]  # a newer client's value
    operation = operation_from_proto(message, problems, path="spec.operation")
    output_from_proto(
        OutputMessage(container=99, video=VideoEncodingMessage(size={})),  # type: ignore[arg-type]
        operation,
        problems,
        path="spec.output",
    )
    assert [one.field for one in problems.violations] == [
        "spec.operation.caption.subtitles",
        "spec.operation.caption.mode",
        "spec.output.container",
        "spec.output.video.size",
    ]
    assert "CONTAINER_MP4" in problems.violations[2].description


def test_an_operation_is_required() -> None:
    problems = Problems()
    assert operation_from_proto(OperationMessage(), problems, path="operation") is None
    with pytest.raises(InvalidArgument, match="exactly one of caption, image_to_video"):
        problems.raise_if_any()


def test_a_duration_beyond_all_bounds_is_noted() -> None:
    problems = Problems()
    sound = AddAudioMessage(video=SourceMessage(uri="http://a/b"), audio=SourceMessage(uri="http://a/b"))
    sound.fade_in.seconds = 10**15
    operation_from_proto(OperationMessage(add_audio=sound), problems, path="operation")
    assert [one.field for one in problems.violations] == ["operation.add_audio.fade_in"]


@pytest.mark.parametrize(("seconds", "nanos"), [(1, -5), (-1, 5), (0, 10**9), (0, -(10**9)), (315_576_000_001, 0)])
def test_a_duration_that_protobuf_calls_invalid_is_noted(seconds: int, nanos: int) -> None:
    problems = Problems()
    sound = AddAudioMessage(video=SourceMessage(uri="http://a/b"), audio=SourceMessage(uri="http://a/b"))
    sound.audio_offset.seconds, sound.audio_offset.nanos = seconds, nanos
    operation_from_proto(OperationMessage(add_audio=sound), problems, path="operation")
    assert [(one.field, one.description) for one in problems.violations] == [
        ("operation.add_audio.audio_offset", "is not a valid duration")
    ]


@pytest.mark.parametrize(
    ("value", "low", "high", "words"),
    [
        (2**63 - 1, 10_000, 500_000_000, "must be 10000 to 500000000, not 9223372036854775807"),
        (2592001.0, 1, 2592000.0, "must be 1 to 2592000, not 2592001"),
        (0.25, 0.5, 1, "must be 0.5 to 1, not 0.25"),
        (1e300, 0, 1, "must be 0 to 1, not 1e+300"),
        (float("inf"), 0, 1, "must be 0 to 1, not inf"),
        (float("nan"), 0, 1, "must be 0 to 1, not nan"),
    ],
)
def test_numbers_are_told_in_full(value: float, low: float, high: float, words: str) -> None:
    problems = Problems()
    problems.within("field", value, low, high)
    assert [one.description for one in problems.violations] == [words]


@pytest.mark.parametrize("character", [" ", "\n", "\t", "\0", "\x1b", "\x7f", "\x85", "\u00a0", "\u2028"])
def test_an_address_with_spaces_or_control_characters_is_refused(character: str) -> None:
    problems = Problems()
    caption = Caption(video=UriSource(uri=f"https://example.com/a{character}b"), subtitles=VIDEO)
    check_media(caption, OutputSpec(), problems)
    assert [(one.field, one.description) for one in problems.violations] == [
        ("operation.caption.video.uri", "must not contain spaces or control characters")
    ]


@pytest.mark.parametrize(
    ("operation", "output", "field"),
    [
        (Caption(video=UriSource(uri="ftp://a/b"), subtitles=VIDEO), OutputSpec(), "operation.caption.video.uri"),
        (Caption(video=UriSource(uri="file:///etc/passwd"), subtitles=VIDEO), OutputSpec(),
         "operation.caption.video.uri"),
        (Caption(video=UriSource(uri="http://u:p@a/b"), subtitles=VIDEO), OutputSpec(), "operation.caption.video.uri"),
        (Caption(video=UriSource(uri="http://a:99999/b"), subtitles=VIDEO), OutputSpec(),
         "operation.caption.video.uri"),
        (Caption(video=AssetSource(asset="assets/../x"), subtitles=VIDEO), OutputSpec(),
         "operation.caption.video.asset"),
        (Caption(video=VIDEO, subtitles=VIDEO, style=CaptionStyle(font_size=0)), OutputSpec(),
         "operation.caption.style.font_size"),
        (Caption(video=VIDEO, subtitles=VIDEO, style=CaptionStyle(primary_color="red")), OutputSpec(),
         "operation.caption.style.primary_color"),
        (Caption(video=VIDEO, subtitles=VIDEO, style=CaptionStyle(font_family="a\nb")), OutputSpec(),
         "operation.caption.style.font_family"),
        (ImageToVideo(image=VIDEO, duration=timedelta(seconds=-1)), OutputSpec(), "operation.image_to_video.duration"),
        (ImageToVideo(image=VIDEO, duration=timedelta()), OutputSpec(), "operation.image_to_video.duration"),
        (ImageToVideo(image=VIDEO, frame_rate=float("nan")), OutputSpec(), "operation.image_to_video.frame_rate"),
        (ImageToVideo(image=VIDEO, zoom=Zoom(end_scale=0.5)), OutputSpec(),
         "operation.image_to_video.zoom.end_scale"),
        (ImageToVideo(image=VIDEO, zoom=Zoom(end_focus_x=1.5)), OutputSpec(),
         "operation.image_to_video.zoom.end_focus_x"),
        (AddAudio(video=VIDEO, audio=VIDEO, duck_video=True), COPY, "operation.add_audio.duck_video"),
        (AddAudio(video=VIDEO, audio=VIDEO, loudness_lufs=-4.0), COPY, "operation.add_audio.loudness_lufs"),
        (AddAudio(video=VIDEO, audio=VIDEO), replace(COPY, audio=AudioEncoding(codec=AudioCodec.COPY, channels=2)),
         "output.audio"),
        (ImageToVideo(image=VIDEO, border=Border.BLUR), OutputSpec(), "operation.image_to_video.border"),
        (ImageToVideo(image=VIDEO, background_color="#00000080"), OutputSpec(),
         "operation.image_to_video.background_color"),
        (Caption(video=VIDEO, subtitles=VIDEO, language="eng"), OutputSpec(), "operation.caption.language"),
        (Caption(video=VIDEO, subtitles=VIDEO, mode=CaptionMode.SOFT, language="en"),
         OutputSpec(video=VideoEncoding(codec=VideoCodec.COPY)), "operation.caption.language"),
        (Caption(video=VIDEO, subtitles=VIDEO, mode=CaptionMode.SOFT, fonts=(VIDEO,)),
         OutputSpec(video=VideoEncoding(codec=VideoCodec.COPY)), "operation.caption.fonts"),
        (Caption(video=VIDEO, subtitles=VIDEO, fonts=(VIDEO,) * 9), OutputSpec(), "operation.caption.fonts"),
        (Caption(video=VIDEO, subtitles=VIDEO, fonts=(VIDEO, AssetSource(asset="assets/x"))), OutputSpec(),
         "operation.caption.fonts[1].asset"),
        (Concat(videos=(VIDEO,)), OutputSpec(), "operation.concat.videos"),
        (Concat(videos=(VIDEO, UriSource(uri="ftp://a/b"))), OutputSpec(), "operation.concat.videos[1].uri"),
        (Thumbnails(video=VIDEO, kind=Poster(time=timedelta(seconds=-1))), OutputSpec(),
         "operation.thumbnails.poster.time"),
        (Thumbnails(video=VIDEO, kind=SpriteSheet(width=31)), OutputSpec(),
         "operation.thumbnails.sprite_sheet.width"),
        (Thumbnails(video=VIDEO, kind=Poster()), OutputSpec(video=VideoEncoding(quality=20)), "output"),
        (AddAudio(video=VIDEO, audio=VIDEO), OutputSpec(), "output.video.codec"),
        (CAPTION, OutputSpec(video=VideoEncoding(quality=52)), "output.video.quality"),
        (CAPTION, OutputSpec(video=VideoEncoding(size=FrameSize(width=15))), "output.video.size.width"),
        (CAPTION, OutputSpec(video=VideoEncoding(bitrate_bps=0)), "output.video.bitrate_bps"),
        (CAPTION, OutputSpec(video=VideoEncoding(codec=VideoCodec.COPY)), "output.video.codec"),
    ],
)  # fmt: skip
def test_a_rule_that_is_broken_is_noted(operation: Operation, output: OutputSpec, field: str) -> None:
    problems = Problems()
    check_media(operation, output, problems, prefix="spec.")
    assert [one.field for one in problems.violations] == [f"spec.{field}"]


def test_all_mistakes_are_told_at_once() -> None:
    problems = Problems()
    style = CaptionStyle(font_size=900, shadow=-1)
    check_media(Caption(video=VIDEO, subtitles=VIDEO, style=style), OutputSpec(), problems)
    with pytest.raises(InvalidArgument, match=r"font_size: must be 1 to 500, not 900 \(and 1 more\)") as caught:
        problems.raise_if_any()
    assert len(caught.value.violations) == 2
