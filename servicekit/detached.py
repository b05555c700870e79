"""Processes that may outlive whoever started them, and are known again after a restart.

A pid alone is nobody: the kernel gives it to the next process once its owner is gone. With the moment at which the
process started it is an identity.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_PS_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessIdentity:
    """A process: its pid, and when it started, in the system's own words."""

    pid: int
    started: str

    @classmethod
    def of(cls, pid: int) -> Self | None:
        """Returns the identity of the process that has this pid now; None when there is none, or a zombie."""
        started = _started(pid)
        return cls(pid=pid, started=started) if started else None

    @property
    def running(self) -> bool:
        """Whether it is still the same process, and more than a zombie."""
        with contextlib.suppress(ChildProcessError):
            # If it was our child it stays a zombie until somebody asks for its status.
            os.waitpid(self.pid, os.WNOHANG)
        return _started(self.pid) == self.started

    def signal_group(self, number: signal.Signals) -> None:
        """Signals the process and its group, unless it is gone."""
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, number)


def start_detached(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    log: Path,
    stdin: int | None = None,
    die_with_parent: bool = False,
) -> ProcessIdentity:
    """Starts a program in a session of its own, its stderr appended to `log`, and returns its identity. Blocking.

    `stdin` is a descriptor that it reads. With `die_with_parent` the kernel kills it with the thread that called this,
    which must then be the main thread. Raises OSError.
    """
    setpriv = shutil.which("setpriv") if die_with_parent else None
    prefix = [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []
    with log.open("ab") as stderr:
        process = subprocess.Popen(
            [*prefix, *command],
            env=dict(env),
            stdin=subprocess.DEVNULL if stdin is None else stdin,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            start_new_session=True,
        )
    identity = ProcessIdentity.of(process.pid)
    # It is not this object's any more: without a status it would complain when it is collected.
    process.returncode = 0
    if identity is None:
        raise ChildProcessError(f"{command[0]} ended as soon as it was started")
    return identity


def _started(pid: int) -> str:
    if sys.platform == "linux":
        try:
            # The name in parentheses may hold anything; behind it come state (field 3) … start time (field 22).
            fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return ""
        return "" if fields[0] in "ZX" else fields[19]
    answer = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False, timeout=_PS_SECONDS
    )
    return answer.stdout.strip()
