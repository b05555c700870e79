"""Sound brought to a loudness, measured in what comes out."""

from dataclasses import replace

import numpy as np
import pytest

from servicekit.media.operations import AddAudio, AudioLength, AudioMode
from servicekit.media.outputs import AudioCodec, AudioEncoding, Container, OutputSpec, VideoCodec, VideoEncoding
from tests.e2e.media.conftest import ANY, Studio
from tests.e2e.media.listening import listen, metered, tone
from worker.ffmpeg.progress import FractionTracker

COPY = OutputSpec(video=VideoEncoding(codec=VideoCodec.COPY))
SOUND = AddAudio(video=ANY, audio=ANY)
STEREO = "aformat=channel_layouts=stereo"
QUIET = f"anoisesrc=c=pink:a=0.01:r=48000:seed=1:d=3,{STEREO}"
LOUD = f"anoisesrc=c=white:a=0.9:r=48000:seed=1:d=3,{STEREO}"
# Loud for 2 ms in half a second, quiet between: peaks 33 dB above the rest.
PEAKY = "aevalsrc='0.02*sin(2*PI*300*t)+if(lt(mod(t,0.5),0.002),0.9*sin(2*PI*3000*t),0)':s=44100:d=3"
SPEECH = f"anoisesrc=c=pink:a=0.9:r=48000:seed=1:d=3,tremolo=f=4:d=0.95,{STEREO}"


@pytest.mark.parametrize(
    ("source", "target", "output"),
    [
        (QUIET, -14.0, COPY),
        (QUIET, -23.0, replace(COPY, container=Container.MKV, audio=AudioEncoding(codec=AudioCodec.OPUS))),
        (LOUD, -16.0, replace(COPY, container=Container.MOV)),
        (PEAKY, -14.0, COPY),
        (SPEECH, -14.0, COPY),
        (SPEECH, -14.0, replace(COPY, audio=AudioEncoding(codec=AudioCodec.OPUS, channels=1))),
    ],
)
async def test_loudness_and_true_peak(studio: Studio, source: str, target: float, output: OutputSpec) -> None:
    inputs = {
        "video": studio.video(seconds=3),
        "audio": studio.input("sound.flac", "-f", "lavfi", "-i", source),
    }
    made = await studio.make(replace(SOUND, loudness_lufs=target), output, inputs)
    assert made.plan.encoder == "copy"
    loudness, peak = metered(studio, made.path)
    assert loudness == pytest.approx(target, abs=0.5)
    assert peak <= -1
    tracker = FractionTracker(made.plan.expected.duration)
    assert tracker.update(made.progress[0]) < 0.31
    assert tracker.update(made.progress[-1]) > 0.95


async def test_silence_stays_silence(studio: Studio) -> None:
    # The noise of a 16-bit recording of nothing.
    hiss = "anoisesrc=c=white:a=0.00003:r=48000:seed=1:d=1"
    inputs = {"video": studio.video(), "audio": studio.input("sound.wav", "-f", "lavfi", "-i", hiss)}
    made = await studio.make(replace(SOUND, loudness_lufs=-14), COPY, inputs)
    assert np.abs(await listen(studio, made.path)).max() < 0.001
    silent = studio.input("silent.wav", "-f", "lavfi", "-i", "anullsrc=d=1")
    made = await studio.make(replace(SOUND, loudness_lufs=-14), COPY, {**inputs, "audio": silent})
    assert made.info.audio is not None
    assert not (await listen(studio, made.path)).any()


async def test_the_loudness_is_that_of_all_that_is_heard(studio: Studio) -> None:
    inputs = {
        "video": studio.video(seconds=2, sound="sine=300"),
        "audio": studio.input("sound.wav", "-f", "lavfi", "-i", "sine=1000:d=0.5"),
    }
    operation = replace(SOUND, mode=AudioMode.MIX, duck_video=True, length=AudioLength.LOOP_AUDIO, loudness_lufs=-20)
    made = await studio.make(operation, COPY, inputs)
    loudness, _ = metered(studio, made.path)
    assert loudness == pytest.approx(-20, abs=0.5)
    heard = await listen(studio, made.path)
    (own,), (added,) = tone(heard, 300, 1, 1.9), tone(heard, 1000, 1, 1.9)
    assert added > own + 9


async def test_a_film_that_does_not_say_how_long_it_is(studio: Studio) -> None:
    """As browsers record them: the sound ends with the picture all the same."""
    whole = studio.video("whole.mp4", seconds=2)
    live = ["-c", "copy", "-f", "matroska", "-live", "1", "-"]
    film = studio.file("film.mkv", studio.output("-i", str(whole), *live))
    assert (await studio.prober.probe(film)).duration is None
    inputs = {"video": film, "audio": studio.input("sound.wav", "-f", "lavfi", "-i", QUIET.replace("d=3", "d=0.7"))}
    for length in (AudioLength.VIDEO, AudioLength.LOOP_AUDIO):
        made = await studio.make(replace(SOUND, length=length, loudness_lufs=-20), COPY, inputs)
        assert len(await listen(studio, made.path)) == pytest.approx(2 * 48_000, abs=3000)
        assert metered(studio, made.path)[0] == pytest.approx(-20, abs=0.5)
