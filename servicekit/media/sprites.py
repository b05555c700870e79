"""Sprite sheets as one file: a ZIP archive of the sheets and a WebVTT file that says what is where on them.

Pure but for the archive itself. The sizes of sheets are read from their JPEG headers; whether they can be decoded is
for `servicekit.pictures` to find out.
"""

import re
import struct
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import IO

from servicekit.media_info import MediaUnreadable

INDEX_NAME = "sprites.vtt"
# The oldest time that a ZIP archive can state: the same video gives the same bytes.
_NO_TIME = (1980, 1, 1, 0, 0, 0)
_COPY_BYTES = 1 << 20
# 24 h of ten pictures a second are 864 000 cues of some 70 bytes.
_INDEX_BYTES = 64 << 20
_CUE = re.compile(
    r"(\d{2,}):(\d\d):(\d\d)\.(\d{3}) --> (\d{2,}):(\d\d):(\d\d)\.(\d{3})\n"
    r"(sprites-\d{3,}\.jpg)#xywh=(\d+),(\d+),(\d+),(\d+)"
)
_START_OF_FRAME = frozenset({0xC0, 0xC1, 0xC2})


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """From when to when a picture stands for the video, and where it is: a sheet by its name, pixels on it."""

    start: timedelta
    end: timedelta
    sheet: str
    x: int
    y: int
    width: int
    height: int


def sheet_name(number: int) -> str:
    """Returns the name of a sheet, counted from 1."""
    return f"sprites-{number:03}.jpg"


def webvtt(cues: Sequence[Cue]) -> str:
    """Returns the index: a cue for each picture, with its place as a media fragment, as players of previews read it."""
    blocks = (
        f"{_clock(cue.start)} --> {_clock(cue.end)}\n{cue.sheet}#xywh={cue.x},{cue.y},{cue.width},{cue.height}\n"
        for cue in cues
    )
    return "\n".join(["WEBVTT\n", *blocks])


def write_archive(path: Path, index: str, sheets: Sequence[Path]) -> None:
    """Writes the archive: the index, then the sheets as they are named. JPEG gets no smaller, so nothing is packed."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(_entry(INDEX_NAME), index)
        for sheet in sheets:
            entry = _entry(sheet.name)
            entry.file_size = sheet.stat().st_size
            with sheet.open("rb") as source, archive.open(entry, "w") as target:
                while data := source.read(_COPY_BYTES):
                    target.write(data)


def check_archive(path: Path) -> list[str]:
    """Returns the names of the sheets of an archive as `write_archive` makes it.

    Raises MediaUnreadable where it cannot be read, holds anything else, or where its index does not fit its sheets.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return _checked(archive)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, UnicodeDecodeError) as error:
        raise MediaUnreadable("{it} is no sound ZIP archive.") from error


def extract(path: Path, name: str, target: Path) -> None:
    """Writes one sheet of a checked archive to a file."""
    with zipfile.ZipFile(path) as archive, archive.open(name) as source, target.open("wb") as file:
        while data := source.read(_COPY_BYTES):
            file.write(data)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _NO_TIME)
    entry.external_attr = 0o644 << 16
    return entry


def _checked(archive: zipfile.ZipFile) -> list[str]:
    entries = archive.infolist()
    sheets = [entry.filename for entry in entries[1:]]
    if [entry.filename for entry in entries] != [INDEX_NAME, *map(sheet_name, range(1, len(sheets) + 1))]:
        raise MediaUnreadable("{it} does not hold sprites.vtt and the sheets after it.")
    # Nothing is packed, so that no small file unfolds into a large one.
    if not sheets or entries[0].file_size > _INDEX_BYTES or any(entry.compress_type for entry in entries):
        raise MediaUnreadable("{it} has no sheets, or packs what should be stored.")
    if (damaged := archive.testzip()) is not None:
        raise MediaUnreadable(f"{{it}} is damaged: {damaged} is not what was put in.")
    cues = _read_index(archive.read(INDEX_NAME).decode())
    sizes = {}
    for name in sheets:
        with archive.open(name) as sheet:
            sizes[name] = _jpeg_size(sheet)
    if complaint := next(_complaints(cues, sizes), ""):
        raise MediaUnreadable(f"{{it}} has an index that does not fit its sheets: {complaint}.")
    return sheets


def _read_index(text: str) -> list[Cue]:
    head, *blocks = text.rstrip("\n").split("\n\n")
    matches = [match for block in blocks if (match := _CUE.fullmatch(block)) is not None]
    if head != "WEBVTT" or not matches or len(matches) != len(blocks):
        raise MediaUnreadable("{it} has an index that is no WebVTT of pictures.")
    return [_cue(match) for match in matches]


def _cue(match: re.Match[str]) -> Cue:
    x, y, width, height = (int(number) for number in match.groups()[9:])
    times = [int(number) for number in match.groups()[:8]]
    return Cue(start=_time(times[:4]), end=_time(times[4:]), sheet=match[9], x=x, y=y, width=width, height=height)


def _complaints(cues: Sequence[Cue], sizes: dict[str, tuple[int, int]]) -> Iterator[str]:
    if cues[0].start or any(one.end != following.start for one, following in pairwise(cues)):
        yield "its times have gaps"
    if any(cue.end <= cue.start for cue in cues):
        yield "a picture is shown for no time"
    if {cue.sheet for cue in cues} != set(sizes):
        yield "it does not name every sheet, or another one"
        return
    for cue in cues:
        width, height = sizes[cue.sheet]
        if not (cue.width and cue.height) or cue.x + cue.width > width or cue.y + cue.height > height:
            yield f"a picture is beyond the edge of {cue.sheet}, which has {width}x{height} pixels"


def _jpeg_size(file: IO[bytes]) -> tuple[int, int]:
    """Reads width and height from the header; segments before them are skipped."""
    if file.read(2) != b"\xff\xd8":
        raise MediaUnreadable("{it} has a sheet that is no JPEG.")
    while len(head := file.read(4)) == 4 and head[0] == 0xFF:
        (length,) = struct.unpack(">H", head[2:])
        body = file.read(length - 2)
        if head[1] in _START_OF_FRAME and len(body) >= 5:
            height, width = struct.unpack(">HH", body[1:5])
            return width, height
    raise MediaUnreadable("{it} has a sheet that is a damaged JPEG.")


def _clock(time: timedelta) -> str:
    milliseconds = round(time / timedelta(milliseconds=1))
    seconds, milliseconds = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{milliseconds:03}"


def _time(parts: Sequence[int]) -> timedelta:
    hours, minutes, seconds, milliseconds = parts
    return timedelta(hours=hours, minutes=minutes, seconds=seconds, milliseconds=milliseconds)
