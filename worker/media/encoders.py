"""Which encoder makes a codec, and how the contract's quality and effort are said to it."""

from dataclasses import dataclass

from servicekit.media.outputs import Effort, EncoderPolicy, VideoCodec
from worker.errors import FailureReason, TaskFailed
from worker.hardware.capabilities import Capabilities, Encoder
from worker.media.plan import EncodeVideo

# Below this NVENC refuses (H.264 145x49, HEVC 129x33, AV1 192x128; NVIDIA's application note for SDK 13.0).
_HARDWARE_MIN = (192, 128)
_HARDWARE_MAX_SIDE = {VideoCodec.H264: 4096, VideoCodec.HEVC: 8192, VideoCodec.AV1: 8192}

# By effort, from FASTEST to BEST. NVENC's p4 in H.264 compares to x264 between `faster` and `fast`, so BALANCED means
# the same trade whichever encoder a job gets. x265 is several times slower at a name than x264: it is one step quicker.
_EFFORTS = tuple(Effort)
_PRESETS = {
    "libx264": ("superfast", "veryfast", "faster", "medium", "slow"),
    "libx265": ("ultrafast", "superfast", "veryfast", "medium", "slow"),
    "libsvtav1": ("12", "10", "8", "6", "4"),
    "h264_nvenc": ("p1", "p2", "p4", "p6", "p7"),
    "hevc_nvenc": ("p1", "p2", "p4", "p6", "p7"),
    "av1_nvenc": ("p1", "p2", "p4", "p6", "p7"),
}


@dataclass(frozen=True, slots=True)
class _QualityScale:
    """How the contract's quality, which is x264's scale, is said to another encoder: shifted and bounded."""

    shift: int
    maximum: int


# x265's manual calls its 28 comparable to x264's 23; SVT-AV1's default of 35 serves the same use.
_QUALITY = {
    "libx264": _QualityScale(0, 51),
    "libx265": _QualityScale(5, 51),
    "libsvtav1": _QualityScale(12, 63),
    "h264_nvenc": _QualityScale(0, 51),
    "hevc_nvenc": _QualityScale(3, 51),
    "av1_nvenc": _QualityScale(8, 51),
}

ENCODERS: dict[VideoCodec, tuple[str, str]] = {
    VideoCodec.H264: ("h264_nvenc", "libx264"),
    VideoCodec.HEVC: ("hevc_nvenc", "libx265"),
    VideoCodec.AV1: ("av1_nvenc", "libsvtav1"),
}
"""Per codec: NVENC's encoder and the software one."""


def choose_encoder(
    codec: VideoCodec, policy: EncoderPolicy, capabilities: Capabilities, *, width: int, height: int
) -> Encoder:
    """Returns the encoder for a picture of that size: hardware where it works and the policy allows, else software.

    Raises TaskFailed(ENCODER_UNAVAILABLE), saying why each candidate is out; retryable, since another worker may do.
    Where hardware that is allowed does not work here, the metadata has its `diagnosis`.
    """
    objections: list[str] = []
    metadata = {"codec": codec.value, "encoder_policy": policy.value}
    for name in ENCODERS[codec]:
        encoder = next((entry for entry in capabilities.encoders if entry.name == name), None)
        objection = _policy_objection(name, policy)
        if objection is None:
            objection = _objection(encoder, width, height)
            if encoder is not None and encoder.hardware and not encoder.usable:
                metadata["diagnosis"] = encoder.diagnosis.value
        if encoder is not None and objection is None:
            return encoder
        objections.append(f"{name}: {objection}")
    raise TaskFailed(
        FailureReason.ENCODER_UNAVAILABLE,
        f"No encoder for {codec} at {width}x{height} with policy {policy} on this worker ({'; '.join(objections)}).",
        metadata=metadata,
    )


def _policy_objection(name: str, policy: EncoderPolicy) -> str | None:
    hardware = name.endswith("_nvenc")
    if hardware and policy is EncoderPolicy.SOFTWARE_ONLY:
        return "hardware is excluded by the request"
    if not hardware and policy is EncoderPolicy.HARDWARE_ONLY:
        return "software is excluded by the request"
    return None


def _objection(encoder: Encoder | None, width: int, height: int) -> str | None:
    if encoder is None:
        return "not in this FFmpeg"
    if not encoder.usable:
        return encoder.reason.rstrip(".") or "does not work here"
    if encoder.hardware and (width < _HARDWARE_MIN[0] or height < _HARDWARE_MIN[1]):
        return f"the picture is smaller than {_HARDWARE_MIN[0]}x{_HARDWARE_MIN[1]}"
    if encoder.hardware and max(width, height) > _HARDWARE_MAX_SIDE[encoder.codec]:
        return f"the picture is larger than {_HARDWARE_MAX_SIDE[encoder.codec]} pixels"
    return None


def encoder_options(video: EncodeVideo) -> list[str]:
    """Returns FFmpeg's options for the encoder of a plan: preset, rate control, closed groups of pictures."""
    preset = _PRESETS[video.encoder][_EFFORTS.index(video.effort)]
    options = ["-c:v", video.encoder, "-preset", preset, *_rate_control(video)]
    options += ["-g", str(video.keyframe_frames)]
    match video.encoder:
        case "libx264":
            options += ["-flags:v", "+cgop", "-forced-idr", "1"]
        case "libx265":
            options += ["-forced-idr", "1", "-x265-params", "open-gop=0:log-level=warning"]
        case "libsvtav1":
            pass  # its keyframes close their group by default (irefresh-type 2)
        case _:
            options += ["-forced-idr", "1"]
    return options


def _rate_control(video: EncodeVideo) -> list[str]:
    if video.bitrate_bps is not None:
        rate = video.bitrate_bps
        limits = [] if video.encoder == "libsvtav1" else ["-maxrate", str(rate * 3 // 2), "-bufsize", str(rate * 2)]
        return ["-b:v", str(rate), *limits, *(["-rc", "vbr"] if video.hardware else [])]
    scale = _QUALITY[video.encoder]
    quality = str(min(video.quality + scale.shift, scale.maximum)) if video.quality else "0"
    if video.hardware:
        # A cq of 0 means "automatic" to NVENC.
        quality = "1" if quality == "0" else quality
        # -b:v 0 lifts the 2 Mbit/s that FFmpeg otherwise sets, which would bound the quality asked for.
        return ["-rc", "vbr", "-cq", quality, "-b:v", "0"]
    return ["-crf", quality]
