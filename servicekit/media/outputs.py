"""What a job delivers: the domain types of `OutputSpec` and its parts, with defaults filled in."""

from dataclasses import dataclass
from enum import StrEnum


class Container(StrEnum):
    """The file format of the output."""

    MP4 = "MP4"
    MOV = "MOV"
    MKV = "MKV"
    WEBM = "WEBM"

    @property
    def suffix(self) -> str:
        """The ending of a file name, with its dot."""
        return f".{self.value.lower()}"

    @property
    def content_type(self) -> str:
        """The media type of the output."""
        return _CONTENT_TYPES[self]


_CONTENT_TYPES = {
    Container.MP4: "video/mp4",
    Container.MOV: "video/quicktime",
    Container.MKV: "video/x-matroska",
    Container.WEBM: "video/webm",
}


class Delivery(StrEnum):
    """The form in which the output is delivered."""

    FASTSTART = "FASTSTART"
    PROGRESSIVE = "PROGRESSIVE"


class VideoCodec(StrEnum):
    """How the picture is encoded."""

    H264 = "H264"
    HEVC = "HEVC"
    AV1 = "AV1"
    COPY = "COPY"


class Effort(StrEnum):
    """How much work goes into a smaller file of the same quality."""

    FASTEST = "FASTEST"
    FAST = "FAST"
    BALANCED = "BALANCED"
    THOROUGH = "THOROUGH"
    BEST = "BEST"


class EncoderPolicy(StrEnum):
    """Which encoders may be used."""

    ANY = "ANY"
    HARDWARE_ONLY = "HARDWARE_ONLY"
    SOFTWARE_ONLY = "SOFTWARE_ONLY"


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameSize:
    """A picture size in pixels; a zero side follows from the other and the shape of the input."""

    width: int = 0
    height: int = 0


DEFAULT_QUALITY = 23
"""On the scale of x264, 0 (best) to 51."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoEncoding:
    """How the picture is encoded; with neither `quality` nor `bitrate_bps` the quality is DEFAULT_QUALITY.

    A frame rate of 0 keeps the input's.
    """

    codec: VideoCodec = VideoCodec.H264
    quality: int | None = None
    bitrate_bps: int | None = None
    effort: Effort = Effort.BALANCED
    size: FrameSize = FrameSize()
    frame_rate: float = 0.0
    encoder_policy: EncoderPolicy = EncoderPolicy.ANY


class AudioCodec(StrEnum):
    """How the sound is encoded."""

    AAC = "AAC"
    OPUS = "OPUS"
    COPY = "COPY"


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioEncoding:
    """How the sound is encoded; zeros keep what the input has, or take the codec's default."""

    codec: AudioCodec = AudioCodec.AAC
    bitrate_bps: int = 0
    channels: int = 0
    sample_rate_hz: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputSpec:
    """The file that is wanted."""

    container: Container = Container.MP4
    video: VideoEncoding = VideoEncoding()
    audio: AudioEncoding = AudioEncoding()
    delivery: Delivery = Delivery.FASTSTART
