"""Captions burned into every kind of video the service meets."""

import io

import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen

from servicekit.media.operations import Caption, CaptionStyle, Transcode
from servicekit.media.outputs import (
    AudioCodec,
    AudioEncoding,
    Container,
    FrameSize,
    OutputSpec,
    VideoCodec,
    VideoEncoding,
)
from tests.e2e.media.conftest import ANY, Studio
from worker.errors import FailureReason, TaskFailed

CAPTION = Caption(video=ANY, subtitles=ANY)
SRT = "1\n00:00:00,000 --> 00:00:00,800\nHello {world} \\N\n"


def _font(family: str, characters: str) -> bytes:
    """A font in which each character is a square."""
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    for point in ((0, 900), (900, 900), (900, 0)):
        pen.lineTo(point)
    pen.closePath()
    glyphs = [".notdef", *(f"uni{ord(char):04X}" for char in characters)]
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(glyphs)
    builder.setupCharacterMap({ord(char): f"uni{ord(char):04X}" for char in characters})
    builder.setupGlyf(dict.fromkeys(glyphs, pen.glyph()))
    builder.setupHorizontalMetrics(dict.fromkeys(glyphs, (1000, 0)))
    builder.setupHorizontalHeader(ascent=900, descent=-100)
    builder.setupNameTable({"familyName": family, "styleName": "Regular"})
    builder.setupOS2(sTypoAscender=900, usWinAscent=900, usWinDescent=100)
    builder.setupPost()
    file = io.BytesIO()
    builder.save(file)
    return file.getvalue()


async def test_caption_is_drawn_only_while_its_cue_lasts_and_sound_is_copied(studio: Studio) -> None:
    source = studio.input(
        "black.mp4",
        *["-f", "lavfi", "-i", "color=black:size=320x240:rate=25:duration=2", "-f", "lavfi", "-i", "sine=d=2"],
        *["-c:v", "libx264", "-c:a", "aac", "-pix_fmt", "yuv420p"],
    )
    made = await studio.make(CAPTION, OutputSpec(), {"video": source, "subtitles": studio.text("a.srt", SRT)})

    assert max(studio.frame(made.path, 0.4)) > 200
    assert max(studio.frame(made.path, 1.2)) < 40
    assert [stream.codec for stream in made.info.streams] == ["h264", "aac"]
    assert made.progress[-1].frames == 50


@pytest.mark.parametrize("length", [0.25, 0.5, 0.75])
async def test_any_prefix_of_the_growing_output_plays(studio: Studio, length: float) -> None:
    source = studio.video(seconds=5)
    made = await studio.make(CAPTION, OutputSpec(), {"video": source, "subtitles": studio.text("a.srt", SRT)})

    content = made.path.read_bytes()
    prefix = studio.file("prefix.mp4", content[: int(len(content) * length)])
    assert len(studio.frame(prefix, 0)) == 320 * 240


async def test_odd_sides_lose_one_pixel(studio: Studio) -> None:
    source = studio.input(
        "odd.mp4",
        *["-f", "lavfi", "-i", "testsrc2=size=321x241:rate=25:duration=1", "-c:v", "libx264", "-pix_fmt", "yuv444p"],
    )
    made = await studio.make(CAPTION, OutputSpec(), {"video": source, "subtitles": studio.text("a.srt", SRT)})
    video = made.info.video
    assert video is not None
    assert (video.width, video.height, video.pixel_format) == (320, 240, "yuv420p")


async def test_rotated_video_comes_out_upright(studio: Studio) -> None:
    plain = studio.video("plain.mp4", size="320x180")
    turned = studio.input("turned.mp4", "-display_rotation", "90", "-i", str(plain), "-c", "copy")
    made = await studio.make(CAPTION, OutputSpec(), {"video": turned, "subtitles": studio.text("a.srt", SRT)})
    video = made.info.video
    assert video is not None
    assert (video.width, video.height, video.rotation_degrees) == (180, 320, 0)


