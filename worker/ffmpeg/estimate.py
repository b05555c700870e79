"""How far the work is and how long it will take: from what a run has done lately, not since its start. Pure.

FFmpeg's own speed is an average over the whole run: it takes as long to notice a change as the run is old, and never
shows a stall. Here the speed is that of the last ten seconds, smoothed, so that a group of pictures that comes in one
burst moves it little and a stall brings it to zero.
"""

import math
from collections import deque
from dataclasses import dataclass
from datetime import timedelta

from worker.ffmpeg.progress import FractionTracker, Progress

# A burst is a group of pictures, two seconds of media: at the slowest speed that anybody waits for, some seconds.
_WINDOW_SECONDS = 10.0
_SMOOTHING_SECONDS = 3.0
# Before that the start of the process and the filling of the encoder are most of what was seen.
_SEEN_SECONDS = 1.0
# An encoder slower than that is one that stands still; what is left divided by it is no forecast.
_LEAST_SPEED = 1e-3
_LONGEST_ETA = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """`fraction` never falls; `speed` is media time per real time and `frames_per_second` frames, both of late.

    `eta` is None where there is nothing to tell it from: at the start, in a stall, without an expected length.
    """

    fraction: float
    frames_per_second: float
    speed: float
    eta: timedelta | None


@dataclass(frozen=True, slots=True)
class _Sample:
    time: float
    media_seconds: float
    frames: int


class Estimator:
    """Follows one task, also over several runs, each of which begins at the `done` of its progress."""

    def __init__(self, expected: timedelta | None) -> None:
        """Takes how long the output will be, None where nobody knows."""
        self._expected = expected or None
        self._tracker = FractionTracker(expected)
        self._samples: deque[_Sample] = deque()
        self._run = 0.0
        self._speed = _Smoothed()
        self._fps = _Smoothed()

    def update(self, progress: Progress, now: float) -> Estimate:
        """Returns the estimate at `now`, in seconds of a monotonic clock; to be called in a stall, too."""
        if progress.done != self._run:
            # Another run does other work at another speed.
            self._run = progress.done
            self._samples.clear()
            self._speed, self._fps = _Smoothed(), _Smoothed()
        self._note(_Sample(now, progress.media_time.total_seconds(), progress.frames))
        first, last = self._samples[0], self._samples[-1]
        seen = last.time - first.time
        if seen > 0:
            self._speed.update((last.media_seconds - first.media_seconds) / seen, now)
            self._fps.update((last.frames - first.frames) / seen, now)
        fraction = self._tracker.update(progress)
        eta = self._eta(progress, fraction) if seen >= _SEEN_SECONDS else None
        return Estimate(fraction=fraction, frames_per_second=self._fps.value, speed=self._speed.value, eta=eta)

    def _note(self, sample: _Sample) -> None:
        if len(self._samples) == 1 and not self._samples[0].media_seconds:
            # Counting begins with the first picture that is done: what comes before says nothing of the speed.
            self._samples.clear()
        self._samples.append(sample)
        while len(self._samples) > 2 and self._samples[1].time <= sample.time - _WINDOW_SECONDS:
            self._samples.popleft()

    def _eta(self, progress: Progress, fraction: float) -> timedelta | None:
        """What is left of the whole, at the rate at which this run gets on with its share of it."""
        if self._expected is None or self._speed.value < _LEAST_SPEED:
            return None
        left = (1 - fraction) * self._expected.total_seconds() / progress.share
        seconds = left / self._speed.value
        return timedelta(seconds=seconds) if seconds <= _LONGEST_ETA.total_seconds() else None


class _Smoothed:
    """A value that follows its samples with a time constant, whatever the distances between them."""

    def __init__(self) -> None:
        self.value = 0.0
        self._time: float | None = None

    def update(self, sample: float, now: float) -> None:
        if self._time is None:
            self.value = sample
        else:
            weight = 1 - math.exp(-(now - self._time) / _SMOOTHING_SECONDS)
            self.value += weight * (sample - self.value)
        self._time = now
