"""The orientation in the first bytes of a JPEG."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.media.exif import is_turned, orientation


def jpeg(value: int, order: str = "<") -> bytes:
    tiff = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8)
    tiff += struct.pack(order + "H", 1) + struct.pack(order + "HHIHH", 0x0112, 3, 1, value, 0) + bytes(4)
    exif = b"Exif\0\0" + tiff
    other = b"\xff\xe0" + struct.pack(">H", 16) + bytes(14)
    return b"\xff\xd8" + other + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + b"\xff\xda"


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("value", range(1, 9))
def test_orientation(value: int, order: str) -> None:
    assert orientation(jpeg(value, order)) == value
    assert is_turned(jpeg(value, order)) == (value >= 5)


@given(st.binary(max_size=300))
def test_garbage_counts_as_upright(tail: bytes) -> None:
    assert 1 <= orientation(b"\xff\xd8\xff\xe1" + tail) <= 8
    assert orientation(tail) == 1 or tail.startswith(b"\xff\xd8")
