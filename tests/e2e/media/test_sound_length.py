"""How long the output is: sound that is repeated, a last frame that is held."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from servicekit.media.operations import AddAudio, AudioLength, AudioMode
from servicekit.media.outputs import AudioCodec, AudioEncoding, Container, OutputSpec, VideoCodec, VideoEncoding
from tests.e2e.media.conftest import ANY, Studio
from tests.e2e.media.listening import beats, listen, tone
from worker.errors import FailureReason, TaskFailed

COPY = OutputSpec(video=VideoEncoding(codec=VideoCodec.COPY))
LOOP = AddAudio(video=ANY, audio=ANY, length=AudioLength.LOOP_AUDIO)
LONGEST = AddAudio(video=ANY, audio=ANY, length=AudioLength.LONGEST)
BEAT_SECONDS = 0.37


def beat(studio: Studio, name: str) -> Path:
    """A click at the start of 0.37 s."""
    click = f"aevalsrc='if(lt(t,0.01),0.9*sin(2*PI*1000*t),0)':d={BEAT_SECONDS}:s=44100"
    return studio.input(name, "-f", "lavfi", "-i", click)


@pytest.mark.parametrize(
    ("name", "offset", "first"),
    [
        ("beat.wav", 0, 0),
        # Priming and padding of a compressed sound leave no gap.
        ("beat.mp3", 0, 0),
        ("beat.m4a", 0.2, 0.2),
        ("beat.ogg", -0.1, 0.27),
        # More than a whole beat is left out.
        ("beat.mp3", -0.5, 0.24),
    ],
)
async def test_a_repeated_sound_keeps_the_beat(studio: Studio, name: str, offset: float, first: float) -> None:
    inputs = {"video": studio.video(seconds=4), "audio": beat(studio, name)}
    made = await studio.make(replace(LOOP, audio_offset=timedelta(seconds=offset)), COPY, inputs)
    found = beats(await listen(studio, made.path))
    assert len(found) == int((4 - first - 0.02) / BEAT_SECONDS) + 1
    # Vorbis softens the start of a click by some milliseconds, each time alike.
    assert found[0] == pytest.approx(first, abs=0.005)
    assert np.diff(found) == pytest.approx(BEAT_SECONDS, abs=0.002)
    assert made.info.duration is not None
    assert made.info.duration.total_seconds() == pytest.approx(4, abs=0.05)


async def test_a_repeated_sound_is_mixed_and_fades_once(studio: Studio) -> None:
    inputs = {
        "video": studio.video(seconds=3, sound="sine=300"),
        "audio": studio.input("sound.mp3", "-f", "lavfi", "-i", "sine=1000:d=0.5"),
    }
    fade = timedelta(seconds=0.5)
    made = await studio.make(replace(LOOP, mode=AudioMode.MIX, fade_in=fade, fade_out=fade), COPY, inputs)
    heard = await listen(studio, made.path)
    (start,), (end,) = tone(heard, 1000, 0, 0.1), tone(heard, 1000, 2.9, 3)
    middle = [tone(heard, 1000, at, at + 0.3)[0] for at in (0.6, 0.9, 1.2, 1.5, 1.8, 2.1)]
    assert middle == [pytest.approx(-18.06, abs=1)] * 6
    assert max(start, end) < -24


async def test_a_sound_as_long_as_the_video_is_not_repeated(studio: Studio) -> None:
    inputs = {"video": studio.video(seconds=1), "audio": beat(studio, "beat.wav")}
    sound = studio.input("long.wav", "-f", "lavfi", "-i", "sine=1000:d=2")
    made = await studio.make(LOOP, COPY, {**inputs, "audio": sound})
    assert made.plan.preparations == ()
    assert (await studio.make(LOOP, COPY, inputs)).plan.preparations != ()


async def test_nothing_cannot_be_repeated(studio: Studio) -> None:
    empty = studio.input("empty.wav", "-f", "lavfi", "-i", "sine=d=1", "-t", "0")
    with pytest.raises(TaskFailed, match="holds no sound that could be repeated") as failed:
        await studio.make(LOOP, COPY, {"video": studio.video(), "audio": empty})
    assert failed.value.reason is FailureReason.INPUT_INVALID


def last_packet(studio: Studio, path: Path) -> tuple[float, float]:
    """When the packet of the picture that is decoded last comes, and how long it lasts, in seconds."""
    listed = studio.output("-i", str(path), "-map", "0:v", "-c", "copy", "-f", "framemd5", "-").decode()
    numerator, denominator = (
        int(value)
        for value in next(line for line in listed.splitlines() if line.startswith("#tb 0")).split()[2].split("/")
    )
    _, decoded, _, duration, *_ = listed.splitlines()[-1].split(",")
    return int(decoded) * numerator / denominator, int(duration) * numerator / denominator


@pytest.mark.parametrize("container", [Container.MP4, Container.MOV, Container.MKV])
@pytest.mark.parametrize("codec", [AudioCodec.AAC, AudioCodec.COPY])
async def test_the_last_frame_of_a_copied_picture_is_held(
    studio: Studio, container: Container, codec: AudioCodec, remuxed: Callable[[Path], Path]
) -> None:
    film = studio.input(
        "film.mp4",
        *["-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:duration=1", "-c:v", "libx264", "-bf", "3"],
        *["-pix_fmt", "yuv420p"],
    )
    inputs = {"video": film, "audio": studio.input("sound.m4a", "-f", "lavfi", "-i", "sine=1000:d=2.5")}
    output = replace(COPY, container=container, audio=AudioEncoding(codec=codec))
    made = await studio.make(LONGEST, output, inputs)
    assert made.plan.encoder == "copy"
    forms = [made.path] if container is Container.MKV else [made.path, remuxed(made.path)]
    for path in forms:
        start, duration = last_packet(studio, path)
        assert start + duration == pytest.approx(2.5, abs=0.1)
        # Nothing but the length of the last frame is another.
        assert studio.times(path)[:25] == pytest.approx([n / 25 for n in range(25)], abs=0.001)
        heard = await listen(studio, path)
        assert len(heard) == pytest.approx(2.5 * 48_000, abs=3000)
        assert tone(heard, 1000, 2, 2.4) == [pytest.approx(-18.06, abs=0.5)]


async def test_the_longest_may_be_the_video(studio: Studio) -> None:
    inputs = {
        "video": studio.video(seconds=2),
        "audio": studio.input("sound.wav", "-f", "lavfi", "-i", "sine=1000:d=0.5"),
    }
    made = await studio.make(LONGEST, COPY, inputs)
    assert len(await listen(studio, made.path)) == pytest.approx(2 * 48_000, abs=3000)
    start, duration = last_packet(studio, made.path)
    assert (start, duration) == pytest.approx((1.96, 0.04), abs=0.001)
