"""The move of a camera over a still, as pure geometry: which part of the still fills the frame at which moment."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from servicekit.media.operations import Border, Easing, Fit, Zoom


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A part of the still in its own pixels, with fractions; with CONTAIN it may reach beyond the still."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoomJob:
    """What the producer of frames needs to know; `image` is a path, sizes are in pixels.

    The move takes `frames` frames; `count` of them are made (None: all), from number `first` on.
    """

    image: str
    width: int
    height: int
    frames: int
    fit: Fit
    zoom: Zoom
    border: Border = Border.COLOR
    background_color: str = "#000000"
    first: int = 0
    count: int | None = None

    @property
    def numbers(self) -> range:
        """The numbers of the frames that are made."""
        last = self.frames if self.count is None else self.first + self.count
        return range(self.first, last)

    def to_json(self) -> str:
        """Returns the form in which the job goes to the producer process."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Reads what `to_json` wrote; raises KeyError or ValueError for anything else."""
        fields: Mapping[str, Any] = json.loads(text)
        zoom = Zoom(**{**fields["zoom"], "easing": Easing(fields["zoom"]["easing"])})
        enums = {"fit": Fit(fields["fit"]), "border": Border(fields["border"])}
        return cls(**{**fields, **enums, "zoom": zoom})


def window(job: ZoomJob, source_width: int, source_height: int, frame: int) -> Window:
    """Returns what frame number `frame` (from 0) shows of a still of that size.

    The point of the still under the focus keeps its place in the frame unless the focus moves, so that the move has no
    kink and, with COVER, the window never leaves the still. Along a side on which the still does not fill the window
    it is centred.
    """
    zoom, done = job.zoom, progress(job, frame)
    scale = zoom.start_scale + (zoom.end_scale - zoom.start_scale) * done
    aspect = job.width / job.height
    wider = source_width / source_height > aspect
    by_height = wider if job.fit is Fit.COVER else not wider
    base_width, base_height = (
        (source_height * aspect, float(source_height)) if by_height else (float(source_width), source_width / aspect)
    )
    width, height = base_width / scale, base_height / scale
    return Window(
        left=_offset(source_width - width, _between(zoom.focus_x, zoom.end_focus_x, done)),
        top=_offset(source_height - height, _between(zoom.focus_y, zoom.end_focus_y, done)),
        width=width,
        height=height,
    )


def progress(job: ZoomJob, frame: int) -> float:
    """Returns how much of the move is done at that frame: nothing at the first, all of it at the last."""
    return eased(job.zoom.easing, frame / (job.frames - 1) if job.frames > 1 else 0.0)


def eased(easing: Easing, time: float) -> float:
    """Returns how much of the way is done at that share (0 to 1) of the time."""
    match easing:
        case Easing.LINEAR:
            return time
        case Easing.EASE_IN:
            return time * time
        case Easing.EASE_OUT:
            return time * (2 - time)
        case Easing.EASE_IN_OUT:
            return time * time * (3 - 2 * time)


def _offset(room: float, focus: float) -> float:
    return room * (focus if room > 0 else 0.5)


def _between(start: float, end: float | None, done: float) -> float:
    return start if end is None else start + (end - start) * done
