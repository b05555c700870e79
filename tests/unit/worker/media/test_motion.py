"""Where the camera looks."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicekit.media.operations import Border, Easing, Fit, Zoom
from worker.media.motion import ZoomJob, eased, window

SIZES = st.integers(16, 4000)


def job(zoom: Zoom, fit: Fit = Fit.COVER, *, width: int = 1920, height: int = 1080, frames: int = 120) -> ZoomJob:
    return ZoomJob(image="still.png", width=width, height=height, frames=frames, fit=fit, zoom=zoom)


def test_the_ends_of_the_default_zoom() -> None:
    zoom = job(Zoom())
    first, last = window(zoom, 3000, 2000, 0), window(zoom, 3000, 2000, 119)
    assert (first.left, first.top, first.width, first.height) == pytest.approx((0, 156.25, 3000, 1687.5))
    assert last.width == pytest.approx(3000 / 1.324)
    assert last.left + last.width / 2 == pytest.approx(1500)
    assert last.top + last.height / 2 == pytest.approx(1000)


SCALES, SHARES = st.floats(1, 5), st.floats(0, 1)
ENDS = st.none() | SHARES
ZOOMS = st.builds(
    Zoom, start_scale=SCALES, end_scale=SCALES, focus_x=SHARES, focus_y=SHARES, end_focus_x=ENDS, end_focus_y=ENDS
)


@given(SIZES, SIZES, ZOOMS, st.integers(0, 49))
def test_with_cover_the_window_never_leaves_the_still(width: int, height: int, zoom: Zoom, frame: int) -> None:
    part = window(job(zoom, frames=50), width, height, frame)
    slack = 1e-6 * max(width, height)
    assert part.left >= -slack
    assert part.top >= -slack
    assert part.left + part.width <= width + slack
    assert part.top + part.height <= height + slack
    assert part.width / part.height == pytest.approx(16 / 9)


@given(SIZES, SIZES)
def test_with_contain_at_scale_one_all_of_the_still_is_in_the_middle(width: int, height: int) -> None:
    part = window(job(Zoom(start_scale=1, end_scale=1, focus_x=0.9), Fit.CONTAIN), width, height, 3)
    assert part.width >= width * 0.999999
    assert part.height >= height * 0.999999
    assert part.left + part.width / 2 == pytest.approx(width / 2)


def test_the_point_in_focus_keeps_its_place_in_the_frame() -> None:
    zoom = job(Zoom(end_scale=4, focus_x=0.8, focus_y=0.25))
    parts = [window(zoom, 1920, 1080, frame) for frame in range(120)]
    assert {round((0.8 * 1920 - part.left) / part.width, 6) for part in parts} == {0.8}
    assert {round((0.25 * 1080 - part.top) / part.height, 6) for part in parts} == {0.25}


def test_a_pan_goes_from_one_focus_to_the_other_with_the_easing() -> None:
    zoom = job(Zoom(start_scale=2, end_scale=2, focus_x=0, end_focus_x=1, easing=Easing.EASE_IN), frames=101)
    parts = [window(zoom, 1920, 1080, frame) for frame in range(101)]
    assert [parts[frame].left for frame in (0, 50, 100)] == pytest.approx([0, 240, 960])
    assert {part.top for part in parts} == {270}


@pytest.mark.parametrize("easing", Easing)
def test_easings_go_from_start_to_end_without_turning_back(easing: Easing) -> None:
    way = [eased(easing, step / 100) for step in range(101)]
    assert way[0] == 0
    assert way[-1] == pytest.approx(1)
    assert way == sorted(way)


def test_one_frame_and_the_way_to_the_producer() -> None:
    single = job(Zoom(easing=Easing.EASE_IN), frames=1)
    assert window(single, 1920, 1080, 0).width == 1920
    assert ZoomJob.from_json(single.to_json()) == single
    blurred = replace(single, fit=Fit.CONTAIN, border=Border.BLUR, background_color="#123456")
    assert ZoomJob.from_json(blurred.to_json()) == blurred
