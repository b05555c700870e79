"""Colours of captions in pictures of a high dynamic range."""

import pytest

from servicekit.media.operations import CaptionStyle
from worker.media.brightness import style_for


@pytest.mark.parametrize(
    ("transfer", "color", "expected"),
    [
        # BT.2408: 58 % and 75 % of the signal.
        ("smpte2084", "#FFFFFF", "#949494"),
        ("arib-std-b67", "#FFFFFF", "#BFBFBF"),
        ("smpte2084", "#00000080", "#00000080"),
        ("arib-std-b67", "#00000080", "#00000080"),
        ("bt709", "#FFFFFF", "#FFFFFF"),
        ("", "#FFFFFFCC", "#FFFFFFCC"),
    ],
)
def test_white_is_graphics_white(transfer: str, color: str, expected: str) -> None:
    assert style_for(CaptionStyle(primary_color=color), transfer).primary_color == expected


def test_a_red_of_bt709_is_within_the_wider_primaries() -> None:
    red = style_for(CaptionStyle(outline_color="#FF0000"), "smpte2084").outline_color
    channels = [int(red[place : place + 2], 16) for place in (1, 3, 5)]
    assert channels[0] > channels[1] > channels[2] > 0


def test_no_box_stays_no_box() -> None:
    assert style_for(CaptionStyle(), "smpte2084").back_color == ""
