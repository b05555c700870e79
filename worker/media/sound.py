"""Which sound tracks the output gets, and whether each is copied or encoded."""

from collections.abc import Sequence
from dataclasses import dataclass

from servicekit.media.outputs import AudioCodec, AudioEncoding, Container
from servicekit.media_info import StreamInfo
from worker.errors import FailureReason, TaskFailed
from worker.media.containers import AUDIO_CODECS
from worker.media.plan import (
    AudioFilter,
    AudioTrack,
    BothSidesAsMono,
    ChannelLayouts,
    CopyAudio,
    EncodeAudio,
    FillGaps,
    GuardPeaks,
    Join,
    MonoOnBothSides,
    SampleRate,
    Sound,
)

_ENCODERS = {AudioCodec.AAC: ("aac", "aac"), AudioCodec.OPUS: ("libopus", "opus")}
# FFmpeg's default of 128 kbit/s in stereo is audible on music with its own AAC encoder; Opus needs less.
_BITS_PER_CHANNEL = {AudioCodec.AAC: 80_000, AudioCodec.OPUS: 56_000}
_RATES_HZ = {
    AudioCodec.AAC: (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000),
    AudioCodec.OPUS: (48_000,),
}
_USUAL_RATE_HZ = 48_000
# By number of channels. What FFmpeg takes for three channels otherwise, 2.1, and 5.1(side), which is what AAC and AC-3
# files carry, are none of Opus; it moves the channels of the latter without mixing.
_AAC_LAYOUTS = ("mono", "stereo", "3.0", "4.0", "5.0", "5.1", "6.1", "7.1")
_OPUS_LAYOUTS = ("mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1")
_LAYOUTS = {AudioCodec.AAC: _AAC_LAYOUTS, AudioCodec.OPUS: _OPUS_LAYOUTS}


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundFormat:
    """What sounds become: the encoder's settings, and the layouts that it takes (none: the sound's own)."""

    encoder: str
    codec: str
    bitrate_bps: int
    sample_rate_hz: int
    channels: int
    layouts: tuple[str, ...]

    def layout(self, stream: StreamInfo) -> tuple[AudioFilter, ...]:
        """Returns what gives a sound its channels."""
        if stream.channels == 1 and self.layouts == ("stereo",):
            return (MonoOnBothSides(),)
        if stream.channels == 2 and self.layouts == ("mono",):
            return (BothSidesAsMono(),)
        return (ChannelLayouts(self.layouts),) if self.layouts else ()

    def conform(self, stream: StreamInfo) -> tuple[AudioFilter, ...]:
        """Returns what makes a sound fit to be joined with others: rate, channels, and no break in it."""
        return (FillGaps(), SampleRate(self.sample_rate_hz), *self.layout(stream))

    def mixes_down(self, stream: StreamInfo) -> bool:
        """Tells whether several channels of a sound come together in one."""
        return self.channels < stream.channels


def sound_format(streams: Sequence[StreamInfo], wanted: AudioEncoding, *, mixing: bool = False) -> SoundFormat:
    """Returns the format that is asked for; what is left open is as the richest of the sounds has it.

    With `mixing` all sounds get one layout.
    """
    codec = AudioCodec.AAC if wanted.codec is AudioCodec.COPY else wanted.codec
    encoder, name = _ENCODERS[codec]
    layouts: tuple[str, ...] = _LAYOUTS[codec]
    most = max(stream.channels for stream in streams)
    channels = wanted.channels or min(most, len(layouts))
    rate = wanted.sample_rate_hz or max(stream.sample_rate_hz for stream in streams)
    if wanted.channels or mixing or most > len(layouts):
        layouts = (layouts[channels - 1],)
    elif codec is AudioCodec.AAC:
        layouts = ()
    return SoundFormat(
        encoder=encoder,
        codec=name,
        bitrate_bps=wanted.bitrate_bps or channels * _BITS_PER_CHANNEL[codec],
        sample_rate_hz=rate if rate in _RATES_HZ[codec] else _USUAL_RATE_HZ,
        channels=channels,
        layouts=layouts,
    )


def encoded_track(
    sounds: tuple[Sound, ...],
    form: SoundFormat,
    *,
    filters: tuple[AudioFilter, ...] = (),
    join: Join = Join.TOGETHER,
    language: str = "",
) -> EncodeAudio:
    """Returns the track that these sounds make, `filters` after they are joined."""
    return EncodeAudio(
        sounds=sounds,
        encoder=form.encoder,
        codec=form.codec,
        bitrate_bps=form.bitrate_bps,
        sample_rate_hz=form.sample_rate_hz,
        join=join,
        filters=filters,
        language=language,
    )


def kept_sound(streams: Sequence[StreamInfo], wanted: AudioEncoding, container: Container) -> tuple[AudioTrack, ...]:
    """Returns the sound tracks of the first input for an output that keeps them; copied where they already fit.

    Raises TaskFailed(INPUT_INVALID) where COPY is asked for and the container does not take the codec.
    """
    return tuple(_kept(stream, wanted, container) for stream in streams)


def _kept(stream: StreamInfo, wanted: AudioEncoding, container: Container) -> AudioTrack:
    already_fits = _ENCODERS.get(wanted.codec, ("", ""))[1] == stream.codec
    changes = bool(wanted.bitrate_bps or wanted.channels or wanted.sample_rate_hz)
    if wanted.codec is AudioCodec.COPY or (already_fits and not changes):
        return copied_sound(stream, container, source=0)
    return encoded_sound(stream, wanted, source=0)


def copied_sound(stream: StreamInfo, container: Container, *, source: int) -> CopyAudio:
    """Takes a sound track as it is; raises TaskFailed(INPUT_INVALID) where the container does not take its codec."""
    accepted = AUDIO_CODECS[container]
    if accepted is not None and stream.codec not in accepted:
        message = f"Sound in {stream.codec} cannot be copied into {container}; ask for AAC or OPUS instead of COPY."
        raise TaskFailed(FailureReason.INPUT_INVALID, message, metadata={"codec": stream.codec})
    return CopyAudio(source=source, stream=stream.index, codec=stream.codec)


def encoded_sound(
    stream: StreamInfo, wanted: AudioEncoding, *, source: int, filters: tuple[AudioFilter, ...] = ()
) -> EncodeAudio:
    """Returns the sound track encoded anew, with all of its channels where the codec can and nothing else is asked."""
    form = sound_format([stream], wanted)
    sound = Sound(source=source, stream=stream.index, filters=(*filters, *form.layout(stream)))
    return encoded_track((sound,), form, filters=(GuardPeaks(),) if form.mixes_down(stream) else ())
