"""What is remembered of a machine, and what is not."""

from pathlib import Path

import pytest

from servicekit.media.outputs import VideoCodec
from worker.hardware.capabilities import Decoder, Encoder, Gpu
from worker.hardware.diagnosis import TRANSIENT, Diagnosis
from worker.hardware.record import Findings, MachineRecord

GPU = Gpu(name="NVIDIA L4", driver_version="580.1", memory_bytes=24 << 30, compute_capability="8.9")


def findings(diagnosis: Diagnosis, *, usable: bool = False) -> Findings:
    nvenc = Encoder(
        name="h264_nvenc", codec=VideoCodec.H264, hardware=True, usable=usable, reason="why", diagnosis=diagnosis
    )
    return Findings(
        encoders=(nvenc,), decoders=(Decoder(codec="vp9", usable=False, diagnosis=Diagnosis.NO_ENGINE),), slots=3
    )


@pytest.fixture
def ffmpeg(tmp_path: Path) -> Path:
    path = tmp_path / "ffmpeg"
    path.write_bytes(b"program")
    return path


def test_findings_come_back_as_they_were(tmp_path: Path, ffmpeg: Path) -> None:
    folder = tmp_path / "not" / "there"
    MachineRecord(folder, ffmpeg, [GPU], slots_measured=True).write(findings(Diagnosis.DRIVER_TOO_OLD))
    again = MachineRecord(folder, ffmpeg, [GPU], slots_measured=True).read()
    assert again == findings(Diagnosis.DRIVER_TOO_OLD)


@pytest.mark.parametrize("change", ["driver", "gpu", "program", "slots"])
def test_another_machine_is_tried_anew(tmp_path: Path, ffmpeg: Path, change: str) -> None:
    MachineRecord(tmp_path, ffmpeg, [GPU], slots_measured=True).write(findings(Diagnosis.NO_ENGINE))
    gpus = {"driver": [Gpu(name=GPU.name, driver_version="610.1", memory_bytes=1, compute_capability="")], "gpu": []}
    if change == "program":
        ffmpeg.write_bytes(b"another program")
    other = MachineRecord(tmp_path, ffmpeg, gpus.get(change, [GPU]), slots_measured=change != "slots")
    assert other.read() is None


@pytest.mark.parametrize("diagnosis", Diagnosis)
def test_what_may_pass_is_not_remembered(tmp_path: Path, ffmpeg: Path, diagnosis: Diagnosis) -> None:
    record = MachineRecord(tmp_path, ffmpeg, [], slots_measured=True)
    record.write(findings(diagnosis))
    assert (record.read() is None) == (diagnosis in TRANSIENT)
    record.write(findings(Diagnosis.UNSPECIFIED, usable=True))
    assert record.read() is not None


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"encoders": [{"name": 3}], "decoders": [], "slots": 1}', "\0"])
def test_a_damaged_file_is_as_none(tmp_path: Path, ffmpeg: Path, content: str) -> None:
    record = MachineRecord(tmp_path, ffmpeg, [], slots_measured=True)
    record.write(findings(Diagnosis.NO_GPU))
    (path,) = tmp_path.glob("machine-*.json")
    path.write_text(content)
    assert record.read() is None


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path, ffmpeg: Path) -> None:
    (tmp_path / "file").touch()
    record = MachineRecord(tmp_path / "file" / "below", ffmpeg, [], slots_measured=True)
    record.write(findings(Diagnosis.NO_GPU))
    assert record.read() is None
