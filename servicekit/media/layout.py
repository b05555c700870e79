"""Where things stand in a media file, read from its outermost structure only: what decides how soon it plays.

MP4 and MOV are ISO/IEC 14496-12 boxes, Matroska and WebM RFC 8794 elements (IDs from RFC 9559).
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_SEGMENT, _CUES, _CLUSTER = 0x18538067, 0x1C53BB6B, 0x1F43B675


def boxes(path: Path) -> Iterator[tuple[str, int, int]]:
    """Yields the outermost boxes of an MP4 or MOV file: type, start, end. Ends where the file is no such file."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = 0
        while start + 8 <= size:
            file.seek(start)
            length, kind = struct.unpack(">I4s", file.read(8))
            if length == 1:
                (length,) = struct.unpack(">Q", file.read(8).rjust(8, b"\0"))
            end = start + length if length else size
            if end < start + 8 or end > size:
                return
            yield kind.decode("latin-1"), start, end
            start = end


def index_is_in_front(path: Path) -> bool:
    """Tells whether a player finds the index (`moov`, or the Cues of Matroska) before the first data."""
    with path.open("rb") as file:
        if file.read(4) == b"\x1a\x45\xdf\xa3":
            return _cues_are_in_front(file)
    kinds = [kind for kind, _, _ in boxes(path)]
    return "moov" in kinds and "mdat" in kinds and kinds.index("moov") < kinds.index("mdat")


def _cues_are_in_front(file: BinaryIO) -> bool:
    file.seek(0)
    while (element := _element(file)) is not None:
        kind, size = element
        if kind in (_CUES, _CLUSTER):
            return kind == _CUES
        if kind != _SEGMENT:
            file.seek(size, 1)
    return False


def _element(file: BinaryIO) -> tuple[int, int] | None:
    kind, size = _number(file, marked=True), _number(file, marked=False)
    if kind is None or size is None:
        return None
    return kind, 0 if kind == _SEGMENT else size


def _number(file: BinaryIO, *, marked: bool) -> int | None:
    """An EBML number: as many zero bits lead it as bytes follow the first one."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    length = 9 - first[0].bit_length()
    value = int.from_bytes(first + file.read(length - 1), "big")
    return value if marked else value & ((1 << 7 * length) - 1)
