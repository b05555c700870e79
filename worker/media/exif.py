"""The tags of a TIFF structure, in which TIFF files say how large they are and cameras which side is up."""

import struct
from collections.abc import Mapping
from typing import BinaryIO

WIDTH, HEIGHT, ORIENTATION = 0x0100, 0x0101, 0x0112

_SHORT, _LONG = 3, 4
_MAX_ENTRIES = 512


def read_tags(file: BinaryIO) -> Mapping[int, int]:
    """Returns the tags of the first directory whose value is one whole number; none where the bytes make no sense.

    `file` begins with the TIFF header (TIFF 6.0, section 2), as EXIF data and TIFF files do.
    """
    tags: dict[int, int] = {}
    try:
        order = {b"II*\0": "<", b"MM\0*": ">"}[file.read(4)]
        (directory,) = struct.unpack(order + "I", file.read(4))
        file.seek(directory)
        (count,) = struct.unpack(order + "H", file.read(2))
        for _ in range(min(count, _MAX_ENTRIES)):
            tag, kind, values, value = struct.unpack(order + "HHI4s", file.read(12))
            if kind in (_SHORT, _LONG) and values == 1:
                (tags[tag],) = (
                    struct.unpack(order + "H", value[:2]) if kind == _SHORT else struct.unpack(order + "I", value)
                )
    except (KeyError, struct.error):
        # What was read up to there counts: a camera's tags come before what a bad editor cut off.
        pass
    return tags


def orientation(tags: Mapping[int, int]) -> int:
    """Returns 1 (as stored) to 8; from 5 on width and height are exchanged. 1 where the tags do not say."""
    value = tags.get(ORIENTATION, 1)
    return value if 1 <= value <= 8 else 1
