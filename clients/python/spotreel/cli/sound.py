"""A chord to put under the demo: made, not shipped, so that it needs no licence."""

import math
import struct
import wave
from pathlib import Path

_RATE = 44_100
# A major ninth on A: each voice in hertz, with how loud it is and when it enters (s).
_VOICES = ((220.0, 0.30, 0.0), (277.18, 0.22, 0.4), (329.63, 0.20, 0.8), (415.30, 0.14, 1.2), (493.88, 0.12, 1.6))


def write_chord(path: Path, *, seconds: float) -> None:
    """Writes a mono 16-bit WAV of a chord that builds up voice by voice and fades out."""
    count = int(seconds * _RATE)
    samples = (_sample(index / _RATE, seconds) for index in range(count))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_RATE)
        file.writeframes(struct.pack(f"<{count}h", *(int(32_000 * sample) for sample in samples)))


def _sample(now: float, seconds: float) -> float:
    fade_out = min(1.0, (seconds - now) / 1.0)
    return fade_out * sum(
        gain * min(1.0, (now - enters) / 0.3) * math.sin(2 * math.pi * pitch * now)
        for pitch, gain, enters in _VOICES
        if now > enters
    )
