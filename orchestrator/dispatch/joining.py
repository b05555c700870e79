"""Joins the pictures of several attempts into one, byte by byte: fragments may follow one another in one file.

Nothing is decoded, and nothing is changed but the decode time of each fragment, so that the frames of all parts have
the timestamps that one attempt would have given them.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

from orchestrator.dispatch.fragments import Film, PictureFragment, read_film
from servicekit.checksums import Sha256

_BLOCK_BYTES = 4 << 20
_MICROSECOND = timedelta(microseconds=1)
# A file says when it starts in milliseconds; a frame lasts four or more.
_TOLERANCE = Fraction(2, 1000)


class PartsDiffer(Exception):
    """The parts do not make one picture: another encoder, other settings, other times."""


class PartDamaged(Exception):
    """A part is not there any more, or not as it came home."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The first `size_bytes` of a file; its picture starts at that time of the whole.

    `sha256` is of those bytes; empty where they need no check.
    """

    path: Path
    size_bytes: int
    start: timedelta
    sha256: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinedPicture:
    """How many frames a joined picture has, and where its parts meet."""

    frames: int
    borders: tuple[timedelta, ...]


def check_part(part: Part) -> None:
    """Raises PartDamaged where a part is not what it was; blocks."""
    try:
        digest = digest_of(part.path, part.size_bytes)
    except OSError as error:
        raise PartDamaged(f"What was kept of an earlier attempt cannot be read ({error.strerror}).") from error
    if digest != part.sha256:
        raise PartDamaged("What was kept of an earlier attempt is damaged on the orchestrator's disk.")


def digest_of(path: Path, size_bytes: int) -> bytes:
    """Returns the SHA-256 of the first bytes of a file, of all of them where it has less; blocks. Raises OSError."""
    digest, left = Sha256(), size_bytes
    with path.open("rb") as file:
        while left and (block := file.read(min(left, _BLOCK_BYTES))):
            digest.update(block)
            left -= len(block)
    return digest.digest()


def join_parts(parts: Sequence[Part], target: Path) -> JoinedPicture:
    """Writes the first part with all that it has, and the pictures of the others behind it; blocks.

    Raises PartsDiffer, PartDamaged, FragmentsUnreadable, OSError.
    """
    for part in parts:
        if part.sha256:
            check_part(part)
    films = [read_film(part.path, until=part.size_bytes) for part in parts]
    beginning, last_decode_time = films[0], films[0].fragments[-1].last_decode_time
    with target.open("wb") as joined:
        with parts[0].path.open("rb") as source:
            _copy(source, joined, 0, parts[0].size_bytes)
        for part, film in zip(parts[1:], films[1:], strict=True):
            shift = _shift(beginning, part, film)
            if film.fragments[0].decode_time + shift <= last_decode_time:
                raise PartsDiffer("A part begins before the one in front of it ends.")
            with part.path.open("rb") as source:
                for fragment in film.fragments:
                    _copy_moved(source, joined, fragment, shift)
            last_decode_time = film.fragments[-1].last_decode_time + shift
    return JoinedPicture(frames=sum(film.frames for film in films), borders=tuple(part.start for part in parts[1:]))


def _shift(beginning: Film, part: Part, film: Film) -> int:
    """Returns by how many ticks a part has to be moved, so that its first frame is shown when its start says."""
    if film.track.description != beginning.track.description:
        raise PartsDiffer("The parts were encoded with different parameters.")
    if (film.track.track_id, film.track.timescale) != (beginning.track.track_id, beginning.track.timescale):
        raise PartsDiffer("The parts count time differently.")
    if not film.fragments[0].keyframe or film.fragments[-1].end > part.size_bytes:
        raise PartsDiffer("A part does not begin with a keyframe, or is not complete.")
    start = Fraction(part.start // _MICROSECOND, 1_000_000)
    if abs(film.start - start) > _TOLERANCE:
        raise PartsDiffer(f"A part begins at {float(film.start):.3f} s, not at {float(start):.3f} s.")
    # The start is told to a microsecond, which is less than a tick: the nearest one is meant.
    ticks = round((start - beginning.start) * film.track.timescale)
    return beginning.fragments[0].first_time + ticks - film.fragments[0].first_time


def _copy_moved(source: BinaryIO, target: BinaryIO, fragment: PictureFragment, shift: int) -> None:
    form = ">Q" if fragment.time_bytes == 8 else ">I"
    try:
        moved = struct.pack(form, fragment.decode_time + shift)
    except struct.error as error:
        raise PartsDiffer("A part cannot be moved to its time.") from error
    _copy(source, target, fragment.offset, fragment.time_field)
    target.write(moved)
    _copy(source, target, fragment.time_field + fragment.time_bytes, fragment.end)


def _copy(source: BinaryIO, target: BinaryIO, start: int, end: int) -> None:
    source.seek(start)
    while start < end and (block := source.read(min(end - start, _BLOCK_BYTES))):
        target.write(block)
        start += len(block)
