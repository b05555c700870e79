"""What measures get, and what they find."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from worker.hardware.capabilities import Capabilities


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What the measures share: FFmpeg, what it can do here, a folder for files, and how often each is run."""

    ffmpeg: Path
    capabilities: Capabilities
    folder: Path
    rounds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One row of the report; `met` says whether `figure` keeps the target."""

    title: str
    figure: str
    target: str
    met: bool
    detail: str


def numbers(values: Sequence[float]) -> str:
    """Returns seconds for a report."""
    return " ".join(f"{value:.2f}" for value in values)
