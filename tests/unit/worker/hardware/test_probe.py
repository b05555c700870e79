"""What the machine is asked, and what is remembered of the answers."""

from pathlib import Path

from servicekit.clock import SystemClock
from worker.fonts.book import FontBook
from worker.hardware.probe import parse_gpus, probe_capabilities

# Stands in for FFmpeg: only libx264 works, NVENC fails in FFmpeg's words; each run leaves a line in a file.
FAKE = """#!/bin/sh
echo "$*" >> "$0.calls"
case "$*" in
  *-version*) echo "ffmpeg version n8.1-test Copyright" ;;
  *-decoders*) printf ' ------\\n VFS..D h264                 H.264\\n' ;;
  *-filters*) printf ' .. ass               V->V       Render\\n' ;;
  *libx264*) echo encoded ;;
  *nvenc*) echo 'OpenEncodeSessionEx failed: unsupported device (2): (no details)' >&2; exit 1 ;;
  *) echo 'Unknown encoder' >&2; exit 8 ;;
esac
"""


def test_gpus() -> None:
    answer = "NVIDIA GeForce RTX 4090, 580.159.04, 24564, 8.9\nodd line\nNVIDIA H100, 580.1, [N/A], 9.0\n"
    (gpu,) = parse_gpus(answer)
    assert (gpu.name, gpu.driver_version, gpu.memory_bytes, gpu.compute_capability) == (
        "NVIDIA GeForce RTX 4090",
        "580.159.04",
        24564 << 20,
        "8.9",
    )


async def test_encoders_are_tried_once_per_binary(tmp_path: Path) -> None:
    ffmpeg = tmp_path / "ffmpeg"
    ffmpeg.write_text(FAKE)
    ffmpeg.chmod(0o755)
    fonts, clock = FontBook.load(), SystemClock()
    found = [
        await probe_capabilities(ffmpeg, data_folder=tmp_path, fonts=fonts, clock=clock, build="b") for _ in range(2)
    ]
    usable = {encoder.name: encoder.usable for encoder in found[0].encoders}
    assert usable == {
        "h264_nvenc": False,
        "libx264": True,
        "hevc_nvenc": False,
        "libx265": False,
        "av1_nvenc": False,
        "libsvtav1": False,
    }
    reasons = {encoder.name: encoder.reason for encoder in found[0].encoders}
    assert reasons["h264_nvenc"] == "This GPU has no NVENC for the codec."
    assert (found[0].ffmpeg_version, found[0].decoders, found[0].filters) == ("n8.1-test", ("h264",), ("ass",))
    assert found[0].ffmpeg_release == (8, 1)
    assert found[1].encoders == found[0].encoders
    calls = Path(f"{ffmpeg}.calls").read_text().splitlines()
    assert sum("testsrc2" in call for call in calls) == 6
