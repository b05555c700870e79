"""What people are shown of a run, under a clock that the test moves."""

import itertools
from collections.abc import Iterable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.ffmpeg.estimate import Estimate, Estimator
from worker.ffmpeg.progress import Progress

RATE = 25
TICK = 0.25


def reached(seconds: float, *, done: float = 0.0, share: float = 1.0) -> Progress:
    return Progress(media_time=timedelta(seconds=seconds), frames=round(seconds * RATE), done=done, share=share)


def shown(estimator: Estimator, course: Iterable[float], *, start: float = 1000.0) -> list[Estimate]:
    """What is shown where media time takes that course, a value for each quarter of a second."""
    return [estimator.update(reached(media), start + number * TICK) for number, media in enumerate(course)]


def steady(speed: float, seconds: float, *, begin: float = 0.0) -> list[float]:
    return [begin + number * TICK * speed for number in range(round(seconds / TICK) + 1)]


def seconds(eta: timedelta | None) -> float:
    assert eta is not None
    return eta.total_seconds()


@given(st.floats(0.05, 50), st.floats(0, 5))
def test_at_a_steady_speed_the_forecast_is_right_whenever_it_starts(speed: float, silence: float) -> None:
    expected = 100 * speed
    course = [*steady(0, silence), *steady(speed, 20)]
    last = shown(Estimator(timedelta(seconds=expected)), course)[-1]
    assert last.speed == pytest.approx(speed, rel=0.05)
    assert last.frames_per_second == pytest.approx(speed * RATE, rel=0.1, abs=0.2)
    assert seconds(last.eta) == pytest.approx(80, rel=0.05)


@given(st.floats(0.2, 4.0), st.floats(0.2, 20), st.floats(0, 1))
def test_bursts_hardly_move_the_forecast(period: float, speed: float, phase: float) -> None:
    course = [(time / period + phase) // 1 * period * speed for time in steady(1, 40)]
    estimates = shown(Estimator(timedelta(seconds=100 * speed)), course)[-4 * 20 :]
    for number, estimate in enumerate(estimates):
        left = 100 - 20 - number * TICK
        assert seconds(estimate.eta) == pytest.approx(left, rel=0.5)


def test_a_change_of_speed_is_followed_within_seconds() -> None:
    """FFmpeg's own average would still say 2.4 after that minute at 2 and ten seconds at 8."""
    estimator = Estimator(timedelta(seconds=1000))
    last = shown(estimator, [*steady(2, 60), *steady(8, 15, begin=120)[1:]])[-1]
    assert last.speed == pytest.approx(8, rel=0.1)
    assert seconds(last.eta) == pytest.approx((1000 - 240) / 8, rel=0.1)


def test_a_stall_is_shown_and_ends_in_no_forecast_at_all() -> None:
    estimator = Estimator(timedelta(seconds=100))
    estimates = shown(estimator, [*steady(1, 20), *([20.0] * 4 * 45)])
    before, soon, later = estimates[80], estimates[80 + 4 * 8], estimates[-1]
    assert before.speed == pytest.approx(1, rel=0.1)
    assert soon.speed < 0.6
    assert seconds(soon.eta) > seconds(before.eta)
    assert later.speed == pytest.approx(0, abs=0.001)
    assert later.eta is None


def test_the_first_second_and_an_unknown_length_have_no_forecast() -> None:
    early = shown(Estimator(timedelta(seconds=100)), steady(1, 0.75))
    assert {estimate.eta for estimate in early} == {None}
    unknown = shown(Estimator(None), steady(1, 30))[-1]
    assert (unknown.eta, unknown.fraction) == (None, 0)
    assert unknown.speed == pytest.approx(1, rel=0.05)


def test_two_runs_are_one_bar_with_one_forecast() -> None:
    """A third of the work is measured at ten times the speed; then two thirds are encoded."""
    estimator = Estimator(timedelta(seconds=60))
    times = itertools.count(0, TICK)
    first = [estimator.update(reached(media, share=1 / 3), next(times)) for media in steady(10, 6)]
    second = [estimator.update(reached(media, done=1 / 3, share=2 / 3), next(times)) for media in steady(1, 30)]
    fractions = [estimate.fraction for estimate in (*first, *second)]
    assert fractions == sorted(fractions)
    assert first[-1].fraction == pytest.approx(1 / 3)
    assert second[0].eta is None
    assert second[-1].fraction == pytest.approx(2 / 3, abs=0.01)
    assert seconds(second[-1].eta) == pytest.approx(30, rel=0.1)


@given(
    st.one_of(st.none(), st.floats(0.001, 1e6)),
    st.lists(
        st.tuples(st.floats(0, 3600), st.floats(0, 1e6), st.sampled_from([0.0, 0.3, 0.6])), min_size=1, max_size=40
    ),
)
def test_whatever_comes_the_fraction_never_falls_and_nothing_is_absurd(
    expected: float | None, reports: list[tuple[float, float, float]]
) -> None:
    """Media times may fall (a new run), clocks stand still, and outputs be longer than was thought."""
    estimator = Estimator(None if expected is None else timedelta(seconds=expected))
    now, before = 0.0, 0.0
    for pause, media, done in sorted(reports, key=lambda report: report[2]):
        now += pause
        estimate = estimator.update(reached(media, done=done, share=0.3), now)
        assert before <= estimate.fraction <= 1
        assert estimate.eta is None or estimate.eta >= timedelta()
        before = estimate.fraction
