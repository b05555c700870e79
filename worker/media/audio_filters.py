"""Filters of sound, as FFmpeg spells them. Pure."""

from worker.media.numbers import number_of, seconds
from worker.media.plan import (
    AudioFilter,
    BothSidesAsMono,
    ChannelLayouts,
    Delay,
    EndAt,
    FadeIn,
    FadeOut,
    FillGaps,
    Gain,
    GuardPeaks,
    LimitPeaks,
    LoudnessMeter,
    MonoOnBothSides,
    PadSilence,
    SampleRate,
    SkipStart,
)

# FFmpeg mixes channels of whole-number samples softer than those of real numbers (5.1 to stereo by 7.7 dB), so as
# never to cut off; here that is for GuardPeaks.
_SAMPLES = "fltp"
# Four times the usual rates is what ITU-R BS.1770 asks for to see peaks between the samples.
_TRUE_PEAK_RATE_HZ = 192_000


def audio_filter(entry: AudioFilter) -> str:
    """Returns the filter, or the chain of filters, that does it."""
    match entry:
        case SkipStart(duration):
            return f"atrim=start={seconds(duration)},asetpts=PTS-STARTPTS"
        case Delay(duration):
            return f"adelay=delays={round(duration.total_seconds() * 1000)}:all=1"
        case PadSilence(until):
            return "apad" if until is None else f"apad=whole_dur={seconds(until)}"
        case ChannelLayouts(names):
            return f"aformat=sample_fmts={_SAMPLES}:channel_layouts={'|'.join(names)}"
        case SampleRate(hertz):
            return f"aresample={hertz},aformat=sample_fmts={_SAMPLES}"
        case EndAt(time):
            return f"atrim=end={seconds(time)}"
        case FillGaps():
            return "aresample=async=1:first_pts=0"
        case MonoOnBothSides():
            return "aformat=channel_layouts=mono,pan=stereo|c0=c0|c1=c0"
        case BothSidesAsMono():
            return "aformat=channel_layouts=stereo,pan=mono|c0=0.5*c0+0.5*c1"
        case Gain() | FadeIn() | FadeOut() | GuardPeaks() | LimitPeaks() | LoudnessMeter():
            return _level_filter(entry)


def _level_filter(entry: Gain | FadeIn | FadeOut | GuardPeaks | LimitPeaks | LoudnessMeter) -> str:
    match entry:
        case Gain(decibels):
            return f"volume={number_of(decibels)}dB"
        case FadeIn(start, duration):
            return f"afade=type=in:start_time={seconds(start)}:duration={seconds(duration)}"
        case FadeOut(start, duration):
            return f"afade=type=out:start_time={seconds(start)}:duration={seconds(duration)}"
        case GuardPeaks():
            return "alimiter=limit=1:level=0:latency=1"
        case LimitPeaks(ceiling, rate):
            limit = f"alimiter=limit={number_of(10 ** (ceiling / 20))}:level=0:latency=1:attack=5:release=100"
            return f"aresample={_TRUE_PEAK_RATE_HZ},{limit},aresample={rate}"
        case LoudnessMeter():
            return "ebur128=peak=true:framelog=verbose"
