"""Where the output of runs goes that make no output of the task."""

from pathlib import Path
from types import TracebackType
from typing import Self


class NoSink:
    """For runs of which only the log matters."""

    def write(self, data: bytes) -> None:
        """Forgets the data."""


class FileSink:
    """A new file, closed when the context is left; one that was there is replaced."""

    def __init__(self, path: Path) -> None:
        """Creates the file."""
        self._file = path.open("wb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def write(self, data: bytes) -> None:
        """Appends the data."""
        self._file.write(data)
