"""Brings a sound track to a loudness (EBU R 128), by what the listener gets: the encoded sound.

An encoder changes the loudness: FFmpeg's AAC makes pink noise 0.5 LU and white noise 1.5 LU softer, and both it and
Opus lift peaks, by 1 dB and more (`tools/measure_sound.py`). So the track is encoded, decoded and measured, and encoded
again with another gain until it fits; the output takes a copy of the last one.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from worker.errors import FailureReason, TaskFailed
from worker.ffmpeg.series import RunSeries
from worker.ffmpeg.sinks import FileSink, NoSink
from worker.media.arguments import SOUND_DEMUXER, metering_arguments, metering_file_arguments, sound_arguments
from worker.media.plan import AudioFilter, CopyAudio, EncodeAudio, Gain, LevelSound, LimitPeaks, MediaFile, Plan

MAX_TRUE_PEAK_DBTP = -1.0
"""The highest true peak of a levelled sound, EBU R 128's for programmes."""

SILENCE_LUFS = -70.0
"""What BS.1770's absolute gate leaves out; nothing above it was heard, so there is no loudness to change."""

_METER_STEP = 0.1
# Half of the 0.5 LU that are promised: EBU R 128's tolerance for programmes whose loudness can be set exactly.
_TOLERANCE_LU = 0.25
_MAX_TRIALS = 6
# What an encoder adds to peaks is not known before the first trial.
_FIRST_MARGIN_DB = 0.5
_MAX_STEP_DB = 12.0
# More than that beyond the plain gain would lift what is between the peaks, noise in the end.
_MAX_DRIVE_DB = 20.0
# Deep in the limiter, loudness follows the gain only in part.
_LEAST_SLOPE = 0.2
# Of the work that is left, for each run; it is never known how many there will be.
_SHARE = 0.3

_INTEGRATED = re.compile(r"^\s*I:\s*(-?[\d.]+) LUFS")
_PEAK = re.compile(r"^\s*Peak:\s*(-?[\d.]+|-inf) dBFS")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loudness:
    """What the meter found: integrated loudness, and true peak (minus infinity for digital silence)."""

    lufs: float
    true_peak_dbtp: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What is done to the sound; a ceiling of None leaves the limiter out."""

    gain_db: float
    ceiling_dbtp: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A setting, and what came out of the encoder."""

    setting: Setting
    result: Loudness


def read_loudness(log: Sequence[str]) -> Loudness:
    """Returns what the meter wrote into FFmpeg's log; raises TaskFailed(ENCODE_FAILED) where it wrote nothing."""
    integrated = [float(match[1]) for line in log if (match := _INTEGRATED.match(line))]
    peaks = [float(match[1]) for line in log if (match := _PEAK.match(line))]
    if not integrated or not peaks:
        raise TaskFailed(FailureReason.ENCODE_FAILED, "FFmpeg did not tell how loud the sound is.", log_tail=log)
    return Loudness(lufs=integrated[-1], true_peak_dbtp=peaks[-1])


def first_setting(source: Loudness, target_lufs: float) -> Setting:
    """Returns the plain gain, with a limiter only where peaks would get too high."""
    gain = target_lufs - source.lufs
    return _limited(gain, source.true_peak_dbtp + gain)


def next_setting(trials: Sequence[Trial], target_lufs: float) -> Setting | None:
    """Returns what to try after these trials, None where the last one fits or more would not help."""
    last = trials[-1]
    missing = target_lufs - last.result.lufs
    excess = _excess(last)
    if len(trials) == _MAX_TRIALS or (abs(missing) <= _TOLERANCE_LU and not excess):
        return None
    step = max(min(missing / _slope(trials), _MAX_STEP_DB), -_MAX_STEP_DB)
    gain = min(last.setting.gain_db + step, trials[0].setting.gain_db + _MAX_DRIVE_DB)
    if last.setting.ceiling_dbtp is None:
        return _limited(gain, last.result.true_peak_dbtp + step)
    changed = Setting(gain_db=gain, ceiling_dbtp=last.setting.ceiling_dbtp - excess)
    return changed if changed != last.setting else None


