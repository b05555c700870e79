"""A cloud on this machine: each instance is a worker process, known by its folder."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog

from orchestrator.cloud.local.instance_folder import InstanceFolder
from orchestrator.ports import CloudInstance, CloudState, LaunchOrder, LaunchRefused
from servicekit.clock import Clock
from servicekit.detached import ProcessIdentity, start_detached

# The worker's own grace for calls is 10 s, and its tasks end with it.
_TERM_SECONDS = 15.0
_KILL_SECONDS = 5.0
_POLL_SECONDS = 0.05
# What the worker must not inherit: our keys, and settings that were meant for us.
_PRIVATE_PREFIX = "SPOTREEL_"
# A marketplace's, where we run on a rented machine ourselves: with them a worker that nobody speaks to any more would
# destroy that machine, and not only itself.
_OF_OUR_CONTAINER = frozenset({"CONTAINER_ID", "CONTAINER_API_KEY"})


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalWorkerSettings:
    """How worker processes are started.

    `work_dir` is where they keep inputs and outputs, one below it for each. `slots` 0 lets the worker measure.
    `dead_man_seconds` is the silence after which a worker whose orchestrator never came back ends itself.
    """

    work_dir: Path
    ffmpeg: Path | None = None
    allowed_networks: tuple[str, ...] = ()
    slots: int = 0
    dead_man_seconds: float = 300.0
    log_level: str = "INFO"

    def environment(self, secret: bytes) -> dict[str, str]:
        """Returns the worker's settings; the secret goes this way because others can read command lines."""
        values = {
            "API_KEYS": secret.hex(),
            "WORK_DIR": str(self.work_dir),
            "FFMPEG": str(self.ffmpeg or ""),
            "ALLOWED_NETWORKS": ",".join(self.allowed_networks),
            "SLOTS": str(self.slots),
            "DEAD_MAN_TIMEOUT": f"{self.dead_man_seconds:g}",
            "LOG_LEVEL": self.log_level,
        }
        return {f"SPOTREEL_WORKER_{name}": value for name, value in values.items() if value}


class LocalCloud:
    """Starts workers as processes of this machine, while its `async with` block runs.

    Workers outlive us, are found again by their folders, and end themselves when nobody comes back for them. With
    `embedded` they end with us instead, however we end.
    """

    def __init__(
        self,
        *,
        folder: Path,
        settings: LocalWorkerSettings,
        clock: Clock,
        embedded: bool = False,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Takes the folder of the instances, which belongs to one orchestrator alone, and the environment they inherit
        (ours by default, less what is private)."""
        self._folder = folder.absolute()
        self._settings = settings
        self._clock = clock
        self._embedded = embedded
        inherited = os.environ if environment is None else environment
        self._environment = {name: value for name, value in inherited.items() if not _private(name)}
        # Held open for embedded workers, which end when theirs is closed.
        self._pipes: dict[str, int] = {}
        self._log = structlog.get_logger("cloud.local")

    @property
    def name(self) -> str:
        return "local"

    @property
    def reads_to_believe(self) -> int:
        # What is read is the file system, and the processes themselves.
        return 1

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self._folder.mkdir, parents=True, exist_ok=True)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._embedded:
            await asyncio.gather(*(self._end(folder) for folder in self._folders()))

    async def create(self, order: LaunchOrder) -> str:
        instance_id = order.instance_id
        folder = InstanceFolder(self._folder / instance_id)
        try:
            folder.make(order.label)
            identity = self._start(instance_id, folder, order.secret)
        except OSError as error:
            self._close_pipe(instance_id)
            with contextlib.suppress(OSError):
                folder.remove()
            raise LaunchRefused(f"A worker process could not be started: {error}.") from error
        with contextlib.suppress(OSError):
            # Without this file the process is found by its command line.
            folder.note_process(identity)
        self._log.info("worker_started", instance=instance_id, pid=identity.pid)
        return instance_id

    async def list(self) -> Sequence[CloudInstance]:
        return [instance for one in self._folders() if (instance := self._seen(one)) is not None]

    async def get(self, provider_id: str) -> CloudInstance | None:
        return self._seen(self._of(provider_id))

    async def destroy(self, provider_id: str) -> None:
        folder = self._of(provider_id)
        await self._end(folder)
        await asyncio.to_thread(folder.remove)

    async def log_tail(self, provider_id: str) -> str:
        return await asyncio.to_thread(self._of(provider_id).log_tail)

    def _start(self, instance_id: str, folder: InstanceFolder, secret: bytes) -> ProcessIdentity:
        # -P keeps a module that lies in the current folder from being imported in place of the worker.
        command = [sys.executable, "-P", "-m", "worker", "--listen", "127.0.0.1:0"]
        command += ["--ready-file", os.fspath(folder.ready_file)]
        environment = {**self._environment, **self._settings.environment(secret)}
        if not self._embedded:
            return start_detached(command, env=environment, log=folder.log_file)
        reading, self._pipes[instance_id] = os.pipe()
        try:
            return start_detached(
                [*command, "--exit-with-stdin"],
                env=environment,
                log=folder.log_file,
                stdin=reading,
                die_with_parent=True,
            )
        finally:
            os.close(reading)

    def _seen(self, folder: InstanceFolder) -> CloudInstance | None:
        label = folder.label
        if not label:
            return None
        folder.bound_log()
        process, address = folder.process(), folder.address
        if process is None:
            state, status = CloudState.STOPPED, "The worker process has ended."
        else:
            state, status = CloudState.RUNNING, f"pid {process.pid}"
        return CloudInstance(provider_id=folder.path.name, label=label, state=state, address=address, status=status)

    def _folders(self) -> Sequence[InstanceFolder]:
        with os.scandir(self._folder) as entries:
            return [InstanceFolder(Path(entry.path)) for entry in entries if entry.is_dir(follow_symlinks=False)]

    def _of(self, provider_id: str) -> InstanceFolder:
        if not provider_id.isalnum():
            raise ValueError(f"{provider_id!r} is no id of a local instance")
        return InstanceFolder(self._folder / provider_id)

    async def _end(self, folder: InstanceFolder) -> None:
        """Ends the process of an instance: asked, then killed, with its whole group."""
        process = folder.process()
        if process is None:
            self._close_pipe(folder.path.name)
            return
        # The end of its stdin asks an embedded worker already, and being asked twice it would not clean up.
        if not self._close_pipe(folder.path.name):
            process.signal_group(signal.SIGTERM)
        if not await self._ended(process, _TERM_SECONDS):
            process.signal_group(signal.SIGKILL)
            await self._ended(process, _KILL_SECONDS)
        self._log.info("worker_ended", instance=folder.path.name, pid=process.pid)

    async def _ended(self, process: ProcessIdentity, seconds: float) -> bool:
        until = self._clock.monotonic() + seconds
        while process.running:
            if self._clock.monotonic() > until:
                return False
            await self._clock.sleep(_POLL_SECONDS)
        return True

    def _close_pipe(self, instance_id: str) -> bool:
        descriptor = self._pipes.pop(instance_id, None)
        if descriptor is None:
            return False
        os.close(descriptor)
        return True


def _private(name: str) -> bool:
    return name.startswith(_PRIVATE_PREFIX) or name in _OF_OUR_CONTAINER
