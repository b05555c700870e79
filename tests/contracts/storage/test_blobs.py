"""What every blob store promises."""

from pathlib import Path

import pytest

from orchestrator.ports import BlobStore
from orchestrator.storage.folder import FolderStore
from orchestrator.storage.place import open_store
from servicekit.errors import DataLoss, FailedPrecondition

CONTENT = bytes(range(256)) * 40


@pytest.fixture(params=["folder", "objects"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    return FolderStore(tmp_path / "blobs") if request.param == "folder" else open_store("memory://")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(CONTENT)
    return path


async def test_a_stored_blob_is_whole_and_its_source_is_gone(store: BlobStore, source: Path) -> None:
    await store.store("outputs/job1/1.mp4", source)
    assert not source.exists()
    assert await store.size("outputs/job1/1.mp4") == len(CONTENT)
    assert await store.read("outputs/job1/1.mp4", 0, len(CONTENT)) == CONTENT
    assert await store.read("outputs/job1/1.mp4", 300, 7) == CONTENT[300:307]


async def test_storing_again_replaces(store: BlobStore, source: Path, tmp_path: Path) -> None:
    await store.store("assets/a", source)
    other = tmp_path / "other"
    other.write_bytes(b"new")
    await store.store("assets/a", other)
    assert await store.size("assets/a") == 3
    assert await store.read("assets/a", 0, 3) == b"new"


async def test_what_is_gone_is_told(store: BlobStore, source: Path) -> None:
    assert await store.size("assets/a") is None
    with pytest.raises(DataLoss, match="assets/a") as caught:
        await store.read("assets/a", 0, 1)
    assert caught.value.reason == "BLOB_MISSING"
    await store.delete("assets/a")
    await store.store("assets/a", source)
    await store.delete("assets/a")
    assert await store.size("assets/a") is None


@pytest.mark.parametrize("key", ["../a", "/a", "a//b", "a/../b", "", ".hidden", "a/\x00", "a" * 600])
async def test_no_key_leaves_the_store(store: BlobStore, source: Path, key: str) -> None:
    with pytest.raises(ValueError, match="no key"):
        await store.store(key, source)
    assert source.exists()


@pytest.mark.parametrize("place", ["ftp://host/x", "s3://"])
def test_a_place_that_is_none_is_refused(place: str) -> None:
    with pytest.raises(FailedPrecondition) as caught:
        open_store(place)
    assert caught.value.reason == "STORAGE_URL_INVALID"
