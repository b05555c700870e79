"""What the machine is asked, and what comes of the answers: a pretended GPU, and an FFmpeg that does what it could."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from servicekit.clock import SystemClock
from servicekit.media.outputs import VideoCodec
from tests.simulators.nvidia.pretence import PretendedGpu, install
from worker.fonts.book import FontBook
from worker.hardware.capabilities import Capabilities, Encoder
from worker.hardware.diagnosis import Diagnosis
from worker.hardware.probe import nvidia_present, parse_gpus, probe_capabilities, told_of_absence

# Stands in for FFmpeg: only libx264 works, NVENC fails in FFmpeg's words; each run leaves a line in a file.
FAKE = """#!/bin/sh
echo "$*" >> "$0.calls"
case "$*" in
  *-version*) echo "ffmpeg version n8.1-test Copyright" ;;
  *-filters*) printf ' .. ass               V->V       Render\\n' ;;
  *libx264*) echo encoded ;;
  *nvenc*) echo 'OpenEncodeSessionEx failed: unsupported device (2): (no details)' >&2; exit 1 ;;
  *libx265*) echo "Unknown encoder 'libx265'" >&2; exit 8 ;;
  *) echo "Unknown encoder 'libsvtav1'" >&2; exit 8 ;;
esac
"""


@pytest.fixture
def no_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """A PATH on which no driver's tool is."""
    monkeypatch.setenv("PATH", "/usr/bin:/bin")


async def probed(ffmpeg: Path, folder: Path, *, slots: int = 0) -> Capabilities:
    return await probe_capabilities(
        ffmpeg, data_folder=folder / "cache", fonts=FontBook.load(), clock=SystemClock(), build="b", slots=slots
    )


async def on_gpu(folder: Path, monkeypatch: pytest.MonkeyPatch, gpu: PretendedGpu, *, slots: int = 1) -> Capabilities:
    installed = install(folder, gpu)
    monkeypatch.setenv("PATH", f"{installed.folder}:{os.environ['PATH']}")
    return await probed(installed.ffmpeg, folder, slots=slots)


def test_gpus() -> None:
    answer = "NVIDIA GeForce RTX 4090, 580.159.04, 24564, 8.9\nodd line\nNVIDIA H100, 580.1, [N/A], 9.0\n"
    (gpu,) = parse_gpus(answer)
    assert (gpu.name, gpu.driver_version, gpu.memory_bytes, gpu.compute_capability) == (
        "NVIDIA GeForce RTX 4090",
        "580.159.04",
        24564 << 20,
        "8.9",
    )


async def test_encoders_are_tried_once_per_binary(tmp_path: Path, no_tools: None) -> None:
    ffmpeg = tmp_path / "ffmpeg"
    ffmpeg.write_text(FAKE)
    ffmpeg.chmod(0o755)
    found = [await probed(ffmpeg, tmp_path, slots=1) for _ in range(2)]
    usable = {encoder.name: encoder.usable for encoder in found[0].encoders}
    assert usable == {
        "h264_nvenc": False,
        "libx264": True,
        "hevc_nvenc": False,
        "libx265": False,
        "av1_nvenc": False,
        "libsvtav1": False,
    }
    told = {encoder.name: (encoder.diagnosis, encoder.reason) for encoder in found[0].encoders}
    assert told["h264_nvenc"] == (Diagnosis.NO_ENGINE, "This GPU has no NVENC.")
    assert told["libx265"] == (Diagnosis.NOT_BUILT, "This FFmpeg was built without libx265.")
    assert (found[0].ffmpeg_version, found[0].filters) == ("n8.1-test", ("ass",))
    assert found[0].ffmpeg_release == (8, 1)
    assert found[1].encoders == found[0].encoders
    calls = Path(f"{ffmpeg}.calls").read_text().splitlines()
    # Six encoders, and NVDEC of the one codec that a clip could be made of: something of NVIDIA is there.
    assert sum("testsrc2=size=1920x1080" in call for call in calls) == 6
    assert sum("-hwaccel cuda" in call for call in calls) == 1


