"""New sound for a video whose picture is copied."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from servicekit.media.operations import AddAudio, AudioLength
from servicekit.media.outputs import Container, OutputSpec, VideoCodec, VideoEncoding
from tests.e2e.media.conftest import ANY, Studio
from worker.errors import FailureReason, TaskFailed

COPY = VideoEncoding(codec=VideoCodec.COPY)


def seconds(value: float) -> timedelta:
    return timedelta(seconds=value)


@pytest.mark.parametrize(
    ("length", "video", "audio", "expected"),
    [
        (AudioLength.VIDEO, 2, 1, 2),
        (AudioLength.VIDEO, 1, 2, 1),
        (AudioLength.SHORTEST, 2, 1, 1),
        (AudioLength.SHORTEST, 1, 2, 1),
    ],
)
async def test_length(studio: Studio, length: AudioLength, video: float, audio: float, expected: float) -> None:
    inputs = {
        "video": studio.video(seconds=video, sound="sine=200"),
        "audio": studio.input("sound.mp3", "-f", "lavfi", "-i", f"sine=880:d={audio}"),
    }
    made = await studio.make(AddAudio(video=ANY, audio=ANY, length=length), OutputSpec(video=COPY), inputs)
    assert made.plan.encoder == "copy"
    assert made.info.video is not None
    assert made.info.audio is not None
    for stream in (made.info.video, made.info.audio):
        assert stream.duration is not None
        assert stream.duration.total_seconds() == pytest.approx(expected, abs=0.15)


async def test_the_remuxed_file_starts_at_zero_with_both_streams(
    studio: Studio, remuxed: Callable[[Path], Path]
) -> None:
    source = studio.input(
        "b-frames.mp4",
        *["-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:duration=3", "-c:v", "libx264", "-bf", "3", "-g", "500"],
        *["-pix_fmt", "yuv420p"],
    )
    sound = studio.input("sound.wav", "-f", "lavfi", "-i", "sine=880:d=3")
    made = await studio.make(AddAudio(video=ANY, audio=ANY), OutputSpec(video=COPY), {"video": source, "audio": sound})
    assert made.path.read_bytes().count(b"moof") >= 2
    delivered = await studio.prober.probe(remuxed(made.path))
    assert delivered.duration is not None
    # Without edit lists the picture would start late by the reordering and the whole would be longer.
    assert delivered.duration.total_seconds() == pytest.approx(3, abs=0.03)


async def test_offset_gain_and_fades_shape_the_sound(studio: Studio) -> None:
    inputs = {
        "video": studio.video(seconds=3),
        "audio": studio.input("sound.wav", "-f", "lavfi", "-i", "sine=880:d=3"),
    }
    operation = AddAudio(
        video=ANY, audio=ANY, audio_offset=seconds(1), audio_gain_db=6, fade_in=seconds(0.5), fade_out=seconds(0.5)
    )
    made = await studio.make(operation, OutputSpec(video=COPY), inputs)
    raw = studio.input("sound.raw", "-i", str(made.path), "-f", "s16le", "-ac", "1", "-ar", "8000").read_bytes()

    def loudness(start: float, end: float) -> int:
        samples = memoryview(raw[int(start * 8000) * 2 : int(end * 8000) * 2]).cast("h")
        return max(abs(sample) for sample in samples)

    assert loudness(0, 0.9) < 50
    assert loudness(1.0, 1.1) < loudness(1.6, 2.4) / 2
    assert loudness(2.9, 3.0) < loudness(1.6, 2.4) / 2


@pytest.mark.parametrize("container", [Container.MOV, Container.MKV])
async def test_other_containers_and_a_skipped_start(studio: Studio, container: Container) -> None:
    inputs = {
        "video": studio.video(seconds=1),
        "audio": studio.input("sound.flac", "-f", "lavfi", "-i", "sine=880:d=3"),
    }
    operation = AddAudio(video=ANY, audio=ANY, audio_offset=seconds(-2.5))
    made = await studio.make(operation, OutputSpec(container=container, video=COPY), inputs)
    assert made.info.audio is not None


async def test_a_cover_picture_is_no_video_and_silence_no_sound(studio: Studio) -> None:
    cover = studio.input("cover.jpg", "-f", "lavfi", "-i", "testsrc2=size=90x90", "-frames:v", "1", "-update", "1")
    song = studio.input(
        "song.mp3",
        *["-f", "lavfi", "-i", "sine=d=1", "-i", str(cover), "-map", "0", "-map", "1"],
        *["-c:v", "copy", "-disposition:v:0", "attached_pic"],
    )
    film = studio.video()
    operation = AddAudio(video=ANY, audio=ANY)
    with pytest.raises(TaskFailed, match="no video stream") as failed:
        await studio.make(operation, OutputSpec(video=COPY), {"video": song, "audio": song})
    assert failed.value.reason is FailureReason.INPUT_INVALID
    with pytest.raises(TaskFailed, match="no sound; it has video"):
        await studio.make(operation, OutputSpec(video=COPY), {"video": film, "audio": film})


async def test_rotation_is_kept_on_copy(studio: Studio) -> None:
    plain = studio.video("plain.mp4", size="320x180")
    turned = studio.input("turned.mp4", "-display_rotation", "90", "-i", str(plain), "-c", "copy")
    before = await studio.prober.probe(turned)
    sound = studio.input("sound.wav", "-f", "lavfi", "-i", "sine=880:d=1")
    made = await studio.make(AddAudio(video=ANY, audio=ANY), OutputSpec(video=COPY), {"video": turned, "audio": sound})
    assert before.video is not None
    assert made.info.video is not None
    assert made.info.video.rotation_degrees == before.video.rotation_degrees != 0
