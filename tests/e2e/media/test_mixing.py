"""Sounds that come together: who is heard how loud, in which channels, on which track."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from servicekit.media.operations import AddAudio, AudioMode
from servicekit.media.outputs import AudioCodec, AudioEncoding, Container, OutputSpec, VideoCodec, VideoEncoding
from tests.e2e.media.conftest import ANY, Studio
from tests.e2e.media.listening import listen, tone

COPY = OutputSpec(video=VideoEncoding(codec=VideoCodec.COPY))
MIX = AddAudio(video=ANY, audio=ANY, mode=AudioMode.MIX)
# FFmpeg's sine has an eighth of full scale.
SINE_DB = -18.06


def channels(count: int, codec: AudioCodec = AudioCodec.AAC) -> OutputSpec:
    return replace(COPY, audio=AudioEncoding(codec=codec, channels=count))


async def test_both_are_heard_each_with_its_gain_whatever_their_rates(studio: Studio) -> None:
    inputs = {
        "video": studio.video(seconds=2, sound="sine=300:r=44100"),
        "audio": studio.input("sound.wav", "-f", "lavfi", "-i", "sine=1000:r=22050:d=1"),
    }
    operation = replace(MIX, video_gain_db=-6, audio_gain_db=3)
    made = await studio.make(operation, COPY, inputs)
    assert made.plan.encoder == "copy"
    heard = await listen(studio, made.path)
    assert tone(heard, 300, 0.2, 0.8) == [pytest.approx(SINE_DB - 6, abs=0.3)]
    assert tone(heard, 1000, 0.2, 0.8) == [pytest.approx(SINE_DB + 3, abs=0.3)]
    # The added one is over, the video's own goes on to its end.
    assert tone(heard, 300, 1.2, 1.9) == [pytest.approx(SINE_DB - 6, abs=0.3)]
    assert tone(heard, 1000, 1.2, 1.9)[0] < -60
    assert len(heard) == pytest.approx(2 * 48_000, abs=3000)


LEFT = "aevalsrc='0.25*sin(2*PI*300*t)|0':c=stereo"
# Left, right, centre, and nothing else.
SURROUND = "aevalsrc='0.1*sin(2*PI*300*t)|0.1*sin(2*PI*300*t)|0.1*sin(2*PI*700*t)|0|0|0':c=5.1"
QUIET = -60.0


@pytest.mark.parametrize(
    ("own", "added", "output", "tones"),
    [
        # Mono is on both sides as loud as it is.
        (LEFT, "sine=1000", COPY, {300: [-12.04, None], 1000: [SINE_DB, SINE_DB]}),
        (LEFT, "sine=1000", channels(1), {300: [-18.06], 1000: [SINE_DB]}),
        # In 5.1 stereo stays left and right, and mono is in the centre.
        (SURROUND, "sine=1000", COPY, {300: [-20, -20, None], 700: [None, None, -20], 1000: [None, None, SINE_DB]}),
        # The centre goes to both sides with 3 dB less.
        (SURROUND, LEFT.replace("300", "1000"), channels(2), {700: [-23.01, -23.01], 1000: [-12.04, None]}),
        (SURROUND, "sine=1000", channels(2, AudioCodec.OPUS), {700: [-23.01, -23.01], 1000: [SINE_DB, SINE_DB]}),
        # Whole-number samples, which FFmpeg mixes softer by itself.
        ("sine=1000", SURROUND, channels(2), {300: [-20, -20], 700: [-23.01, -23.01], 1000: [SINE_DB, SINE_DB]}),
        ("sine=300", "sine=1000", channels(6, AudioCodec.OPUS), {300: [None, None, SINE_DB]}),
        ("sine=300", "sine=1000", channels(4, AudioCodec.OPUS), {}),
        ("sine=300", "sine=1000", channels(3), {300: [None, None, SINE_DB]}),
    ],
)
async def test_channels(
    studio: Studio, own: str, added: str, output: OutputSpec, tones: dict[int, list[float | None]]
) -> None:
    inputs = {
        "video": studio.video(seconds=0.8, sound=own),
        "audio": studio.input("sound.wav", "-f", "lavfi", "-i", f"{added}:d=0.8"),
    }
    heard = await listen(studio, (await studio.make(MIX, output, inputs)).path)
    if output.audio.channels:
        assert heard.shape[1] == output.audio.channels
    for frequency, levels in tones.items():
        found = tone(heard, frequency, 0.2, 0.7)
        for level, expected in zip(found, levels, strict=False):
            assert level < QUIET if expected is None else level == pytest.approx(expected, abs=0.4), found


async def test_every_track_of_the_video_gets_the_sound_and_keeps_its_language(studio: Studio) -> None:
    film = studio.input(
        "film.mkv",
        *["-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:duration=1"],
        *["-f", "lavfi", "-i", "sine=300:d=1", "-f", "lavfi", "-i", "sine=500:d=1"],
        *["-map", "0", "-map", "1", "-map", "2", "-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=deu"],
        *["-c:v", "libx264", "-preset", "ultrafast", "-c:a", "flac"],
    )
    sound = studio.input("sound.wav", "-f", "lavfi", "-i", "sine=1000:d=1")
    made = await studio.make(MIX, COPY, {"video": film, "audio": sound})
    assert [stream.language for stream in made.info.streams if stream.type == "audio"] == ["eng", "deu"]
    for track, own in enumerate((300, 500)):
        heard = await listen(studio, made.path, track=track)
        for frequency in (own, 1000):
            assert tone(heard, frequency, 0.2, 0.8) == [pytest.approx(SINE_DB, abs=0.3)]


async def test_a_video_without_sound_gets_the_added_one(studio: Studio) -> None:
    inputs = {"video": studio.video(), "audio": studio.input("sound.wav", "-f", "lavfi", "-i", "sine=1000:d=1")}
    heard = await listen(studio, (await studio.make(replace(MIX, duck_video=True), COPY, inputs)).path)
    assert tone(heard, 1000, 0.2, 0.8) == [pytest.approx(SINE_DB, abs=0.3)]


async def test_sounds_that_are_loud_together_are_turned_down_and_not_cut_off(studio: Studio) -> None:
    loud = "aevalsrc='0.9*sin(2*PI*{}*t)'"
    inputs = {
        "video": studio.video(seconds=1, sound=loud.format(300)),
        "audio": studio.input("sound.wav", "-f", "lavfi", "-i", f"{loud.format(1000)}:d=1"),
    }
    # FFmpeg's AAC encoder turns down by itself what is too loud; others do not.
    opus = replace(COPY, audio=AudioEncoding(codec=AudioCodec.OPUS))
    heard = await listen(studio, (await studio.make(MIX, opus, inputs)).path)
    assert np.abs(heard[4800:-4800]).max() < 1.06
    # What cutting off would add: the third harmonic of the lower one.
    assert tone(heard, 900, 0.2, 0.8)[0] < -34


@pytest.mark.parametrize("container", [Container.MP4, Container.MKV])
async def test_ducking_lowers_the_video_while_the_other_sounds(studio: Studio, container: Container) -> None:
    inputs = {
        "video": studio.video(seconds=4, sound="sine=300"),
        "audio": studio.input("sound.wav", "-f", "lavfi", "-i", "sine=1000:d=1"),
    }
    operation = replace(MIX, duck_video=True, audio_offset=timedelta(seconds=1))
    heard = await listen(studio, (await studio.make(operation, replace(COPY, container=container), inputs)).path)
    (before,), (under,), (after,) = (tone(heard, 300, *span) for span in ((0.2, 0.9), (1.4, 1.9), (3.2, 3.9)))
    assert before == pytest.approx(SINE_DB, abs=0.3)
    assert before - 16 < under < before - 9
    assert after == pytest.approx(SINE_DB, abs=1)
    assert tone(heard, 1000, 1.4, 1.9) == [pytest.approx(SINE_DB, abs=0.3)]


async def test_a_sound_that_outlasts_that_of_the_video_is_heard_to_its_end(studio: Studio) -> None:
    film = studio.input(
        "film.mp4",
        *["-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:duration=2", "-f", "lavfi", "-i", "sine=300:d=0.5"],
        *["-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac"],
    )
    inputs = {"video": film, "audio": studio.input("sound.wav", "-f", "lavfi", "-i", "sine=1000:d=3")}
    heard = await listen(studio, (await studio.make(replace(MIX, duck_video=True), COPY, inputs)).path)
    assert tone(heard, 1000, 1.2, 1.9) == [pytest.approx(SINE_DB, abs=0.3)]
