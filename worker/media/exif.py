"""The orientation that a camera wrote into a JPEG, which decides whether a still is portrait or landscape."""

import struct

# What has to be read of a file: EXIF data comes first and is at most one 64 KiB segment, after short others.
HEAD_BYTES = 256 << 10

_ORIENTATION = 0x0112
_START_OF_SCAN = 0xDA
_APP1 = 0xE1


def is_turned(head: bytes) -> bool:
    """Tells from the first bytes of a still whether it is shown with width and height exchanged."""
    return 5 <= orientation(head) <= 8


def orientation(head: bytes) -> int:
    """Returns the EXIF orientation, 1 to 8; 1 (as stored) where the bytes are no JPEG or do not say."""
    if not head.startswith(b"\xff\xd8"):
        return 1
    position = 2
    while position + 4 <= len(head) and head[position] == 0xFF:
        marker = head[position + 1]
        (length,) = struct.unpack_from(">H", head, position + 2)
        segment = head[position + 4 : position + 2 + length]
        if marker == _APP1 and segment.startswith(b"Exif\0\0"):
            return _from_tiff(segment[6:])
        if marker == _START_OF_SCAN or length < 2:
            break
        position += 2 + length
    return 1


def _from_tiff(data: bytes) -> int:
    order = "<" if data.startswith(b"II") else ">"
    try:
        (directory,) = struct.unpack_from(order + "I", data, 4)
        (count,) = struct.unpack_from(order + "H", data, directory)
        for entry in range(min(count, 64)):
            tag, _, _, value = struct.unpack_from(order + "HHIH", data, directory + 2 + 12 * entry)
            if tag == _ORIENTATION:
                return value if 1 <= value <= 8 else 1
    except struct.error:
        pass
    return 1
