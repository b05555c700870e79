"""Films as workers send them home: fragmented MP4 with a keyframe every two seconds, whole or from a time on."""

import subprocess
from collections.abc import Sequence

from servicekit.ffmpeg import locate_ffmpeg

RATE = 10
GROUP_SECONDS = 2
_KEYFRAMES = ["-force_key_frames", f"expr:gte(t,n_forced*{GROUP_SECONDS})", "-g", "250"]
_FRAGMENTED = ["-movflags", "+frag_keyframe+delay_moov+default_base_moof", "-frag_duration", "2000000", "-f", "mp4"]


def film(
    *,
    seconds: float,
    start: float = 0.0,
    sound: bool = False,
    picture: bool = True,
    encoder: Sequence[str] = ("-c:v", "libx264", "-preset", "superfast"),
    rate: str = str(RATE),
    matroska: bool = False,
) -> bytes:
    """Returns a film of a moving picture of which only what comes at `start` or later is encoded, in its own time."""
    inputs = ["-f", "lavfi", "-i", f"testsrc2=s=192x128:d={seconds}:r={rate}"]
    maps = []
    if picture:
        maps += ["-map", "0:v", "-vf", f"trim=start={max(start - 0.001, 0)}", *encoder, *_KEYFRAMES]
        maps += ["-flags:v", "+cgop", "-forced-idr", "1"]
    if sound:
        inputs += ["-f", "lavfi", "-i", f"sine=d={seconds}"]
        maps += ["-map", "1:a", "-c:a", "aac"]
    form = ["-f", "matroska"] if matroska else _FRAGMENTED
    command = [str(locate_ffmpeg()), "-v", "error", "-nostdin", *inputs, *maps, *form, "pipe:1"]
    return subprocess.run(command, capture_output=True, check=True).stdout
