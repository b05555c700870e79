"""Prints what docs/media.md says of sound: `python -m tools.measure_sound`, some ten seconds.

What encoders do to loudness and true peak, what the time stamps of FFmpeg's own repetition do to the beat, and how
deep ducking is.
"""

import itertools
import math
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from servicekit.ffmpeg import locate_ffmpeg
from worker.media.arguments import DUCKING

_STEREO = "aformat=channel_layouts=stereo"
_SOUNDS = {
    "pink noise": f"anoisesrc=c=pink:a=0.1:r=48000:seed=1:d=8,{_STEREO}",
    "white noise": f"anoisesrc=c=white:a=0.1:r=48000:seed=1:d=8,{_STEREO}",
    "clicks": f"aevalsrc='if(lt(mod(n,12000),3),0.7,0)':s=44100:d=8,{_STEREO}",
    "tone": f"sine=1000:r=48000:d=8,{_STEREO}",
}
_ENCODERS = {
    "AAC, 160 kbit/s": ["-c:a", "aac", "-b:a", "160k"],
    "Opus, 112 kbit/s": ["-c:a", "libopus", "-b:a", "112k"],
}
_RATE = 48_000


def main() -> None:
    """Measures and prints."""
    with tempfile.TemporaryDirectory() as folder:
        bench = _Bench(Path(folder))
        for name, source in _SOUNDS.items():
            before = bench.metered("-f", "lavfi", "-i", source)
            for encoder, options in _ENCODERS.items():
                after = bench.metered("-i", bench.made("sound.mka", "-f", "lavfi", "-i", source, *options))
                loudness, peak = (new - old for new, old in zip(after, before, strict=True))
                print(f"{name}, {encoder}: loudness {loudness:+.2f} LU, true peak {peak:+.2f} dB")
        beat = bench.made("beat.mp3", "-f", "lavfi", "-i", "aevalsrc='if(lt(t,0.01),0.9*sin(6283*t),0)':d=0.37:s=44100")
        print("beats of 0.37 s, an MP3 repeated by -stream_loop, are apart (s):", bench.beats(beat))
        for level in (-10, -20, -30):
            print(f"a tone under another at {level} dBFS is lower by {bench.ducked(level):.1f} dB")


class _Bench:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ffmpeg = str(locate_ffmpeg())

    def made(self, name: str, *arguments: str) -> str:
        path = str(self._folder / name)
        self._run("-y", *arguments, path)
        return path

    def metered(self, *source: str) -> tuple[float, float]:
        meter = "ebur128=peak=true:metadata=1,ametadata=mode=print:file=-"
        lines = self._run(*source, "-af", meter, "-f", "null", "-").decode().splitlines()
        values = dict(line.split("=") for line in lines if "=" in line)
        peaks = [float(value) for name, value in values.items() if name.startswith("lavfi.r128.true_peaks_ch")]
        return float(values["lavfi.r128.I"]), 20 * math.log10(max(peaks))

    def beats(self, path: str) -> Sequence[float]:
        samples = self._samples("-stream_loop", "-1", "-i", path, "-t", "3", "-af", "aresample=async=1:first_pts=0")
        loud = [number / _RATE for number, sample in enumerate(samples) if abs(sample) > 0.3]
        starts = [at for before, at in zip([-1.0, *loud], loud, strict=False) if at - before > 0.1]
        return [round(after - before, 3) for before, after in itertools.pairwise(starts)]

    def ducked(self, level: float) -> float:
        over = f"aevalsrc='{10 ** (level / 20) * math.sqrt(2)}*sin(6283*t)':s={_RATE}:d=2[over]"
        graph = f"sine=300:r={_RATE}:d=2[under];{over};[under][over]{DUCKING}"
        samples = self._samples("-f", "lavfi", "-i", graph)[_RATE:]
        return -20 * math.log10(max(samples) * 8)

    def _samples(self, *arguments: str) -> Sequence[float]:
        raw = self._run(*arguments, "-ac", "1", "-ar", str(_RATE), "-f", "f32le", "-")
        return [float(sample) for sample in memoryview(raw).cast("f")]

    def _run(self, *arguments: str) -> bytes:
        command = [self._ffmpeg, "-nostdin", "-loglevel", "error", *arguments]
        return subprocess.run(command, capture_output=True, check=True, timeout=60).stdout


if __name__ == "__main__":
    main()
