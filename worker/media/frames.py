"""Frames of a camera's move over a still: sub-pixel affine warps, several at a time.

Each plane of a frame is sampled at exact positions. A warp between neighbouring pixels is right as long as there are
no more than about two source pixels for one of the frame; of a larger still there are smaller copies.
"""

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from servicekit.media.operations import Border, Fit
from worker.media.decode import Color, Plane
from worker.media.motion import Window, ZoomJob, window

# How many source pixels per frame pixel a linear warp bears: 41 dB PSNR against an ideal rendering at 2.0, 49 at 1.0.
# Below 1.4 a copy that was shrunk has lost too much (40 dB), so that the next larger one has to be at hand.
_MAX_DENSITY = 2.0
_NEXT_LEVEL = 2**0.5
# Below, pixels become visible; cubic interpolation is smoother and just as exact at this point.
_ENLARGED = 0.9
_MAX_THREADS = 8
# Of the height of the frame; of what is seen only light and colour are to be left.
_BLUR, _BLUR_LIGHT = 1 / 30, 0.55
_BLUR_SHRINK = 8

_LUMA, _CHROMA = (16.0, 219.0), (128.0, 224.0)
# BT.709: the shares of red, green and blue in luma.
_RED, _GREEN, _BLUE = 0.2126, 0.7152, 0.0722

Planes = tuple[Plane, Plane, Plane]
Shares = NDArray[np.float64]


def spare_pixels(job: ZoomJob, width: int, height: int) -> float:
    """Returns how many times more pixels along a side a still of that size has than the nearest frame needs."""
    return min(_densities(job, width, height)) / _MAX_DENSITY


