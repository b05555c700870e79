"""3GPP timed text (ETSI TS 126 245) in a small MP4 file of its own: the form of subtitles that MP4 players know.

Written here because FFmpeg's encoder drops the blank samples between captions, and its muxer can make up for them only
as long as caption and gap are in the same fragment: in an append-only file a caption would stay until the next one.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from worker.media.subtitles import Span

MAX_SAMPLE_BYTES = 0xFFFF

_MICROSECOND = timedelta(microseconds=1)
# FFmpeg's own unit. With a coarser one its muxer takes the rounding for a gap, puts a blank before each sample, and a
# remux then shifts all that follows by a unit each time (seen with 1000 and, now and then, with 90000; FFmpeg 9.0.2).
_TIME_SCALE = 1_000_000
# What 32 bits of microseconds hold is 71 minutes.
_LONGEST_SAMPLE = 3600 * _TIME_SCALE
_FONT_ID, _FONT_NAME = 1, b"Sans-Serif"
# Players scale it; the figure is the usual one (that of Apple's and FFmpeg's encoders).
_FONT_SIZE = 18
_WHITE = b"\xff\xff\xff\xff"
_BOLD, _ITALIC, _UNDERLINE = 1, 2, 4
_UNDETERMINED = 0x55C4  # "und", five bits a letter
_IDENTITY = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_BLANK = b"\x00\x00"


@dataclass(frozen=True, slots=True)
class TimedText:
    """A text of at most MAX_SAMPLE_BYTES in UTF-8, and when it is there; none may overlap another."""

    start: timedelta
    end: timedelta
    spans: tuple[Span, ...]


def timed_text_file(texts: Iterable[TimedText]) -> bytes:
    """Returns an MP4 file with one track, in order, with blank samples wherever there is no text."""
    timed = list(_timed_samples(texts))
    samples, durations = [sample for sample, _ in timed], [duration for _, duration in timed]
    head = _box(b"ftyp", b"isom", struct.pack(">I", 0x200), b"isomiso2mp41")
    # The place of the samples is in the index before them, whose size does not depend on it.
    offset = len(head) + len(_index(samples, durations, 0)) + 8
    return head + _index(samples, durations, offset) + _box(b"mdat", *samples)


def _timed_samples(texts: Iterable[TimedText]) -> Iterator[tuple[bytes, int]]:
    now = 0
    for text in texts:
        start, end = text.start // _MICROSECOND, text.end // _MICROSECOND
        yield from _pieces(_BLANK, start - now)
        yield from _pieces(_sample(text.spans), end - start)
        now = end


def _pieces(sample: bytes, duration: int) -> Iterator[tuple[bytes, int]]:
    for passed in range(0, duration, _LONGEST_SAMPLE):
        yield sample, min(duration - passed, _LONGEST_SAMPLE)


def _sample(spans: Sequence[Span]) -> bytes:
    text = "".join(span.text for span in spans).encode()
    styles, position = [], 0
    for span in spans:
        face = _BOLD * span.bold | _ITALIC * span.italic | _UNDERLINE * span.underline
        if face:
            styles.append(_style(position, position + len(span.text), face))
        position += len(span.text)
    boxes = _box(b"styl", struct.pack(">H", len(styles)), *styles) if styles else b""
    return struct.pack(">H", len(text)) + text + boxes


def _style(start: int, end: int, face: int) -> bytes:
    return struct.pack(">HHHBB", start, end, _FONT_ID, face, _FONT_SIZE) + _WHITE


def _index(samples: Sequence[bytes], durations: Sequence[int], offset: int) -> bytes:
    length = sum(durations)
    sample_table = _box(
        b"stbl",
        _full(b"stsd", struct.pack(">I", 1), _sample_entry()),
        _full(b"stts", struct.pack(">I", len(durations)), *(struct.pack(">II", 1, one) for one in durations)),
        _full(b"stsc", struct.pack(">4I", 1, 1, len(samples), 1)),
        _full(b"stsz", struct.pack(">II", 0, len(samples)), *(struct.pack(">I", len(one)) for one in samples)),
        _full(b"stco", struct.pack(">II", 1, offset)),
    )
    data_reference = _box(b"dinf", _full(b"dref", struct.pack(">I", 1), _full(b"url ", flags=1)))
    media = _box(
        b"mdia",
        _full(b"mdhd", struct.pack(">QQIQHH", 0, 0, _TIME_SCALE, length, _UNDETERMINED, 0), version=1),
        _full(b"hdlr", bytes(4), b"sbtl", bytes(12), b"SubtitleHandler\x00"),
        _box(b"minf", _full(b"nmhd"), data_reference, sample_table),
    )
    track = struct.pack(">QQIIQ8x4H", 0, 0, 1, 0, length, 0, 0, 0, 0) + _IDENTITY + bytes(8)
    movie = struct.pack(">QQIQIH10x", 0, 0, _TIME_SCALE, length, 0x10000, 0x100) + _IDENTITY + bytes(24)
    return _box(
        b"moov",
        _full(b"mvhd", movie, struct.pack(">I", 2), version=1),
        _box(b"trak", _full(b"tkhd", track, version=1, flags=3), media),
    )


def _sample_entry() -> bytes:
    """Centred at the bottom, no background, the whole picture as the box."""
    justified = struct.pack(">Ibb", 0, 1, -1)
    fonts = _box(b"ftab", struct.pack(">HHB", 1, _FONT_ID, len(_FONT_NAME)), _FONT_NAME)
    return _box(b"tx3g", bytes(6), struct.pack(">H", 1), justified, bytes(4), bytes(8), _style(0, 0, 0), fonts)


def _full(kind: bytes, *parts: bytes, version: int = 0, flags: int = 0) -> bytes:
    return _box(kind, struct.pack(">I", version << 24 | flags), *parts)


def _box(kind: bytes, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return struct.pack(">I", len(content) + 8) + kind + content
