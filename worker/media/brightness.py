"""Colours of captions for pictures of a high dynamic range: as bright as diffuse white in them, not as the sun.

A colour of `CaptionStyle` is one of sRGB. Put into a PQ picture as it is, white would be 10 000 nits. ITU-R BT.2408
puts graphics white at 203 nits: 58 % of the signal in PQ, 75 % in HLG.
"""

import math
from collections.abc import Callable
from dataclasses import replace

from servicekit.media.operations import CaptionStyle

# ITU-R BT.2087: linear light of BT.709 in the primaries of BT.2020, which such pictures have.
_TO_BT2020 = ((0.6274, 0.3293, 0.0433), (0.0691, 0.9195, 0.0114), (0.0164, 0.0880, 0.8956))
_WHITE_NITS = 203.0


def style_for(style: CaptionStyle, transfer: str) -> CaptionStyle:
    """Returns the style for a picture of that transfer (FFmpeg's name); as it is unless that is PQ or HLG."""
    encode = _ENCODINGS.get(transfer)
    if encode is None:
        return style
    return replace(
        style,
        primary_color=_converted(style.primary_color, encode),
        outline_color=_converted(style.outline_color, encode),
        back_color=_converted(style.back_color, encode),
        highlight_color=_converted(style.highlight_color, encode),
    )


def _converted(color: str, encode: Callable[[float], float]) -> str:
    if not color:
        return color
    light = [_linear(int(color[place : place + 2], 16) / 255) for place in (1, 3, 5)]
    wide = [sum(share * part for share, part in zip(row, light, strict=True)) for row in _TO_BT2020]
    return "#" + "".join(f"{round(encode(part) * 255):02X}" for part in wide) + color[7:]


def _linear(value: float) -> float:
    """IEC 61966-2-1."""
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def _pq(light: float) -> float:
    """SMPTE ST 2084, of light in which 1 is graphics white."""
    power = (light * _WHITE_NITS / 10_000) ** 0.1593017578125
    return float(((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375) if light > 0 else 0.0


def _hlg(light: float) -> float:
    """ARIB STD-B67, of light in which 1 is graphics white: 75 % of the signal."""
    scene = light * _HLG_WHITE
    return math.sqrt(3 * scene) if scene <= 1 / 12 else 0.17883277 * math.log(12 * scene - 0.28466892) + 0.55991073


# What the curve gives 75 % for.
_HLG_WHITE = 0.265
_ENCODINGS = {"smpte2084": _pq, "arib-std-b67": _hlg}
