"""Reads how the picture lies in a fragmented MP4 or MOV, whole or cut off anywhere, without a media library.

Only what is needed to go on behind a cut: which fragments begin with a keyframe, when, and how many frames each has
(ISO/IEC 14496-12, clauses 8.8 and 8.16). The file may come from a machine that means harm: every size is checked, every
number bounded, and what cannot be understood is FragmentsUnreadable.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

_MOST_MOOV_BYTES = 4 << 20
# Two seconds of samples at 16 bytes each come to 10 KB.
_MOST_MOOF_BYTES = 4 << 20
# A day at two for each half second, which is four times as many as are made.
_MOST_BOXES = 400_000
_MOST_SAMPLES = 100_000

_TFHD_BASE_OFFSET, _TFHD_DESCRIPTION, _TFHD_DURATION, _TFHD_SIZE, _TFHD_FLAGS = 0x1, 0x2, 0x8, 0x10, 0x20
_TFHD_BASE_IS_MOOF = 0x20000
_TRUN_OFFSET, _TRUN_FIRST_FLAGS = 0x1, 0x4
_TRUN_DURATION, _TRUN_SIZE, _TRUN_FLAGS, _TRUN_CTS = 0x100, 0x200, 0x400, 0x800
_NO_KEYFRAME = 0x10000
# Behind the fixed part of a visual sample entry are boxes.
_VISUAL_ENTRY_BYTES = 78
_CONFIGURATIONS = frozenset({b"avcC", b"hvcC", b"av1C"})


class FragmentsUnreadable(Exception):
    """It is no fragmented MP4 of one picture track, or one that does not make sense."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureTrack:
    """The picture's track. Parts with equal `description`s, which hold the parameter sets, are of one stream.

    `media_start` is in ticks of the timescale what the edit list leaves out in front, `delay` in seconds what it puts
    there. The defaults are those of samples whose fragment says nothing. `alone` says whether there is no other track.
    """

    track_id: int
    timescale: int
    description: tuple[bytes, ...]
    media_start: int = 0
    delay: Fraction = Fraction()
    default_duration: int = 0
    default_flags: int = 0
    alone: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureFragment:
    """The picture of one fragment, whose bytes lie from `offset` to `end`; times in ticks of the timescale.

    `first_time` is when its first frame is shown, `decode_time` and `last_decode_time` when its first and its last one
    are decoded, and `time_field` where in the file the former is written, with `time_bytes` bytes.
    """

    offset: int
    end: int
    frames: int
    keyframe: bool
    decode_time: int
    last_decode_time: int
    first_time: int
    time_field: int
    time_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """The picture of a file: its track, and those of its fragments that begin before its end."""

    track: PictureTrack
    fragments: tuple[PictureFragment, ...]

    @property
    def start(self) -> Fraction:
        """When its first frame is shown, in seconds."""
        return self.seconds(self.fragments[0])

    @property
    def frames(self) -> int:
        """How many frames it has."""
        return sum(one.frames for one in self.fragments)

    def seconds(self, fragment: PictureFragment) -> Fraction:
        """Returns when the first frame of a fragment is shown."""
        return self.track.delay + Fraction(fragment.first_time - self.track.media_start, self.track.timescale)


@dataclass(frozen=True, slots=True, kw_only=True)
class Border:
    """Where a film can be cut: what lies before `offset` is complete, has `frames` frames of picture and ends where a
    closed group of pictures would begin, so many seconds behind its first frame."""

    offset: int
    frames: int
    length: Fraction


def last_border(film: Film) -> Border | None:
    """Returns the last place where a film can be cut; None where less than one group is complete.

    Each fragment that begins with a keyframe begins a closed group of pictures: the worker makes no others. Its own
    bytes need not be there.
    """
    keyframes = [number for number, one in enumerate(film.fragments) if one.keyframe and number]
    if not keyframes or not film.fragments[0].keyframe:
        return None
    cut = film.fragments[keyframes[-1]]
    return Border(
        offset=cut.offset,
        frames=sum(one.frames for one in film.fragments[: keyframes[-1]]),
        length=Fraction(cut.first_time - film.fragments[0].first_time, film.track.timescale),
    )


