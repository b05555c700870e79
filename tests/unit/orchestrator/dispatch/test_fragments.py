"""What is read of a fragmented MP4: whole, cut off anywhere, and damaged in any way."""

import struct
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.dispatch.fragments import FragmentsUnreadable, last_border, read_film
from tests.simulators.fragments import GROUP_SECONDS, RATE, film

GROUP = GROUP_SECONDS * RATE


@pytest.fixture(scope="module")
def content() -> bytes:
    return film(seconds=7, sound=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "film"


def boxes(content: bytes, kind: bytes) -> list[int]:
    """Where the boxes of the file's top level of that kind start."""
    found, position = [], 0
    while position < len(content):
        length, name = struct.unpack_from(">I4s", content, position)
        found += [position] if name == kind else []
        position += length
    return found


def test_a_whole_film_is_read_frame_by_frame(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    read = read_film(path)

    assert [one.offset for one in read.fragments] == boxes(content, b"moof")
    assert [one.frames for one in read.fragments] == [GROUP, GROUP, GROUP, RATE]
    assert [read.seconds(one) for one in read.fragments] == [0, 2, 4, 6]
    assert not read.track.alone


def test_every_prefix_ends_at_the_last_keyframe_that_has_come(path: Path, content: bytes) -> None:
    moofs, mdats = boxes(content, b"moof"), boxes(content, b"mdat")
    for size in range(0, len(content), 97):
        path.write_bytes(content[:size])
        # The header of a fragment says that it begins with a keyframe; that what is in it has come does not matter.
        headers = sum(mdat <= size for mdat in mdats)
        if not headers:
            with pytest.raises(FragmentsUnreadable):
                read_film(path)
            continue
        border = last_border(read_film(path))
        if headers == 1:
            assert border is None
        else:
            assert border is not None
            assert (border.offset, border.frames) == (moofs[headers - 1], GROUP * (headers - 1))
            assert border.length == GROUP_SECONDS * (headers - 1)


def test_a_film_that_starts_later_says_when(path: Path) -> None:
    path.write_bytes(film(seconds=7, start=2))
    read = read_film(path)
    border = last_border(read)

    assert read.start == GROUP_SECONDS
    assert (read.frames, read.track.alone) == (5 * RATE, True)
    assert border is not None
    assert border.length == 2 * GROUP_SECONDS
    assert border.frames == 2 * GROUP


def test_frames_of_an_odd_rate_keep_their_exact_times(path: Path) -> None:
    path.write_bytes(film(seconds=5, rate="30000/1001"))
    border = last_border(read_film(path))

    assert border is not None
    # The first frame at 4 s or later.
    assert border.length == Fraction(120 * 1001, 30000)
    assert border.frames == 120


def test_a_fragment_that_does_not_begin_with_a_keyframe_is_no_border(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    read = read_film(path)
    last = read.fragments[-1]
    # The flags of its first sample, in its run: version and flags, count, offset of the data, and then these.
    run = content.index(b"trun", last.offset) + 4
    assert struct.unpack_from(">I", content, run)[0] & 0x4
    changed = bytearray(content)
    struct.pack_into(">I", changed, run + 12, 0x01010000)
    path.write_bytes(changed)

    border = last_border(read_film(path))
    assert border is not None
    assert border.offset == read.fragments[-2].offset


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_damage_is_told_or_harmless(path: Path, content: bytes, data: st.DataObject) -> None:
    """Never another error, and never more frames than there can be."""
    damaged = bytearray(content)
    headers = [moof + n for moof in [*boxes(content, b"moov"), *boxes(content, b"moof")] for n in range(200)]
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.sampled_from(headers))] = data.draw(st.integers(0, 255))
    path.write_bytes(damaged)
    try:
        read = read_film(path)
    except FragmentsUnreadable:
        return
    assert 0 < read.frames <= 1_000_000
    border = last_border(read)
    assert border is None or border.offset < len(content)


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 100, b"\x1a\x45\xdf\xa3" * 50, b"\0\0\0\x08moov", b"\0\0\0\1mdat" + b"\xff" * 8]
)
def test_what_is_no_fragmented_film_is_said_so(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(FragmentsUnreadable):
        read_film(path)
