"""AddAudio: which sounds the output has, how they come together, and when it ends."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from servicekit.media.operations import AddAudio, AudioLength, AudioMode
from servicekit.media.outputs import AudioCodec, OutputSpec
from servicekit.media_info import StreamInfo
from worker.errors import FailureReason, TaskFailed
from worker.media.plan import (
    AudioFilter,
    AudioTrack,
    Delay,
    EncodeAudio,
    FadeIn,
    FadeOut,
    Gain,
    GuardPeaks,
    Join,
    LevelSound,
    PadSilence,
    Preparation,
    SkipStart,
    Sound,
    UnrollSound,
)
from worker.media.sound import SoundFormat, copied_sound, encoded_track, sound_format

_LANGUAGE = re.compile(r"[a-z]{3}")
# Less than one AAC frame at 44.1 kHz is no difference anybody could hear or repair.
_NEGLIGIBLE = timedelta(milliseconds=25)


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedSound:
    """The sound tracks of the output, and how long it is (`total` None: nobody knows).

    `end` and `shortest` are those of the plan, `hold_until` that of the picture.
    """

    tracks: tuple[AudioTrack, ...]
    total: timedelta | None
    end: timedelta | None
    shortest: bool
    hold_until: timedelta | None
    preparations: tuple[Preparation, ...]


def added_sound(
    operation: AddAudio,
    output: OutputSpec,
    *,
    added: StreamInfo,
    added_length: timedelta | None,
    own: Sequence[StreamInfo],
    video_length: timedelta | None,
) -> AddedSound:
    """Plans the sound of the first input's picture: `added` is of the second input, `own` are the first one's tracks.

    With several tracks of its own (languages, say) the sound is mixed into each of them.
    Raises TaskFailed(INPUT_INVALID).
    """
    timing = _timing(operation, added_length, video_length)
    if output.audio.codec is AudioCodec.COPY:
        tracks: tuple[AudioTrack, ...] = (copied_sound(added, output.container, source=1),)
        return _added(timing, tracks, ())
    mixed = own if operation.mode is AudioMode.MIX else ()
    form = sound_format([added, *mixed], output.audio, mixing=bool(mixed))
    preparations: list[Preparation] = []
    stream = added.index
    if timing.repeats:
        preparations.append(UnrollSound(source=1, stream=stream))
        stream = 0
    sound = Sound(source=1, stream=stream, filters=(*form.conform(added), *_shape(operation, timing)))
    if mixed:
        encoded = [_mixed(operation, form, timing, sound, one) for one in mixed]
    else:
        padding = _padding([timing.sounding], timing)
        guard = _guard(operation, needed=operation.audio_gain_db > 0 or form.mixes_down(added))
        encoded = [encoded_track((sound,), form, filters=(*padding, *guard))]
    if operation.loudness_lufs is not None:
        preparations += [LevelSound(track=n, target_lufs=operation.loudness_lufs) for n in range(len(encoded))]
    return _added(timing, tuple(encoded), tuple(preparations))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Timing:
    """`sounding` is when the added sound ends by itself, counted from the start of the video; None where unknown."""

    length: AudioLength
    video: timedelta | None
    sounding: timedelta | None
    repeats: bool = False

    @property
    def shortest(self) -> bool:
        """Whether only the streams themselves tell where the output ends."""
        return self.length is not AudioLength.LONGEST and self.total is None

    @property
    def total(self) -> timedelta | None:
        if self.length in (AudioLength.VIDEO, AudioLength.LOOP_AUDIO):
            return self.video
        if self.video is None or self.sounding is None:
            return None
        return (max if self.length is AudioLength.LONGEST else min)(self.video, self.sounding)

    @property
    def end(self) -> timedelta | None:
        if self.length is AudioLength.SHORTEST:
            return min(self._known, default=None)
        return self.total

    @property
    def heard_until(self) -> timedelta | None:
        """Where the added sound ends in the output."""
        ends = [self.sounding, self.end] if self.end is not None else [self.sounding]
        return min((end for end in ends if end is not None), default=None)

    @property
    def hold_until(self) -> timedelta | None:
        """Until when the last frame is shown, where the sound goes on after it."""
        if self.length is not AudioLength.LONGEST or self.sounding is None:
            return None
        return self.sounding if self.video is None or self.sounding > self.video else None

    @property
    def _known(self) -> list[timedelta]:
        return [length for length in (self.video, self.sounding) if length is not None]


def _timing(operation: AddAudio, added_length: timedelta | None, video_length: timedelta | None) -> _Timing:
    sounding = None if added_length is None else max(added_length + operation.audio_offset, timedelta())
    if operation.length is AudioLength.LOOP_AUDIO and (
        sounding is None or video_length is None or video_length - sounding > _NEGLIGIBLE
    ):
        return _Timing(length=operation.length, video=video_length, sounding=video_length, repeats=True)
    ends_with_video = operation.length in (AudioLength.VIDEO, AudioLength.SHORTEST, AudioLength.LOOP_AUDIO)
    if ends_with_video and video_length is not None and operation.audio_offset >= video_length:
        message = (
            f"audio_offset is {operation.audio_offset.total_seconds():g} s, and the video ends at "
            f"{video_length.total_seconds():g} s: nothing of the sound would be heard."
        )
        raise TaskFailed(FailureReason.INPUT_INVALID, message)
    if sounding == timedelta():
        message = "audio_offset skips the whole sound: it is as long as the sound file or longer."
        raise TaskFailed(FailureReason.INPUT_INVALID, message)
    return _Timing(length=operation.length, video=video_length, sounding=sounding)


def _added(timing: _Timing, tracks: tuple[AudioTrack, ...], preparations: tuple[Preparation, ...]) -> AddedSound:
    return AddedSound(
        tracks=tracks,
        total=timing.total,
        end=timing.end,
        shortest=timing.shortest,
        hold_until=timing.hold_until,
        preparations=preparations,
    )


def _mixed(operation: AddAudio, form: SoundFormat, timing: _Timing, sound: Sound, own: StreamInfo) -> EncodeAudio:
    gain: tuple[AudioFilter, ...] = (Gain(operation.video_gain_db),) if operation.video_gain_db else ()
    below = Sound(source=0, stream=own.index, filters=(*form.conform(own), *gain))
    return encoded_track(
        (below, sound),
        form,
        filters=(*_padding([timing.sounding, own.duration], timing), *_guard(operation, needed=True)),
        join=Join.DUCKED if operation.duck_video else Join.TOGETHER,
        language=own.language if _LANGUAGE.fullmatch(own.language) else "",
    )


def _padding(lengths: Sequence[timedelta | None], timing: _Timing) -> tuple[AudioFilter, ...]:
    """Fills up with silence what the sounds leave empty; without a known end only where the picture brings one."""
    if timing.total is None:
        return (PadSilence(None),) if timing.length is AudioLength.VIDEO else ()
    longest = max((length for length in lengths if length is not None), default=timedelta())
    return (PadSilence(timing.total),) if timing.total - longest > _NEGLIGIBLE else ()


def _guard(operation: AddAudio, *, needed: bool) -> tuple[AudioFilter, ...]:
    """A loudness brings a limit of its own."""
    return (GuardPeaks(),) if needed and operation.loudness_lufs is None else ()


def _shape(operation: AddAudio, timing: _Timing) -> tuple[AudioFilter, ...]:
    """The fade in begins where the sound does, the fade out ends where the sound or the output does."""
    filters: list[AudioFilter] = []
    if operation.audio_gain_db:
        filters.append(Gain(operation.audio_gain_db))
    if operation.audio_offset > timedelta():
        filters.append(Delay(operation.audio_offset))
    elif operation.audio_offset < timedelta():
        filters.append(SkipStart(-operation.audio_offset))
    if operation.fade_in:
        filters.append(FadeIn(max(operation.audio_offset, timedelta()), operation.fade_in))
    if operation.fade_out:
        if timing.heard_until is None:
            message = "fade_out needs an end, and neither the sound nor the video says how long it is."
            raise TaskFailed(FailureReason.INPUT_INVALID, message)
        filters.append(FadeOut(max(timing.heard_until - operation.fade_out, timedelta()), operation.fade_out))
    return tuple(filters)
