"""How clear a small grey picture is, to choose the one that stands for a video. Pure."""

from operator import sub

# Of 255 levels. Titles on black still span far more; a fade, a fog or a blank wall does not.
_BLANK_SPAN = 24
_BLACK_LEVEL = 48


def clarity(picture: bytes, width: int) -> float:
    """Returns the mean difference in grey levels between neighbouring pixels: detail that is still there when small.

    0 for a picture that is black (nineteen in twenty pixels are dark) or blank (that many are nearly alike). `picture`
    has one byte for each pixel, in rows of `width`.
    """
    levels = sorted(picture)
    low, high = levels[len(levels) // 20], levels[-1 - len(levels) // 20]
    if high < _BLACK_LEVEL or high - low < _BLANK_SPAN:
        return 0.0
    return (_steps(picture, 1) + _steps(picture, width)) / len(picture)


def _steps(picture: bytes, distance: int) -> int:
    return sum(map(abs, map(sub, picture[distance:], picture)))
