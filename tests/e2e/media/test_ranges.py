"""Parts of an output, made one by one, against the same made in one run."""

import re
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from servicekit.media.operations import AddAudio, Caption, Concat, ImageToVideo, Operation, Transcode, Zoom
from servicekit.media.outputs import (
    AudioCodec,
    AudioEncoding,
    Container,
    Effort,
    EncoderPolicy,
    FrameSize,
    OutputSpec,
    VideoCodec,
    VideoEncoding,
)
from servicekit.process import query
from tests.e2e.media.conftest import ANY, Made, Studio
from worker.errors import FailureReason, TaskFailed
from worker.media.part import Part, Tracks

SRT = "1\n00:00:00,500 --> 00:00:02,300\nAcross the first border\n\n2\n00:00:03,900 --> 00:00:04,500\nand another\n"
COPY = OutputSpec(video=VideoEncoding(codec=VideoCodec.COPY))
ENCODE = OutputSpec(video=VideoEncoding(quality=20, encoder_policy=EncoderPolicy.SOFTWARE_ONLY))
WEBM = OutputSpec(
    container=Container.WEBM,
    video=VideoEncoding(codec=VideoCodec.AV1, effort=Effort.FASTEST),
    audio=AudioEncoding(codec=AudioCodec.OPUS),
)
BORDERS = (0.0, 2.0, 4.0)
SSIM = re.compile(r"All:(0\.\d+|1\.0+)")


def seconds(value: float) -> timedelta:
    return timedelta(seconds=value)


def output(**video: object) -> OutputSpec:
    return OutputSpec(video=VideoEncoding(**{"quality": 20, **video}))  # type: ignore[arg-type]


def moving(studio: Studio, name: str, *more: str, rate: str = "25", length: float = 5.6) -> Path:
    return studio.input(
        name,
        *["-f", "lavfi", "-i", f"testsrc2=size=320x240:rate={rate}:duration={length}"],
        *["-f", "lavfi", "-i", f"sine=440:d={length}", *more],
        *["-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-g", "100", "-c:a", "aac"],
    )


async def parts(studio: Studio, operation: Operation, wanted: OutputSpec, inputs: dict[str, Path]) -> list[Made]:
    made = []
    for start, end in pairwise((*BORDERS, None)):
        assert start is not None
        part = Part(tracks=Tracks.PICTURE, start=seconds(start), end=None if end is None else seconds(end))
        made.append(await studio.make(operation, wanted, inputs, part))
    return made


@pytest.mark.parametrize(
    ("name", "rate", "wanted", "more"),
    [
        ("in.mp4", "25", output(), ()),
        ("in.mp4", "30000/1001", output(frame_rate=25.0), ()),
        ("in.mkv", "30000/1001", output(size=FrameSize(width=160)), ()),
        # Every third frame left out: a variable frame rate.
        ("in.mkv", "25", output(), ("-vf", "select=mod(n\\,3)", "-fps_mode", "vfr")),
        ("in.mp4", "25", output(codec=VideoCodec.HEVC), ()),
        ("in.mp4", "25", WEBM, ()),
    ],
)
async def test_three_ranges_are_what_one_run_makes(
    studio: Studio, name: str, rate: str, wanted: OutputSpec, more: tuple[str, ...]
) -> None:
    inputs = {"video": moving(studio, name, *more, rate=rate), "subtitles": studio.text("in.srt", SRT)}
    caption = Caption(video=ANY, subtitles=ANY)
    await _alike(studio, caption, wanted, inputs)


async def test_ranges_of_a_part_of_a_video(studio: Studio) -> None:
    part = Transcode(video=ANY, start_time=seconds(0.7), end_time=seconds(5.3))
    await _alike(studio, part, ENCODE, {"video": moving(studio, "in.mp4")})


async def test_ranges_of_a_film_of_a_still(studio: Studio) -> None:
    still = studio.still("still.png", size="640x480")
    film = ImageToVideo(image=ANY, duration=seconds(5.6), frame_rate=24, zoom=Zoom(end_scale=2.0))
    await _alike(studio, film, output(size=FrameSize(width=320, height=240)), {"image": still})


async def test_a_sound_in_any_file_keeps_no_picture_from_being_made_in_parts(studio: Studio) -> None:
    still = studio.still("still.png", size="640x480")
    tone = studio.input("tone.wav", "-f", "lavfi", "-i", "sine=440:d=1")
    film = ImageToVideo(image=ANY, duration=seconds(2), frame_rate=24, audio=ANY)
    part = Part(tracks=Tracks.PICTURE, start=seconds(1.5))
    made = await studio.make(film, output(size=FrameSize(width=320, height=240)), {"image": still, "audio": tone}, part)
    assert made.info.audio is None
    assert len(studio.times(made.path)) == 12