async def test_a_gpu_that_encodes_and_decodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = PretendedGpu.of_model("RTX 3090", driver_version="570.86.15")
    found = await on_gpu(tmp_path, monkeypatch, gpu)
    works = {encoder.name for encoder in found.encoders if encoder.usable}
    assert works == {"h264_nvenc", "hevc_nvenc", "libx264", "libx265", "libsvtav1"}
    told = {encoder.name: encoder for encoder in found.encoders}
    assert told["av1_nvenc"].diagnosis is Diagnosis.NO_ENGINE
    assert found.diagnosis is Diagnosis.UNSPECIFIED
    assert told["h264_nvenc"].frames_per_second > 0
    assert [decoder.codec for decoder in found.hardware_decoders if decoder.usable] == ["h264", "hevc", "vp9"]
    assert [(one.codec, one.diagnosis) for one in found.hardware_decoders if not one.usable] == [
        ("av1", Diagnosis.NO_ENGINE)
    ]
    assert found.decodes("vp9")
    assert not found.decodes("av1")


async def test_a_gpu_without_nvenc_still_decodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = PretendedGpu.of_model("H100 SXM", driver_version="580.159.04")
    found = await on_gpu(tmp_path, monkeypatch, gpu)
    assert found.diagnosis is Diagnosis.NO_ENGINE
    assert found.decodes("h264")


async def test_an_old_driver_is_told_with_the_one_that_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpu = PretendedGpu.of_model("RTX 4090", driver_version="470.82.01")
    found = await on_gpu(tmp_path, monkeypatch, gpu)
    assert found.diagnosis is Diagnosis.DRIVER_TOO_OLD
    assert found.encoders[0].reason == (
        "The NVIDIA driver is too old for this FFmpeg: it has NVENC 11.1, and 12.1 is required. "
        "Driver 530.41.03 or newer has it. Driver 470.82.01 is installed."
    )


@pytest.mark.parametrize(
    "gpu",
    [
        # The second session does not open, although the engines could do with it; so slow that both overlap.
        {"engines": 8, "sessions": 1, "engine_fps": 300},
        # Each task takes its gigabyte.
        {"engines": 8, "memory_mib": 1536},
    ],
)
async def test_one_task_at_a_time_where_there_is_no_room_for_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gpu: dict[str, Any]
) -> None:
    pretended = replace(PretendedGpu.of_model("RTX 3090", driver_version="570.86.15"), **gpu)
    assert (await on_gpu(tmp_path, monkeypatch, pretended, slots=0)).slots == 1


async def test_the_operator_may_say_otherwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = PretendedGpu.of_model("L4", driver_version="570.86.15")
    assert (await on_gpu(tmp_path, monkeypatch, gpu, slots=7)).slots == 7


async def test_used_up_sessions_are_tried_again_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = replace(PretendedGpu.of_model("L4", driver_version="570.86.15"), sessions=0)
    assert (await on_gpu(tmp_path, monkeypatch, full)).diagnosis is Diagnosis.SESSIONS_USED_UP
    assert (await on_gpu(tmp_path, monkeypatch, replace(full, sessions=2))).diagnosis is Diagnosis.UNSPECIFIED


NO_DRIVER = Encoder(
    name="h264_nvenc",
    codec=VideoCodec.H264,
    hardware=True,
    usable=False,
    reason="libcuda",
    diagnosis=Diagnosis.NO_DRIVER,
)


@pytest.mark.parametrize(
    ("encoder", "present", "diagnosis"),
    [
        (NO_DRIVER, False, Diagnosis.NO_GPU),
        (NO_DRIVER, True, Diagnosis.NO_DRIVER),
        (replace(NO_DRIVER, diagnosis=Diagnosis.NOT_BUILT), False, Diagnosis.NOT_BUILT),
        (replace(NO_DRIVER, diagnosis=Diagnosis.UNSPECIFIED, usable=True), False, Diagnosis.UNSPECIFIED),
    ],
)
def test_no_gpu_is_no_missing_driver(encoder: Encoder, present: bool, diagnosis: Diagnosis) -> None:
    assert told_of_absence(encoder, present=present).diagnosis is diagnosis


@pytest.mark.parametrize(
    ("path", "content", "present"),
    [
        ("sys/bus/pci/devices/0000:01:00.0/vendor", "0x10de\n", True),
        ("sys/bus/pci/devices/0000:01:00.0/vendor", "0x8086\n", False),
        ("dev/nvidiactl", "", True),
        ("dev/dxg", "", True),
        ("dev/null", "", False),
    ],
)
def test_a_device_of_nvidia_is_seen_without_its_driver(tmp_path: Path, path: str, content: str, present: bool) -> None:
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_text(content)
    assert nvidia_present(tmp_path) is present
