"""The folder a worker works in: its own while it lives, cleaned up by the next one when it was killed.

{work_dir}/
  lock                       held while a worker looks for leftovers and makes its own folder
  worker-{pid}-{id}/
    lock                     held as long as that worker lives, by the kernel, however it ends
    inputs/                  uploaded inputs
    tasks/{task}/            what a task needs while it runs
    outputs/                 what tasks made, until they are deleted
"""

import fcntl
import os
import shutil
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import structlog

from servicekit.clock import Clock
from servicekit.errors import FailedPrecondition
from servicekit.ids import new_id
from worker.threads import run_to_end

_PREFIX = "worker-"
# Only what a worker starts in its folder; a person's shell that stands there is left alone.
_OUR_PROGRAMS = ("ffmpeg", "python")


class WorkFolder:
    """The sub-folders of one living worker."""

    def __init__(self, path: Path) -> None:
        """Takes a folder of this worker alone, and makes the rooms in it."""
        self.path = path
        self.inputs = path / "inputs"
        self.outputs = path / "outputs"
        self._tasks = path / "tasks"
        for room in (self.inputs, self.outputs, self._tasks):
            room.mkdir(mode=0o700)

    @asynccontextmanager
    async def task(self, task_id: str) -> AsyncIterator[Path]:
        """Gives a task a folder of its own and removes it with all that is in it."""
        folder = self._tasks / task_id
        folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            await run_to_end(shutil.rmtree, folder, ignore_errors=True)

    def free_bytes(self) -> int:
        """Returns how much more can be stored here."""
        return shutil.disk_usage(self.path).free


@contextmanager
def open_work_folder(root: Path, *, clock: Clock) -> Iterator[WorkFolder]:
    """Removes what dead workers left under `root`, and gives this one a folder that is removed at the end. Blocking.

    Raises FailedPrecondition (WORK_DIR_UNUSABLE) where nothing can be written there.
    """
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(root / "lock", blocking=True):
            for folder in sorted(root.glob(f"{_PREFIX}*")):
                _remove_if_dead(folder)
            own = root / f"{_PREFIX}{os.getpid()}-{new_id(clock)}"
            own.mkdir(mode=0o700)
            lock = _lock(own / "lock", blocking=False)
    except OSError as error:
        raise FailedPrecondition(
            f"The work folder {root} cannot be used: {error.strerror}; "
            "choose another one with SPOTREEL_WORKER_WORK_DIR.",
            reason="WORK_DIR_UNUSABLE",
            subject=str(root),
            metadata={"work_dir": str(root)},
        ) from error
    try:
        yield WorkFolder(own)
    finally:
        shutil.rmtree(own, ignore_errors=True)
        os.close(lock)


def _remove_if_dead(folder: Path) -> None:
    try:
        with _locked(folder / "lock", blocking=False):
            killed = list(_kill_processes_in(folder))
            shutil.rmtree(folder, ignore_errors=True)
    except BlockingIOError:
        return
    structlog.get_logger().info("dead_worker_removed", folder=folder.name, killed=killed)


def _kill_processes_in(folder: Path) -> Iterator[int]:
    """Kills what still works inside the folder, and yields the process ids.

    They die with their worker where the kernel was asked for that. A process is known by its working folder, which is
    read from the kernel at this moment: ids that were written down may belong to strangers by now.
    """
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (entry / "cwd").readlink().is_relative_to(folder.resolve()) and _is_ours(entry):
                os.kill(int(entry.name), signal.SIGKILL)
                yield int(entry.name)


def _is_ours(process: Path) -> bool:
    return (process / "comm").read_text().startswith(_OUR_PROGRAMS)


@contextmanager
def _locked(path: Path, *, blocking: bool) -> Iterator[None]:
    descriptor = _lock(path, blocking=blocking)
    try:
        yield
    finally:
        os.close(descriptor)


def _lock(path: Path, *, blocking: bool) -> int:
    """Returns the descriptor that holds the lock until it is closed; raises BlockingIOError where another has it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if blocking else fcntl.LOCK_NB))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
