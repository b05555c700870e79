"""Parts of a picture become one: every frame at its time, and what does not go together is refused."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import av
import pytest

from orchestrator.dispatch.fragments import last_border, read_film
from orchestrator.dispatch.joining import Part, PartDamaged, PartsDiffer, digest_of, join_parts
from tests.simulators.fragments import RATE, film

HEVC = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error:open-gop=0", "-tag:v", "hvc1")


def kept(path: Path, content: bytes, size: int, start: float = 0.0) -> Part:
    """The part that is kept of a film of which so many bytes came."""
    path.write_bytes(content[:size])
    border = last_border(read_film(path))
    assert border is not None
    return Part(
        path=path,
        size_bytes=border.offset,
        start=timedelta(seconds=start),
        sha256=digest_of(path, border.offset),
    )


def rest(path: Path, content: bytes, start: float) -> Part:
    path.write_bytes(content)
    return Part(path=path, size_bytes=len(content), start=timedelta(seconds=start))


def frames(path: Path) -> list[tuple[float, bool]]:
    """When each frame is shown, and whether it is a keyframe; by a library, not by us."""
    with av.open(str(path)) as container:
        return [(frame.time, frame.key_frame) for frame in container.decode(video=0)]


@pytest.mark.parametrize("encoder", [("-c:v", "libx264", "-preset", "superfast"), HEVC], ids=["h264", "hevc"])
def test_three_parts_have_the_frames_of_one(tmp_path: Path, encoder: tuple[str, ...]) -> None:
    whole = film(seconds=9, sound=True, encoder=encoder)
    second = film(seconds=9, start=4, encoder=encoder)
    parts = [
        kept(tmp_path / "1", whole, read_film_end(tmp_path, whole, 2)),
        kept(tmp_path / "2", second, read_film_end(tmp_path, second, 1), start=4),
        rest(tmp_path / "3", film(seconds=9, start=6, encoder=encoder), 6),
    ]
    joined = join_parts(parts, tmp_path / "joined")

    assert joined.frames == 9 * RATE
    assert joined.borders == (timedelta(seconds=4), timedelta(seconds=6))
    (tmp_path / "whole").write_bytes(whole)
    assert frames(tmp_path / "joined") == frames(tmp_path / "whole")


def read_film_end(folder: Path, content: bytes, fragment: int) -> int:
    """How many bytes have come when a fragment is complete and the next one has begun."""
    path = folder / "measured"
    path.write_bytes(content)
    return read_film(path).fragments[fragment].offset + 1000


def test_parts_of_different_parameters_are_refused(tmp_path: Path) -> None:
    first = film(seconds=6)
    part = kept(tmp_path / "1", first, len(first))
    other = film(seconds=6, start=4, encoder=("-c:v", "libx264", "-preset", "superfast", "-bf", "0"))
    with pytest.raises(PartsDiffer, match="parameters"):
        join_parts([part, rest(tmp_path / "2", other, 4)], tmp_path / "joined")


def test_a_part_that_begins_elsewhere_is_refused(tmp_path: Path) -> None:
    first = film(seconds=6)
    part = kept(tmp_path / "1", first, len(first))
    for start in (3.9, 4.1):
        with pytest.raises(PartsDiffer, match="begins at"):
            join_parts([part, rest(tmp_path / "2", film(seconds=6, start=start), 4)], tmp_path / "joined")


def test_a_part_that_is_not_complete_is_refused(tmp_path: Path) -> None:
    first, second = film(seconds=6), film(seconds=6, start=4)
    part = kept(tmp_path / "1", first, len(first))
    cut = read_film_end(tmp_path, second, 0)
    with pytest.raises(PartsDiffer, match="not complete"):
        join_parts([part, rest(tmp_path / "2", second[:cut], 4)], tmp_path / "joined")


def test_a_part_that_changed_on_the_disk_is_refused(tmp_path: Path) -> None:
    first = film(seconds=6)
    part = kept(tmp_path / "1", first, len(first))
    last = rest(tmp_path / "2", film(seconds=6, start=4), 4)
    damaged = bytearray(first)
    damaged[part.size_bytes // 2] ^= 1
    for content in (bytes(damaged), first[: part.size_bytes - 1]):
        part.path.write_bytes(content)
        with pytest.raises(PartDamaged):
            join_parts([part, last], tmp_path / "joined")
    part.path.unlink()
    with pytest.raises(PartDamaged):
        join_parts([part, last], tmp_path / "joined")
    # What came behind it does not matter.
    part.path.write_bytes(first + b"more")
    assert join_parts([part, replace(last)], tmp_path / "joined").frames == 6 * RATE
