"""What is to happen, decided before anything starts: the plan of a task, and the types it is made of.

A plan is complete and typed; `arguments.py` only spells it out for FFmpeg. It always describes the append-only form
of the output (fragmented MP4 or MOV, Matroska, WebM), which the delivered form is made of later without encoding.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from servicekit.media.outputs import Container, Effort, VideoCodec
from servicekit.media_info import Cut, MediaInfo
from worker.fonts.book import NamedFace
from worker.media.motion import ZoomJob
from worker.media.stillfile import StillHeader


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbedInput:
    """An input file with what is known of it: subtitles as all of their bytes, stills by header, fonts as their faces,
    the rest as media.

    `cuts` are those of a video that is to be cut, by time.
    """

    path: Path
    media: MediaInfo | None = None
    content: bytes = b""
    faces: tuple[NamedFace, ...] = ()
    cuts: Mapping[timedelta, Cut] = field(default_factory=dict)
    still: StillHeader | None = None


@dataclass(frozen=True, slots=True)
class Scale:
    """Resize to that many pixels."""

    width: int
    height: int


@dataclass(frozen=True, slots=True)
class ScaleOnGpu:
    """Resize to that many pixels where the frames are: on the GPU."""

    width: int
    height: int


@dataclass(frozen=True, slots=True)
class PadPicture:
    """Centre the picture in a black frame."""

    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Crop:
    """Keep the upper left part."""

    width: int
    height: int


@dataclass(frozen=True, slots=True)
class FrameRate:
    """Repeat or drop frames to a constant rate."""

    frames_per_second: float


@dataclass(frozen=True, slots=True)
class SquarePixels:
    """Mark the pixels as square, after a scale that made them so."""


@dataclass(frozen=True, slots=True)
class DrawCaptions:
    """Draw the caption script; the size is the picture's as displayed, which differs where pixels are not square."""

    width: int
    height: int


