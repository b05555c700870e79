"""What stands in the picture at which time: overlapping captions cut into states in which nothing changes."""

from bisect import insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Protocol


class Timed(Protocol):
    """What is there from its start up to, but not at, its end."""

    @property
    def start(self) -> timedelta:
        """When it comes."""
        ...

    @property
    def end(self) -> timedelta:
        """When it is gone."""
        ...


@dataclass(frozen=True, slots=True)
class State:
    """A stretch of time, and which of the entries are there all through it, in ascending order."""

    start: timedelta
    end: timedelta
    present: tuple[int, ...]


def states(entries: Sequence[Timed]) -> Iterator[State]:
    """Yields the states in the order of time; stretches in which nothing is there are left out."""
    starts = sorted(range(len(entries)), key=lambda index: entries[index].start)
    ends = sorted(range(len(entries)), key=lambda index: entries[index].end)
    moments = sorted({moment for entry in entries for moment in (entry.start, entry.end)})
    present: list[int] = []
    coming, going = iter(starts), iter(ends)
    next_in, next_out = next(coming, None), next(going, None)
    for moment, following in pairwise(moments):
        while next_out is not None and entries[next_out].end <= moment:
            if next_out in present:
                present.remove(next_out)
            next_out = next(going, None)
        while next_in is not None and entries[next_in].start <= moment:
            if entries[next_in].end > moment:
                insort(present, next_in)
            next_in = next(coming, None)
        if present:
            yield State(moment, following, tuple(present))
