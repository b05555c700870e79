"""The pixels of a still: upright, opaque, eight bits. Only for the producer of frames, since it loads OpenCV."""

import mmap
import os
from collections.abc import Iterator
from pathlib import Path

# Has to be set before OpenCV is loaded; it bounds what the header of a hostile image can make it allocate.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(100_000_000))

import cv2
import numpy as np
from numpy.typing import NDArray

from worker.media.stillfile import StillFormat, StillHeader, StillUnreadable, read_header

Plane = NDArray[np.uint8]
Pixels = NDArray[np.uint8] | NDArray[np.uint16]
Color = tuple[int, int, int]
"""Blue, green, red, as OpenCV orders them."""

_ROWS = 256
_JPEG_END = b"\xff\xd9"
# Libjpeg gives the picture at a part of its size at a part of the work.
_REDUCED = {2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4, 8: cv2.IMREAD_REDUCED_COLOR_8}


def header_of(path: Path) -> StillHeader:
    """Returns the header; raises StillUnreadable."""
    with path.open("rb") as file:
        return read_header(file)


def read_still(path: Path, header: StillHeader, *, background: Color, spare: float = 1.0) -> Plane:
    """Returns the still upright, as 8-bit BGR, its transparent parts on `background`.

    `spare` is how many times more pixels along a side the still has than are needed: a JPEG is then decoded at a half,
    a quarter or an eighth. Of several pictures it is the first. Raises StillUnreadable.
    """
    try:
        image = _decoded(path, header, spare)
    except cv2.error as error:
        raise StillUnreadable(f"The image is a damaged {header.format} file.") from error
    if image is None:
        raise StillUnreadable(f"The image is a {header.format} file that is damaged or cut off.")
    if image.dtype not in (np.uint8, np.uint16):
        raise StillUnreadable(f"The image has pixels of type {image.dtype}; only 8 and 16 bits are read.")
    return _turned(_opaque(image, header.format, background), header.orientation)


def _decoded(path: Path, header: StillHeader, spare: float) -> Pixels | None:
    if header.format is not StillFormat.JPEG:
        # Only this mode keeps transparency; it leaves the orientation to us.
        return _as_pixels(cv2.imread(str(path), cv2.IMREAD_UNCHANGED))
    # OpenCV fills what is missing of a JPEG with grey and says nothing.
    if not _has_end(path):
        raise StillUnreadable("The image is a JPEG file that is cut off.")
    part = max((part for part in _REDUCED if part <= spare), default=1)
    mode = _REDUCED.get(part, cv2.IMREAD_COLOR_BGR)
    return _as_pixels(cv2.imread(str(path), mode | cv2.IMREAD_IGNORE_ORIENTATION))


def _has_end(path: Path) -> bool:
    """Whether the last scan is followed by the end marker, which cannot occur within the data of a scan."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        # A thumbnail in front of the picture has an end marker too, but then a scan follows.
        return data.rfind(_JPEG_END) > data.rfind(b"\xff\xda")


def _as_pixels(image: object) -> Pixels | None:
    return None if image is None else np.asarray(image)


def _opaque(image: Pixels, kind: StillFormat, background: Color) -> Plane:
    if image.ndim == 2:
        return np.asarray(cv2.cvtColor(_eight_bits(image), cv2.COLOR_GRAY2BGR), dtype=np.uint8)
    if image.shape[2] == 3:
        return _eight_bits(image)
    full = float(np.iinfo(image.dtype).max)
    # libtiff hands out eight-bit colours already multiplied by their alpha.
    multiplied = kind is StillFormat.TIFF and image.dtype == np.uint8
    result = np.empty((*image.shape[:2], 3), np.uint8)
    behind = np.array(background, np.float32)
    for rows in _strips(image.shape[0]):
        strip = image[rows].astype(np.float32) / full
        color, alpha = strip[:, :, :3], strip[:, :, 3:]
        blended = (color if multiplied else color * alpha) * 255 + behind * (1 - alpha)
        result[rows] = np.clip(blended + 0.5, 0, 255)
    return result


def _eight_bits(image: Pixels) -> Plane:
    if image.dtype == np.uint8:
        return np.asarray(image, dtype=np.uint8)
    return np.asarray(cv2.convertScaleAbs(image, alpha=255 / 65535), dtype=np.uint8)


def _strips(rows: int) -> Iterator[slice]:
    """A few rows at a time, so that a large still does not take several times its own memory."""
    for start in range(0, rows, _ROWS):
        yield slice(start, start + _ROWS)


def _turned(image: Plane, orientation: int) -> Plane:
    """Applies an EXIF orientation: 2 mirrors, 3 and 4 turn over, 5 to 8 exchange rows and columns (Exif 2.3, 4.6.4)."""
    if orientation >= 5:
        image = np.asarray(cv2.transpose(image), dtype=np.uint8)
    # 0 turns upside down, 1 mirrors, -1 does both.
    flip = {2: 1, 3: -1, 4: 0, 6: 1, 7: -1, 8: 0}.get(orientation)
    return image if flip is None else np.asarray(cv2.flip(image, flip), dtype=np.uint8)
