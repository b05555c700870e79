"""What only a folder can do, and get wrong."""

import errno
import os
from pathlib import Path

import pytest

from orchestrator.storage.folder import FolderStore
from servicekit.errors import SpotreelError


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(b"content")
    return path


async def test_a_file_on_the_same_disk_is_moved_not_copied(tmp_path: Path, source: Path) -> None:
    inode = source.stat().st_ino
    await FolderStore(tmp_path / "blobs").store("a/b", source)
    assert (tmp_path / "blobs/a/b").stat().st_ino == inode


async def test_a_file_from_another_disk_is_copied_whole(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace, refused = Path.replace, []

    def across(path: Path, target: Path) -> Path:
        if path == source:
            refused.append(path)
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", across)
    await FolderStore(tmp_path / "blobs").store("a/b", source)
    assert refused == [source]
    assert (tmp_path / "blobs/a/b").read_bytes() == b"content"
    assert not source.exists()
    assert [path.name for path in (tmp_path / "blobs/a").iterdir()] == ["b"]


@pytest.mark.parametrize(
    ("number", "reason"), [(errno.ENOSPC, "DISK_FULL"), (errno.EDQUOT, "DISK_FULL"), (errno.EIO, "STORAGE_UNAVAILABLE")]
)
async def test_a_disk_that_fails_keeps_the_source(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch, number: int, reason: str
) -> None:
    def fail(path: Path, target: Path) -> Path:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(SpotreelError) as caught:
        await FolderStore(tmp_path / "blobs").store("a/b", source)
    assert caught.value.reason == reason
    assert source.read_bytes() == b"content"


async def test_deleting_the_last_blob_leaves_no_empty_folders(tmp_path: Path, source: Path) -> None:
    store = FolderStore(tmp_path / "blobs")
    await store.store("outputs/job1/1.mp4", source)
    await store.delete("outputs/job1/1.mp4")
    assert list((tmp_path / "blobs").iterdir()) == []
