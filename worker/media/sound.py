"""Which sound tracks the output gets, and whether each is copied or encoded."""

import math
from collections.abc import Sequence
from datetime import timedelta

from servicekit.media.operations import AddAudio, AudioLength
from servicekit.media.outputs import AudioCodec, AudioEncoding, Container
from servicekit.media_info import StreamInfo
from worker.errors import FailureReason, TaskFailed
from worker.media.containers import AUDIO_CODECS
from worker.media.plan import (
    AudioFilter,
    AudioTrack,
    ChannelLayouts,
    CopyAudio,
    Delay,
    EncodeAudio,
    FadeIn,
    FadeOut,
    Gain,
    PadSilence,
    SkipStart,
    Sound,
)

_ENCODERS = {AudioCodec.AAC: ("aac", "aac"), AudioCodec.OPUS: ("libopus", "opus")}
# FFmpeg's default of 128 kbit/s in stereo is audible on music with its own AAC encoder; Opus needs less.
_BITS_PER_CHANNEL = {AudioCodec.AAC: 80_000, AudioCodec.OPUS: 56_000}
_MAX_CHANNELS = 8
# libopus takes no 5.1(side), which is what AAC and AC-3 files carry; FFmpeg moves the channels without mixing.
_OPUS_LAYOUTS = ("mono", "stereo", "5.1", "7.1")
_OPUS_RATE_HZ = 48_000
# Less than one AAC frame at 44.1 kHz is no difference anybody could hear or repair.
_NEGLIGIBLE = timedelta(milliseconds=25)


def kept_sound(streams: Sequence[StreamInfo], wanted: AudioEncoding, container: Container) -> tuple[AudioTrack, ...]:
    """Returns the sound tracks of the first input for an output that keeps them; copied where they already fit.

    Raises TaskFailed(INPUT_INVALID) where COPY is asked for and the container does not take the codec.
    """
    return tuple(_kept(stream, wanted, container) for stream in streams)


def _kept(stream: StreamInfo, wanted: AudioEncoding, container: Container) -> AudioTrack:
    already_fits = _ENCODERS.get(wanted.codec, ("", ""))[1] == stream.codec
    changes = bool(wanted.bitrate_bps or wanted.channels or wanted.sample_rate_hz)
    if wanted.codec is AudioCodec.COPY or (already_fits and not changes):
        return _copied(stream, container, source=0)
    return encoded_sound(stream, wanted, source=0)


def replaced_sound(
    operation: AddAudio,
    stream: StreamInfo,
    wanted: AudioEncoding,
    container: Container,
    *,
    video_length: timedelta | None,
    audio_length: timedelta | None,
) -> tuple[AudioTrack, timedelta | None]:
    """Returns the sound track from the second input, and how long the output is (None: nobody knows)."""
    sounding = None if audio_length is None else max(audio_length + operation.audio_offset, timedelta())
    if sounding == timedelta():
        message = "audio_offset skips the whole sound: it is as long as the sound file or longer."
        raise TaskFailed(FailureReason.INPUT_INVALID, message)
    known = [length for length in (video_length, sounding) if length is not None]
    total = video_length if operation.length is AudioLength.VIDEO else min(known, default=None)
    if wanted.codec is AudioCodec.COPY:
        return _copied(stream, container, source=1), total
    filters = _timing(operation) + _fades(operation, sounding, total)
    if operation.length is AudioLength.VIDEO and (total is None or sounding is None or total - sounding > _NEGLIGIBLE):
        filters += (PadSilence(total),)
    return encoded_sound(stream, wanted, source=1, filters=filters), total


def _timing(operation: AddAudio) -> tuple[AudioFilter, ...]:
    filters: list[AudioFilter] = []
    if operation.audio_gain_db:
        filters.append(Gain(operation.audio_gain_db))
    if operation.audio_offset > timedelta():
        filters.append(Delay(operation.audio_offset))
    elif operation.audio_offset < timedelta():
        filters.append(SkipStart(-operation.audio_offset))
    return tuple(filters)


def _fades(operation: AddAudio, sounding: timedelta | None, total: timedelta | None) -> tuple[AudioFilter, ...]:
    """The fade in begins where the sound does, the fade out ends where the sound or the output does."""
    filters: list[AudioFilter] = []
    if operation.fade_in:
        filters.append(FadeIn(max(operation.audio_offset, timedelta()), operation.fade_in))
    if operation.fade_out:
        ends = [length for length in (sounding, total) if length is not None]
        if not ends:
            message = "fade_out needs an end, and neither the sound nor the video says how long it is."
            raise TaskFailed(FailureReason.INPUT_INVALID, message)
        filters.append(FadeOut(max(min(ends) - operation.fade_out, timedelta()), operation.fade_out))
    return tuple(filters)


def _copied(stream: StreamInfo, container: Container, *, source: int) -> CopyAudio:
    accepted = AUDIO_CODECS[container]
    if accepted is not None and stream.codec not in accepted:
        message = f"Sound in {stream.codec} cannot be copied into {container}; ask for AAC or OPUS instead of COPY."
        raise TaskFailed(FailureReason.INPUT_INVALID, message, metadata={"codec": stream.codec})
    return CopyAudio(source=source, stream=stream.index, codec=stream.codec)


def encoded_sound(
    stream: StreamInfo, wanted: AudioEncoding, *, source: int, filters: tuple[AudioFilter, ...] = ()
) -> EncodeAudio:
    """Returns the sound track encoded anew, with all of its channels where the codec can and nothing else is asked."""
    codec = AudioCodec.AAC if wanted.codec is AudioCodec.COPY else wanted.codec
    encoder, name = _ENCODERS[codec]
    channels = wanted.channels or (_MAX_CHANNELS if stream.channels > _MAX_CHANNELS else 0)
    counted = min(channels or stream.channels or 2, _MAX_CHANNELS)
    rate = _OPUS_RATE_HZ if codec is AudioCodec.OPUS else wanted.sample_rate_hz
    if codec is AudioCodec.OPUS and not channels:
        filters = (*filters, ChannelLayouts(_OPUS_LAYOUTS))
    return EncodeAudio(
        sounds=(Sound(source=source, stream=stream.index, filters=filters),),
        encoder=encoder,
        codec=name,
        bitrate_bps=wanted.bitrate_bps or math.floor(counted * _BITS_PER_CHANNEL[codec]),
        channels=channels,
        sample_rate_hz=rate,
    )
