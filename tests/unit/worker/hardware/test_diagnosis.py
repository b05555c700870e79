"""What is wrong with hardware, from FFmpeg's words.

Rows with a file are real logs. The words of the others are put together from FFmpeg's source, or quoted from reports:
the source is named in each row.
"""

from pathlib import Path

import pytest

from worker.hardware.diagnosis import Diagnosis, hardware_fault, with_driver

LOGS = Path(__file__).parents[3] / "fixtures" / "ffmpeg-logs"
NVENC = "[h264_nvenc @ 0x55d03eced540] [error]"
CUDA = "[AVHWDeviceContext @ 0x55f2ac523ec0] [error] cu->"


def log(name: str) -> list[str]:
    return (LOGS / f"{name}.txt").read_text().splitlines()


@pytest.mark.parametrize(
    ("name", "diagnosis"),
    [
        ("nvenc-no-chip-h100", Diagnosis.NO_ENGINE),
        ("nvenc-no-chip-hevc-h100", Diagnosis.NO_ENGINE),
        ("caption-nvenc-on-h100", Diagnosis.NO_ENGINE),
        ("nvenc-driver-too-old", Diagnosis.DRIVER_TOO_OLD),
        ("nvenc-no-driver", Diagnosis.NO_DRIVER),
        ("cuda-no-device", Diagnosis.NO_GPU),
        ("disk-full", None),
        ("input-404", None),
        ("input-not-media", None),
        ("input-truncated", None),
        ("killed", None),
        ("progress-caption", None),
        ("subtitles-broken", None),
        ("subtitles-no-fonts", None),
    ],
)
def test_real_logs(name: str, diagnosis: Diagnosis | None) -> None:
    fault = hardware_fault(log(name))
    assert (fault.diagnosis if fault is not None else None) is diagnosis


def test_every_real_log_is_a_row() -> None:
    rows = next(mark.args[1] for mark in test_real_logs.pytestmark)  # type: ignore[attr-defined]
    assert {path.stem for path in LOGS.glob("*.txt")} == {name for name, _ in rows}


