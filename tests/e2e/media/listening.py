"""What a listener gets: decoded samples, how loud a tone is in them, when beats fall, how loud all of it is."""

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from servicekit.process import query
from tests.e2e.media.conftest import Studio

RATE = 48_000

Samples = NDArray[np.float32]


async def listen(studio: Studio, path: Path, *, track: int = 0) -> Samples:
    """Returns the samples of a sound track at 48 kHz, a row for each moment, a column for each channel."""
    sounds = [stream for stream in (await studio.prober.probe(path)).streams if stream.type == "audio"]
    decoded = ["-f", "f32le", "-c:a", "pcm_f32le", "-ar", str(RATE)]
    raw = studio.input("decoded.raw", "-i", str(path), "-map", f"0:a:{track}", *decoded).read_bytes()
    return np.frombuffer(raw, np.float32).reshape(-1, sounds[track].channels)


def tone(samples: Samples, frequency: float, start: float, end: float) -> list[float]:
    """Returns the level of a sine in each channel between two moments, in dB of full scale."""
    part = samples[round(start * RATE) : round(end * RATE)]
    turn = np.exp(-2j * np.pi * frequency * np.arange(len(part)) / RATE) * np.hanning(len(part))
    amplitudes = np.abs(turn @ part) * 4 / len(part)
    return [float(level) for level in 20 * np.log10(np.maximum(amplitudes, 1e-9))]


def beats(samples: Samples, *, apart: float = 0.1) -> list[float]:
    """Returns when it gets loud after a pause, in seconds."""
    loud = np.flatnonzero(np.abs(samples[:, 0]) > 0.3) / RATE
    return [float(at) for number, at in enumerate(loud) if not number or at - loud[number - 1] > apart]


def metered(studio: Studio, path: Path) -> tuple[float, float]:
    """Returns integrated loudness in LUFS and true peak in dBTP, by FFmpeg's meter."""
    meter = "ebur128=peak=true:metadata=1,ametadata=mode=print:file=-"
    written = query([studio.ffmpeg, "-nostdin", "-i", path, "-vn", "-af", meter, "-f", "null", "-"], timeout=40)
    values = dict(line.split("=") for line in written.splitlines() if "=" in line)
    peaks = [float(value) for name, value in values.items() if name.startswith("lavfi.r128.true_peaks_ch")]
    return float(values["lavfi.r128.I"]), 20 * math.log10(max(*peaks, 1e-9))
