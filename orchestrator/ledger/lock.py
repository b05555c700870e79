"""One process for each ledger: a second one is told so at once, instead of damaging what the first one writes."""

import contextlib
import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from servicekit.errors import FailedPrecondition


class LedgerLock:
    """Holds `<ledger file>.lock` while its `with` block runs; the kernel lets go of it when the process dies.

    Entering raises FailedPrecondition: LEDGER_IN_USE, or LEDGER_NOT_WRITABLE. The lock file stays, since removing it
    would let two processes lock two different files of the same name.
    """

    def __init__(self, ledger: Path) -> None:
        self._ledger = ledger
        self._path = ledger.with_name(f"{ledger.name}.lock")
        self._descriptor = -1

    def __enter__(self) -> Self:
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise not_writable(self._ledger, error.strerror or str(error)) from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(self._descriptor, 32, 0).decode(errors="replace").strip()
            self._close()
            raise self._in_use(holder) from error
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            os.ftruncate(self._descriptor, 0)
        self._close()

    def _close(self) -> None:
        os.close(self._descriptor)
        self._descriptor = -1

    def _in_use(self, holder: str) -> FailedPrecondition:
        who = f"process {holder}" if holder else "another process"
        return FailedPrecondition(
            f"The ledger {self._ledger} is in use by {who}. Stop that one, or choose another --data-dir.",
            reason="LEDGER_IN_USE",
            subject=str(self._ledger),
            metadata={"ledger": str(self._ledger), "pid": holder},
        )


def not_writable(ledger: Path, why: str) -> FailedPrecondition:
    """Returns the error for a ledger that cannot be opened or written."""
    return FailedPrecondition(
        f"The ledger {ledger} cannot be written: {why}. Check its folder's permissions and free space, or choose "
        "another --data-dir.",
        reason="LEDGER_NOT_WRITABLE",
        subject=str(ledger),
        metadata={"ledger": str(ledger)},
    )