def best_trial(trials: Sequence[Trial], target_lufs: float) -> Trial:
    """Returns the trial to keep: the peak is a limit and comes first, then the loudness is as near as it gets."""

    def badness(trial: Trial) -> tuple[float, float]:
        return _excess(trial), abs(target_lufs - trial.result.lufs)

    return min(trials, key=badness)


async def level_sound(preparation: LevelSound, plan: Plan, runs: RunSeries) -> Plan:
    """Carries the preparation out: returns the plan with a copied sound track of the loudness that is asked for.

    Silence stays as it is. Where only the picture knew how long the output is, the plan then knows it too.
    """
    number, target = preparation.track, preparation.target_lufs
    track = plan.audio[number]
    if not isinstance(track, EncodeAudio):
        raise TypeError("a sound track that is copied cannot be levelled")
    met = await runs.run(
        lambda progress_fd: metering_arguments(plan, track, progress_fd=progress_fd), sink=NoSink(), share=_SHARE
    )
    if plan.shortest:
        plan = replace(plan, shortest=False, end=met.progress.media_time)
    source = read_loudness(met.log)
    if source.lufs <= SILENCE_LUFS:
        return plan
    trials: list[Trial] = []
    files: dict[Trial, Path] = {}
    setting: Setting | None = first_setting(source, target)
    while setting is not None:
        path = runs.folder / f"sound-{number}-{len(trials)}.mp4"
        trial = Trial(setting=setting, result=await _tried(_set(track, setting), plan, path, runs))
        trials.append(trial)
        files[trial] = path
        setting = next_setting(trials, target)
    best = best_trial(trials, target)
    copied = CopyAudio(source=len(plan.inputs), stream=0, codec=track.codec)
    return replace(
        plan,
        inputs=(*plan.inputs, MediaFile(path=files[best], demuxer=SOUND_DEMUXER)),
        audio=(*plan.audio[:number], copied, *plan.audio[number + 1 :]),
    )


async def _tried(track: EncodeAudio, plan: Plan, path: Path, runs: RunSeries) -> Loudness:
    with FileSink(path) as file:
        await runs.run(
            lambda progress_fd: sound_arguments(plan, track, progress_fd=progress_fd), sink=file, share=_SHARE
        )
    met = await runs.run(
        lambda progress_fd: metering_file_arguments(path, progress_fd=progress_fd), sink=NoSink(), share=_SHARE
    )
    return read_loudness(met.log)


def _set(track: EncodeAudio, setting: Setting) -> EncodeAudio:
    filters: tuple[AudioFilter, ...] = (*track.filters, Gain(setting.gain_db))
    if setting.ceiling_dbtp is not None:
        filters = (*filters, LimitPeaks(setting.ceiling_dbtp, track.sample_rate_hz))
    return replace(track, filters=filters)


def _limited(gain: float, peak: float) -> Setting:
    ceiling = MAX_TRUE_PEAK_DBTP - _FIRST_MARGIN_DB
    return Setting(gain_db=gain, ceiling_dbtp=ceiling if peak > ceiling else None)


def _excess(trial: Trial) -> float:
    """How far the true peak may be above what is allowed; the meter rounds to a tenth."""
    return max(trial.result.true_peak_dbtp + _METER_STEP - MAX_TRUE_PEAK_DBTP, 0.0)


def _slope(trials: Sequence[Trial]) -> float:
    """How much louder the last two trials got for each decibel of gain."""
    if len(trials) < 2:
        return 1.0
    before, last = trials[-2:]
    gain = last.setting.gain_db - before.setting.gain_db
    if abs(gain) < _TOLERANCE_LU:
        return 1.0
    return min(max((last.result.lufs - before.result.lufs) / gain, _LEAST_SLOPE), 1.0)
