"""A landscape drawn by code, so that the gallery needs nobody's photograph."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32]

_HORIZON = 0.62
# Blue, green, red, as OpenCV orders them; from the farthest ridge to the nearest.
_SKY_TOP, _SKY_LOW = (150, 96, 52), (150, 190, 250)
_RIDGES = ((176, 150, 132), (142, 112, 94), (104, 80, 62), (58, 48, 34))
_SUN = (196, 236, 255)


def draw(path: Path, *, width: int = 2400, height: int = 1600) -> Path:
    """Writes mountains at a lake in the evening to an image file, the same each time; returns its path."""
    random = np.random.default_rng(7)
    picture = _sky(width, height)
    horizon = round(height * _HORIZON)
    cv2.circle(picture, (round(width * 0.68), round(height * 0.36)), height // 18, _SUN, -1, cv2.LINE_AA)
    for number, color in enumerate(_RIDGES):
        crest = height * (0.36 + 0.075 * number) - _ridge(random, width) * height * (0.16 - 0.025 * number)
        _fill(picture, crest, color, horizon)
    _mirror(picture, horizon)
    _trees(picture, random, horizon)
    cv2.imwrite(str(path), np.clip(picture, 0, 255).astype(np.uint8))
    return path


def _sky(width: int, height: int) -> Picture:
    down = np.linspace(0, 1, height, dtype=np.float32)[:, np.newaxis, np.newaxis] / np.float32(_HORIZON)
    top, low = np.array(_SKY_TOP, np.float32), np.array(_SKY_LOW, np.float32)
    return np.repeat(top + (low - top) * np.clip(down, 0, 1), width, axis=1).astype(np.float32)


def _ridge(random: np.random.Generator, width: int) -> Picture:
    """A crest between -1 and 1: noise of several sizes, the finer the weaker."""
    crest = np.zeros(width, np.float32)
    for octave in range(2, 9):
        points = random.standard_normal((1, 2**octave + 2)).astype(np.float32)
        stretched = cv2.resize(points, (width, 1), interpolation=cv2.INTER_CUBIC)
        crest += np.asarray(stretched, np.float32)[0] * 0.5 ** (octave - 1)
    return crest


def _fill(picture: Picture, crest: Picture, color: tuple[int, int, int], horizon: int) -> None:
    corners = [(x, round(float(y))) for x, y in enumerate(crest)]
    outline = np.array([(0, horizon), *corners, (len(corners) - 1, horizon)], np.int32)
    cv2.fillPoly(picture, [outline], color, cv2.LINE_AA)


def _mirror(picture: Picture, horizon: int) -> None:
    """The lake: what is above it, upside down, darker and stretched by ripples."""
    height, width = picture.shape[:2]
    rows = np.arange(horizon, height)
    depth = (rows - horizon) / (height - horizon)
    mirrored = np.clip(horizon - (rows - horizon) * 1.4, 0, horizon - 1)
    for row, source, deep in zip(rows, mirrored, depth, strict=True):
        shift = round(float(np.sin(row * 0.35 / (0.3 + deep))) * 6 * float(deep) * width / 1600)
        picture[row] = np.roll(picture[round(float(source))], shift, axis=0) * (0.82 - 0.3 * deep)


def _trees(picture: Picture, random: np.random.Generator, horizon: int) -> None:
    height, width = picture.shape[:2]
    for x in np.sort(random.uniform(0.0, 0.34, 22)) * width:
        tall = height * random.uniform(0.08, 0.2) * (1.2 - 2 * x / width)
        foot = horizon + height * 0.05
        for part in range(6):
            low, half = foot - tall * part / 7, tall * (0.2 - 0.028 * part)
            corners = [(x - half, low), (x + half, low), (x, low - tall / 3.2)]
            cv2.fillPoly(picture, [np.array(corners).round().astype(np.int32)], (36, 34, 22), cv2.LINE_AA)
    bank = np.array(
        [(0, horizon + height * 0.045), (width * 0.42, horizon + height * 0.06), (0, horizon + height * 0.09)]
    )
    cv2.fillPoly(picture, [bank.round().astype(np.int32)], (36, 34, 22), cv2.LINE_AA)
