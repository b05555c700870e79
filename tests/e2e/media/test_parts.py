"""A video encoded anew, a part of it, and videos one after the other."""

from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from servicekit.media.operations import Concat, Transcode
from servicekit.media.outputs import (
    AudioCodec,
    AudioEncoding,
    Container,
    FrameSize,
    OutputSpec,
    VideoCodec,
    VideoEncoding,
)
from tests.e2e.media.conftest import ANY, Made, Studio
from worker.errors import FailureReason, TaskFailed

RATE = 25
# Each frame is one shade of grey, by which it can be told from its neighbours.
STEP = 2
COPY = OutputSpec(video=VideoEncoding(codec=VideoCodec.COPY))
ENCODE = OutputSpec(video=VideoEncoding(quality=10))


def seconds(value: float) -> timedelta:
    return timedelta(seconds=value)


def counted(studio: Studio, name: str = "in.mp4", *, length: float = 3, keyframes: int = 25, more: str = "") -> Path:
    """A film whose frame n is of the shade 16 + n * STEP, with a tone that rises with time."""
    return studio.input(
        name,
        *["-f", "lavfi", "-i", f"color=black:size=160x120:rate={RATE}:duration={length}"],
        *["-f", "lavfi", "-i", f"aevalsrc=sin(2*PI*(200+200*t)*t):d={length}:s=48000"],
        *["-vf", f"geq=lum='16+N*{STEP}':cb=128:cr=128,format=yuv420p", "-c:v", "libx264", "-preset", "veryfast"],
        *["-qp", "4", "-g", str(keyframes), "-sc_threshold", "0", *more.split(), "-c:a", "aac"],
    )


