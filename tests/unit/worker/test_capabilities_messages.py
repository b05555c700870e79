"""Capabilities as the orchestrator gets them."""

from spotreel.worker.v1.capabilities_pb2 import Capabilities as Message

from servicekit.media.outputs import VideoCodec
from worker.hardware.capabilities import Capabilities, Decoder, Encoder, Gpu
from worker.hardware.diagnosis import Diagnosis
from worker.rpc.convert import capabilities_to_proto

NO_AV1 = Encoder(
    name="av1_nvenc",
    codec=VideoCodec.AV1,
    hardware=True,
    usable=False,
    reason="Not this codec.",
    diagnosis=Diagnosis.NO_ENGINE,
)
H264 = Encoder(name="h264_nvenc", codec=VideoCodec.H264, hardware=True, usable=True, frames_per_second=431.5)
FULL = Encoder(
    name="h264_nvenc", codec=VideoCodec.H264, hardware=True, usable=False, diagnosis=Diagnosis.SESSIONS_USED_UP
)
CPU = Encoder(name="libx264", codec=VideoCodec.H264, hardware=False, usable=False, diagnosis=Diagnosis.NOT_BUILT)


def machine(*encoders: Encoder) -> Capabilities:
    return Capabilities(
        gpus=(Gpu(name="NVIDIA L4", driver_version="580.1", memory_bytes=1, compute_capability="8.9"),),
        encoders=encoders,
        hardware_decoders=(
            Decoder(codec="h264", usable=True),
            Decoder(codec="av1", usable=False, reason="No engine.", diagnosis=Diagnosis.NO_ENGINE),
        ),
        filters=("scale_cuda",),
        cpu_count=2,
        memory_bytes=1,
        disk_free_bytes=1,
        slots=2,
        ffmpeg_version="7.1",
        nvenc_driver_floor="530.41.03",
        fonts=("DejaVu Sans",),
        build="1",
    )


def test_what_does_not_work_says_why() -> None:
    message = capabilities_to_proto(machine(H264, NO_AV1))
    assert [(one.name, one.usable, one.frames_per_second) for one in message.encoders] == [
        ("h264_nvenc", True, 431.5),
        ("av1_nvenc", False, 0.0),
    ]
    assert message.encoders[1].diagnosis == Message.DIAGNOSIS_NO_ENGINE
    assert list(message.decoders) == ["h264"]
    assert [(one.codec, one.usable, one.diagnosis) for one in message.hardware_decoders] == [
        ("h264", True, Message.DIAGNOSIS_UNSPECIFIED),
        ("av1", False, Message.DIAGNOSIS_NO_ENGINE),
    ]
    # AV1 alone is missing: NVENC as such can be used.
    assert message.diagnosis == Message.DIAGNOSIS_UNSPECIFIED


def test_nvenc_as_a_whole_is_diagnosed_by_what_every_nvenc_has() -> None:
    assert capabilities_to_proto(machine(FULL, CPU, NO_AV1)).diagnosis == Message.DIAGNOSIS_SESSIONS_USED_UP
    assert capabilities_to_proto(machine(CPU)).diagnosis == Message.DIAGNOSIS_UNSPECIFIED


def test_every_diagnosis_has_its_name_in_the_contract() -> None:
    assert {f"DIAGNOSIS_{one.value}" for one in Diagnosis} == set(Message.Diagnosis.keys())
