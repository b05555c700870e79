"""FFmpeg's `-progress` output → what a user sees of a running job. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a run is: `media_time` is what is encoded so far.

    Where the work takes several runs, this one is the part `share` of it and begins at `done`.
    """

    frames: int = 0
    media_time: timedelta = timedelta()
    output_bytes: int = 0
    done: float = 0.0
    share: float = 1.0


class ProgressParser:
    """Takes the stream of `key=value` lines in pieces of any size and gives one Progress for each complete block.

    Values FFmpeg does not know (`N/A`), cannot be parsed, or that fall (its clock restarts at a discontinuity) keep
    what was known before.
    """

    def __init__(self) -> None:
        self._rest = ""
        self._block: dict[str, str] = {}
        self._latest = Progress()

    @property
    def latest(self) -> Progress:
        """What was known at the end of the last complete block."""
        return self._latest

    def feed(self, data: bytes) -> Progress | None:
        """Returns the newest Progress that the data completes, None where it completes no block."""
        *lines, self._rest = (self._rest + data.decode("ascii", errors="replace")).split("\n")
        completed = False
        for line in lines:
            key, _, value = line.partition("=")
            if key == "progress":
                self._latest = _read(self._block, self._latest)
                self._block, completed = {}, True
            else:
                self._block[key.strip()] = value.strip()
        # A line without an end is no progress output; it must not grow without bound.
        self._rest = self._rest[-4096:]
        return self._latest if completed else None


class FractionTracker:
    """Turns progress into a share of the whole that never falls; `expected` None keeps it at 0 until the end."""

    def __init__(self, expected: timedelta | None) -> None:
        self._expected = expected
        self._fraction = 0.0

    def update(self, progress: Progress) -> float:
        """Returns the share that is done, at most 1."""
        if self._expected:
            reached = progress.done + progress.share * min(progress.media_time / self._expected, 1.0)
            self._fraction = max(self._fraction, min(reached, 1.0))
        return self._fraction


def _read(block: Mapping[str, str], before: Progress) -> Progress:
    microseconds = _number(block.get("out_time_us"))
    reached = before.media_time if microseconds is None else timedelta(microseconds=int(microseconds))
    return Progress(
        frames=max(int(_number(block.get("frame")) or 0), before.frames),
        media_time=max(reached, before.media_time),
        output_bytes=max(int(_number(block.get("total_size")) or 0), before.output_bytes),
    )


def _number(text: str | None) -> float | None:
    """Only plain numbers: FFmpeg also writes `N/A`, `nan` and 2^63 for what it does not know."""
    if text is None or re.fullmatch(r"-?\d{1,15}(\.\d+)?(e[+-]?\d{1,2})?", text.strip()) is None:
        return None
    return float(text)
