"""Which sounds come together, in which form, and when the output ends."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from servicekit.media.operations import AddAudio, AssetSource, AudioLength, AudioMode
from servicekit.media.outputs import AudioCodec, AudioEncoding, OutputSpec, VideoCodec, VideoEncoding
from servicekit.media_info import StreamInfo, StreamType
from worker.errors import FailureReason, TaskFailed
from worker.media.added_sound import AddedSound, added_sound
from worker.media.arguments import ffmpeg_arguments, unrolling_arguments
from worker.media.plan import (
    CopyAudio,
    CopyVideo,
    Delay,
    EncodeAudio,
    ExpectedOutput,
    FadeIn,
    FadeOut,
    Gain,
    GuardPeaks,
    Join,
    LevelSound,
    MediaFile,
    PadSilence,
    Plan,
    SkipStart,
    UnrollSound,
)

ANY = AssetSource(asset="assets/any")
REPLACE = AddAudio(video=ANY, audio=ANY)
MIX = replace(REPLACE, mode=AudioMode.MIX)
COPY = OutputSpec(video=VideoEncoding(codec=VideoCodec.COPY))
OWN = StreamInfo(
    index=1, type=StreamType.AUDIO, codec="aac", channels=2, sample_rate_hz=48_000, duration=timedelta(seconds=10)
)
ADDED = replace(OWN, index=0, codec="mp3", channels=1, sample_rate_hz=44_100)


def seconds(value: float | None) -> timedelta | None:
    return None if value is None else timedelta(seconds=value)


def sounded(
    operation: AddAudio,
    *,
    added: float | None = 4,
    video: float | None = 10,
    own: tuple[StreamInfo, ...] = (OWN,),
    audio: AudioEncoding = AudioEncoding(),  # noqa: B008 - frozen
    stream: StreamInfo = ADDED,
) -> AddedSound:
    output = replace(COPY, audio=audio)
    return added_sound(
        operation, output, added=stream, added_length=seconds(added), own=own, video_length=seconds(video)
    )


def track(made: AddedSound, number: int = 0) -> EncodeAudio:
    found = made.tracks[number]
    assert isinstance(found, EncodeAudio)
    return found


def command(made: AddedSound) -> str:
    plan = Plan(
        inputs=(MediaFile(path=Path("/video"), demuxer="mov"), MediaFile(path=Path("/audio"), demuxer="mp3")),
        video=CopyVideo(stream=0, codec="h264", hold_until=made.hold_until),
        audio=made.tracks,
        container=COPY.container,
        expected=ExpectedOutput(video_codec="h264", audio_codecs=("aac",), width=1, height=1, duration=made.total),
        ffmpeg_release=(5, 1),
        end=made.end,
        shortest=made.shortest,
    )
    return " ".join(ffmpeg_arguments(plan, progress_fd=3))


@pytest.mark.parametrize(
    ("length", "added", "video", "total", "end", "shortest", "hold"),
    [
        (AudioLength.VIDEO, 4, 10, 10, 10, False, None),
        (AudioLength.VIDEO, 14, 10, 10, 10, False, None),
        (AudioLength.VIDEO, 4, None, None, None, True, None),
        (AudioLength.SHORTEST, 4, 10, 4, 4, False, None),
        (AudioLength.SHORTEST, 14, 10, 10, 10, False, None),
        # Where one length is unknown, the streams themselves have the last word.
        (AudioLength.SHORTEST, 4, None, None, 4, True, None),
        (AudioLength.SHORTEST, None, None, None, None, True, None),
        (AudioLength.LONGEST, 4, 10, 10, 10, False, None),
        (AudioLength.LONGEST, 14, 10, 14, 14, False, 14),
        (AudioLength.LONGEST, 14, None, None, None, False, 14),
        (AudioLength.LONGEST, None, 10, None, None, False, None),
        (AudioLength.LOOP_AUDIO, 4, 10, 10, 10, False, None),
        (AudioLength.LOOP_AUDIO, 4, None, None, None, True, None),
    ],
)
def test_the_end(  # noqa: PLR0917 - the columns of a table
    length: AudioLength,
    added: float | None,
    video: float | None,
    total: float | None,
    end: float | None,
    shortest: bool,
    hold: float | None,
) -> None:
    made = sounded(replace(REPLACE, length=length), added=added, video=video)
    assert (made.total, made.end) == (seconds(total), seconds(end))
    assert (made.shortest, made.hold_until) == (shortest, seconds(hold))


@pytest.mark.parametrize(
    ("operation", "added", "own", "expected"),
    [
        (REPLACE, 4, 10, (PadSilence(seconds(10)),)),
        (REPLACE, 10, 10, ()),
        (REPLACE, None, 10, (PadSilence(seconds(10)),)),
        # The video's own sound goes on to the end.
        (MIX, 4, 10, (GuardPeaks(),)),
        (MIX, 4, 3, (PadSilence(seconds(10)), GuardPeaks())),
        (replace(REPLACE, length=AudioLength.LOOP_AUDIO), 4, 10, ()),
        (replace(REPLACE, length=AudioLength.SHORTEST), 4, 10, ()),
        (replace(REPLACE, audio_gain_db=3.0), 10, 10, (GuardPeaks(),)),
        (replace(REPLACE, audio_gain_db=-3.0), 10, 10, ()),
        # A loudness brings a limit of its own.
        (replace(MIX, loudness_lufs=-16.0), 10, 10, ()),
    ],
)
def test_what_follows_when_all_is_together(
    operation: AddAudio, added: float | None, own: float, expected: tuple[object, ...]
) -> None:
    assert track(sounded(operation, added=added, own=(replace(OWN, duration=seconds(own)),))).filters == expected


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (replace(REPLACE, audio_gain_db=-6.0), (Gain(-6.0),)),
        (replace(REPLACE, audio_offset=timedelta(seconds=2)), (Delay(timedelta(seconds=2)),)),
        (replace(REPLACE, audio_offset=timedelta(seconds=-2)), (SkipStart(timedelta(seconds=2)),)),
        # Fades are those of the sound, which begins at 2 s and ends at 6 s.
        (
            replace(
                REPLACE,
                audio_offset=timedelta(seconds=2),
                fade_in=timedelta(seconds=1),
                fade_out=timedelta(seconds=1),
            ),
            (
                Delay(timedelta(seconds=2)),
                FadeIn(timedelta(seconds=2), timedelta(seconds=1)),
                FadeOut(timedelta(seconds=5), timedelta(seconds=1)),
            ),
        ),
        # A repeated one ends with the video, once.
        (
            replace(REPLACE, length=AudioLength.LOOP_AUDIO, fade_out=timedelta(seconds=1)),
            (FadeOut(timedelta(seconds=9), timedelta(seconds=1)),),
        ),
    ],
)
def test_the_shape_of_the_added_sound(operation: AddAudio, expected: tuple[object, ...]) -> None:
    filters = track(sounded(operation)).sounds[0].filters
    assert filters[len(filters) - len(expected) :] == expected


@pytest.mark.parametrize(
    ("own", "audio", "rate", "words"),
    [
        ((OWN,), AudioEncoding(), 48_000, ("pan=stereo|c0=c0|c1=c0", "channel_layouts=stereo")),
        ((replace(OWN, channels=6),), AudioEncoding(), 48_000, ("channel_layouts=5.1",)),
        ((OWN,), AudioEncoding(channels=1), 48_000, ("pan=mono|c0=0.5*c0+0.5*c1", "channel_layouts=mono")),
        ((OWN,), AudioEncoding(codec=AudioCodec.OPUS, channels=4), 48_000, ("channel_layouts=quad",)),
        ((OWN,), AudioEncoding(channels=4), 48_000, ("channel_layouts=4.0",)),
        ((OWN,), AudioEncoding(sample_rate_hz=22_050), 22_050, ("aresample=22050",)),
        ((replace(OWN, sample_rate_hz=192_000),), AudioEncoding(), 48_000, ("aresample=48000",)),
    ],
)
def test_all_get_one_form(own: tuple[StreamInfo, ...], audio: AudioEncoding, rate: int, words: tuple[str, ...]) -> None:
    made = sounded(MIX, own=own, audio=audio)
    assert track(made).sample_rate_hz == rate
    for word in words:
        assert word in command(made)


def test_each_track_of_the_video_is_mixed_and_keeps_its_language() -> None:
    tracks = (replace(OWN, language="eng"), replace(OWN, index=2, language="x'; rm"))
    made = sounded(replace(MIX, video_gain_db=-3.0, loudness_lufs=-16.0), own=tracks)
    assert [[(one.source, one.stream) for one in track(made, n).sounds] for n in (0, 1)] == [
        [(0, 1), (1, 0)],
        [(0, 2), (1, 0)],
    ]
    assert [track(made, n).language for n in (0, 1)] == ["eng", ""]
    assert Gain(-3.0) in track(made).sounds[0].filters
    assert made.preparations == (LevelSound(track=0, target_lufs=-16.0), LevelSound(track=1, target_lufs=-16.0))


def test_ducking_hears_the_added_sound_and_mixes_it() -> None:
    made = sounded(replace(MIX, duck_video=True))
    assert track(made).join is Join.DUCKED
    assert "asplit" in command(made)
    assert "[a0.0][a0.keyed]sidechaincompress=" in command(made)
    assert "[a0.ducked][a0.heard]amix=inputs=2:duration=longest:normalize=0" in command(made)


def test_without_a_sound_of_its_own_there_is_nothing_to_mix_with() -> None:
    made = sounded(replace(MIX, duck_video=True), own=())
    assert [one.source for one in track(made).sounds] == [1]


def test_a_repeated_sound_is_decoded_first() -> None:
    made = sounded(replace(REPLACE, length=AudioLength.LOOP_AUDIO), stream=replace(ADDED, index=3))
    assert made.preparations == (UnrollSound(source=1, stream=3),)
    # Its file holds nothing else.
    assert track(made).sounds[0].stream == 0
    enough = sounded(replace(REPLACE, length=AudioLength.LOOP_AUDIO), added=12)
    assert enough.preparations == ()


def test_an_offset_behind_the_sound_is_refused_unless_it_is_repeated() -> None:
    late = replace(REPLACE, audio_offset=timedelta(seconds=-5))
    with pytest.raises(TaskFailed, match="skips the whole sound") as failed:
        sounded(late)
    assert failed.value.reason is FailureReason.INPUT_INVALID
    assert sounded(replace(late, length=AudioLength.LOOP_AUDIO)).total == seconds(10)


def test_a_copied_sound_is_as_it_was() -> None:
    made = sounded(REPLACE, audio=AudioEncoding(codec=AudioCodec.COPY))
    assert made.tracks == (CopyAudio(source=1, stream=0, codec="mp3"),)


def test_the_last_frame_is_held_without_touching_its_times() -> None:
    made = sounded(replace(REPLACE, length=AudioLength.LONGEST), added=14)
    held = "duration='if(eq(NEXT_DTS,NOPTS),max(DURATION,14.000000/TB-DTS),DURATION)'"
    assert f"-c:v copy -bsf:v setts=pts=PTS:dts=DTS:{held}" in command(made)


def test_samples_are_unrolled_from_the_track_that_was_found() -> None:
    plan = Plan(
        inputs=(MediaFile(path=Path("/video"), demuxer="mov"), MediaFile(path=Path("/audio"), demuxer="mp3")),
        video=CopyVideo(stream=0, codec="h264"),
        audio=(),
        container=COPY.container,
        expected=ExpectedOutput(video_codec="h264", audio_codecs=(), width=1, height=1, duration=None),
        ffmpeg_release=(5, 1),
    )
    words = " ".join(unrolling_arguments(plan, UnrollSound(source=1, stream=3), progress_fd=3))
    assert "-i file:/audio -map 0:3 -af aresample=async=1:first_pts=0 -c:a pcm_f32le -f caf pipe:1" in words


@pytest.mark.parametrize("length", [AudioLength.VIDEO, AudioLength.SHORTEST, AudioLength.LOOP_AUDIO])
def test_a_sound_that_would_begin_behind_the_end_of_the_video_is_refused(length: AudioLength) -> None:
    late = AddAudio(video=ANY, audio=ANY, audio_offset=timedelta(seconds=10), length=length)
    with pytest.raises(TaskFailed, match="audio_offset is 10 s, and the video ends at 10 s") as failed:
        sounded(late)
    assert failed.value.reason is FailureReason.INPUT_INVALID
    assert sounded(replace(late, length=AudioLength.LONGEST)).total == timedelta(seconds=14)
