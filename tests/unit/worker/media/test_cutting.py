"""When a part of a video is copied, and how it is read."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from servicekit.media.operations import AssetSource, Concat, Transcode
from servicekit.media.outputs import Container, EncoderPolicy, FrameSize, OutputSpec, VideoCodec, VideoEncoding
from servicekit.media_info import Cut, MediaInfo
from tests.unit.worker.media.test_planner import AUDIO, VIDEO, command, machine, media
from worker.errors import FailureReason, TaskFailed
from worker.fonts.book import FontBook
from worker.hardware.capabilities import Capabilities
from worker.media.part import Part, Tracks
from worker.media.plan import Plan, ProbedInput
from worker.media.planner import make_plan

ANY = AssetSource(asset="assets/any")
SECOND = timedelta(seconds=1)
CLEAN = Cut(keyframe=2 * SECOND, clean=True)
BETWEEN = Cut(keyframe=SECOND, clean=False)
PART = Transcode(video=ANY, start_time=2 * SECOND, end_time=4 * SECOND)
TONE_MAPPING = replace(machine(), filters=("zscale", "tonemap"))


def plan(
    operation: Transcode | Concat,
    output: OutputSpec | None = None,
    *sources: MediaInfo,
    cuts: dict[timedelta, Cut] | None = None,
    capabilities: Capabilities | None = None,
    part: Part | None = None,
) -> Plan:
    found = sources or (media(VIDEO, AUDIO),)
    roles = ["video"] if isinstance(operation, Transcode) else [f"video-{n}" for n in range(1, len(found) + 1)]
    inputs = {
        role: ProbedInput(path=Path(f"/nowhere/{role}"), media=one, cuts=cuts or {})
        for role, one in zip(roles, found, strict=True)
    }
    fonts = FontBook({})
    return make_plan(
        operation, output or OutputSpec(), inputs, capabilities or machine(), fonts=fonts, part=part or Part()
    )


@pytest.mark.parametrize(
    ("stream", "output", "copied"),
    [
        (VIDEO, OutputSpec(), True),
        (VIDEO, OutputSpec(container=Container.MKV), True),
        # Each wish is a reason to encode.
        (VIDEO, OutputSpec(video=VideoEncoding(quality=23)), False),
        (VIDEO, OutputSpec(video=VideoEncoding(bitrate_bps=1_000_000)), False),
        (VIDEO, OutputSpec(video=VideoEncoding(size=FrameSize(width=1280))), False),
        (VIDEO, OutputSpec(video=VideoEncoding(frame_rate=25.0)), False),
        (VIDEO, OutputSpec(video=VideoEncoding(encoder_policy=EncoderPolicy.SOFTWARE_ONLY)), False),
        (VIDEO, OutputSpec(video=VideoEncoding(codec=VideoCodec.HEVC)), False),
        # H.264 as it was asked for has 8 bits and 4:2:0.
        (replace(VIDEO, pixel_format="yuv420p10le", bit_depth=10), OutputSpec(), False),
        (replace(VIDEO, pixel_format="yuv444p"), OutputSpec(), False),
        (replace(VIDEO, codec="mpeg4"), OutputSpec(), False),
        (replace(VIDEO, codec="mpeg4"), OutputSpec(video=VideoEncoding(codec=VideoCodec.COPY)), True),
    ],
)
def test_a_whole_video_is_copied_where_it_is_what_was_asked_for(
    stream: object, output: OutputSpec, copied: bool
) -> None:
    made = plan(Transcode(video=ANY), output, media(stream, AUDIO))  # type: ignore[arg-type]
    assert made.needs_encoder is not copied


@pytest.mark.parametrize(
    ("cuts", "kind", "copied"),
    [
        ({2 * SECOND: CLEAN, 4 * SECOND: replace(CLEAN, keyframe=4 * SECOND)}, "mov,mp4,m4a,3gp,3g2,mj2", True),
        ({2 * SECOND: CLEAN, 4 * SECOND: BETWEEN}, "mov,mp4,m4a,3gp,3g2,mj2", False),
        ({2 * SECOND: BETWEEN, 4 * SECOND: replace(CLEAN, keyframe=4 * SECOND)}, "mov,mp4,m4a,3gp,3g2,mj2", False),
        ({}, "mov,mp4,m4a,3gp,3g2,mj2", False),
        ({2 * SECOND: CLEAN, 4 * SECOND: replace(CLEAN, keyframe=4 * SECOND)}, "mpegts", False),
    ],
)
def test_a_part_is_copied_between_clean_cuts_of_a_file_with_an_index(
    cuts: dict[timedelta, Cut], kind: str, copied: bool
) -> None:
    assert plan(PART, None, media(VIDEO, AUDIO, kind=kind), cuts=cuts).needs_encoder is not copied


def test_a_copied_part_is_read_from_its_keyframe_and_ends_with_the_frame_before_the_next() -> None:
    cuts = {2 * SECOND: CLEAN, 4 * SECOND: replace(CLEAN, keyframe=4 * SECOND)}
    words = command(plan(PART, cuts=cuts))
    assert "-ss 2.000000 -i file:/nowhere/video -map 0:0 -c:v copy -bsf:v noise=drop=gte(pts*tb\\,1.999000)" in words
    assert "-copypriorss 0 -t 2.000000" in words


def test_an_encoded_part_is_sought_where_that_is_exact_and_skipped_to_where_it_is_not() -> None:
    assert "-ss 2.000000 -i file:" in command(plan(PART))
    words = command(plan(PART, None, media(VIDEO, AUDIO, kind="mpegts")))
    assert "-i file:/nowhere/video" in words
    assert words.index("-ss 2.000000") > words.index("-i file:")


def test_a_part_to_the_end_and_beyond_is_not_cut() -> None:
    made = plan(Transcode(video=ANY, end_time=11 * SECOND))
    assert (made.end, made.expected.duration, made.needs_encoder) == (None, 10 * SECOND, False)


@pytest.mark.parametrize("start", [9.97, 10.0, 11.0])
def test_a_part_that_begins_when_the_last_frame_is_shown_has_none(start: float) -> None:
    with pytest.raises(TaskFailed, match="the video ends at 10 s: nothing of it is left"):
        plan(Transcode(video=ANY, start_time=start * SECOND))
    assert plan(Transcode(video=ANY, start_time=9.96 * SECOND)).expected.duration == 0.04 * SECOND


@pytest.mark.parametrize("operation", [Transcode(video=ANY), Concat(videos=(ANY, ANY))])
def test_a_still_is_no_video(operation: Transcode | Concat) -> None:
    still = media(replace(VIDEO, codec="png"), kind="png_pipe")
    sources = (still,) if isinstance(operation, Transcode) else (media(VIDEO), still)
    with pytest.raises(TaskFailed, match=r"ideo( 2)? is a still picture \(png\); make a film of it first"):
        plan(operation, None, *sources)


def test_interlaced_pictures_are_made_whole_first() -> None:
    fields = media(replace(VIDEO, interlaced=True))
    output = OutputSpec(video=VideoEncoding(size=FrameSize(width=640)))
    assert "-vf bwdif=mode=send_frame:deint=interlaced,scale=640:360" in command(
        plan(Transcode(video=ANY), output, fields)
    )


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
@pytest.mark.parametrize(("codec", "mapped"), [(VideoCodec.H264, True), (VideoCodec.HEVC, False)])
def test_a_high_dynamic_range_is_for_hevc_and_av1(transfer: str, codec: VideoCodec, mapped: bool) -> None:
    bright = replace(VIDEO, codec="vp9", pixel_format="yuv420p10le", bit_depth=10, color_transfer=transfer)
    output = OutputSpec(video=VideoEncoding(codec=codec))
    words = command(plan(Transcode(video=ANY), output, media(bright), capabilities=TONE_MAPPING))
    assert ("tonemap=tonemap=hable" in words) is mapped
    assert ("format=yuv420p10le" in words) is not mapped


def test_without_the_filters_a_high_dynamic_range_does_not_become_h264() -> None:
    bright = media(replace(VIDEO, codec="hevc", bit_depth=10, color_transfer="smpte2084"))
    with pytest.raises(TaskFailed, match="zscale, tonemap") as failed:
        plan(Transcode(video=ANY), None, bright)
    assert failed.value.reason is FailureReason.ENCODER_UNAVAILABLE
    assert failed.value.retryable


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (media(VIDEO, AUDIO), None),
        (media(replace(VIDEO, duration=3 * SECOND, frames=75, language="deu"), AUDIO), None),
        (media(VIDEO, AUDIO, kind="matroska,webm"), "another kind"),
        (media(replace(VIDEO, width=640), AUDIO), "other parameters"),
        (media(replace(VIDEO, parameters="other"), AUDIO), "other parameters"),
        (media(replace(VIDEO, rotation_degrees=90), AUDIO), "other parameters"),
        (media(VIDEO), "sound of video 2"),
        (media(VIDEO, replace(AUDIO, sample_rate_hz=44100)), "sound of video 2"),
    ],
)
def test_videos_are_joined_without_encoding_where_they_are_alike(other: MediaInfo, words: str | None) -> None:
    join, first = Concat(videos=(ANY, ANY)), media(VIDEO, AUDIO)
    assert plan(join, None, first, other).needs_encoder is (words is not None)
    copy = OutputSpec(video=VideoEncoding(codec=VideoCodec.COPY))
    if words is None:
        assert "-format_whitelist concat,mov -f concat -safe 0 -i join.txt" in command(plan(join, copy, first, other))
    else:
        with pytest.raises(TaskFailed, match=words):
            plan(join, copy, first, other)


def test_unlike_videos_are_brought_into_the_frame_and_the_rate_of_the_first() -> None:
    tall = media(replace(VIDEO, width=720, height=1280, frame_rate=50))
    words = command(plan(Concat(videos=(ANY, ANY)), None, media(VIDEO, AUDIO), tall))
    assert "[1:0]scale=404:720:flags=bicubic,setsar=1,pad=1280:720:(ow-iw)/2:(oh-ih)/2[v1]" in words
    assert "anullsrc=duration=0.001,aresample=48000" in words
    assert "concat=n=2:v=1:a=1[joined][joined0]" in words
    assert "[joined]fps=25,format=yuv420p[v]" in words


def test_videos_of_unlike_ranges_are_all_brought_down() -> None:
    bright = media(replace(VIDEO, color_transfer="smpte2084", bit_depth=10))
    output = OutputSpec(video=VideoEncoding(codec=VideoCodec.HEVC))
    join = Concat(videos=(ANY, ANY))
    unlike = command(plan(join, output, bright, media(VIDEO), capabilities=TONE_MAPPING))
    assert unlike.count("tonemap=tonemap=hable") == 1
    alike = command(plan(join, output, bright, media(replace(VIDEO, color_transfer="smpte2084", width=640)),
                         capabilities=TONE_MAPPING))  # fmt: skip
    assert "tonemap" not in alike


def test_a_range_is_read_from_a_whole_second_before_it_and_keeps_the_times_of_the_whole() -> None:
    part = Part(tracks=Tracks.PICTURE, start=4.5 * SECOND, end=6.5 * SECOND)
    made = plan(Transcode(video=ANY), OutputSpec(video=VideoEncoding(quality=20)), part=part)
    words = command(made)
    assert "-ss 3.000000 -i file:/nowhere/video" in words
    assert "-vf setpts=PTS+3.000000/TB,format=yuv420p,trim=start=4.498000:end=6.498000" in words
    assert "-force_key_frames expr:gte(t,4.500000+n_forced*2)" in words
    assert "-map 0:1" not in words
    assert (made.expected.duration, made.expected.audio_codecs) == (2 * SECOND, ())


def test_a_range_of_a_part_counts_from_where_the_part_begins() -> None:
    part = Part(tracks=Tracks.PICTURE, start=4 * SECOND)
    trim = Transcode(video=ANY, start_time=2.5 * SECOND, end_time=9 * SECOND)
    words = command(plan(trim, part=part))
    assert "-ss 5.000000 -i file:" in words
    assert "setpts=PTS+2.500000/TB,format=yuv420p,trim=start=3.998000:end=6.498000" in words