def frames(studio: Studio, path: Path) -> list[int]:
    """The number of each frame, read from its shade."""
    raw = studio.input(
        "frames.gray", "-i", str(path), "-map", "0:v", "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "gray"
    )
    video = raw.read_bytes()
    size = 160 * 120
    # Grey as full range: 16 … 235 became 0 … 255.
    return [round((video[start] * 219 / 255) / STEP) for start in range(size // 2, len(video), size)]


async def test_what_has_the_codec_already_is_copied(studio: Studio) -> None:
    made = await studio.make(Transcode(video=ANY), OutputSpec(), {"video": counted(studio)})
    assert made.plan.encoder == "copy"
    assert frames(studio, made.path) == list(range(75))


@pytest.mark.parametrize(
    "video",
    [
        VideoEncoding(quality=23),
        VideoEncoding(frame_rate=12.5),
        VideoEncoding(size=FrameSize(width=80)),
        VideoEncoding(codec=VideoCodec.HEVC),
    ],
)
async def test_what_is_to_be_changed_is_encoded(studio: Studio, video: VideoEncoding) -> None:
    made = await studio.make(Transcode(video=ANY), OutputSpec(video=video), {"video": counted(studio, length=1)})
    assert made.plan.needs_encoder
    assert made.info.video is not None
    assert made.info.video.frame_rate == pytest.approx(video.frame_rate or RATE, rel=0.02)


@dataclass(frozen=True)
class Part:
    start: float
    end: float | None
    frames: range
    copied: bool

    @property
    def operation(self) -> Transcode:
        return Transcode(
            video=ANY, start_time=seconds(self.start), end_time=None if self.end is None else seconds(self.end)
        )


@pytest.mark.parametrize("kind", ["in.mp4", "in.mkv", "in.ts"])
@pytest.mark.parametrize(
    "part",
    [
        # Between keyframes, to the frame.
        Part(0.52, 1.6, range(13, 40), copied=False),
        # From keyframe to keyframe nothing is encoded, and it is as exact.
        Part(1.0, 2.0, range(25, 50), copied=True),
        Part(1.0, None, range(25, 75), copied=True),
        # Copied B-frames of the last group would be lost.
        Part(1.0, 1.51, range(25, 38), copied=False),
        Part(0.0, 99.0, range(75), copied=True),
    ],
)
async def test_a_part_is_exact_to_the_frame(studio: Studio, kind: str, part: Part) -> None:
    made = await studio.make(part.operation, OutputSpec(), {"video": counted(studio, kind)})
    # A transport stream does not know its keyframes, so that only the whole of it can be copied.
    copied = part.copied and (kind != "in.ts" or part.frames == range(75))
    assert made.plan.needs_encoder is not copied
    assert frames(studio, made.path) == list(part.frames)
    # In a transport stream the picture begins 21 ms after the sound, which FFmpeg's encoder starts with silence.
    late = 0.0213 if kind == "in.ts" else 0.002
    assert studio.times(made.path)[0] == pytest.approx(part.frames[0] / RATE - part.start, abs=late + 0.0001)
    assert _pitch(studio, made, at=0.2) == pytest.approx(200 + 400 * (part.start + 0.2), rel=0.06)


async def test_leading_pictures_keep_a_part_from_being_copied(studio: Studio) -> None:
    open_groups = counted(studio, more="-c:v libx265 -x265-params open-gop=1:keyint=25:min-keyint=25:log-level=none")
    part = Transcode(video=ANY, start_time=seconds(1), end_time=seconds(2))
    made = await studio.make(part, OutputSpec(video=VideoEncoding(codec=VideoCodec.HEVC)), {"video": open_groups})
    assert made.plan.needs_encoder
    assert frames(studio, made.path) == list(range(25, 50))


async def test_a_copy_that_was_asked_for_begins_with_a_keyframe(studio: Studio) -> None:
    part = Transcode(video=ANY, start_time=seconds(1.5))
    made = await studio.make(part, COPY, {"video": counted(studio)})
    assert made.plan.encoder == "copy"
    assert frames(studio, made.path) == list(range(25, 75))


async def test_a_later_part_of_a_file_without_an_index_is_not_copied(studio: Studio) -> None:
    part = Transcode(video=ANY, start_time=seconds(1))
    with pytest.raises(TaskFailed, match=r"\(mpegts\) that does not know its key frames") as failed:
        await studio.make(part, COPY, {"video": counted(studio, "in.ts")})
    assert failed.value.reason is FailureReason.INPUT_INVALID


async def test_a_part_behind_the_end_is_refused(studio: Studio) -> None:
    part = Transcode(video=ANY, start_time=seconds(4))
    with pytest.raises(TaskFailed, match=r"start_time is 4 s, and the video ends at 3(\.\d+)? s") as failed:
        await studio.make(part, OutputSpec(), {"video": counted(studio)})
    assert failed.value.reason is FailureReason.INPUT_INVALID


@pytest.mark.parametrize(
    ("container", "codec", "sound"),
    [
        (Container.MP4, VideoCodec.AV1, AudioCodec.OPUS),
        (Container.MOV, VideoCodec.HEVC, AudioCodec.AAC),
        (Container.MKV, VideoCodec.HEVC, AudioCodec.OPUS),
        (Container.WEBM, VideoCodec.AV1, AudioCodec.OPUS),
    ],
)
async def test_codecs_and_containers(
    studio: Studio, container: Container, codec: VideoCodec, sound: AudioCodec
) -> None:
    output = OutputSpec(container=container, video=VideoEncoding(codec=codec), audio=AudioEncoding(codec=sound))
    made = await studio.make(Transcode(video=ANY), output, {"video": counted(studio, length=1)})
    assert made.info.video is not None
    assert made.info.video.codec == codec.lower()
    assert made.info.audio is not None
    assert made.info.audio.codec == sound.lower()
    assert len(frames(studio, made.path)) == 25


async def test_an_interlaced_picture_is_made_whole(studio: Studio) -> None:
    fields = studio.input(
        "fields.mp4",
        *["-f", "lavfi", "-i", "testsrc2=size=320x240:rate=50:duration=1", "-vf", "interlace,format=yuv420p"],
        *["-c:v", "libx264", "-flags", "+ilme+ildct"],
    )
    made = await studio.make(Transcode(video=ANY), ENCODE, {"video": fields})
    assert made.info.video is not None
    assert not made.info.video.interlaced
    # Combing is what differs from line to line but not from one line to the next but one.
    assert _combing(studio.frame(made.path, 0.5)) < _combing(studio.frame(fields, 0.5)) / 2


@pytest.mark.parametrize(
    ("codec", "transfer", "depth"), [(VideoCodec.H264, "bt709", 8), (VideoCodec.HEVC, "smpte2084", 10)]
)
async def test_a_high_dynamic_range_is_brought_down_or_kept(
    studio: Studio, codec: VideoCodec, transfer: str, depth: int
) -> None:
    # A grey of 203 nits, which is where text and diffuse white are mastered in PQ.
    grey = "format=yuv420p10le,geq=lum=573:cb=512:cr=512"
    tagged = "setparams=color_trc=smpte2084:color_primaries=bt2020:colorspace=bt2020nc:range=tv"
    source = studio.input(
        "hdr.mp4",
        *["-f", "lavfi", "-i", "color=gray:size=160x120:rate=25:duration=0.4", "-vf", f"{grey},{tagged}"],
        *["-c:v", "libx265", "-x265-params", "log-level=none"],
    )
    output = OutputSpec(video=VideoEncoding(codec=codec))
    made = await studio.make(Transcode(video=ANY), output, {"video": source})
    assert made.info.video is not None
    assert (made.info.video.color_transfer, made.info.video.bit_depth) == (transfer, depth)
    if codec is VideoCodec.H264:
        shown = studio.frame(made.path, 0.2)
        # Diffuse white stays bright and does not clip.
        assert 150 < shown[len(shown) // 2] < 250


async def test_unlike_videos_are_joined(studio: Studio) -> None:
    first = counted(studio, "first.mp4", length=1)
    silent = studio.input(
        "silent.webm",
        *["-f", "lavfi", "-i", "testsrc2=size=90x160:rate=30:duration=1", "-c:v", "libsvtav1", "-preset", "12"],
    )
    third = studio.input(
        "third.mkv",
        *["-f", "lavfi", "-i", "testsrc2=size=320x240:rate=10:duration=1"],
        *["-f", "lavfi", "-i", "sine=880:d=1:r=22050", "-c:v", "libx264", "-c:a", "libopus", "-ac", "1"],
    )
    join = Concat(videos=(ANY, ANY, ANY))
    made = await studio.make(join, OutputSpec(), {"video-1": first, "video-2": silent, "video-3": third})
    assert made.info.video is not None
    assert (made.info.video.width, made.info.video.height) == (160, 120)
    times = studio.times(made.path)
    assert len(times) == 75
    assert [round(b - a, 3) for a, b in pairwise(times)] == [0.04] * 74
    assert _level(studio, made, 0.2, 0.8) > 1000
    assert _level(studio, made, 1.2, 1.8) < 10
    assert _level(studio, made, 2.2, 2.8) > 1000


async def test_like_videos_are_joined_without_encoding(studio: Studio) -> None:
    one = counted(studio, "one.mp4", length=1)
    other = counted(studio, "other.mp4", length=2)
    inputs = {"video-1": one, "video-2": other, "video-3": one}
    made = await studio.make(Concat(videos=(ANY, ANY, ANY)), OutputSpec(), inputs)
    assert made.plan.encoder == "copy"
    assert frames(studio, made.path) == [*range(25), *range(50), *range(25)]
    assert _pitch(studio, made, at=1.5) == pytest.approx(200 + 400 * 0.5, rel=0.06)
    assert _pitch(studio, made, at=3.5) == pytest.approx(200 + 400 * 0.5, rel=0.06)


async def test_videos_that_differ_cannot_be_joined_by_copying(studio: Studio) -> None:
    one = counted(studio, "one.mp4", length=1)
    other = studio.video("other.mp4", sound="sine=300")
    with pytest.raises(TaskFailed, match="the picture of video 2 has other parameters") as failed:
        await studio.make(Concat(videos=(ANY, ANY)), COPY, {"video-1": one, "video-2": other})
    assert failed.value.reason is FailureReason.INPUT_INVALID


async def test_an_input_that_is_none_is_named_by_its_number(studio: Studio) -> None:
    text = studio.text("notes.mp4", "not a video")
    with pytest.raises(TaskFailed, match="Video 2 is no media file"):
        await studio.make(Concat(videos=(ANY, ANY)), OutputSpec(), {"video-1": counted(studio), "video-2": text})


def _samples(studio: Studio, made: Made, start: float, end: float) -> memoryview:
    raw = studio.input("sound.raw", "-i", str(made.path), "-f", "s16le", "-ac", "1", "-ar", "16000").read_bytes()
    return memoryview(raw[int(start * 16000) * 2 : int(end * 16000) * 2]).cast("h")


def _level(studio: Studio, made: Made, start: float, end: float) -> int:
    return max(abs(sample) for sample in _samples(studio, made, start, end))


def _pitch(studio: Studio, made: Made, *, at: float) -> float:
    """Hertz, by counting zero crossings over 50 ms."""
    samples = _samples(studio, made, at - 0.025, at + 0.025)
    crossings = sum((a < 0) != (b < 0) for a, b in pairwise(samples))
    return crossings / 2 / 0.05


def _combing(frame: bytes) -> float:
    lines = [frame[start : start + 320] for start in range(0, len(frame), 320)]
    total = 0
    for above, line, below in zip(lines, lines[1:], lines[2:], strict=False):
        total += sum(
            abs(2 * middle - up - down) - abs(up - down)
            for up, middle, down in zip(above, line, below, strict=True)
            if abs(2 * middle - up - down) > abs(up - down)
        )
    return total / len(frame)
