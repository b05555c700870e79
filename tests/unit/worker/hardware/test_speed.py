"""How fast an encoder is, and how many encodes at once are worth while."""

import pytest

from worker.hardware.encodes import most_worthwhile
from worker.hardware.trial import Trial


@pytest.mark.parametrize(
    ("trial", "rate"),
    [
        # A second until the GPU is open, and half a second of encoding.
        (Trial(started=0.0, first_frames=1.0, ended=1.5, frames_before=40, frames=240), 400.0),
        # An encoder that looks ahead hands out nearly all at the end: the whole run counts.
        (Trial(started=0.0, first_frames=1.9, ended=2.0, frames_before=20, frames=24), 12.0),
        # Nothing was heard before the end.
        (Trial(started=0.0, first_frames=0.5, ended=0.5, frames_before=24, frames=24), 48.0),
        (Trial(started=1.0, first_frames=1.0, ended=1.0, frames_before=0, frames=0), 0.0),
    ],
)
def test_frames_per_second_are_those_of_an_encoder_that_runs(trial: Trial, rate: float) -> None:
    assert trial.frames_per_second == pytest.approx(rate)


@pytest.mark.parametrize(
    ("totals", "limit", "slots"),
    [
        # One engine.
        ({1: 430, 2: 430}, 8, 1),
        # Two engines, which four encodes load a little better than two.
        ({1: 430, 2: 850, 4: 930}, 8, 2),
        ({1: 430, 2: 850, 4: 1300, 8: 1350}, 8, 4),
        ({1: 100, 2: 200, 4: 400, 8: 800, 16: 1600}, 8, 8),
        # The host's sessions are used up by the third.
        ({1: 430, 2: 850, 4: 0}, 8, 2),
        ({1: 430, 2: 0}, 8, 1),
        # Memory for three, and doubling stops at two.
        ({1: 430, 2: 850, 4: 1700}, 3, 2),
        ({1: 430}, 1, 1),
        ({1: 430}, 0, 1),
    ],
)
async def test_as_many_at_once_as_the_total_grows_by(totals: dict[int, float], limit: int, slots: int) -> None:
    asked: list[int] = []

    async def together(number: int) -> float:
        asked.append(number)
        return totals[number]

    assert await most_worthwhile(totals[1], together, limit=limit) == slots
    assert all(number <= limit for number in asked)