def frames(job: ZoomJob, picture: Plane, *, background: Color) -> Iterator[NDArray[np.uint8]]:
    """Yields each frame as the bytes of its three planes: yuv420p, BT.709, limited range.

    `picture` is 8-bit BGR, `background` shows around it with CONTAIN.
    """
    camera = _Camera(job, picture, background)
    parts = [camera.part(0), camera.part(job.frames - 1)]
    if parts[0] == parts[1]:
        still = camera.render(parts[0])
        yield from (still for _ in job.numbers)
        return
    threads = min(len(os.sched_getaffinity(0)), _MAX_THREADS, len(job.numbers))
    # A frame on each thread is faster than a frame on all of them.
    cv2.setNumThreads(1)
    ahead: deque[Future[NDArray[np.uint8]]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for number in job.numbers:
            if len(ahead) > threads:
                yield ahead.popleft().result()
            ahead.append(pool.submit(camera.render, camera.part(number)))
        while ahead:
            yield ahead.popleft().result()


class _Camera:
    """The still and what is around it, made ready for every frame of a job."""

    def __init__(self, job: ZoomJob, picture: Plane, background: Color) -> None:
        self._job = job
        self._height, self._width = picture.shape[:2]
        self._levels = _levels(job, picture)
        self._around = _around(job, picture, background) if job.fit is Fit.CONTAIN else None

    def part(self, number: int) -> Window:
        """What frame `number` shows of the still."""
        return window(self._job, self._width, self._height, number)

    def render(self, part: Window) -> NDArray[np.uint8]:
        """The planes of the frame that shows this part, one after the other."""
        width, height = self._job.width, self._job.height
        frame = np.empty(width * height * 3 // 2, np.uint8)
        level = _level(self._levels, part.width / width)
        across = _covered(-part.left / part.width, (self._width - part.left) / part.width)
        down = _covered(-part.top / part.height, (self._height - part.top) / part.height)
        for number, (target, plane) in enumerate(zip(_split(frame, width, height), level.planes, strict=True)):
            # H.264 puts a chroma sample on the left one of the two columns it serves, half a pixel left of the middle.
            sited = replace(part, left=part.left - part.width / width / 2) if number else part
            sampling = _Sampling(plane, sited, (self._width, self._height), target.shape)
            if self._around is None:
                sampling.warp(target, 0, 0)
            else:
                target[:] = self._around[number]
                _paste(sampling, target, across, down)
        return frame


@dataclass(frozen=True, slots=True)
class _Level:
    """The still at one size, as luma and chroma planes; `scale` is its width as a share of the still's."""

    scale: float
    planes: Planes


class _Sampling:
    """How a plane of the still is mapped to a plane of the frame."""

    def __init__(self, plane: Plane, part: Window, size: tuple[int, int], frame: tuple[int, ...]) -> None:
        self._plane = plane
        x, y = plane.shape[1] / size[0], plane.shape[0] / size[1]
        self._step_x, self._step_y = part.width * x / frame[1], part.height * y / frame[0]
        self._left, self._top = part.left * x, part.top * y
        enlarged = max(self._step_x, self._step_y) < _ENLARGED
        self._flags = (cv2.INTER_CUBIC if enlarged else cv2.INTER_LINEAR) | cv2.WARP_INVERSE_MAP

    def warp(self, target: Plane, column: int, row: int) -> None:
        """Fills `target`, which is the part of the frame from that column and row on; edges of the still go on."""
        matrix = np.array(
            [
                [self._step_x, 0.0, self._left + self._step_x * (column + 0.5) - 0.5],
                [0.0, self._step_y, self._top + self._step_y * (row + 0.5) - 0.5],
            ]
        )
        size = (target.shape[1], target.shape[0])
        cv2.warpAffine(self._plane, matrix, size, dst=target, flags=self._flags, borderMode=cv2.BORDER_REPLICATE)


def _paste(sampling: _Sampling, target: Plane, across: tuple[float, float], down: tuple[float, float]) -> None:
    """Puts the still over what is in `target`; its edges, which lie between pixels, are mixed by how much they cover.

    `across` and `down` are where the still begins and ends, in shares of the frame.
    """
    columns, rows = (_shares(target.shape[1], across), _shares(target.shape[0], down))
    left, top = int(np.argmax(columns > 0)), int(np.argmax(rows > 0))
    width, height = np.count_nonzero(columns), np.count_nonzero(rows)
    inner = target[top : top + height, left : left + width]
    behind = inner.copy()
    still = np.empty_like(behind)
    sampling.warp(still, left, top)
    inner[:] = still
    columns, rows = columns[left : left + width], rows[top : top + height]
    for edge in (slice(0, 1), slice(width - 1, width)):
        _mix(inner[:, edge], behind[:, edge], still[:, edge], rows[:, np.newaxis] * columns[edge])
    for edge in (slice(0, 1), slice(height - 1, height)):
        _mix(inner[edge], behind[edge], still[edge], columns * rows[edge])


def _mix(target: Plane, behind: Plane, front: Plane, share: Shares) -> None:
    target[:] = np.round(behind + (front.astype(np.float64) - behind) * share)


def _shares(count: int, extent: tuple[float, float]) -> Shares:
    """How much of each of `count` pixels in a row lies within an extent given in shares of the row."""
    start, end = extent[0] * count, extent[1] * count
    at = np.arange(count)
    return np.asarray(np.clip(np.minimum(at + 1, end) - np.maximum(at, start), 0.0, 1.0))


def _covered(start: float, end: float) -> tuple[float, float]:
    """An extent within 0 and 1; the smallest shares are rounding errors, not slivers of a border."""
    return (0.0 if start < 1e-9 else start), (1.0 if end > 1 - 1e-9 else end)


def _split(frame: NDArray[np.uint8], width: int, height: int) -> Planes:
    luma, quarter = width * height, width * height // 4
    half = (height // 2, width // 2)
    return (
        frame[:luma].reshape(height, width),
        frame[luma : luma + quarter].reshape(half),
        frame[luma + quarter :].reshape(half),
    )


def _levels(job: ZoomJob, picture: Plane) -> list[_Level]:
    """The sizes of the still that the move needs: one is enough unless it goes from far away to very near."""
    height, width = picture.shape[:2]
    nearest, widest = sorted(_densities(job, width, height))
    scales = [min(1.0, _MAX_DENSITY / widest)]
    while scales[-1] * nearest < _MAX_DENSITY / _NEXT_LEVEL and scales[-1] < 1.0:
        scales.append(min(1.0, scales[-1] * _NEXT_LEVEL))
    return [_made(picture, scale, nearest) for scale in scales]


def _level(levels: Sequence[_Level], density: float) -> _Level:
    """The largest one that still has no more source pixels per frame pixel than a linear warp bears."""
    fitting = [level for level in levels if level.scale * density <= _MAX_DENSITY * 1.001]
    return fitting[-1] if fitting else levels[0]


def _densities(job: ZoomJob, width: int, height: int) -> tuple[float, float]:
    """Pixels of the still per pixel of the frame in the first and the last frame; all others are between them."""
    first, last = (window(job, width, height, number).width / job.width for number in (0, job.frames - 1))
    return first, last


def _made(picture: Plane, scale: float, nearest: float) -> _Level:
    if scale < 1:
        height, width = picture.shape[:2]
        size = (max(round(width * scale), 1), max(round(height * scale), 1))
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    luma, blue, red = _planes(picture)
    if scale * nearest >= _ENLARGED:
        blue, red = _halved(blue), _halved(red)
    return _Level(scale, (luma, blue, red))


def _around(job: ZoomJob, picture: Plane, background: Color) -> Planes:
    """What is seen where the still is not. It stands still, so that nothing but the still draws the eye."""
    flat = np.full((2, 2, 3), background, np.uint8)
    frame = _blurred(job, picture) if job.border is Border.BLUR else flat
    luma, blue, red = _planes(frame)
    half = (job.width // 2, job.height // 2)
    return (
        _resized(luma, (job.width, job.height), cv2.INTER_LINEAR),
        _resized(blue, half, cv2.INTER_AREA),
        _resized(red, half, cv2.INTER_AREA),
    )


def _blurred(job: ZoomJob, picture: Plane) -> Plane:
    """The middle of the still, as large as covers the frame, without detail and darker."""
    height, width = picture.shape[:2]
    scale = min(width / job.width, height / job.height)
    across, down = max(round(job.width * scale), 1), max(round(job.height * scale), 1)
    left, top = (width - across) // 2, (height - down) // 2
    middle = picture[top : top + down, left : left + across]
    size = (max(job.width // _BLUR_SHRINK, 2), max(job.height // _BLUR_SHRINK, 2))
    small = np.asarray(cv2.resize(middle, size, interpolation=cv2.INTER_AREA), np.float32) * _BLUR_LIGHT
    smooth = cv2.GaussianBlur(
        small, (0, 0), max(job.height * _BLUR / _BLUR_SHRINK, 0.5), borderType=cv2.BORDER_REPLICATE
    )
    large = np.asarray(cv2.resize(smooth, (job.width, job.height), interpolation=cv2.INTER_CUBIC), np.float32)
    return np.clip(np.round(large), 0, 255).astype(np.uint8)


def _planes(picture: Plane) -> Planes:
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
    return _resized(plane, (max((width + 1) // 2, 1), max((height + 1) // 2, 1)), cv2.INTER_AREA)


def _resized(plane: Plane, size: tuple[int, int], interpolation: int) -> Plane:
    return _as_plane(cv2.resize(plane, size, interpolation=interpolation))


def _as_plane(array: object) -> Plane:
    return np.asarray(array, dtype=np.uint8)