@dataclass(frozen=True, slots=True)
class StripBox:
    """A part of the picture."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class OverlayStrips:
    """Lay images of captions over pictures on the GPU; where, is known when they are drawn.

    `matrix` is FFmpeg's name for how the pictures' colours are made.
    """

    matrix: str
    box: StripBox | None = None


@dataclass(frozen=True, slots=True)
class Deinterlace:
    """Make whole pictures of the fields of those that are interlaced."""


@dataclass(frozen=True, slots=True)
class ToneMap:
    """Bring a high dynamic range down to that of BT.709."""


@dataclass(frozen=True, slots=True)
class ShiftTime:
    """Show everything later by that."""

    by: timedelta


@dataclass(frozen=True, slots=True)
class KeepTime:
    """Leave out what is shown before the start, and from the end on."""

    start: timedelta
    end: timedelta | None


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """Convert to a pixel format of FFmpeg."""

    name: str


@dataclass(frozen=True, slots=True)
class JpegPixels:
    """Convert to what JPEG files have, full range and BT.601, from a colour matrix (`auto`: the picture's own)."""

    matrix: str


VideoFilter = (
    Scale
    | ScaleOnGpu
    | PadPicture
    | Crop
    | FrameRate
    | SquarePixels
    | Deinterlace
    | ToneMap
    | DrawCaptions
    | ShiftTime
    | KeepTime
    | OverlayStrips
    | PixelFormat
    | JpegPixels
)


@dataclass(frozen=True, slots=True)
class SkipStart:
    """Leave out the beginning of the sound."""

    duration: timedelta


@dataclass(frozen=True, slots=True)
class Delay:
    """Put silence before the sound."""

    duration: timedelta


@dataclass(frozen=True, slots=True)
class Gain:
    """Make it louder or, below zero, quieter."""

    decibels: float


@dataclass(frozen=True, slots=True)
class FadeIn:
    """Rise from silence."""

    start: timedelta
    duration: timedelta


@dataclass(frozen=True, slots=True)
class FadeOut:
    """Fall to silence."""

    start: timedelta
    duration: timedelta


@dataclass(frozen=True, slots=True)
class PadSilence:
    """Go on with silence to that length, or without end."""

    until: timedelta | None


@dataclass(frozen=True, slots=True)
class ChannelLayouts:
    """Let FFmpeg mix to the nearest of the layouts an encoder takes."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LimitPeaks:
    """Keep true peaks (ITU-R BS.1770, between the samples too) below a ceiling, and hand on samples of that rate."""

    ceiling_dbtp: float
    sample_rate_hz: int


@dataclass(frozen=True, slots=True)
class LoudnessMeter:
    """Write loudness and true peak of all that comes through into the log, at its end."""


@dataclass(frozen=True, slots=True)
class SampleRate:
    """Resample to that many samples in a second, as floating point."""

    hertz: int


@dataclass(frozen=True, slots=True)
class EndAt:
    """Cut the sound off there."""

    time: timedelta


@dataclass(frozen=True, slots=True)
class FillGaps:
    """Put silence where the timestamps leave a gap."""


@dataclass(frozen=True, slots=True)
class MonoOnBothSides:
    """Play mono on both sides of stereo as loud as it is, which is what players do with a file in mono."""


@dataclass(frozen=True, slots=True)
class BothSidesAsMono:
    """Play both sides of stereo as one, and what is in their middle as loud as it is."""


@dataclass(frozen=True, slots=True)
class GuardPeaks:
    """Turn down, for that moment, what would be cut off above full scale."""


AudioFilter = (
    SkipStart
    | Delay
    | Gain
    | FadeIn
    | FadeOut
    | PadSilence
    | ChannelLayouts
    | SampleRate
    | EndAt
    | FillGaps
    | MonoOnBothSides
    | BothSidesAsMono
    | GuardPeaks
    | LimitPeaks
    | LoudnessMeter
)


class Decoding(StrEnum):
    """Where a video is decoded: on the CPU, on the GPU for filters on the CPU, or so that frames stay on the GPU."""

    CPU = "CPU"
    GPU = "GPU"
    GPU_FRAMES = "GPU_FRAMES"


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaFile:
    """An input file that FFmpeg reads; `demuxer` is what the probe found, so that FFmpeg does not guess anew.

    It is read from `seek` on, which becomes time zero; a repeated one is read again and again without end.
    """

    path: Path
    demuxer: str
    seek: timedelta = timedelta()
    decoding: Decoding = Decoding.CPU
    repeated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinedFiles:
    """Files of one demuxer with streams that are alike, read as if they were one."""

    paths: tuple[Path, ...]
    demuxer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RawFrames:
    """Frames (yuv420p, BT.709) that a producer process writes to FFmpeg's standard input."""

    width: int
    height: int
    frame_rate: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenFile:
    """One of the plan's own `files`, which FFmpeg reads as media."""

    name: str
    demuxer: str


Input = MediaFile | JoinedFiles | RawFrames | WrittenFile


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyVideo:
    """Take a stream as it is; `codec` is the probe's name of it.

    `until` leaves out every picture from that time on, which has to be a clean cut; `hold_until` is how long the last
    one is shown where the sound goes on.
    """

    stream: int
    codec: str
    until: timedelta | None = None
    hold_until: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """The pictures of one stream of an input, and what is done to them."""

    source: int
    stream: int
    filters: tuple[VideoFilter, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodeVideo:
    """Encode pictures, those of several streams one after the other, with the encoder of that name.

    `filters` come after they are joined. `keyframe_frames` is two seconds or less.
    """

    pictures: tuple[Pictures, ...]
    encoder: str
    codec: VideoCodec
    hardware: bool
    quality: int
    bitrate_bps: int | None
    effort: Effort
    keyframe_frames: int
    filters: tuple[VideoFilter, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyAudio:
    """Take a sound track as it is."""

    source: int
    stream: int
    codec: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """The sound of one stream of an input, and what is done to it; without a source it is silence."""

    source: int | None
    stream: int
    filters: tuple[AudioFilter, ...] = ()


class Join(StrEnum):
    """How several sounds become one; DUCKED is the first of two, lower while the second is heard, with the second."""

    IN_TURN = "IN_TURN"
    TOGETHER = "TOGETHER"
    DUCKED = "DUCKED"


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodeAudio:
    """Encode sounds as one track; a rate of zero keeps the input's. `filters` come after they are joined.

    `language` is that of the track where several sounds are joined; that of a single one is kept as it is.
    """

    sounds: tuple[Sound, ...]
    encoder: str
    codec: str
    bitrate_bps: int
    sample_rate_hz: int
    join: Join = Join.IN_TURN
    filters: tuple[AudioFilter, ...] = ()
    language: str = ""


AudioTrack = CopyAudio | EncodeAudio


@dataclass(frozen=True, slots=True, kw_only=True)
class SubtitleTrack:
    """A track that is copied from the first stream of an input; `language` is empty where none is stated."""

    source: int
    codec: str
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedOutput:
    """What the output has to be to count as made; codecs by the probe's names, duration None where nobody knows.

    Without a video codec there is no picture. `subtitles` are the codec and the language of each track.
    """

    video_codec: str
    audio_codecs: tuple[str, ...]
    width: int
    height: int
    duration: timedelta | None
    subtitles: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelSound:
    """Encode a sound track so that it has that integrated loudness (EBU R 128); the output then takes a copy of it."""

    track: int
    target_lufs: float


@dataclass(frozen=True, slots=True, kw_only=True)
class UnrollSound:
    """Decode a sound track of an input, which is then replaced by a file of nothing else, repeated without end."""

    source: int
    stream: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawStrips:
    """Draw each caption of a script once, as an image for `OverlayStrips`; sizes as for `DrawCaptions`."""

    script: str
    width: int
    height: int
    displayed_width: int
    displayed_height: int


Preparation = UnrollSound | LevelSound | DrawStrips


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that is to happen for one task; `end` cuts the output there, `shortest` ends it with its shortest stream.

    `preparations` come before the run that makes the output, in their order, and each completes the plan with what it
    found out or made (`preparations.py`). `files` are written and `fonts` font files that have to lie in FFmpeg's
    working folder.
    `begin` is the time of the first picture where only a part of the output is made (`part.py`). `skip` leaves out the
    beginning, which is read all the same; it is for formats in which seeking is not exact.
    `cpu_video` is the picture without the GPU's decoder, where `video` is with it.
    """

    inputs: tuple[Input, ...]
    video: CopyVideo | EncodeVideo | None
    audio: tuple[AudioTrack, ...]
    container: Container
    expected: ExpectedOutput
    ffmpeg_release: tuple[int, int]
    subtitles: tuple[SubtitleTrack, ...] = ()
    begin: timedelta = timedelta()
    end: timedelta | None = None
    skip: timedelta = timedelta()
    shortest: bool = False
    producer: ZoomJob | None = None
    cpu_video: EncodeVideo | None = None
    preparations: tuple[Preparation, ...] = ()
    files: Mapping[str, str | bytes] = field(default_factory=dict)
    fonts: tuple[Path, ...] = ()

    @property
    def needs_encoder(self) -> bool:
        """Tells whether the picture is encoded; if not, no GPU is of use."""
        return isinstance(self.video, EncodeVideo)

    @property
    def encoder(self) -> str:
        """The name shown to people: FFmpeg's name of the encoder, or `copy`."""
        return self.video.encoder if isinstance(self.video, EncodeVideo) else "copy"
