"""The names of blobs, and what is said of one that is gone."""

import re

from servicekit.errors import DataLoss

_KEY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")
_MAX_CHARACTERS = 512


def check_key(key: str) -> str:
    """Returns the key; raises ValueError for one that could leave its folder or that some store does not take."""
    if len(key) > _MAX_CHARACTERS or not _KEY.fullmatch(key):
        raise ValueError(f"{key!r} is no key of a blob")
    return key


def blob_missing(key: str) -> DataLoss:
    """Returns the error for a blob that should be there and is not, or is too short."""
    return DataLoss(
        f"The server's storage has lost {key}. Create the job or the asset anew.",
        reason="BLOB_MISSING",
        metadata={"blob": key},
    )
