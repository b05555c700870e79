"""Reading subtitle files as they are found in the wild: their encoding, and SubRip, WebVTT or ASS cues."""

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise

from charset_normalizer import from_bytes

from worker.errors import FailureReason, TaskFailed

MAX_BYTES = 8 << 20
MAX_CUES = 20_000

# What subtitles without a byte-order mark are written in where they are not UTF-8.
_LEGACY_ENCODINGS = [
    "cp1252",
    "cp1250",
    "cp1251",
    "cp1253",
    "cp1254",
    "cp1255",
    "cp1256",
    "shift_jis",
    "gb18030",
    "big5",
]
# Statistics confuse the Western code page with the Turkish and the Central European one on a file of a few lines.
_WESTERN = frozenset("àáâãäåæçèéêëìíîïñòóôõöøœùúûüýÿßÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØŒÙÚÛÜÝ‘’‚“”„–—…€«»°¡¿\u00a0")
_WESTERN_SHARE = 0.5
_BYTE_ORDER_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_TIME = r"(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2})(?:\s?[,.:]\s?(\d{1,6}))?"
# Two hyphens are meant; editors make one of them, or a dash.
_ARROW = re.compile(r"-->|(?<=\d)\s*(?:->|[–—]>|→)\s*-?\d")
_TIMING = re.compile(rf"\s*(-?){_TIME}\s*(?:-{{1,3}}>|[–—]>|→)\s*(-?){_TIME}(?:\s.*)?$")
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_TAG = re.compile(r"<(/?)([a-zA-Z][^<>]*)>|\{(/?)([biu])\}|\{\\an?\d+\}")
_WEBVTT_MOMENT = re.compile(r"<(\d[\d:.]*)>")
_TIMESTAMP = re.compile(_TIME)
_ASS_OVERRIDE = re.compile(r"(\{[^}]*\})")
_ASS_KARAOKE = re.compile(r"\\(?:k[fo]?|K)\s*(\d{1,6})")
_ASS_TIME = re.compile(r"\s*(\d+):(\d{1,2}):(\d{1,2})\.(\d{1,3})\s*$")
_BLOCK = re.compile(r"(?:NOTE|STYLE|REGION)(?:\s|$)")
_ASS_FIELDS = ("layer", "start", "end", "style", "name", "marginl", "marginr", "marginv", "effect", "text")
_ASS_DRAWING = re.compile(r"\\p\s*(\d+)")
_EMPHASIS = {"b": "bold", "i": "italic", "u": "underline"}


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of text of one look; it may contain newlines. `spoken` is when, where the file says so."""

    text: str
    bold: bool = False
    italic: bool = False
    underline: bool = False
    spoken: "Spoken | None" = None


@dataclass(frozen=True, slots=True)
class Spoken:
    """When a word is spoken, in the time of the file."""

    start: timedelta
    end: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """What stands in the picture from `start` to `end`; `line` is where the file says so, from 1."""

    start: timedelta
    end: timedelta
    spans: tuple[Span, ...]
    line: int

    @property
    def text(self) -> str:
        return "".join(span.text for span in self.spans)


_PLAIN = Span("")


def read_subtitles(content: bytes) -> tuple[Cue, ...]:
    """Returns the cues of a subtitle file, by start time; the format is told by the content, not by the name.

    Raises TaskFailed(SUBTITLES_INVALID), which names the line where one is at fault.
    """
    if len(content) > MAX_BYTES:
        raise _invalid(f"The subtitle file has {len(content)} bytes; more than {MAX_BYTES} are not read.")
    text = decode(content)
    cues = tuple(cue for cue in _parse(text.splitlines()) if cue.text.strip() and cue.end > cue.start)
    if not cues:
        raise _invalid("The subtitle file has no cue: not one line such as '00:00:01,000 --> 00:00:02,500' with text.")
    if len(cues) > MAX_CUES:
        raise _invalid(f"The subtitle file has {len(cues)} cues; more than {MAX_CUES} are not drawn.")
    return tuple(sorted(cues, key=lambda cue: (cue.start, cue.line)))


def decode(content: bytes) -> str:
    """Returns the text of a subtitle file in UTF-8, UTF-16 or a legacy encoding, with or without byte-order mark.

    Raises TaskFailed(SUBTITLES_INVALID) for an empty file and for what is not text.
    """
    if not content.strip(b"\x00 \t\r\n\xef\xbb\xbf\xff\xfe"):
        raise _invalid("The subtitle file is empty.")
    text = _decode_known(content)
    if text is None:
        text = _decode_western(content) or _decode_by_statistics(content)
    if text is None or _looks_binary(text):
        raise _invalid("The subtitle file is not text: it is neither UTF-8 nor UTF-16 nor a known legacy encoding.")
    return text.replace("\x00", "")


def _decode_known(content: bytes) -> str | None:
    for mark, encoding in _BYTE_ORDER_MARKS:
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding, errors="replace")
    even, odd = content[0:4096:2].count(0), content[1:4096:2].count(0)
    # Timings are ASCII, so UTF-16 without a mark shows as zeros at every other place.
    if odd > 4 * even + 8:
        return content.decode("utf-16-le", errors="replace")
    if even > 4 * odd + 8:
        return content.decode("utf-16-be", errors="replace")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _decode_western(content: bytes) -> str | None:
    try:
        text = content.decode("cp1252")
    except UnicodeDecodeError:
        return None
    accented = {char for char in text if ord(char) > 127}
    share = sum(ord(char) > 127 for char in text) / max(sum(char.isalpha() for char in text), 1)
    # Czech read as Western shows ř as ø and ě as ì, which no Western language has side by side.
    fits = accented <= _WESTERN and share < _WESTERN_SHARE and not {"ø", "ì"} <= accented
    return text if fits else None


def _decode_by_statistics(content: bytes) -> str | None:
    guess = from_bytes(content, cp_isolation=_LEGACY_ENCODINGS, threshold=0.3).best()
    return None if guess is None else str(guess)


def _looks_binary(text: str) -> bool:
    odd = sum(char in "\x00�" or (char < " " and char not in "\t\r\n\x0c\x1a") for char in text)
    return odd > len(text) // 100


def _parse(lines: list[str]) -> Iterator[Cue]:
    if any(line.strip().lower() == "[events]" for line in lines):
        return _parse_ass(lines)
    return _parse_timed(lines)


def _parse_timed(lines: list[str]) -> Iterator[Cue]:
    """SubRip and WebVTT, which differ in headers that are no cues and in the decimal mark."""
    webvtt = bool(lines) and lines[0].lstrip("\ufeff").startswith("WEBVTT")
    lines = _without_blocks(lines) if webvtt else lines
    starts = [index for index, line in enumerate(lines) if _ARROW.search(line)]
    for position, index in enumerate(starts):
        following = starts[position + 1] if position + 1 < len(starts) else len(lines)
        start, end = _timing(lines[index], index + 1)
        body = _body(lines[index + 1 : following], before_cue=following < len(lines), webvtt=webvtt)
        text = _BREAK.sub("\n", "\n".join(body))
        spans = _webvtt_spans(text, start, end) if webvtt else tuple(span for span in _spans(text) if span.text)
        yield Cue(start=start, end=end, spans=spans, line=index + 1)


def _without_blocks(lines: list[str]) -> list[str]:
    """Empties the blocks that are no cues (NOTE, STYLE, REGION), each up to a blank line; the numbers of lines stay."""
    kept: list[str] = []
    inside = False
    for line in lines:
        inside = bool(line.strip()) and (inside or _BLOCK.match(line) is not None)
        kept.append("" if inside else line)
    return kept


def _timing(line: str, number: int) -> tuple[timedelta, timedelta]:
    match = _TIMING.match(line)
    if match is None:
        raise _invalid(f"Line {number} of the subtitle file is no time range: {line.strip()[:60]!r}.", line=number)
    before, *first, also_before, last_hours, last_minutes, last_seconds, last_fraction = match.groups()
    # What was shifted to before the start of the video is cut off there.
    start = timedelta() if before else _time(*first)
    end = timedelta() if also_before else _time(last_hours, last_minutes, last_seconds, last_fraction)
    if end < start:
        raise _invalid(f"Line {number} of the subtitle file ends before it starts: {line.strip()[:60]!r}.", line=number)
    return start, end


def _time(hours: str | None, minutes: str, seconds: str, fraction: str | None) -> timedelta:
    milliseconds = int((fraction or "0").ljust(3, "0")[:3])
    return timedelta(hours=int(hours or 0), minutes=int(minutes), seconds=int(seconds), milliseconds=milliseconds)


def _body(lines: list[str], *, before_cue: bool, webvtt: bool) -> list[str]:
    """The text lines of a cue: the number or name of the next one cut off, and what follows a blank line in WebVTT."""
    kept = [line.strip() for line in lines]
    if webvtt:
        return kept[: kept.index("")] if "" in kept else kept
    kept = [line for line in kept if line]
    # Files that lost their blank lines, or have too many, still carry the next cue's number above its timing.
    return kept[:-1] if before_cue and kept and kept[-1].isdigit() else kept


def _webvtt_spans(text: str, start: timedelta, end: timedelta) -> tuple[Span, ...]:
    """A timestamp inside a cue says when what follows is spoken, up to the next one.

    One that is out of order, or outside of the cue, counts for nothing.
    """
    spans: list[Span] = []
    moments = [start]
    pieces = _WEBVTT_MOMENT.split(text)
    look = Span("")
    for piece, moment in zip(pieces[::2], [*pieces[1::2], None], strict=True):
        found = list(_spans(piece, look, webvtt=True))
        look = found[-1]
        spans += [replace(span, spoken=Spoken(moments[-1], end)) for span in found if span.text]
        match = _TIMESTAMP.fullmatch(moment) if moment is not None else None
        if match is not None and moments[-1] <= (time := _time(*match.groups())) <= end:
            moments.append(time)
    if len(moments) == 1:
        return tuple(replace(span, spoken=None) for span in spans)
    ends = dict(pairwise(moments)) | {moments[-1]: end}
    return tuple(
        replace(span, spoken=Spoken(span.spoken.start, ends[span.spoken.start])) for span in spans if span.spoken
    )


def _spans(text: str, look: Span = _PLAIN, *, webvtt: bool = False) -> Iterator[Span]:
    """Turns tags into looks: b, i and u count, every other tag is left out, an unclosed tag ends with the cue.

    The last span has no text: it is the look in which a text that follows would go on.
    """
    position = 0
    for tag in _TAG.finditer(text):
        yield replace(look, text=_plain(text[position : tag.start()], webvtt=webvtt))
        look, position = _look_after(look, tag), tag.end()
    yield replace(look, text=_plain(text[position:], webvtt=webvtt))
    yield replace(look, text="")


def _plain(text: str, *, webvtt: bool) -> str:
    return html.unescape(text) if webvtt else text.replace("&nbsp;", "\u00a0").replace("\\h", "\u00a0")


def _look_after(look: Span, tag: re.Match[str]) -> Span:
    closing, name = tag.group(1) or tag.group(3), tag.group(2) or tag.group(4) or ""
    words = re.split(r"[\s.]", name.lower(), maxsplit=1)
    flag = _EMPHASIS.get(words[0].rstrip("/"))
    match flag:
        case "bold":
            return replace(look, bold=not closing)
        case "italic":
            return replace(look, italic=not closing)
        case "underline":
            return replace(look, underline=not closing)
        case _:
            return look


def _parse_ass(lines: list[str]) -> Iterator[Cue]:
    """ASS and SSA for their words and times alone; the look is that of the request's style."""
    names: Sequence[str] = _ASS_FIELDS
    section = ""
    for index, line in enumerate(lines):
        kind, _, rest = line.partition(":")
        if line.strip().startswith("["):
            section = line.strip().lower()
        elif section == "[events]" and kind.strip().lower() == "format":
            names = [name.strip().lower() for name in rest.split(",")]
        elif kind.strip().lower() == "dialogue":
            # The text comes last, since it may hold commas.
            fields = dict(zip(names, rest.split(",", len(names) - 1), strict=False))
            start, end = (_ASS_TIME.match(fields.get(name, "")) for name in ("start", "end"))
            if start is None or end is None or "text" not in fields:
                raise _invalid(f"Line {index + 1} of the subtitle file is no ASS event: {line[:60]!r}.", line=index + 1)
            begin = _time(*start.groups())
            spans = tuple(_ass_spans(fields["text"], begin))
            yield Cue(start=begin, end=_time(*end.groups()), spans=spans, line=index + 1)


def _ass_spans(text: str, start: timedelta) -> Iterator[Span]:
    """Karaoke tags say how long, in hundredths of a second, what follows them is spoken, one after the other.

    Drawings are no text and are left out.
    """
    spoken: Spoken | None = None
    until, drawing = start, False
    for piece in _ASS_OVERRIDE.split(text.strip()):
        if _ASS_OVERRIDE.fullmatch(piece):
            for scale in _ASS_DRAWING.findall(piece):
                drawing = int(scale) > 0
            for hundredths in _ASS_KARAOKE.findall(piece):
                spoken = Spoken(until, until + timedelta(milliseconds=10 * int(hundredths)))
                until = spoken.end
        elif piece and not drawing:
            plain = piece.replace("\\h", "\u00a0").replace("\\N", "\n").replace("\\n", "\n")
            yield Span(plain, spoken=spoken)


def _invalid(message: str, *, line: int | None = None) -> TaskFailed:
    metadata = {} if line is None else {"line": str(line)}
    return TaskFailed(FailureReason.SUBTITLES_INVALID, message, metadata=metadata)