def read_film(path: Path, *, until: int | None = None) -> Film:
    """Reads the boxes of a file, or of its first `until` bytes; blocks. Raises FragmentsUnreadable, OSError."""
    with path.open("rb") as file:
        size = path.stat().st_size if until is None else min(until, path.stat().st_size)
        try:
            return _film(file, size)
        except (struct.error, IndexError, ZeroDivisionError) as error:
            raise FragmentsUnreadable("its boxes are damaged") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class _Box:
    """A box of a file: where it starts, where its content does, and where it ends."""

    kind: bytes
    start: int
    content: int
    end: int


def _film(file: BinaryIO, size: int) -> Film:
    boxes = list(_boxes_of_file(file, size))
    headers = [box for box in boxes if box.kind == b"moov" and box.end <= size]
    if len(headers) != 1:
        raise FragmentsUnreadable(f"it has {len(headers)} headers")
    track = _track(_content(file, headers[0], _MOST_MOOV_BYTES))
    return Film(track=track, fragments=_checked(list(_fragments(file, boxes, size, track)), size))


def _fragments(file: BinaryIO, boxes: Sequence[_Box], size: int, track: PictureTrack) -> Iterator[PictureFragment]:
    """Yields the fragments whose headers are complete."""
    fragment: PictureFragment | None = None
    for box in boxes:
        if box.kind == b"moof" and box.end <= size:
            if fragment is not None:
                raise FragmentsUnreadable("a fragment has no frames")
            fragment = _fragment(_content(file, box, _MOST_MOOF_BYTES), box, track)
        elif box.kind == b"mdat" and fragment is not None:
            yield replace(fragment, end=box.end)
            fragment = None
    if fragment is not None:
        # What belongs to it has not begun to come.
        yield replace(fragment, end=size + 1)


def _checked(fragments: list[PictureFragment], size: int) -> tuple[PictureFragment, ...]:
    """Returns those with a picture; refuses what cannot be in a file that only grew."""
    if any(one.end > size for one in fragments[:-1]):
        raise FragmentsUnreadable("a fragment ends behind the file")
    pictures = tuple(one for one in fragments if one.frames)
    if not pictures:
        raise FragmentsUnreadable("it has no picture")
    if any(after.decode_time <= before.last_decode_time for before, after in pairwise(pictures)):
        raise FragmentsUnreadable("its fragments overlap")
    return pictures


def _boxes_of_file(file: BinaryIO, size: int) -> Iterator[_Box]:
    position, count = 0, 0
    while position + 8 <= size:
        count += 1
        if count > _MOST_BOXES:
            raise FragmentsUnreadable("it has too many boxes")
        file.seek(position)
        head = file.read(16)
        length, kind = struct.unpack_from(">I4s", head)
        content = 8
        if length == 1:
            (length,) = struct.unpack_from(">Q", head, 8)
            content = 16
        if length < content:
            raise FragmentsUnreadable("a box has no size")
        yield _Box(kind=kind, start=position, content=position + content, end=position + length)
        position += length


def _content(file: BinaryIO, box: _Box, most: int) -> bytes:
    if box.end - box.content > most:
        raise FragmentsUnreadable(f"a box has {box.end - box.content} bytes")
    file.seek(box.content)
    return file.read(box.end - box.content)


def _boxes(data: bytes, start: int = 0) -> Iterator[tuple[bytes, bytes, int]]:
    """Yields kind, content, and where in `data` the content starts."""
    while start + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, start)
        if not 8 <= length <= len(data) - start:
            raise FragmentsUnreadable("a box is larger than what holds it")
        yield kind, data[start + 8 : start + length], start + 8
        start += length


def _inner(data: bytes, *path: bytes) -> bytes | None:
    """Returns the content of the first box at a path; None where there is none."""
    for kind in path:
        found = next((content for name, content, _ in _boxes(data) if name == kind), None)
        if found is None:
            return None
        data = found
    return data


