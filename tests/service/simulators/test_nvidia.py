"""The pretended GPU: what nvidia-smi says, and an FFmpeg that encodes with NVENC, or fails in the real words."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.simulators.nvidia.ffmpeg_shim import nvenc_api, translated
from tests.simulators.nvidia.models import GPU_MODELS
from tests.simulators.nvidia.pretence import InstalledGpu, PretendedGpu, install
from tests.simulators.vast.prices import PRICES
from worker.ffmpeg.diagnosis import diagnose
from worker.hardware.probe import parse_gpus

FIXTURES = Path(__file__).parents[2] / "fixtures" / "ffmpeg-logs"
QUERY = ["--query-gpu=name,driver_version,memory.total,compute_cap", "--format=csv,noheader,nounits"]
TEST_ENCODE = ["-nostdin", "-hide_banner", "-loglevel", "level+verbose", "-f", "lavfi"]
TEST_ENCODE += ["-i", "testsrc2=size=256x256:rate=25:duration=0.4", "-pix_fmt", "yuv420p"]


def installed(
    folder: Path, model: str, driver: str = "570.86.15", *, count: int = 1, nvenc: bool = True
) -> InstalledGpu:
    return install(folder, PretendedGpu.of_model(model, driver_version=driver, count=count, nvenc=nvenc))


def encode(gpu: InstalledGpu, encoder: str, *options: str) -> subprocess.CompletedProcess[bytes]:
    command = [str(gpu.ffmpeg), *TEST_ENCODE, "-c:v", encoder, *options, "-f", "matroska", "pipe:1"]
    return subprocess.run(command, capture_output=True, check=False, timeout=50)


def test_nvidia_smi_answers_what_a_worker_asks(tmp_path: Path) -> None:
    gpu = installed(tmp_path, "RTX 4070S Ti", count=2)
    answer = subprocess.run([gpu.folder / "nvidia-smi", *QUERY], capture_output=True, check=True, text=True)
    first, second = parse_gpus(answer.stdout)
    assert first == second
    assert (first.name, first.driver_version) == ("NVIDIA GeForce RTX 4070 Ti SUPER", "570.86.15")
    assert (first.memory_bytes, first.compute_capability) == (16376 << 20, "8.9")


@pytest.mark.parametrize(
    ("arguments", "status", "text"),
    [
        (["-L"], 0, "GPU 0: NVIDIA L4 (UUID: GPU-00000000)\n"),
        (["--query-gpu=memory.total", "--format=csv"], 0, "memory.total\n23034 MiB\n"),
        (["--query-gpu=colour", "--format=csv"], 2, 'Field "colour" is not a valid field to query.\n'),
        ([], 1, "Invalid combination"),
    ],
)
def test_nvidia_smi_by_hand(tmp_path: Path, arguments: list[str], status: int, text: str) -> None:
    gpu = installed(tmp_path, "L4")
    answer = subprocess.run(
        [gpu.folder / "nvidia-smi", *arguments], capture_output=True, check=False, text=True, timeout=20
    )
    assert (answer.returncode, answer.stdout.startswith(text)) == (status, True)


def test_other_makers_have_no_nvidia_smi(tmp_path: Path) -> None:
    assert not (installed(tmp_path, "RX 7900 XTX").folder / "nvidia-smi").exists()


@pytest.mark.parametrize(("encoder", "codec"), [("h264_nvenc", "h264"), ("hevc_nvenc", "hevc"), ("av1_nvenc", "av1")])
def test_a_gpu_that_encodes(tmp_path: Path, encoder: str, codec: str) -> None:
    options = ["-preset", "p4", "-rc", "vbr", "-cq", "23", "-b:v", "0", "-g", "50", "-forced-idr", "1"]
    done = encode(installed(tmp_path, "RTX 4090"), encoder, *options)
    assert done.returncode == 0, done.stderr.decode()
    assert re.search(rf"Video: {codec}\b".encode(), done.stderr)
    assert len(done.stdout) > 1000


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            [
                "-c:v",
                "h264_nvenc",
                "-preset",
                "p7",
                "-b:v",
                "4000",
                "-maxrate",
                "6000",
                "-bufsize",
                "8000",
                "-rc",
                "vbr",
            ],
            [
                *("-c:v", "libx264", "-preset", "fast", "-flags:v", "+cgop"),
                *("-b:v", "4000", "-maxrate", "6000", "-bufsize", "8000"),
            ],
        ),
        (
            ["-c:v", "av1_nvenc", "-cq", "30", "-b:v", "0", "-forced-idr", "1", "-maxrate", "6000"],
            ["-c:v", "libsvtav1", "-preset", "11", "-crf", "30"],
        ),
        (["-c:v", "libx264", "-preset", "slow"], ["-c:v", "libx264", "-preset", "slow"]),
    ],
)
def test_options_are_said_to_the_software_encoder(arguments: list[str], expected: list[str]) -> None:
    assert translated(["-i", "x", *arguments, "out"]) == ["-i", "x", *expected, "out"]


@pytest.mark.parametrize(
    ("model", "driver", "encoder", "failed"),
    [
        ("H100 SXM", "570.86.15", "h264_nvenc", (1, "NO_ENGINE")),
        ("A100 SXM4", "570.86.15", "hevc_nvenc", (1, "NO_ENGINE")),
        ("RTX 3090", "570.86.15", "av1_nvenc", (1, "NO_ENGINE")),
        ("RTX 4090", "470.82.01", "h264_nvenc", (218, "DRIVER_TOO_OLD")),
        ("RX 7900 XTX", "6.2.4", "h264_nvenc", (1, "NO_DRIVER")),
    ],
)
def test_gpus_that_do_not_encode(
    tmp_path: Path, model: str, driver: str, encoder: str, failed: tuple[int, str]
) -> None:
    done = encode(installed(tmp_path, model, driver), encoder)
    failure = diagnose(done.returncode, done.stderr.decode().splitlines())
    assert failure is not None
    assert (done.returncode, failure.metadata["diagnosis"], done.stdout) == (*failed, b"")


def test_an_encoder_that_is_missing_although_the_model_has_one(tmp_path: Path) -> None:
    done = encode(installed(tmp_path, "RTX 4090", nvenc=False), "h264_nvenc")
    assert b"OpenEncodeSessionEx failed: unsupported device" in done.stderr


def test_the_cpu_encodes_everywhere(tmp_path: Path) -> None:
    assert encode(installed(tmp_path, "H100 SXM"), "libx264").returncode == 0


@pytest.mark.parametrize(
    ("model", "driver", "encoder", "fixture"),
    [
        ("H100 SXM", "580.95.05", "h264_nvenc", "nvenc-no-chip-h100.txt"),
        ("H100 SXM", "580.95.05", "hevc_nvenc", "nvenc-no-chip-hevc-h100.txt"),
        ("RTX 4090", "470.82.01", "h264_nvenc", "nvenc-driver-too-old.txt"),
        ("RX 7900 XTX", "", "h264_nvenc", "nvenc-no-driver.txt"),
    ],
)
def test_the_words_are_the_real_ones(tmp_path: Path, model: str, driver: str, encoder: str, fixture: str) -> None:
    gpu = installed(tmp_path, model, driver)
    plain = [word for word in TEST_ENCODE if word != "level+verbose"] + ["-c:v", encoder, "-f", "null", "-"]
    plain.remove("-loglevel")
    done = subprocess.run([gpu.ffmpeg, *plain], capture_output=True, check=False, timeout=20)
    said = [_without_numbers(line) for line in done.stderr.decode().splitlines()]
    real = [_without_numbers(line) for line in (FIXTURES / fixture).read_text().splitlines()]
    assert [line for line in said if line not in real] == []
    assert len(said) >= 4


def _without_numbers(line: str) -> str:
    return re.sub(r"0x[0-9a-f]+|\d+(\.\d+)+", "N", line)


@pytest.mark.parametrize(
    ("driver", "api"), [("580.95.05", "13.0"), ("550.54.14", "12.2"), ("535.86", "12.1"), ("390.1", "10.0")]
)
def test_drivers_bring_versions_of_the_api(driver: str, api: str) -> None:
    assert nvenc_api(driver) == api


def test_every_model_on_the_market_is_known() -> None:
    assert PRICES.keys() <= GPU_MODELS.keys()