@pytest.mark.parametrize(
    ("lines", "diagnosis", "words"),
    [
        # The container was started without `video`: both lines as in styler00dollar/VSGAN-tensorrt-docker#42. The
        # second one is said whatever keeps libnvidia-encode from loading, and names no driver.
        (
            [
                f"{NVENC} Cannot load libnvidia-encode.so.1",
                f"{NVENC} The minimum required Nvidia driver for nvenc is (unknown) or newer",
            ],
            Diagnosis.VIDEO_CAPABILITY_MISSING,
            "NVIDIA_DRIVER_CAPABILITIES=compute,utility,video",
        ),
        # The same of the decoder: dynlink_loader.h, then nvdec.c, then decode.c.
        (
            [
                "[h264 @ 0x1] [error] Cannot load libnvcuvid.so.1",
                "[h264 @ 0x1] [error] Failed loading nvcuvid.",
                "[h264 @ 0x1] [error] Failed setup for format cuda: hwaccel initialisation returned error.",
            ],
            Diagnosis.VIDEO_CAPABILITY_MISSING,
            "libnvcuvid.so.1",
        ),
        # nvenc.c: NV_ENC_ERR_OUT_OF_MEMORY from nvEncOpenEncodeSessionEx, as in many reports.
        (
            [
                f"{NVENC} OpenEncodeSessionEx failed: out of memory (10): (no details)",
                f"{NVENC} No capable devices found",
            ],
            Diagnosis.SESSIONS_USED_UP,
            "sessions",
        ),
        # What newer drivers say of the same: keylase/nvidia-patch#987, obsproject/obs-studio#11259.
        (
            [f"{NVENC} OpenEncodeSessionEx failed: incompatible client key (21): (no details)"],
            Diagnosis.SESSIONS_USED_UP,
            "sessions",
        ),
        # nvenc.c: a session opens, and the codec is not in its list (AV1 before Ada).
        (
            [
                "[av1_nvenc @ 0x1] [verbose] [ GPU #0 - < NVIDIA GeForce RTX 3090 > has Compute SM 8.6 ]",
                "[av1_nvenc @ 0x1] [warning] Codec not supported",
                "[av1_nvenc @ 0x1] [fatal] No capable devices found",
            ],
            Diagnosis.NO_ENGINE,
            "does not encode the codec",
        ),
        # A GPU whose NVDEC lacks the codec (nvdec.c, decode.c), as FFmpeg 7 said it of AV1 on a Pascal card.
        (
            [
                "[av1 @ 0x1] [error] Hardware is lacking required capabilities",
                "[av1 @ 0x1] [error] Failed setup for format cuda: hwaccel initialisation returned error.",
                "[av1 @ 0x1] [error] Your platform doesn't support hardware accelerated AV1 decoding.",
            ],
            Diagnosis.NO_ENGINE,
            "does not decode",
        ),
        # CUDA's names as cuda_check.h prints them; the first from blakeblackshear/frigate#2738.
        (
            ["[h264 @ 0x1] cuvidMapVideoFrame() failed -> CUDA_ERROR_LAUNCH_FAILED: unspecified launch failure"],
            Diagnosis.DEVICE_FAULT,
            "CUDA_ERROR_LAUNCH_FAILED",
        ),
        (
            [f"{CUDA}cuCtxCreate() failed -> CUDA_ERROR_ECC_UNCORRECTABLE: uncorrectable ECC error encountered"],
            Diagnosis.DEVICE_FAULT,
            "CUDA_ERROR_ECC_UNCORRECTABLE",
        ),
        (
            [f"{CUDA}cuInit(0) failed -> CUDA_ERROR_UNKNOWN: unknown error"],
            Diagnosis.DEVICE_FAULT,
            "CUDA_ERROR_UNKNOWN",
        ),
        (
            [f"{CUDA}cuInit(0) failed -> CUDA_ERROR_SYSTEM_NOT_READY: system not yet initialized"],
            Diagnosis.DEVICE_FAULT,
            "fails",
        ),
        # The kernel module's words (nvidia-smi and dmesg), should they get into a log.
        (["NVRM: Xid (PCI:0000:01:00): 79, GPU has fallen off the bus."], Diagnosis.DEVICE_FAULT, "fails"),
        # A filter compiled by a newer CUDA than the driver knows.
        (
            ["[scale_cuda] cu->cuModuleLoadData() failed -> CUDA_ERROR_UNSUPPORTED_PTX_VERSION: the provided PTX …"],
            Diagnosis.DRIVER_TOO_OLD,
            "CUDA_ERROR_UNSUPPORTED_PTX_VERSION",
        ),
        # dynlink_loader.h: the library is there and lacks what this FFmpeg calls.
        ([f"{NVENC} Cannot load NvEncodeAPIGetMaxSupportedVersion"], Diagnosis.DRIVER_TOO_OLD, "NvEncodeAPIGet"),
        ([f"{CUDA}cuMemAlloc() failed -> CUDA_ERROR_OUT_OF_MEMORY: out of memory"], Diagnosis.UNSPECIFIED, "memory"),
        ([f"{CUDA}cuInit(0) failed -> CUDA_ERROR_NO_DEVICE: no CUDA-capable device is detected"], Diagnosis.NO_GPU, ""),
        # Printed by the FFmpeg that the tests run (9.0.2), and by 5.1 without the level.
        (
            ["[AVHWDeviceContext @ 0x1] [error] Cannot load libcuda.so.1", "[error] Could not dynamically load CUDA"],
            Diagnosis.NO_DRIVER,
            "libcuda.so.1",
        ),
        (["[error] Unknown encoder 'h264_nvenc'"], Diagnosis.NOT_BUILT, "without h264_nvenc"),
        (["[fatal] Unknown encoder 'libx265'"], Diagnosis.NOT_BUILT, "without libx265"),
        (["[fatal] Unrecognized hwaccel: cuda."], Diagnosis.NOT_BUILT, "without cuda"),
        (["[AVFilterGraph @ 0x1] [error] No such filter: 'scale_cuda'"], Diagnosis.NOT_BUILT, "without scale_cuda"),
        ([f"{NVENC} OpenEncodeSessionEx failed: invalid param (8): x"], Diagnosis.UNSPECIFIED, "invalid param (8)"),
        ([f"{NVENC} [fatal] No capable devices found"], Diagnosis.NO_ENGINE, ""),
        (
            ["[h264 @ 0x1] Failed setup for format cuda: hwaccel initialisation returned error."],
            Diagnosis.UNSPECIFIED,
            "",
        ),
    ],
)
def test_words(lines: list[str], diagnosis: Diagnosis, words: str) -> None:
    fault = hardware_fault(["[info] something before", *lines, "[error] Conversion failed!"])
    assert fault is not None
    assert fault.diagnosis is diagnosis
    assert words in fault.message


@pytest.mark.parametrize(
    "line",
    [
        "[error] No such filter: 'ass'",
        "[h264 @ 0x1] [verbose] NVDEC capabilities:",
        "[h264 @ 0x1] [error] error while decoding MB 3 4",
        "[matroska @ 0x1] [error] Codec not supported in this container",
    ],
)
def test_other_trouble_is_not_the_hardwares(line: str) -> None:
    assert hardware_fault([line]) is None


def test_a_driver_that_is_too_old_is_told_with_all_versions() -> None:
    fault = hardware_fault(log("nvenc-driver-too-old"))
    assert fault is not None
    assert fault.metadata == {"required_api": "13.1", "found_api": "13.0", "minimum_driver": "610.00"}
    assert with_driver(fault.message, fault.diagnosis, "580.159.04") == (
        "The NVIDIA driver is too old for this FFmpeg: it has NVENC 13.0, and 13.1 is required. "
        "Driver 610.00 or newer has it. Driver 580.159.04 is installed."
    )


def test_the_installed_driver_is_named_only_where_it_matters_and_is_known() -> None:
    assert with_driver("Too old.", Diagnosis.DRIVER_TOO_OLD, "") == "Too old."
    assert with_driver("No chip.", Diagnosis.NO_ENGINE, "580.1") == "No chip."
