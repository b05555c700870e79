"""The folder of one local instance: who it is, where it listens, what it logged.

<instance id>/
    label          written before anything is started
    process.json   pid and start of the worker process
    ready.json     written by the worker when it listens: its address
    worker.log     its stderr
"""

import contextlib
import json
import os
import shutil
from dataclasses import asdict
from pathlib import Path

from servicekit.detached import ProcessIdentity

_LOG_BYTES = 8 << 20
_TAIL_BYTES = 8 << 10


class InstanceFolder:
    """Reads and writes the files of one instance. Blocking, but never much."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.ready_file = path / "ready.json"
        self.log_file = path / "worker.log"

    def make(self, label: str) -> None:
        """Makes the folder of an instance that is about to be started. Raises OSError."""
        self.path.mkdir(parents=True, mode=0o700)
        (self.path / "label").write_text(label)

    @property
    def label(self) -> str:
        """The label; empty where there is no such instance."""
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            return (self.path / "label").read_text()
        return ""

    @property
    def address(self) -> str:
        """Where the worker listens; empty until it does."""
        with contextlib.suppress(FileNotFoundError, ValueError, KeyError):
            return str(json.loads(self.ready_file.read_text())["address"])
        return ""

    def note_process(self, identity: ProcessIdentity) -> None:
        """Writes down which process it is. Raises OSError."""
        partial = self.path / "process.json.partial"
        partial.write_text(json.dumps(asdict(identity)))
        partial.replace(self.path / "process.json")

    def process(self) -> ProcessIdentity | None:
        """Returns the worker's process; None where none is running."""
        try:
            identity = ProcessIdentity(**json.loads((self.path / "process.json").read_text()))
        except (FileNotFoundError, NotADirectoryError, ValueError, TypeError):
            # We were killed between starting it and writing it down; its command line names this folder.
            return self._find_process()
        return identity if identity.running else None

    def bound_log(self) -> None:
        """Moves the log aside when it is long; the worker goes on in the same file."""
        with contextlib.suppress(OSError):
            if self.log_file.stat().st_size > _LOG_BYTES:
                # The worker appends, so that an emptied file does not get a hole where it was.
                shutil.copyfile(self.log_file, self.path / "worker.log.1")
                os.truncate(self.log_file, 0)

    def log_tail(self) -> str:
        """Returns the last 8 KiB of the log, from the start of a line."""
        try:
            with self.log_file.open("rb") as file:
                file.seek(max(self.log_file.stat().st_size - _TAIL_BYTES, 0))
                tail = file.read(_TAIL_BYTES)
        except OSError:
            return ""
        whole = tail if len(tail) < _TAIL_BYTES else tail.partition(b"\n")[2]
        return whole.decode(errors="replace")

    def remove(self) -> None:
        """Removes everything. Raises OSError."""
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(self.path)

    def _find_process(self) -> ProcessIdentity | None:
        wanted = os.fsencode(self.ready_file)
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                if wanted in entry.read_bytes().split(b"\0"):
                    return ProcessIdentity.of(int(entry.parent.name))
        return None