def _required(data: bytes, *path: bytes) -> bytes:
    found = _inner(data, *path)
    if found is None:
        raise FragmentsUnreadable(f"it has no {b'/'.join(path).decode('latin-1')}")
    return found


def _track(moov: bytes) -> PictureTrack:
    tracks = [content for kind, content, _ in _boxes(moov) if kind == b"trak"]
    pictures = [trak for trak in tracks if _required(trak, b"mdia", b"hdlr")[8:12] == b"vide"]
    if len(pictures) != 1:
        raise FragmentsUnreadable(f"it has {len(pictures)} picture tracks")
    (trak,) = pictures
    track_id = _versioned(_required(trak, b"tkhd"), 12, 20)
    timescale = _versioned(_required(trak, b"mdia", b"mdhd"), 12, 20)
    movie_timescale = _versioned(_required(moov, b"mvhd"), 12, 20)
    if not timescale or not movie_timescale:
        raise FragmentsUnreadable("it has no clock")
    media_start, delay = _edits(_inner(trak, b"edts", b"elst"))
    duration, flags = _defaults(_required(moov, b"mvex"), track_id)
    return PictureTrack(
        track_id=track_id,
        timescale=timescale,
        description=_description(_required(trak, b"mdia", b"minf", b"stbl", b"stsd")),
        media_start=media_start,
        delay=Fraction(delay, movie_timescale),
        default_duration=duration,
        default_flags=flags,
        alone=len(tracks) == 1,
    )


def _versioned(box: bytes, offset: int, offset_of_version_1: int) -> int:
    """Returns the 32-bit number behind the two times of a header, which have 64 bits in version 1."""
    number: int = struct.unpack_from(">I", box, offset_of_version_1 if box[0] else offset)[0]
    return number


def _edits(elst: bytes | None) -> tuple[int, int]:
    """Returns the time of the medium at which it starts, and the time of the movie that is empty before."""
    if elst is None:
        return 0, 0
    media_start, empty = 0, 0
    (count,) = struct.unpack_from(">I", elst, 4)
    if count > 2:
        raise FragmentsUnreadable("it has more edits than a start needs")
    form = ">Qqi" if elst[0] else ">Iii"
    for number in range(count):
        duration, time, _ = struct.unpack_from(form, elst, 8 + number * struct.calcsize(form))
        if time == -1:
            empty += duration
        else:
            media_start = time
    return media_start, empty


def _defaults(mvex: bytes, track_id: int) -> tuple[int, int]:
    for kind, trex, _ in _boxes(mvex):
        if kind == b"trex" and struct.unpack_from(">I", trex, 4)[0] == track_id:
            duration, _, flags = struct.unpack_from(">III", trex, 12)
            return duration, flags
    raise FragmentsUnreadable("its picture is in no fragment")


def _description(stsd: bytes) -> tuple[bytes, ...]:
    """Returns the codec's name, the size of the picture, and the parameter sets."""
    entries = list(_boxes(stsd, 8))
    if len(entries) != 1:
        raise FragmentsUnreadable(f"its picture has {len(entries)} descriptions")
    ((name, entry, _),) = entries
    configurations = [content for kind, content, _ in _boxes(entry, _VISUAL_ENTRY_BYTES) if kind in _CONFIGURATIONS]
    if not configurations:
        raise FragmentsUnreadable(f"its picture is {name.decode('latin-1')}, whose parameters are not known")
    return name, entry[24:28], *configurations


def _fragment(moof: bytes, box: _Box, track: PictureTrack) -> PictureFragment:
    nothing = PictureFragment(
        offset=box.start,
        end=box.end,
        frames=0,
        keyframe=False,
        decode_time=0,
        last_decode_time=0,
        first_time=0,
        time_field=0,
        time_bytes=0,
    )
    trafs = [
        (content, start)
        for kind, content, start in _boxes(moof)
        if kind == b"traf" and struct.unpack_from(">I", _required(content, b"tfhd"), 4)[0] == track.track_id
    ]
    if not trafs:
        return nothing
    if len(trafs) > 1:
        raise FragmentsUnreadable("its picture is twice in a fragment")
    ((traf, start),) = trafs
    return _picture(traf, box.content + start, nothing, track)


