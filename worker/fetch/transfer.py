"""One file on its way: what of it is here, and whether the next answer continues it."""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from worker.threads import run_to_end

_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a server said about the file: where its bytes start, the whole size if known, and what identifies it.

    `validator` is a strong ETag or a date, empty where the server gives neither: then nothing can be continued,
    since nobody could tell whether it is still the same file.
    """

    start: int
    total: int | None
    validator: str

    @classmethod
    def read(cls, status: int, headers: Mapping[str, str]) -> Self:
        """Reads the headers of a 200, 206 or 416; the latter, which a file that shrank gives, means start over."""
        etag = headers.get("ETag", "")
        validator = etag if etag.startswith('"') else headers.get("Last-Modified", "")
        if status == 206:
            found = _CONTENT_RANGE.match(headers.get("Content-Range", ""))
            if found is None:
                return cls(start=-1, total=None, validator="")
            total = None if found[2] == "*" else int(found[2])
            return cls(start=int(found[1]), total=total, validator=validator)
        if status == 416:
            return cls(start=-1, total=None, validator="")
        length = headers.get("Content-Length", "")
        return cls(start=0, total=int(length) if length.isdecimal() else None, validator=validator)


class Transfer:
    """The state that survives a break of the connection."""

    def __init__(self, target: Path, *, on_bytes: Callable[[int], None]) -> None:
        self.received = 0
        self.expected: int | None = None
        self._target = target
        self._on_bytes = on_bytes
        self._validator = ""

    @property
    def complete(self) -> bool:
        """Tells whether all that was announced is here; without an announcement the end of the answer is the end."""
        return self.expected is None or self.received == self.expected

    def request_headers(self) -> dict[str, str]:
        """Returns the headers that ask for the rest, if there is a rest that can be asked for."""
        if not (self.received and self._validator):
            return {}
        return {"Range": f"bytes={self.received}-", "If-Range": self._validator}

    def begin(self, answer: Answer) -> bool:
        """Prepares for the bytes of an answer, behind what is here if it continues it, else anew.

        Returns False for the rest of something else; all is forgotten then, and the next try asks for all of it.
        """
        if answer.start == self.received and self._is_same(answer):
            self._validator, self.expected = answer.validator, answer.total
            return True
        self.received = 0
        self._validator, self.expected = (answer.validator, answer.total) if answer.start == 0 else ("", None)
        return answer.start == 0

    @contextmanager
    def open(self) -> Iterator["TargetFile"]:
        """Opens the file and cuts off what is behind `received`."""
        descriptor = os.open(self._target, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(descriptor, self.received)
            yield TargetFile(descriptor, self)
        finally:
            os.close(descriptor)

    def advance(self, count: int) -> None:
        """Counts bytes that are written."""
        self.received += count
        self._on_bytes(self.received)

    def _is_same(self, answer: Answer) -> bool:
        if self.received == 0:
            return True
        return answer.validator == self._validator and answer.total == self.expected


class TargetFile:
    """The open file of one answer."""

    def __init__(self, descriptor: int, transfer: Transfer) -> None:
        self.descriptor = descriptor
        self._transfer = transfer

    async def append(self, data: bytes) -> None:
        """Writes the next bytes in a thread; raises OSError."""
        if data:
            await run_to_end(_write_all, self.descriptor, data, self._transfer.received)
            self._transfer.advance(len(data))


def _write_all(descriptor: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written
