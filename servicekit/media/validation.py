"""The rules that a request's operation and output must keep, as far as they can be known without the inputs.

The ranges are those that the protos promise. Field paths are relative to the message that holds `operation` and
`output`; `Problems` collects all of them, so that a caller hears of every mistake at once.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import SplitResult, urlsplit

from servicekit.errors import FieldViolation, InvalidArgument
from servicekit.media.contradictions import contradictions
from servicekit.media.operations import (
    AddAudio,
    AssetSource,
    AudioMode,
    Border,
    Caption,
    CaptionMode,
    CaptionStyle,
    Concat,
    Fit,
    ImageToVideo,
    MediaSource,
    MissingGlyphs,
    Operation,
    Poster,
    SpriteSheet,
    Thumbnails,
    Transcode,
    Zoom,
    source_field,
    sources,
)
from servicekit.media.outputs import AudioCodec, AudioEncoding, FrameSize, OutputSpec, VideoCodec, VideoEncoding

MAX_URI_CHARACTERS = 4096
MAX_STILL_DURATION = timedelta(hours=1)
MAX_AUDIO_OFFSET = timedelta(hours=24)
MAX_FADE = timedelta(hours=1)
MAX_CONCAT_VIDEOS = 50
MAX_CAPTION_FONTS = 8
SPRITE_INTERVALS = (timedelta(seconds=0.1), timedelta(hours=1))
SAMPLE_RATES_HZ = (8000, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 96000)

_ASSET = re.compile(r"assets/[0-9a-f]{64}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SPACE = re.compile(r"\s")
_COLOR = re.compile(r"#[0-9A-Fa-f]{6}([0-9A-Fa-f]{2})?")
_OPAQUE_COLOR = re.compile(r"#[0-9A-Fa-f]{6}")
_LANGUAGE = re.compile(r"[a-z]{3}")
# Colours of CaptionStyle that may be left empty, for what is then not drawn.
_NO_COLOR = frozenset({"back_color", "highlight_color"})


class Problems:
    """Collects what is wrong with the fields of one request."""

    def __init__(self) -> None:
        """Starts without any."""
        self.violations: list[FieldViolation] = []

    def add(self, field: str, description: str) -> None:
        """Notes that a field is wrong; `description` says what and what would be right."""
        self.violations.append(FieldViolation(field, description))

    def within(self, field: str, value: float, low: float, high: float, unit: str = "") -> None:
        """Notes a number outside of low…high, bounds included; NaN is outside of everything."""
        if not low <= value <= high:
            self.add(field, f"must be {_digits(low)} to {_digits(high)}{unit}, not {_digits(value)}")

    def raise_if_any(self) -> None:
        """Raises InvalidArgument with every violation that was noted."""
        if not self.violations:
            return
        first = self.violations[0]
        more = f" (and {len(self.violations) - 1} more)" if len(self.violations) > 1 else ""
        raise InvalidArgument(
            f"{first.field}: {first.description}{more}",
            violations=self.violations,
            metadata={"field": first.field},
        )


def check_media(operation: Operation, output: OutputSpec, problems: Problems, *, prefix: str = "") -> None:
    """Notes every rule that an operation and its output break; `prefix` goes before each field path."""
    inner = Problems()
    for role, source in sources(operation):
        _check_source(f"operation.{_field_name(operation)}.{source_field(role)}", source, inner)
    _check_operation(operation, inner)
    _check_output(operation, output, inner)
    for field, description in contradictions(operation, output):
        inner.add(field, description)
    problems.violations.extend(FieldViolation(prefix + one.field, one.description) for one in inner.violations)


def has_control_characters(text: str) -> bool:
    """Tells whether a text would break a line of a log or move the cursor of a terminal."""
    return _CONTROL.search(text) is not None


def _digits(number: float) -> str:
    """Returns a whole number with all its digits, so that bounds and sizes can be compared by eye."""
    if isinstance(number, int):
        return str(number)
    # Beyond 2^53 the digits of a float are not what was sent.
    return f"{number:.0f}" if number.is_integer() and abs(number) < 2**53 else f"{number:g}"


def _field_name(operation: Operation) -> str:
    match operation:
        case Caption():
            return "caption"
        case ImageToVideo():
            return "image_to_video"
        case AddAudio():
            return "add_audio"
        case Transcode():
            return "transcode"
        case Concat():
            return "concat"
        case Thumbnails():
            return "thumbnails"


def _check_source(field: str, source: MediaSource, problems: Problems) -> None:
    if isinstance(source, AssetSource):
        if not _ASSET.fullmatch(source.asset):
            problems.add(f"{field}.asset", "must be assets/ and 64 lower-case hex digits")
        return
    for description in _uri_faults(source.uri):
        problems.add(f"{field}.uri", description)


def _uri_faults(uri: str) -> Iterator[str]:
    if len(uri) > MAX_URI_CHARACTERS:
        yield f"must have at most {MAX_URI_CHARACTERS} characters, not {len(uri)}"
        return
    # Asked before the parser, which drops some of them without a word.
    if _SPACE.search(uri) or has_control_characters(uri):
        yield "must not contain spaces or control characters"
        return
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        yield "is not a valid address"
        return
    yield from _part_faults(parts)


def _part_faults(parts: SplitResult) -> Iterator[str]:
    if parts.scheme.lower() not in {"http", "https"}:
        yield f"must begin with http:// or https://, not {parts.scheme or 'nothing'!r}"
    elif not parts.hostname:
        yield "must name a host"
    if parts.username is not None or parts.password is not None:
        yield "must not contain a user name or a password; use a signed address"


def _check_operation(operation: Operation, problems: Problems) -> None:
    match operation:
        case Caption():
            _check_caption(operation, problems)
        case ImageToVideo():
            _check_still(operation, problems)
        case AddAudio():
            _check_sound(operation, problems)
        case Transcode():
            _check_part(operation, problems)
        case Concat():
            problems.within("operation.concat.videos", len(operation.videos), 2, MAX_CONCAT_VIDEOS, " videos")
        case Thumbnails(kind=Poster() as poster):
            _check_poster(poster, problems)
        case Thumbnails(kind=SpriteSheet() as sheet):
            _check_sprites(sheet, problems)


def _check_caption(caption: Caption, problems: Problems) -> None:
    style, base = caption.style, "operation.caption.style"
    if caption.mode is CaptionMode.SOFT and style != CaptionStyle():
        problems.add(base, "a subtitle track has no style; leave it out, or burn the captions in")
    _check_caption_track(caption, problems)
    problems.within(f"{base}.font_size", style.font_size, 1, 500)
    problems.within(f"{base}.outline_width", style.outline_width, 0, 100)
    problems.within(f"{base}.shadow", style.shadow, 0, 100)
    problems.within(f"{base}.margin_vertical", style.margin_vertical, 0, 500)
    problems.within(f"{base}.margin_horizontal", style.margin_horizontal, 0, 500)
    if style.max_line_chars:
        problems.within(f"{base}.max_line_chars", style.max_line_chars, 10, 200)
    for name in ("primary_color", "outline_color", "back_color", "highlight_color"):
        color = getattr(style, name)
        if not _COLOR.fullmatch(color) and not (name in _NO_COLOR and not color):
            problems.add(f"{base}.{name}", f"must be #RRGGBB or #RRGGBBAA, not {color[:20]!r}")
    if len(style.font_family) > 100 or not style.font_family.isprintable() or "," in style.font_family:
        problems.add(f"{base}.font_family", "must have at most 100 printable characters and no comma")


def _check_caption_track(caption: Caption, problems: Problems) -> None:
    base = "operation.caption"
    if caption.mode is CaptionMode.SOFT:
        if caption.fonts:
            problems.add(f"{base}.fonts", "a player draws a subtitle track with fonts of its own; leave them out")
        if caption.missing_glyphs is not MissingGlyphs.FAIL:
            problems.add(f"{base}.missing_glyphs", "a subtitle track is not drawn here; leave it out")
    elif caption.language:
        problems.add(f"{base}.language", "captions that are burnt in are no track that could have a language")
    if caption.language and not _LANGUAGE.fullmatch(caption.language):
        problems.add(f"{base}.language", f"must be three letters of ISO 639-2, not {caption.language[:20]!r}")
    if len(caption.fonts) > MAX_CAPTION_FONTS:
        problems.within(f"{base}.fonts", len(caption.fonts), 0, MAX_CAPTION_FONTS, " fonts")


def _check_still(still: ImageToVideo, problems: Problems) -> None:
    base = "operation.image_to_video"
    if not timedelta() < still.duration <= MAX_STILL_DURATION:
        longest, wrong = MAX_STILL_DURATION.total_seconds(), still.duration.total_seconds()
        problems.add(
            f"{base}.duration", f"must be more than 0 and at most {_digits(longest)} s, not {_digits(wrong)} s"
        )
    problems.within(f"{base}.frame_rate", still.frame_rate, 1, 120)
    if still.border is not Border.COLOR and still.fit is not Fit.CONTAIN:
        problems.add(f"{base}.border", "has no effect where the still covers the frame; use FIT_CONTAIN")
    if not _OPAQUE_COLOR.fullmatch(still.background_color):
        problems.add(f"{base}.background_color", f"must be #RRGGBB, not {still.background_color[:20]!r}")
    _check_zoom(f"{base}.zoom", still.zoom, problems)


def _check_zoom(base: str, zoom: Zoom, problems: Problems) -> None:
    problems.within(f"{base}.start_scale", zoom.start_scale, 1, 10)
    problems.within(f"{base}.end_scale", zoom.end_scale, 1, 10)
    problems.within(f"{base}.focus_x", zoom.focus_x, 0, 1)
    problems.within(f"{base}.focus_y", zoom.focus_y, 0, 1)
    if zoom.end_focus_x is not None:
        problems.within(f"{base}.end_focus_x", zoom.end_focus_x, 0, 1)
    if zoom.end_focus_y is not None:
        problems.within(f"{base}.end_focus_y", zoom.end_focus_y, 0, 1)


def _check_sound(sound: AddAudio, problems: Problems) -> None:
    base = "operation.add_audio"
    problems.within(f"{base}.video_gain_db", sound.video_gain_db, -60, 30, " dB")
    problems.within(f"{base}.audio_gain_db", sound.audio_gain_db, -60, 30, " dB")
    _check_duration(f"{base}.audio_offset", sound.audio_offset, -MAX_AUDIO_OFFSET, MAX_AUDIO_OFFSET, problems)
    _check_duration(f"{base}.fade_in", sound.fade_in, timedelta(), MAX_FADE, problems)
    _check_duration(f"{base}.fade_out", sound.fade_out, timedelta(), MAX_FADE, problems)
    if sound.loudness_lufs is not None:
        problems.within(f"{base}.loudness_lufs", sound.loudness_lufs, -70, -5, " LUFS")
    if sound.duck_video and sound.mode is not AudioMode.MIX:
        problems.add(f"{base}.duck_video", "has no effect when the video's own sound is replaced")


def _check_part(part: Transcode, problems: Problems) -> None:
    if part.start_time < timedelta():
        problems.add("operation.transcode.start_time", "must not be negative")
    if part.end_time is not None and part.end_time <= part.start_time:
        problems.add("operation.transcode.end_time", "must be later than start_time")


def _check_poster(poster: Poster, problems: Problems) -> None:
    if poster.time is not None and poster.time < timedelta():
        problems.add("operation.thumbnails.poster.time", "must not be negative")
    _check_size("operation.thumbnails.poster.size", poster.size, problems)


def _check_sprites(sheet: SpriteSheet, problems: Problems) -> None:
    base = "operation.thumbnails.sprite_sheet"
    if sheet.interval is not None:
        _check_duration(f"{base}.interval", sheet.interval, *SPRITE_INTERVALS, problems)
    if not 32 <= sheet.width <= 640 or sheet.width % 2:
        problems.add(f"{base}.width", f"must be even and 32 to 640, not {sheet.width}")
    problems.within(f"{base}.columns", sheet.columns, 1, 20)
    problems.within(f"{base}.rows", sheet.rows, 1, 20)


def _check_duration(field: str, value: timedelta, low: timedelta, high: timedelta, problems: Problems) -> None:
    if not low <= value <= high:
        problems.within(field, value.total_seconds(), low.total_seconds(), high.total_seconds(), " s")


def _check_output(operation: Operation, output: OutputSpec, problems: Problems) -> None:
    copies = output.video.codec is VideoCodec.COPY
    if isinstance(operation, AddAudio) and not copies:
        problems.add("output.video.codec", "adding sound copies the picture; leave the codec out")
    if copies and output.video != VideoEncoding(codec=VideoCodec.COPY):
        problems.add("output.video", "the picture is copied, so nothing else about it can be set")
    if output.audio.codec is AudioCodec.COPY and output.audio != AudioEncoding(codec=AudioCodec.COPY):
        problems.add("output.audio", "the sound is copied, so nothing else about it can be set")
    if isinstance(operation, Thumbnails) and output != OutputSpec():
        problems.add("output", "pictures of a video have a form of their own; leave it empty")
    _check_video(output.video, problems)
    _check_audio(output.audio, problems)


def _check_video(video: VideoEncoding, problems: Problems) -> None:
    if video.quality is not None:
        problems.within("output.video.quality", video.quality, 0, 51)
    if video.bitrate_bps is not None:
        problems.within("output.video.bitrate_bps", video.bitrate_bps, 10_000, 500_000_000, " bit/s")
    if video.frame_rate:
        problems.within("output.video.frame_rate", video.frame_rate, 1, 120)
    _check_size("output.video.size", video.size, problems)


def _check_size(field: str, size: FrameSize, problems: Problems) -> None:
    _check_side(f"{field}.width", size.width, problems)
    _check_side(f"{field}.height", size.height, problems)


def _check_side(field: str, pixels: int, problems: Problems) -> None:
    if pixels and (not 16 <= pixels <= 8192 or pixels % 2):
        problems.add(field, f"must be even and 16 to 8192, not {pixels}")


def _check_audio(audio: AudioEncoding, problems: Problems) -> None:
    if audio.bitrate_bps:
        problems.within("output.audio.bitrate_bps", audio.bitrate_bps, 8_000, 1_000_000, " bit/s")
    if audio.channels:
        problems.within("output.audio.channels", audio.channels, 1, 8)
    if audio.sample_rate_hz and audio.sample_rate_hz not in SAMPLE_RATES_HZ:
        choices = ", ".join(str(rate) for rate in SAMPLE_RATES_HZ)
        problems.add("output.audio.sample_rate_hz", f"must be one of {choices}, not {audio.sample_rate_hz}")