async def test_ranges_of_joined_videos(studio: Studio) -> None:
    inputs = {
        "video-1": moving(studio, "one.mp4", length=3),
        "video-2": moving(studio, "two.mkv", rate="30", length=2.6),
    }
    await _alike(studio, Concat(videos=(ANY, ANY)), ENCODE, inputs)


async def test_the_sound_is_made_alone(studio: Studio) -> None:
    inputs = {"video": moving(studio, "in.mp4"), "subtitles": studio.text("in.srt", SRT)}
    made = await studio.make(Caption(video=ANY, subtitles=ANY), ENCODE, inputs, Part(tracks=Tracks.SOUND))
    assert made.info.video is None
    assert made.info.audio is not None
    assert made.info.audio.duration is not None
    assert made.info.audio.duration.total_seconds() == pytest.approx(5.6, abs=0.05)


async def test_the_sound_of_a_film_of_a_still_is_made_alone(studio: Studio) -> None:
    still = studio.still("still.png", size="640x480")
    tone = studio.input("tone.wav", "-f", "lavfi", "-i", "sine=440:d=1")
    film = ImageToVideo(image=ANY, duration=seconds(2), audio=ANY)
    made = await studio.make(film, output(), {"image": still, "audio": tone}, Part(tracks=Tracks.SOUND))
    assert made.info.video is None
    assert made.info.audio is not None


async def test_progress_of_a_range_begins_at_nothing(studio: Studio) -> None:
    inputs = {"video": moving(studio, "in.mp4")}
    part = Part(tracks=Tracks.PICTURE, start=seconds(4))
    made = await studio.make(Transcode(video=ANY), ENCODE, inputs, part)
    assert made.plan.expected.duration == seconds(1.6)
    assert made.progress[-1].media_time <= seconds(1.6)


@pytest.mark.parametrize(
    ("operation", "wanted", "part", "words"),
    [
        (Transcode(video=ANY), ENCODE, Part(tracks=Tracks.PICTURE, start=seconds(6)), "range_start is 6 s, and"),
        (AddAudio(video=ANY, audio=ANY), COPY, Part(tracks=Tracks.PICTURE, start=seconds(1)), "of a copy no parts"),
        (Concat(videos=(ANY, ANY)), ENCODE, Part(tracks=Tracks.SOUND), "no sound that could be made alone"),
    ],
)
async def test_parts_that_cannot_be(
    studio: Studio, operation: Operation, wanted: OutputSpec, part: Part, words: str
) -> None:
    film, mute = moving(studio, "in.mp4"), studio.video("mute.mp4")
    inputs = {
        Transcode: {"video": film},
        AddAudio: {"video": film, "audio": film},
        Concat: {"video-1": mute, "video-2": mute},
    }
    with pytest.raises(TaskFailed, match=words) as failed:
        await studio.make(operation, wanted, inputs[type(operation)], part)
    assert failed.value.reason is FailureReason.INPUT_INVALID


async def test_no_parts_are_made_of_a_file_that_does_not_know_its_key_frames(studio: Studio) -> None:
    part = Part(tracks=Tracks.PICTURE, start=seconds(2))
    with pytest.raises(TaskFailed, match="an input is mpegts; ask for the whole") as failed:
        await studio.make(Transcode(video=ANY), ENCODE, {"video": moving(studio, "in.ts")}, part)
    assert failed.value.reason is FailureReason.INPUT_INVALID


async def _alike(studio: Studio, operation: Operation, wanted: OutputSpec, inputs: dict[str, Path]) -> None:
    whole = await studio.make(operation, wanted, inputs)
    made = await parts(studio, operation, wanted, inputs)
    assert {one.info.video.parameters for one in made if one.info.video is not None} == {
        whole.info.video.parameters if whole.info.video is not None else ""
    }
    times = [studio.times(one.path, absolute=True) for one in made]
    expected = studio.times(whole.path, absolute=True)
    assert [round(time, 3) for one in times for time in one] == [round(time, 3) for time in expected]
    for one, start, end in zip(made, BORDERS, (*BORDERS[1:], 99), strict=True):
        assert _ssim(studio, whole.path, one.path, start, end) >= 0.98


def _ssim(studio: Studio, whole: Path, part: Path, start: float, end: float) -> float:
    """The least of all frames."""
    # In milliseconds, which is how Matroska rounds.
    same = f"[0:v]trim={start - 0.001}:{end - 0.001},setpts=N[a];[1:v]setpts=N[b];[a][b]ssim=stats_file=-"
    inputs = ["-copyts", "-i", str(whole), "-i", str(part), "-filter_complex", same, "-f", "null", "-"]
    said = query([studio.ffmpeg, "-nostdin", "-loglevel", "error", *inputs], timeout=40)
    frames = [float(all_planes) for all_planes in SSIM.findall(said)]
    assert len(frames) == len(studio.times(part))
    return min(frames)