def _picture(traf: bytes, position: int, fragment: PictureFragment, track: PictureTrack) -> PictureFragment:
    """Reads what a fragment says of the picture; `position` is where in the file that starts."""
    tfhd = _required(traf, b"tfhd")
    defaults = _sample_defaults(tfhd, track)
    tfdt, at = next(((content, start) for kind, content, start in _boxes(traf) if kind == b"tfdt"), (b"", 0))
    (decode_time,) = struct.unpack_from(">Q" if tfdt[0] else ">I", tfdt, 4)
    frames, duration, last_duration = 0, 0, 0
    first_offset, first_flags = 0, _NO_KEYFRAME
    for kind, trun, _ in _boxes(traf):
        if kind != b"trun":
            continue
        run = _run(trun, *defaults)
        if not frames:
            first_offset, first_flags = run.first_offset, run.first_flags
        frames, duration, last_duration = frames + run.frames, duration + run.duration, run.last_duration
    if frames > _MOST_SAMPLES:
        raise FragmentsUnreadable(f"a fragment has {frames} frames")
    return replace(
        fragment,
        frames=frames,
        keyframe=not first_flags & _NO_KEYFRAME,
        decode_time=decode_time,
        last_decode_time=decode_time + duration - last_duration,
        first_time=decode_time + first_offset,
        time_field=position + at + 4,
        time_bytes=8 if tfdt[0] else 4,
    )


def _sample_defaults(tfhd: bytes, track: PictureTrack) -> tuple[int, int]:
    (flags,) = struct.unpack_from(">I", tfhd)
    if flags & _TFHD_BASE_OFFSET or not flags & _TFHD_BASE_IS_MOOF:
        raise FragmentsUnreadable("its fragments cannot be moved")
    duration, sample_flags, at = track.default_duration, track.default_flags, 8
    for bit in (_TFHD_DESCRIPTION, _TFHD_DURATION, _TFHD_SIZE, _TFHD_FLAGS):
        if flags & bit:
            (value,) = struct.unpack_from(">I", tfhd, at)
            duration = value if bit == _TFHD_DURATION else duration
            sample_flags = value if bit == _TFHD_FLAGS else sample_flags
            at += 4
    return duration, sample_flags


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """What the samples of a run come to."""

    frames: int
    duration: int
    last_duration: int
    first_offset: int
    first_flags: int


def _run(trun: bytes, default_duration: int, default_flags: int) -> _Run:
    flags, frames = struct.unpack_from(">II", trun)
    at = 8 + (4 if flags & _TRUN_OFFSET else 0)
    first_flags = default_flags
    if flags & _TRUN_FIRST_FLAGS:
        (first_flags,) = struct.unpack_from(">I", trun, at)
        at += 4
    present = [bit for bit in (_TRUN_DURATION, _TRUN_SIZE, _TRUN_FLAGS, _TRUN_CTS) if flags & bit]
    if frames > _MOST_SAMPLES or at + frames * 4 * len(present) > len(trun):
        raise FragmentsUnreadable("a fragment lacks frames that it announces")
    # Offsets are signed in version 1, and small in version 0.
    form = struct.Struct(">" + "".join("i" if bit == _TRUN_CTS else "I" for bit in present))
    duration, last_duration, first_offset = 0, 0, 0
    for number in range(frames):
        values = dict(zip(present, form.unpack_from(trun, at + number * form.size), strict=True))
        last_duration = values.get(_TRUN_DURATION, default_duration)
        duration += last_duration
        if number == 0:
            first_offset = values.get(_TRUN_CTS, 0)
            first_flags = values.get(_TRUN_FLAGS, first_flags) if not flags & _TRUN_FIRST_FLAGS else first_flags
    return _Run(
        frames=frames,
        duration=duration,
        last_duration=last_duration,
        first_offset=first_offset,
        first_flags=first_flags,
    )
