"""What may be done to media: the domain types of `spotreel.media.v1`, with its defaults filled in.

The meaning, units and limits of every field are written once, in the protos; these classes mirror them.
An `Operation` here is always complete: what a request left out has become its default.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from servicekit.media.outputs import FrameSize


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


class MissingGlyphs(StrEnum):
    """What happens to characters that no font can draw."""

    FAIL = "FAIL"
    OMIT = "OMIT"


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
    highlight_color: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption:
    """Put subtitles onto a video."""

    video: MediaSource
    subtitles: MediaSource
    mode: CaptionMode = CaptionMode.BURN_IN
    style: CaptionStyle = CaptionStyle()
    language: str = ""
    fonts: tuple[MediaSource, ...] = ()
    missing_glyphs: MissingGlyphs = MissingGlyphs.FAIL


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


class Border(StrEnum):
    """What is around a still that does not fill the frame."""

    COLOR = "COLOR"
    BLUR = "BLUR"


@dataclass(frozen=True, slots=True, kw_only=True)
class Zoom:
    """The move of the camera over a still; scale 1 shows all that `Fit` shows, focus is in 0…1 of the still.

    An end focus of None is where the move began.
    """

    start_scale: float = 1.0
    end_scale: float = 1.324
    focus_x: float = 0.5
    focus_y: float = 0.5
    easing: Easing = Easing.LINEAR
    end_focus_x: float | None = None
    end_focus_y: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageToVideo:
    """Make a film of a still."""

    image: MediaSource
    duration: timedelta = timedelta(seconds=5)
    frame_rate: float = 24.0
    zoom: Zoom = Zoom()
    fit: Fit = Fit.COVER
    audio: MediaSource | None = None
    border: Border = Border.COLOR
    background_color: str = "#000000"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Concat:
    """Join videos one after the other."""

    videos: tuple[MediaSource, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Poster:
    """One picture; `time` None is the clearest near a tenth of the length."""

    time: timedelta | None = None
    size: FrameSize = field(default_factory=FrameSize)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpriteSheet:
    """Small pictures on sheets; `interval` None is a hundredth of the length, 1 s at least; `width` in pixels."""

    interval: timedelta | None = None
    width: int = 160
    columns: int = 10
    rows: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Thumbnails:
    """Make pictures of a video."""

    video: MediaSource
    kind: Poster | SpriteSheet


Operation = Caption | ImageToVideo | AddAudio | Transcode | Concat | Thumbnails


def sources(operation: Operation) -> Iterator[tuple[str, MediaSource]]:
    """Yield the inputs of an operation as (role, source).

    The role is the name of the field, or for the entries of a repeated field its singular with a number from 1, such
    as `font-1`.
    """
    match operation:
        case Caption():
            yield "video", operation.video
            yield "subtitles", operation.subtitles
            yield from _numbered("font", operation.fonts)
        case ImageToVideo():
            yield "image", operation.image
            if operation.audio is not None:
                yield "audio", operation.audio
        case AddAudio():
            yield "video", operation.video
            yield "audio", operation.audio
        case Transcode() | Thumbnails():
            yield "video", operation.video
        case Concat():
            yield from _numbered("video", operation.videos)


def source_field(role: str) -> str:
    """Return the path of the field that a role stands for: `font-1` is `fonts[0]`."""
    name, _, number = role.partition("-")
    return f"{name}s[{int(number) - 1}]" if number else name


def _numbered(role: str, entries: tuple[MediaSource, ...]) -> Iterator[tuple[str, MediaSource]]:
    for number, source in enumerate(entries, start=1):
        yield f"{role}-{number}", source
