"""The headers of stills: size, orientation, and what is refused."""

import io
import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.media.stillfile import StillFormat, StillUnreadable, read_header

Maker = Callable[..., bytes]


def tiff(orientation: int, order: str = "<", *, width: int = 3, height: int = 2) -> bytes:
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8)
    entries = [(0x0100, 4, width), (0x0101, 4, height)]
    packed = b"".join(struct.pack(order + "HHII", tag, kind, 1, value) for tag, kind, value in entries)
    packed += struct.pack(order + "HHIHH", 0x0112, 3, 1, orientation, 0)
    return head + struct.pack(order + "H", 3) + packed + bytes(4)


def jpeg(orientation: int, order: str = "<") -> bytes:
    exif = b"Exif\0\0" + tiff(orientation, order)
    other = b"\xff\xe0" + struct.pack(">H", 16) + bytes(14)
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 8, 8, 2, 3, 0)
    return b"\xff\xd8" + other + b"\xff\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + frame + b"\xff\xda"


def png(orientation: int, order: str = "<") -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + bytes(4)

    parts = [
        chunk(b"IHDR", struct.pack(">II", 3, 2) + bytes(5)),
        chunk(b"IDAT", bytes(9)),
        chunk(b"eXIf", tiff(orientation, order)),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts) + chunk(b"IEND", b"")


def webp(orientation: int, order: str = "<") -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return name + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)

    size = struct.pack("<I", 2)[:3] + struct.pack("<I", 1)[:3]
    parts = [
        chunk(b"VP8X", b"\x08\0\0\0" + size),
        chunk(b"VP8L", bytes(7)),
        chunk(b"EXIF", b"Exif\0\0" + tiff(orientation, order)),
    ]
    return b"RIFF" + bytes(4) + b"WEBP" + b"".join(parts)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("made", [jpeg, png, webp, tiff])
def test_every_orientation_of_every_format_that_has_one(made: Maker, orientation: int, order: str) -> None:
    header = read_header(io.BytesIO(made(orientation, order)))
    assert (header.width, header.height, header.orientation) == (3, 2, orientation)
    assert header.upright_size == ((3, 2) if orientation <= 4 else (2, 3))


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"BM" + bytes(12) + struct.pack("<Iii", 40, 3, -2), StillFormat.BMP),
        (b"BM" + bytes(12) + struct.pack("<IHH", 12, 3, 2), StillFormat.BMP),
        (b"GIF89a" + struct.pack("<HH", 3, 2), StillFormat.GIF),
        (b"RIFF\0\0\0\0WEBPVP8 " + struct.pack("<I", 10) + bytes(6) + struct.pack("<HH", 3, 2), StillFormat.WEBP),
        (b"RIFF\0\0\0\0WEBPVP8L" + struct.pack("<IBI", 5, 0x2F, 2 | 1 << 14), StillFormat.WEBP),
    ],
)
def test_sizes(data: bytes, kind: StillFormat) -> None:
    header = read_header(io.BytesIO(data))
    assert (header.format, header.width, header.height) == (kind, 3, 2)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "The image is empty"),
        (
            b"\0\0\0\x1cftypheic\0\0\0\0",
            "not in a format that is read; convert it to JPEG, PNG, .*TIFF or GIF",
        ),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not in a format that is read"),
        (png(1)[:18], "PNG file whose header is damaged or cut off"),
        (jpeg(1)[:30], "JPEG file that does not say how large it is"),
        (b"GIF89a" + bytes(4), "GIF file that does not say how large it is"),
    ],
)
def test_what_is_no_still_is_refused_in_words(data: bytes, words: str) -> None:
    with pytest.raises(StillUnreadable, match=words):
        read_header(io.BytesIO(data))


STARTS = [b"", b"\xff\xd8\xff\xe1", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP", b"BM", b"II*\0", b"GIF89a"]


@given(st.sampled_from(STARTS), st.binary(max_size=200))
def test_garbage_has_a_size_or_is_refused(start: bytes, tail: bytes) -> None:
    try:
        header = read_header(io.BytesIO(start + tail))
    except StillUnreadable:
        return
    assert header.width > 0
    assert header.height > 0
    assert 1 <= header.orientation <= 8


@given(st.sampled_from([jpeg, png, webp, tiff]), st.integers(0, 400))
def test_a_header_that_breaks_off_is_whole_or_refused(made: Maker, end: int) -> None:
    try:
        header = read_header(io.BytesIO(made(6)[:end]))
    except StillUnreadable:
        return
    assert (header.width, header.height) == (3, 2)
