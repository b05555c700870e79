"""Frames of a camera's move over a still: a program that reads a ZoomJob (JSON) as its argument and writes raw frames.

It runs as a process of its own, `python -m worker.media.zoom JOB`, so that a hostile image can at worst end that
process, and so that OpenCV and NumPy are never loaded into the worker. Frames are yuv420p, BT.709, limited range, on
standard output. What is wrong with the image goes to the last line of standard error, after `INPUT_INVALID: `.

Every frame is a sub-pixel affine warp of the still. The usual zoompan filter cuts at whole pixels and trembles:
27 to 31 dB PSNR against an ideal rendering, where a linear warp of a source with some pixels to spare has 34 to 38.
"""

import os
import resource
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import BinaryIO

# Has to be set before OpenCV is loaded; it bounds what the header of a hostile image can make it allocate.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(100_000_000))

import cv2
import numpy as np
from numpy.typing import NDArray

from worker.media.motion import Window, ZoomJob, window

_MEMORY_BYTES = 6 << 30
# How many source pixels per output pixel a warp may have before it must not read the full source: above two, linear
# interpolation skips pixels and shimmers.
_MAX_DENSITY = 1.6
_LUMA, _CHROMA = (16.0, 219.0), (128.0, 224.0)
# BT.709: the shares of red, green and blue in luma.
_RED, _GREEN, _BLUE = 0.2126, 0.7152, 0.0722
_JPEG = b"\xff\xd8"

Plane = NDArray[np.uint8]


class UnreadableImage(Exception):
    """The file cannot be decoded as a still; the message is for people."""


