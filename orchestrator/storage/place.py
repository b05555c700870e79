"""Which store a setting means."""

from pathlib import Path
from urllib.parse import urlsplit

from orchestrator.ports import BlobStore
from orchestrator.storage.folder import FolderStore
from servicekit.errors import FailedPrecondition

OBJECT_SCHEMES = frozenset({"s3", "s3a", "gs", "az", "azure", "memory"})


def open_store(place: str) -> BlobStore:
    """Returns the store for a folder's path, or for an address such as `s3://bucket/prefix`.

    Credentials come from the environment, as the cloud's own tools take them. Raises FailedPrecondition
    (STORAGE_URL_INVALID).
    """
    scheme = urlsplit(place).scheme
    if "://" not in place:
        return FolderStore(Path(place).expanduser())
    if scheme == "file":
        return FolderStore(Path(urlsplit(place).path))
    if scheme not in OBJECT_SCHEMES:
        raise _invalid(place, f"{scheme}:// is not known; use a folder, or one of {', '.join(sorted(OBJECT_SCHEMES))}")
    # Only here: a server that keeps its blobs in a folder never loads it.
    from obstore.exceptions import BaseError  # noqa: PLC0415
    from obstore.store import from_url  # noqa: PLC0415

    from orchestrator.storage.objects import ObjectBlobs  # noqa: PLC0415

    try:
        return ObjectBlobs(from_url(place))
    except (BaseError, ValueError) as error:
        raise _invalid(place, "it is not complete, or its credentials are missing from the environment") from error


def _invalid(place: str, why: str) -> FailedPrecondition:
    address = urlsplit(place)
    shown = f"{address.scheme}://{address.hostname or ''}{address.path}"
    return FailedPrecondition(
        f"The storage {shown} cannot be used: {why}.",
        reason="STORAGE_URL_INVALID",
        subject=shown,
        metadata={"storage": shown},
    )
