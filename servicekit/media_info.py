"""What is in a media file."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class MediaUnreadable(Exception):
    """The file is no media file that can be used."""

    def __init__(self, reason: str) -> None:
        """Takes why, for people: a sentence with `{it}` for the file, whose name on disk tells nobody anything."""
        super().__init__(reason.replace("{it}", "The file"))
        self._reason = reason

    def words(self, subject: str) -> str:
        """Returns why, of `subject`: `The video`, say."""
        return self._reason.replace("{it}", subject)


class StreamType(StrEnum):
    """What a stream carries."""

    VIDEO = "video"
    AUDIO = "audio"
    SUBTITLE = "subtitle"
    DATA = "data"
    ATTACHMENT = "attachment"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamInfo:
    """One stream; what does not apply to its type, or is not told by the file, is zero, empty or None.

    `width` and `height` are those of the coded picture, before `rotation_degrees` (clockwise, 0 to 359) is applied.
    `frame_rate` is the average in frames per second. `sample_aspect_ratio` is width to height of one pixel.
    `color_transfer`, `color_primaries` and `color_matrix` have FFmpeg's names, such as `smpte2084`. `interlaced` is
    what the first picture says. `parameters` tells apart streams whose decoders are set up differently: it is a digest
    of what the container has for the decoder (parameter sets and the like).
    """

    index: int
    type: StreamType
    codec: str = ""
    language: str = ""
    duration: timedelta | None = None
    width: int = 0
    height: int = 0
    frame_rate: float = 0.0
    frames: int = 0
    pixel_format: str = ""
    bit_depth: int = 0
    rotation_degrees: int = 0
    sample_aspect_ratio: float = 1.0
    attached_picture: bool = False
    interlaced: bool = False
    color_transfer: str = ""
    color_primaries: str = ""
    color_matrix: str = ""
    parameters: str = ""
    channels: int = 0
    channel_layout: str = ""
    sample_rate_hz: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """How a picture can be cut at a time without encoding it.

    `keyframe` is the time of the last key frame that is not later; a `clean` cut is right at it, and neither side
    needs the other.
    """

    keyframe: timedelta | None
    clean: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How the pictures of a video follow each other: when the last one ends, how many there are, how many of those are
    key frames, and the longest time without the start of one."""

    end: timedelta
    frames: int
    key_frames: int
    longest_gap: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaInfo:
    """A file's container and streams; `format` is FFmpeg's name for it, such as `mov,mp4,m4a,3gp,3g2,mj2`.

    `start_time` is the timestamp it begins with, which counts as zero everywhere else.
    """

    format: str
    size_bytes: int
    start_time: timedelta = timedelta()
    duration: timedelta | None = None
    bit_rate_bps: int = 0
    streams: tuple[StreamInfo, ...] = ()

    @property
    def video(self) -> StreamInfo | None:
        """The first video stream that is no cover picture."""
        return next((one for one in self.streams if one.type is StreamType.VIDEO and not one.attached_picture), None)

    @property
    def audio(self) -> StreamInfo | None:
        """The first audio stream."""
        return next((one for one in self.streams if one.type is StreamType.AUDIO), None)
