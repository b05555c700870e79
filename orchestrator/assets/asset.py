"""An asset: a file that was uploaded, known by the SHA-256 of its content."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """An uploaded file; `sha256` in hex is its identity, `blob` is where storage keeps it."""

    sha256: str
    size_bytes: int
    file_name: str
    blob: str
    create_time: datetime
    expire_time: datetime

    @property
    def name(self) -> str:
        """The resource name, `assets/{sha256}`."""
        return f"assets/{self.sha256}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """An upload that was begun: what its client announced. How far it is, the partial file itself says."""

    id: str
    sha256: str
    size_bytes: int
    file_name: str
    create_time: datetime
