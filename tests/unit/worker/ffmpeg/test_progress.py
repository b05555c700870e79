"""Progress as FFmpeg really writes it, cut anywhere."""

import itertools
from datetime import timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from worker.ffmpeg.progress import FractionTracker, Progress, ProgressParser

STREAM = (Path(__file__).parents[3] / "fixtures" / "ffmpeg-logs" / "progress-caption.txt").read_bytes()
END = Progress(frames=132, media_time=timedelta(microseconds=5312000), output_bytes=1045711)


@given(st.lists(st.integers(0, len(STREAM)), max_size=30))
def test_any_cutting_gives_the_same_end(cuts: list[int]) -> None:
    parser = ProgressParser()
    places = [0, *sorted(cuts), len(STREAM)]
    for start, end in itertools.pairwise(places):
        parser.feed(STREAM[start:end])
    assert parser.latest == END


def test_unknown_values_keep_what_was_known() -> None:
    parser = ProgressParser()
    known = parser.feed(b"frame=5\nout_time_us=2000000\ntotal_size=9\nprogress=continue\n")
    unknown = parser.feed(b"frame=6\nout_time_us=N/A\ntotal_size=N/A\nprogress=continue\n")
    assert known is not None
    assert unknown == Progress(frames=6, media_time=timedelta(seconds=2), output_bytes=9)


def test_absurd_and_falling_times_are_not_believed() -> None:
    parser = ProgressParser()
    parser.feed(b"out_time_us=3000000\nprogress=continue\n")
    parser.feed(b"out_time_us=-9223372036854775808\nprogress=continue\n")
    latest = parser.feed(b"out_time_us=1000000\nprogress=end\n")
    assert latest is not None
    assert latest.media_time == timedelta(seconds=3)


@given(st.binary(max_size=400))
def test_garbage_is_survived(data: bytes) -> None:
    parser = ProgressParser()
    parser.feed(data + b"\nprogress=continue\n")
    after = parser.feed(b"frame=7\nprogress=continue\n")
    assert after is not None
    assert after.frames == 7


@given(st.lists(st.integers(0, 20_000_000), min_size=1))
def test_the_fraction_never_falls_and_stays_a_fraction(times: list[int]) -> None:
    tracker = FractionTracker(timedelta(seconds=10))
    shares = [tracker.update(Progress(media_time=timedelta(microseconds=time))) for time in times]
    assert shares == sorted(shares)
    assert 0 <= shares[0] <= shares[-1] <= 1


def test_without_an_expected_length_the_fraction_stays_at_zero() -> None:
    assert FractionTracker(None).update(Progress(media_time=timedelta(seconds=1))) == 0
