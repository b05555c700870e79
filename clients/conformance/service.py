"""The real service: an orchestrator process with its local worker, which can be killed and started again."""

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from servicekit.detached import ProcessIdentity

_STOP_SECONDS = 30


class Service:
    """One orchestrator over its restarts: same data, same key, same port. Use `running`."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self.api_key = secrets.token_urlsafe(16)
        self.address = "127.0.0.1:0"
        self._folder = folder
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    @contextlib.contextmanager
    def running(cls, folder: Path, **settings: str) -> Iterator["Service"]:
        """Starts a service with its data in `folder`, and ends it and its worker afterwards.

        `settings`: environment variables without `SPOTREEL_`, such as `max_queued_jobs="1"`.
        """
        folder.mkdir(exist_ok=True)
        service = cls(folder, {f"SPOTREEL_{name.upper()}": value for name, value in settings.items()})
        service.start()
        try:
            yield service
        finally:
            service.stop()

    @property
    def pid(self) -> int:
        """The process that serves just now."""
        return self._running.pid

    def start(self) -> None:
        """Starts a process and returns when it listens. Raises RuntimeError where it ends instead."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SPOTREEL_")}
        environment |= {"SPOTREEL_API_KEY": self.api_key, **self._settings}
        with (self._folder / "service.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-P", "-m", "orchestrator", "--listen", self.address),
                    *("--data-dir", str(self._folder / "data")),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment,
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline().decode()
        if not line.startswith("listening on "):
            self.stop()
            raise RuntimeError(f"the service did not start:\n{(self._folder / 'service.log').read_text()[-2000:]}")
        self.address = line.removeprefix("listening on ").strip()

    def kill(self) -> None:
        """Ends the process as a crash would; its worker goes on with what it has."""
        self._running.send_signal(signal.SIGKILL)
        self._reap()

    def stop(self) -> None:
        """Ends the process in order, and its worker even if a job that a failed scenario left keeps it busy."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._reap()
        for file in self._folder.glob("data/instances/*/process.json"):
            ProcessIdentity(**json.loads(file.read_text())).signal_group(signal.SIGKILL)

    @property
    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("the service does not run")
        return self._process

    def _reap(self) -> None:
        self._running.wait(_STOP_SECONDS)
        if self._running.stdout is not None:
            self._running.stdout.close()
        self._process = None
