"""A file that is being uploaded: whole chunks or nothing."""

import hashlib
from pathlib import Path

import pytest

from orchestrator.assets.partial import PartialFile
from servicekit.errors import ResourceExhausted, Unavailable
from tests.simulators.disk import files_of_at_most


async def test_it_goes_on_behind_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "uploads" / "a.part"
    async with PartialFile(path) as file:
        await file.append(b"one ")
    async with PartialFile(path) as file:
        assert file.size == 4
        await file.append(b"two")
        assert (file.size, file.sha256) == (7, hashlib.sha256(b"one two").hexdigest())
        await file.restart()
        assert (file.size, file.sha256) == (0, hashlib.sha256().hexdigest())
    assert path.read_bytes() == b""


async def test_a_full_disk_keeps_what_was_whole_and_not_half_a_chunk(tmp_path: Path) -> None:
    path = tmp_path / "a.part"
    async with PartialFile(path) as file:
        await file.append(b"x" * 1000)
        with files_of_at_most(1500), pytest.raises(ResourceExhausted) as caught:
            await file.append(b"y" * 1000)
        assert caught.value.reason == "DISK_FULL"
        assert file.size == path.stat().st_size == 1000
        await file.append(b"z" * 1000)
        assert file.sha256 == hashlib.sha256(b"x" * 1000 + b"z" * 1000).hexdigest()


async def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable) as caught:
        async with PartialFile(tmp_path / "file" / "a.part"):
            pass
    assert caught.value.reason == "STORAGE_UNAVAILABLE"
