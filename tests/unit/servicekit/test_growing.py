"""A growing file that spares the page cache holds the same bytes."""

import hashlib
import os
from contextlib import aclosing
from pathlib import Path

import pytest

from servicekit import growing
from servicekit.growing import GrowingFile
from tests.simulators.clock import FakeClock

_MEBIBYTE = 1 << 20


@pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="the page cache takes advice on Linux")
async def test_a_large_file_is_written_back_as_it_grows(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    advised: list[int] = []
    monkeypatch.setattr(growing, "_CACHED_BYTES", 2 * _MEBIBYTE)
    monkeypatch.setattr(growing, "_WRITE_BACK_BYTES", _MEBIBYTE)
    advise = os.posix_fadvise

    def spy(descriptor: int, offset: int, length: int, advice: int) -> None:
        advised.append(length)
        advise(descriptor, offset, length, advice)

    monkeypatch.setattr(os, "posix_fadvise", spy)
    content = os.urandom(5 * _MEBIBYTE)
    async with await GrowingFile(tmp_path / "spool", clock=clock, spare_cache=True).open() as file:
        for offset in range(0, len(content), _MEBIBYTE // 2):
            file.write(content[offset : offset + _MEBIBYTE // 2])
        file.finish()
        async with aclosing(file.read(0)) as pieces:
            read = b"".join([piece async for piece in pieces])

    assert read == content
    assert file.sha256 == hashlib.sha256(content).digest()
    assert advised == [3 * _MEBIBYTE, 4 * _MEBIBYTE, 5 * _MEBIBYTE], "the small beginning stays cached"
