"""What may be done to media: the domain types of `spotreel.media.v1`, with its defaults filled in.

The meaning, units and limits of every field are written once, in the protos; these classes mirror them.
An `Operation` here is always complete: what a request left out has become its default.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class UriSource:
    """Media at an http or https address."""

    uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetSource:
    """Media that was uploaded; `asset` is its name, `assets/{sha256 in hex}`."""

    asset: str

    @property
    def sha256(self) -> str:
        """The digest of the content, in hex."""
        return self.asset.removeprefix("assets/")


MediaSource = UriSource | AssetSource


class CaptionMode(StrEnum):
    """How captions get into the video."""

    BURN_IN = "BURN_IN"
    SOFT = "SOFT"


class CaptionAlignment(StrEnum):
    """Where captions stand in the picture."""

    BOTTOM_LEFT = "BOTTOM_LEFT"
    BOTTOM_CENTER = "BOTTOM_CENTER"
    BOTTOM_RIGHT = "BOTTOM_RIGHT"
    MIDDLE_LEFT = "MIDDLE_LEFT"
    MIDDLE_CENTER = "MIDDLE_CENTER"
    MIDDLE_RIGHT = "MIDDLE_RIGHT"
    TOP_LEFT = "TOP_LEFT"
    TOP_CENTER = "TOP_CENTER"
    TOP_RIGHT = "TOP_RIGHT"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptionStyle:
    """How captions look; sizes in 1/1000 of the picture height, colours as `#RRGGBB` or `#RRGGBBAA`."""

    font_family: str = "DejaVu Sans"
    font_size: int = 50
    primary_color: str = "#FFFFFF"
    outline_color: str = "#000000"
    back_color: str = ""
    outline_width: int = 3
    shadow: int = 0
    bold: bool = False
    italic: bool = False
    alignment: CaptionAlignment = CaptionAlignment.BOTTOM_CENTER
    margin_vertical: int = 40
    margin_horizontal: int = 40
    uppercase: bool = False
    max_line_chars: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption:
    """Put subtitles onto a video."""

    video: MediaSource
    subtitles: MediaSource
    mode: CaptionMode = CaptionMode.BURN_IN
    style: CaptionStyle = CaptionStyle()


class Easing(StrEnum):
    """How a zoom moves between its ends."""

    LINEAR = "LINEAR"
    EASE_IN = "EASE_IN"
    EASE_OUT = "EASE_OUT"
    EASE_IN_OUT = "EASE_IN_OUT"


class Fit(StrEnum):
    """How a still fills the frame."""

    COVER = "COVER"
    CONTAIN = "CONTAIN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Zoom:
    """The move of the camera over a still; scale 1 shows all that `Fit` shows, focus is in 0…1 of the still."""

    start_scale: float = 1.0
    end_scale: float = 1.324
    focus_x: float = 0.5
    focus_y: float = 0.5
    easing: Easing = Easing.LINEAR


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageToVideo:
    """Make a film of a still."""

    image: MediaSource
    duration: timedelta = timedelta(seconds=5)
    frame_rate: float = 24.0
    zoom: Zoom = Zoom()
    fit: Fit = Fit.COVER
    audio: MediaSource | None = None


class AudioMode(StrEnum):
    """What happens to the sound that the video already has."""

    REPLACE = "REPLACE"
    MIX = "MIX"


class AudioLength(StrEnum):
    """What decides how long the result is."""

    VIDEO = "VIDEO"
    SHORTEST = "SHORTEST"
    LONGEST = "LONGEST"
    LOOP_AUDIO = "LOOP_AUDIO"


@dataclass(frozen=True, slots=True, kw_only=True)
class AddAudio:
    """Put sound to a video."""

    video: MediaSource
    audio: MediaSource
    mode: AudioMode = AudioMode.REPLACE
    video_gain_db: float = 0.0
    audio_gain_db: float = 0.0
    audio_offset: timedelta = timedelta()
    length: AudioLength = AudioLength.VIDEO
    fade_in: timedelta = timedelta()
    fade_out: timedelta = timedelta()
    loudness_lufs: float | None = None
    duck_video: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcode:
    """Encode a video anew, or a part of it; `end_time` None is the end of the video."""

    video: MediaSource
    start_time: timedelta = timedelta()
    end_time: timedelta | None = None


Operation = Caption | ImageToVideo | AddAudio | Transcode


def sources(operation: Operation) -> Iterator[tuple[str, MediaSource]]:
    """Yield the inputs of an operation as (role, source); the role is the name of the field."""
    match operation:
        case Caption():
            yield "video", operation.video
            yield "subtitles", operation.subtitles
        case ImageToVideo():
            yield "image", operation.image
            if operation.audio is not None:
                yield "audio", operation.audio
        case AddAudio():
            yield "video", operation.video
            yield "audio", operation.audio
        case Transcode():
            yield "video", operation.video