async def test_variable_frame_rate_keeps_its_timestamps(studio: Studio) -> None:
    source = studio.input(
        "vfr.mp4",
        *["-f", "lavfi", "-i", "testsrc2=size=320x240:rate=30:duration=3"],
        *["-vf", "settb=1/90000,setpts='PTS+mod(N*37,11)*173'", "-fps_mode", "passthrough"],
        *["-enc_time_base", "1:90000", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-video_track_timescale", "90000"],
    )
    made = await studio.make(CAPTION, OutputSpec(), {"video": source, "subtitles": studio.text("a.srt", SRT)})
    before = studio.times(source)
    assert len(before) == 90
    assert studio.times(made.path) == pytest.approx(before, abs=0.001)


async def test_ten_bits_become_eight_in_h264_and_stay_in_hevc(studio: Studio) -> None:
    source = studio.input(
        "ten.mp4",
        *["-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:duration=1"],
        *["-c:v", "libx265", "-pix_fmt", "yuv420p10le", "-x265-params", "log-level=error"],
    )
    inputs = {"video": source, "subtitles": studio.text("a.srt", SRT)}
    formats = []
    for codec in (VideoCodec.H264, VideoCodec.HEVC):
        made = await studio.make(CAPTION, OutputSpec(video=VideoEncoding(codec=codec)), inputs)
        assert made.info.video is not None
        formats.append(made.info.video.pixel_format)
    assert formats == ["yuv420p", "yuv420p10le"]


async def test_surround_sound_keeps_its_channels_also_in_opus(studio: Studio) -> None:
    source = studio.input(
        "surround.mp4",
        *["-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:duration=1", "-f", "lavfi", "-i", "sine=d=1"],
        *["-af", "pan=5.1(side)|FL=c0|SL=c0", "-c:v", "libx264", "-c:a", "ac3", "-pix_fmt", "yuv420p"],
    )
    spec = OutputSpec(
        container=Container.WEBM,
        video=VideoEncoding(codec=VideoCodec.AV1, size=FrameSize(width=200)),
        audio=AudioEncoding(codec=AudioCodec.OPUS),
    )
    made = await studio.make(CAPTION, spec, {"video": source, "subtitles": studio.text("a.srt", SRT)})
    assert made.info.audio is not None
    assert (made.info.audio.codec, made.info.audio.channels) == ("opus", 6)
    assert made.info.video is not None
    assert (made.info.video.width, made.info.video.height) == (200, 150)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("cut.mp4", "The video's index is missing, so it was probably cut off (moov atom not found)."),
        ("text.mp4", "The video is no media file, or it is damaged beyond reading."),
    ],
)
async def test_broken_video_is_refused_in_plain_words(studio: Studio, name: str, words: str) -> None:
    whole = studio.video("whole.mp4").read_bytes()
    contents = {"cut.mp4": whole[: len(whole) // 2], "text.mp4": b"this is no film\n" * 100}
    with pytest.raises(TaskFailed) as failed:
        await studio.make(
            CAPTION, OutputSpec(), {"video": studio.file(name, contents[name]), "subtitles": studio.text("a.srt", SRT)}
        )
    assert failed.value.reason is FailureReason.INPUT_INVALID
    assert str(failed.value) == f"INPUT_INVALID: {words}"


async def test_sound_without_picture_is_no_video(studio: Studio) -> None:
    sound = studio.input("sound.m4a", "-f", "lavfi", "-i", "sine=d=1", "-c:a", "aac")
    with pytest.raises(TaskFailed, match="no video stream; it has audio") as failed:
        await studio.make(CAPTION, OutputSpec(), {"video": sound, "subtitles": studio.text("a.srt", SRT)})
    assert failed.value.reason is FailureReason.INPUT_INVALID


async def test_video_cut_off_behind_its_index_fails_rather_than_coming_out_short(studio: Studio) -> None:
    whole = studio.input("fast.mp4", "-i", str(studio.video(seconds=3)), "-c", "copy", "-movflags", "+faststart")
    cut = studio.file("cut.mp4", whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    with pytest.raises(TaskFailed) as failed:
        await studio.make(CAPTION, OutputSpec(), {"video": cut, "subtitles": studio.text("a.srt", SRT)})
    assert failed.value.reason in (FailureReason.INPUT_INVALID, FailureReason.OUTPUT_INVALID)


async def test_a_box_is_drawn_where_a_back_colour_is_given(studio: Studio) -> None:
    grey = studio.input(
        "grey.mp4",
        *["-f", "lavfi", "-i", "color=gray:size=320x240:rate=25:duration=1", "-c:v", "libx264", "-pix_fmt", "yuv420p"],
    )
    style = CaptionStyle(back_color="#000000", outline_width=0, font_size=100)
    operation = Caption(video=ANY, subtitles=ANY, style=style)
    made = await studio.make(operation, OutputSpec(), {"video": grey, "subtitles": studio.text("a.srt", SRT)})
    dark = sum(value < 40 for value in studio.frame(made.path, 0.4))
    assert dark > 320 * 240 * 0.03


async def test_the_word_that_is_spoken_has_another_colour_and_nothing_moves(studio: Studio) -> None:
    vtt = "WEBVTT\n\n00:00.000 --> 00:02.000\n<00:00.000>WWWW <00:01.000>WWWW\n"
    source = studio.input(
        "black.mp4", "-f", "lavfi", "-i", "color=black:size=320x240:rate=5:duration=2", "-pix_fmt", "yuv420p"
    )
    # Black letters on the black picture: only the word that is highlighted is seen.
    style = CaptionStyle(primary_color="#000000", outline_width=0, highlight_color="#FFFFFF", font_size=100)
    operation = Caption(video=ANY, subtitles=ANY, style=style)
    made = await studio.make(operation, OutputSpec(), {"video": source, "subtitles": studio.text("a.vtt", vtt)})
    first, second = (_columns(studio.frame(made.path, at)) for at in (0.5, 1.5))
    assert max(first) < 160 <= min(second)
    white = CaptionStyle(primary_color="#FFFFFF", outline_width=0, font_size=100)
    plain = Caption(video=ANY, subtitles=ANY, style=white)
    whole = await studio.make(plain, OutputSpec(), {"video": source, "subtitles": studio.text("a.vtt", vtt)})
    assert _columns(studio.frame(whole.path, 0.5)) == first | second


@pytest.mark.parametrize(("text", "dot_first"), [("שלום.", True), ("Hallo.", False)])
async def test_a_full_stop_stands_where_the_direction_of_the_text_ends(
    studio: Studio, text: str, dot_first: bool
) -> None:
    source = studio.input(
        "black.mp4", "-f", "lavfi", "-i", "color=black:size=320x240:rate=5:duration=0.4", "-pix_fmt", "yuv420p"
    )
    style = CaptionStyle(outline_width=0, font_size=200)
    subtitles = studio.text("a.srt", f"1\n00:00:00,000 --> 00:00:01,000\n{text}\n")
    operation = Caption(video=ANY, subtitles=ANY, style=style)
    made = await studio.make(operation, OutputSpec(), {"video": source, "subtitles": subtitles})
    frame = studio.frame(made.path, 0)
    columns = sorted(_columns(frame))
    left, right = (_height(frame, column) for column in (columns[2], columns[-3]))
    assert (left < right) is dot_first


async def test_white_on_a_picture_that_stays_hdr_is_no_brighter_than_graphics(studio: Studio) -> None:
    tagged = "format=yuv420p10le,setparams=color_trc=smpte2084:color_primaries=bt2020:colorspace=bt2020nc:range=tv"
    source = studio.input(
        "hdr.mp4",
        *["-f", "lavfi", "-i", "color=black:size=320x240:rate=5:duration=0.4", "-vf", tagged],
        *["-c:v", "libx265", "-x265-params", "log-level=none"],
    )
    inputs = {"video": source, "subtitles": studio.text("a.srt", "1\n00:00:00,000 --> 00:00:01,000\nIIII\n")}
    spec = OutputSpec(video=VideoEncoding(codec=VideoCodec.HEVC, quality=10))
    made = await studio.make(Caption(video=ANY, subtitles=ANY, style=CaptionStyle(font_size=300)), spec, inputs)
    raw = studio.input("y.raw", "-i", str(made.path), "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "yuv420p10le")
    luma = memoryview(raw.read_bytes()[: 320 * 240 * 2]).cast("H")
    # 58 % of the range from 64 to 940.
    assert max(luma) == pytest.approx(64 + 0.58 * 876, abs=15)


def _height(frame: bytes, column: int, width: int = 320) -> int:
    return sum(level > 128 for level in frame[column::width])


def _columns(frame: bytes, width: int = 320) -> set[int]:
    return {index % width for index, level in enumerate(frame) if level > 128}


async def test_a_font_of_the_user_draws_what_others_lack(studio: Studio) -> None:
    font = studio.file("no suffix", _font("Own Face", "漢"))
    source = studio.video(seconds=0.2)
    inputs = {"video": source, "subtitles": studio.text("a.srt", "1\n00:00:00,000 --> 00:00:01,000\n漢漢\n")}
    with pytest.raises(TaskFailed, match="漢"):
        await studio.make(CAPTION, OutputSpec(), inputs)
    for style in (CaptionStyle(), CaptionStyle(font_family="own face")):
        operation = Caption(video=ANY, subtitles=ANY, fonts=(ANY,), style=style)
        made = await studio.make(operation, OutputSpec(), {**inputs, "font-1": font})
        plain = await studio.make(Transcode(video=ANY), OutputSpec(), {"video": source})
        assert studio.frame(made.path, 0) != studio.frame(plain.path, 0)
        # The glyph is a full square, and white.
        lower = studio.frame(made.path, 0)[320 * 200 :]
        assert sum(level > 220 for level in lower) > 2 * 9 * 9


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"not a font", "Font 1 is no TrueType or OpenType font"),
        (b"", "Font 1 is no TrueType or OpenType font"),
        (b"\0\1\0\0\xff\xff" + bytes(60), "Font 1 is no TrueType or OpenType font"),
        (_font("Bad,Name", "x"), "Font 1 has no family name that captions could use"),
        (_font("Half", "x")[:300], "Font 1 is no TrueType or OpenType font"),
    ],
)
async def test_a_font_that_is_none(studio: Studio, content: bytes, words: str) -> None:
    operation = Caption(video=ANY, subtitles=ANY, fonts=(ANY,))
    inputs = {"video": studio.video(seconds=0.2), "subtitles": studio.text("a.srt", SRT)}
    with pytest.raises(TaskFailed, match=words) as failed:
        await studio.make(operation, OutputSpec(), {**inputs, "font-1": studio.file("font", content)})
    assert failed.value.reason is FailureReason.INPUT_INVALID
