"""Captions as one image for each, drawn once by libass and laid over the pictures while it lasts. Pure.

Drawn by the `ass` filter a caption costs its time in every frame, and the frames have to be in memory. As images that
are uploaded only when they change they took 3.0 s of CPU time instead of 8.9 s for 64 s of 1080p, with the frames on
the GPU all the time (measured on an H100, 2026-11-23). Only captions that stand still, one at a time, can be done so:
what overlaps is placed by libass according to what came before.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from worker.media.plan import StripBox

IMAGES = "strip-%06d.png"
"""What the images are called, as FFmpeg counts them: from one."""

# More would fill a folder with images; two hours of film have some 2000.
_MOST_CAPTIONS = 10_000
_EVENT = "Dialogue: "
_EVENT_FIELDS = 10
_TIME = re.compile(r"(\d+):(\d\d):(\d\d)\.(\d\d)")
# Karaoke, transforms, moves and fades.
_MOVES = re.compile(r"\\(?:[kK]|t\(|move\(|fad)")
_BOX = re.compile(r"lavfi\.bbox\.(x1|x2|y1|y2)=(\d+)")


@dataclass(frozen=True, slots=True)
class StillCaption:
    """A caption that stands still, as hundredths of a second and as the line of the script that it is."""

    start: int
    end: int
    line: str


def still_captions(script: str) -> tuple[StillCaption, ...] | None:
    """Returns the captions of an ASS script in the order of time, None where images cannot do for them."""
    found: list[StillCaption] = []
    for line in script.splitlines():
        if not line.startswith(_EVENT):
            continue
        fields = line.removeprefix(_EVENT).split(",", _EVENT_FIELDS - 1)
        if len(fields) < _EVENT_FIELDS or fields[8].strip() or _MOVES.search(fields[9]):
            return None
        start, end = _hundredths(fields[1]), _hundredths(fields[2])
        if start is None or end is None:
            return None
        if start < end:
            found.append(StillCaption(start, end, line))
    found.sort(key=lambda one: one.start)
    overlap = any(after.start < before.end for before, after in pairwise(found))
    return None if overlap or not 0 < len(found) <= _MOST_CAPTIONS else tuple(found)


def strip_script(script: str) -> str:
    """Returns the script with the first caption in the first second, the second one in the second, and so on."""
    captions = still_captions(script) or ()
    head = [line for line in script.splitlines() if not line.startswith(_EVENT)]
    events = [_moved(caption.line, number) for number, caption in enumerate(captions)]
    return "\n".join([*head, *events, ""])


def strip_list(captions: Sequence[StillCaption]) -> str:
    """Returns the list by which FFmpeg's concat demuxer shows each image as long as its caption lasts.

    The image after the last caption's is empty: it is shown in between, and at the end for as long as it takes.
    """
    empty = _image(len(captions))
    lines, now = ["ffconcat version 1.0"], 0
    for number, caption in enumerate(captions):
        if caption.start > now:
            lines += _entry(empty, caption.start - now)
        lines += _entry(_image(number), caption.end - caption.start)
        now = caption.end
    return "\n".join([*lines, f"file {empty}", ""])


def read_box(boxes: str) -> StripBox | None:
    """Returns the part of the picture that any caption touches, with even borders; None where none does."""
    sides: dict[str, list[int]] = {"x1": [], "x2": [], "y1": [], "y2": []}
    for name, value in _BOX.findall(boxes):
        sides[name].append(int(value))
    if not all(sides.values()):
        return None
    left, top = min(sides["x1"]) // 2 * 2, min(sides["y1"]) // 2 * 2
    right, bottom = max(sides["x2"]) // 2 * 2 + 2, max(sides["y2"]) // 2 * 2 + 2
    return StripBox(left=left, top=top, width=right - left, height=bottom - top)


def _hundredths(text: str) -> int | None:
    match = _TIME.fullmatch(text.strip())
    if match is None:
        return None
    hours, minutes, seconds, rest = map(int, match.groups())
    return ((hours * 60 + minutes) * 60 + seconds) * 100 + rest


def _moved(line: str, second: int) -> str:
    fields = line.split(",", _EVENT_FIELDS - 1)
    fields[1:3] = [_clock(second), _clock(second + 1)]
    return ",".join(fields)


def _clock(second: int) -> str:
    return f"{second // 3600}:{second // 60 % 60:02}:{second % 60:02}.00"


def _entry(image: str, hundredths: int) -> list[str]:
    return [f"file {image}", f"duration {hundredths / 100:.2f}"]


def _image(number: int) -> str:
    return IMAGES % (number + 1)