def main(arguments: list[str], out: BinaryIO) -> int:
    """Writes all frames of the job; returns the exit status: 0, or 1 for an image that cannot be used."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    job = ZoomJob.from_json(arguments[0])
    try:
        picture = read_image(job.image)
        out.writelines(frames(job, picture))
        out.flush()
    except (UnreadableImage, MemoryError) as error:
        reason = error if isinstance(error, UnreadableImage) else "The image takes too much memory."
        print(f"INPUT_INVALID: {reason}", file=sys.stderr)  # noqa: T201 - this program speaks to its caller by stderr
        return 1
    except BrokenPipeError:
        # The reader has all the frames it wants, or is gone; either way it is the one to say so.
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
    return 0


def read_image(path: str) -> Plane:
    """Returns the still upright, as 8-bit BGR, transparent parts on black. Raises UnreadableImage."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - only the first bytes
            jpeg = file.read(2) == _JPEG
        # Only the colour modes honour the orientation; only the unchanged mode keeps transparency, which JPEG has not.
        image = cv2.imread(path, cv2.IMREAD_COLOR if jpeg else cv2.IMREAD_UNCHANGED)
        if image is not None and not jpeg and (image.ndim != 3 or image.shape[2] != 4):
            image = cv2.imread(path, cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise UnreadableImage("The image is broken or too large to be decoded.") from error
    if image is None:
        raise UnreadableImage("The image is broken, or of a format that is not supported (use JPEG, PNG or WebP).")
    if image.dtype == np.uint16:
        image = np.right_shift(image.astype(np.uint16), 8).astype(np.uint8)
    if image.shape[2] == 4:
        alpha = image[:, :, 3:].astype(np.uint16)
        image = ((image[:, :, :3] * alpha + 127) // 255).astype(np.uint8)
    return np.ascontiguousarray(image, dtype=np.uint8)


def frames(job: ZoomJob, picture: Plane) -> Iterator[bytes]:
    """Yields each frame as the bytes of its three planes."""
    height, width = picture.shape[:2]
    levels = _levels(job, picture)
    for number in range(job.frames):
        part = window(job, width, height, number)
        level = _level(levels, part.width / job.width)
        yield from (plane.tobytes() for plane in level.render(job, part))


class _Level:
    """The still at one size, as luma and chroma planes; chroma once more halved, as the output wants it."""

    def __init__(self, picture: Plane, scale: float) -> None:
        self.scale = scale
        height, width = picture.shape[:2]
        if scale < 1:
            size = (max(round(width * scale), 1), max(round(height * scale), 1))
            picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        self._x = picture.shape[1] / width
        self._y = picture.shape[0] / height
        self._luma, blue, red = _planes(picture)
        self._chroma = tuple(_halved(plane) for plane in (blue, red))

    def render(self, job: ZoomJob, part: Window) -> Iterator[Plane]:
        yield _warped(self._luma, (job.width, job.height), part, (self._x, self._y), border=16)
        # H.264 puts a chroma sample on the left one of the two columns it serves, half a pixel left of their middle.
        sited = replace(part, left=part.left - part.width / job.width / 2)
        for plane in self._chroma:
            yield _warped(plane, (job.width // 2, job.height // 2), sited, (self._x / 2, self._y / 2), border=128)


def _levels(job: ZoomJob, picture: Plane) -> list[_Level]:
    """The sizes of the still that the move needs: one is enough unless it goes from far away to very near."""
    height, width = picture.shape[:2]
    widest = max(window(job, width, height, frame).width for frame in (0, job.frames - 1)) / job.width
    nearest = min(window(job, width, height, frame).width for frame in (0, job.frames - 1)) / job.width
    scales = [min(1.0, _MAX_DENSITY / widest)]
    while scales[-1] * nearest < 1.0 / _MAX_DENSITY and scales[-1] < 1.0:
        scales.append(min(1.0, scales[-1] * _MAX_DENSITY))
    return [_Level(picture, scale) for scale in scales]


def _level(levels: list[_Level], density: float) -> _Level:
    """The largest one that still has no more source pixels per output pixel than a linear warp bears."""
    fitting = [level for level in levels if level.scale * density <= _MAX_DENSITY * 1.001]
    return fitting[-1] if fitting else levels[0]


def _planes(picture: Plane) -> tuple[Plane, Plane, Plane]:
    """BGR → Y, Cb, Cr of BT.709 in limited range; OpenCV's own conversion is BT.601, which turns greens and reds."""
    offset, span = _LUMA
    middle, chroma_span = _CHROMA
    blue_scale, red_scale = 2 * (1 - _BLUE), 2 * (1 - _RED)
    luma = np.array([_BLUE, _GREEN, _RED])
    blue = (np.array([1.0, 0.0, 0.0]) - luma) / blue_scale
    red = (np.array([0.0, 0.0, 1.0]) - luma) / red_scale
    matrix = np.zeros((3, 4))
    matrix[0, :3], matrix[0, 3] = luma * span / 255, offset
    matrix[1, :3], matrix[1, 3] = blue * chroma_span / 255, middle
    matrix[2, :3], matrix[2, 3] = red * chroma_span / 255, middle
    converted = cv2.transform(picture, matrix)
    luma_plane, blue_plane, red_plane = cv2.split(converted)
    return _as_plane(luma_plane), _as_plane(blue_plane), _as_plane(red_plane)


def _halved(plane: Plane) -> Plane:
    height, width = plane.shape[:2]
    size = (max((width + 1) // 2, 1), max((height + 1) // 2, 1))
    return _as_plane(cv2.resize(plane, size, interpolation=cv2.INTER_AREA))


def _warped(plane: Plane, size: tuple[int, int], part: Window, density: tuple[float, float], *, border: int) -> Plane:
    """Samples the plane at the centres of the frame's pixels; `density` is its pixels per pixel of the still."""
    (width, height), (x, y) = size, density
    step_x, step_y = part.width * x / width, part.height * y / height
    matrix = np.array(
        [
            [step_x, 0.0, part.left * x + step_x / 2 - 0.5],
            [0.0, step_y, part.top * y + step_y / 2 - 0.5],
        ]
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    mode = cv2.BORDER_REPLICATE if _inside(plane, part, x, y) else cv2.BORDER_CONSTANT
    return _as_plane(
        cv2.warpAffine(plane, matrix, (width, height), flags=flags, borderMode=mode, borderValue=(border,))
    )


def _inside(plane: Plane, part: Window, x: float, y: float) -> bool:
    """Whether nothing beyond the still is shown; half a pixel at its edge is repeated rather than mixed with black."""
    height, width = plane.shape[:2]
    across = part.left * x > -1 and (part.left + part.width) * x < width + 1
    return across and part.top * y > -1 and (part.top + part.height) * y < height + 1


def _as_plane(array: object) -> Plane:
    return np.asarray(array, dtype=np.uint8)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], sys.stdout.buffer))
