"""The header of a still: its format, its size as shown, and which side is up. Light: no pixel is decoded."""

import io
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import BinaryIO

from worker.media import exif

_EXIF_BYTES = 1 << 16
# Real files have fewer parts; more of them are made to keep a reader busy.
_MAX_PARTS = 10_000
_EXIF_MARK = b"Exif\0\0"


class StillFormat(StrEnum):
    """The formats that are read, by their usual names."""

    JPEG = "JPEG"
    PNG = "PNG"
    WEBP = "WebP"
    BMP = "BMP"
    TIFF = "TIFF"
    GIF = "GIF"


@dataclass(frozen=True, slots=True, kw_only=True)
class StillHeader:
    """Size in pixels as stored, before `orientation` (EXIF, 1 to 8) is applied."""

    format: StillFormat
    width: int
    height: int
    orientation: int = 1

    @property
    def upright_size(self) -> tuple[int, int]:
        """Width and height as shown."""
        return (self.height, self.width) if self.orientation >= 5 else (self.width, self.height)


class StillUnreadable(Exception):
    """The file is no still that can be used; the message is for people, a sentence that begins with "The image"."""


def read_header(file: BinaryIO) -> StillHeader:
    """Reads the header of a seekable file from its start; raises StillUnreadable.

    The end of a file may be read as well: PNG and WebP may have their EXIF data there.
    """
    file.seek(0)
    start = file.read(16)
    if not start:
        raise StillUnreadable("The image is empty.")
    kind = next((kind for kind, matches in _SIGNATURES if matches(start)), None)
    if kind is None:
        known = ", ".join(list(StillFormat)[:-1])
        raise StillUnreadable(f"The image is not in a format that is read; convert it to {known} or {StillFormat.GIF}.")
    file.seek(0)
    try:
        width, height, orientation = _READERS[kind](file)
    except (struct.error, IndexError) as error:
        raise StillUnreadable(f"The image is a {kind} file whose header is damaged or cut off.") from error
    if not width or not height:
        raise StillUnreadable(
            f"The image is a {kind} file that does not say how large it is; it is damaged or cut off."
        )
    return StillHeader(format=kind, width=width, height=height, orientation=orientation)


_SIGNATURES: tuple[tuple[StillFormat, Callable[[bytes], bool]], ...] = (
    (StillFormat.JPEG, lambda start: start.startswith(b"\xff\xd8\xff")),
    (StillFormat.PNG, lambda start: start.startswith(b"\x89PNG\r\n\x1a\n")),
    (StillFormat.WEBP, lambda start: start.startswith(b"RIFF") and start[8:12] == b"WEBP"),
    (StillFormat.BMP, lambda start: start.startswith(b"BM")),
    (StillFormat.TIFF, lambda start: start.startswith((b"II*\0", b"MM\0*"))),
    (StillFormat.GIF, lambda start: start.startswith((b"GIF87a", b"GIF89a"))),
)

_Size = tuple[int, int, int]
_START_OF_SCAN, _APP1 = 0xDA, 0xE1
# Start of frame (ITU-T T.81, table B.1); C4, C8 and CC among them are tables and an extension.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})


def _jpeg(file: BinaryIO) -> _Size:
    width = height = 0
    orientation = 1
    for marker, segment in _jpeg_segments(file):
        if marker == _APP1 and segment.startswith(_EXIF_MARK):
            orientation = _oriented(segment[len(_EXIF_MARK) :])
        elif marker in _FRAMES:
            height, width = struct.unpack_from(">HH", segment, 1)
            break
    return width, height, orientation


def _jpeg_segments(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """The segments in front of the pixels; EXIF data is always among them."""
    file.seek(2)
    for _ in range(_MAX_PARTS):
        if file.read(1) != b"\xff":
            return
        marker = 0xFF
        while marker == 0xFF:
            marker = file.read(1)[0]
        if marker in _WITHOUT_LENGTH:
            continue
        if marker == _START_OF_SCAN:
            return
        (length,) = struct.unpack(">H", file.read(2))
        yield marker, file.read(max(length - 2, 0))


def _png(file: BinaryIO) -> _Size:
    file.seek(16)
    width, height = struct.unpack(">II", file.read(8))
    file.seek(8)
    for _ in range(_MAX_PARTS):
        header = file.read(8)
        if len(header) < 8 or header[4:] == b"IEND":
            break
        (length,) = struct.unpack(">I", header[:4])
        if header[4:] == b"eXIf":
            return width, height, _oriented(file.read(min(length, _EXIF_BYTES)))
        file.seek(length + 4, io.SEEK_CUR)
    return width, height, 1


def _webp(file: BinaryIO) -> _Size:
    width = height = 0
    file.seek(12)
    for _ in range(_MAX_PARTS):
        header = file.read(8)
        if len(header) < 8:
            break
        name, (length,) = header[:4], struct.unpack("<I", header[4:])
        following = file.tell() + length + length % 2
        if name in _WEBP_SIZES and not width:
            width, height = _WEBP_SIZES[name](file.read(10))
        elif name == b"EXIF":
            return width, height, _oriented(file.read(min(length, _EXIF_BYTES)).removeprefix(_EXIF_MARK))
        file.seek(following)
    return width, height, 1


def _vp8x(data: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from("<4x3s3s", data)
    return 1 + int.from_bytes(width, "little"), 1 + int.from_bytes(height, "little")


def _vp8(data: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from("<HH", data, 6)
    return width & 0x3FFF, height & 0x3FFF


def _vp8l(data: bytes) -> tuple[int, int]:
    (bits,) = struct.unpack_from("<I", data, 1)
    return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)


_WEBP_SIZES: dict[bytes, Callable[[bytes], tuple[int, int]]] = {b"VP8X": _vp8x, b"VP8 ": _vp8, b"VP8L": _vp8l}


def _bmp(file: BinaryIO) -> _Size:
    file.seek(14)
    (size,) = struct.unpack("<I", file.read(4))
    # The header of OS/2 has 16-bit sizes; the height is negative where the first row is the top one.
    width, height = struct.unpack("<HH", file.read(4)) if size == 12 else struct.unpack("<ii", file.read(8))
    return max(width, 0), abs(height), 1


def _tiff(file: BinaryIO) -> _Size:
    tags = exif.read_tags(file)
    return tags.get(exif.WIDTH, 0), tags.get(exif.HEIGHT, 0), exif.orientation(tags)


def _gif(file: BinaryIO) -> _Size:
    file.seek(6)
    width, height = struct.unpack("<HH", file.read(4))
    return width, height, 1


def _oriented(data: bytes) -> int:
    return exif.orientation(exif.read_tags(io.BytesIO(data)))


_READERS: dict[StillFormat, Callable[[BinaryIO], _Size]] = {
    StillFormat.JPEG: _jpeg,
    StillFormat.PNG: _png,
    StillFormat.WEBP: _webp,
    StillFormat.BMP: _bmp,
    StillFormat.TIFF: _tiff,
    StillFormat.GIF: _gif,
}
