"""Outputs on their way home: a folder for each job that runs, a growing file for each attempt."""

import asyncio
import contextlib
import os
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path

from orchestrator.dispatch.disk_space import with_space
from orchestrator.dispatch.interruption import to_the_end
from orchestrator.ports import OutputInterrupted
from servicekit.clock import Clock
from servicekit.errors import Aborted
from servicekit.growing import GrowingFile


class SpoolFolder:
    """Keeps `<folder>/<job id>/<attempt>.spool`, and tells readers which one is current.

    The files of a job stay until `remove`: also when they are complete, and over restarts. An attempt that makes its
    sound apart has it in `<attempt>.sound`. What is kept of lost attempts while the job waits for another machine gives
    way to outputs that find no space.
    """

    def __init__(self, folder: Path, *, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self._current: dict[str, tuple[int, GrowingFile]] = {}
        self._sounds: dict[str, GrowingFile] = {}
        self._waiting: set[str] = set()
        self._changes: dict[str, set[asyncio.Event]] = {}

    def current(self, job_id: str) -> tuple[int, GrowingFile] | None:
        return self._current.get(job_id)

    async def changed(self, job_id: str) -> None:
        change = asyncio.Event()
        waiting = self._changes.setdefault(job_id, set())
        waiting.add(change)
        try:
            await change.wait()
        finally:
            waiting.discard(change)
            if not waiting:
                self._changes.pop(job_id, None)

    def job_folder(self, job_id: str) -> Path:
        """Returns where a job's files are while it runs; removed with them."""
        return self._folder / job_id

    def path(self, job_id: str, attempt: int) -> Path:
        """Returns where the file of an attempt is."""
        return self.job_folder(job_id) / f"{attempt}.spool"

    def jobs(self) -> list[str]:
        """Returns the ids of the jobs that have files; blocks."""
        with contextlib.suppress(FileNotFoundError), os.scandir(self._folder) as entries:
            return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
        return []

    @property
    def waiting(self) -> frozenset[str]:
        """The ids of the jobs that wait for another machine and of which something is kept."""
        return frozenset(self._waiting)

    async def open(self, job_id: str, attempt: int) -> GrowingFile:
        """Returns the file of an attempt, going on behind what is there. Raises OSError."""
        file = await self._file(self.path(job_id, attempt)).reopen()
        self._take(job_id, attempt, file)
        return file

    async def open_sound(self, job_id: str, attempt: int) -> GrowingFile:
        """Returns the file of an attempt's sound, going on behind what is there. Raises OSError."""
        return self._take_sound(job_id, await self._file(self._sound_path(job_id, attempt)).reopen())

    async def restart_sound(self, job_id: str, attempt: int) -> GrowingFile:
        """Returns the file of an attempt's sound, emptied. Raises OSError."""
        return self._take_sound(job_id, await self._file(self._sound_path(job_id, attempt)).open())

    async def restart(self, job_id: str, attempt: int) -> GrowingFile:
        """Returns the file of an attempt, emptied; who reads what it held hears that it starts over. Raises OSError."""
        self._drop(job_id)
        path = self.path(job_id, attempt)
        # A new file, not an emptied one: readers of the old one must not see bytes of the new.
        path.unlink(missing_ok=True)
        file = await self._file(path).open()
        self._take(job_id, attempt, file)
        return file

    async def append(self, file: GrowingFile, pieces: Sequence[bytes], *, on_wait: Callable[[], None]) -> None:
        """Appends in a thread, waiting for room on a full disk; `on_wait` is called when it has to.

        A cancel waits for the thread, so that nothing writes to a file that was closed. Raises ResourceExhausted
        (DISK_FULL), OSError.
        """
        start = file.size

        def make_room() -> None:
            on_wait()
            self._give_way()

        async def rest() -> None:
            # What was written before the disk was full is in the file.
            await to_the_end(asyncio.to_thread(file.write, *_without(file.size - start, pieces)))

        await with_space(rest, clock=self._clock, on_wait=make_room)

    def detach(self, job_id: str) -> None:
        """Stops writing; the files stay. Readers hear OutputInterrupted: whoever opens it next goes on behind them."""
        self._drop(job_id, OutputInterrupted(job_id))
        self._drop_sound(job_id)

    async def remove(self, job_id: str) -> None:
        """Removes the files of a job that is final, or whose attempt failed."""
        self._drop(job_id)
        self._drop_sound(job_id)
        self._waiting.discard(job_id)
        await asyncio.to_thread(shutil.rmtree, self.job_folder(job_id), ignore_errors=True)

    async def keep(self, job_id: str, attempts: Collection[int]) -> None:
        """Removes the files of a job but for those of these attempts, until another machine goes on behind them."""
        self._drop(job_id)
        self._drop_sound(job_id)
        self.set_aside(job_id)
        await asyncio.to_thread(self._remove_but, job_id, frozenset(attempts))

    def set_aside(self, job_id: str) -> None:
        """Says that what is kept of a job waits for another machine."""
        self._waiting.add(job_id)

    def claim(self, job_id: str, sizes: Mapping[int, int]) -> bool:
        """Says that a machine was found; whether the files of these attempts are there, with so many bytes at least."""
        self._waiting.discard(job_id)
        try:
            return all(self.path(job_id, attempt).stat().st_size >= size for attempt, size in sizes.items())
        except OSError:
            return False

    def _file(self, path: Path) -> GrowingFile:
        return GrowingFile(path, clock=self._clock, spare_cache=True)

    def _sound_path(self, job_id: str, attempt: int) -> Path:
        return self.job_folder(job_id) / f"{attempt}.sound"

    def _take_sound(self, job_id: str, file: GrowingFile) -> GrowingFile:
        self._drop_sound(job_id)
        self._sounds[job_id] = file
        return file

    def _drop_sound(self, job_id: str) -> None:
        if (sound := self._sounds.pop(job_id, None)) is not None:
            sound.close()

    def _take(self, job_id: str, attempt: int, file: GrowingFile) -> None:
        self._current[job_id] = (attempt, file)
        self._announce(job_id)

    def _drop(self, job_id: str, why: Exception | None = None) -> None:
        held = self._current.pop(job_id, None)
        if held is not None:
            _, file = held
            file.fail(why or _restarted(job_id))
            file.close()
            self._announce(job_id)

    def _announce(self, job_id: str) -> None:
        for change in self._changes.get(job_id, ()):
            change.set()

    def _remove_but(self, job_id: str, attempts: frozenset[int]) -> None:
        kept = {self.path(job_id, attempt) for attempt in attempts}
        with contextlib.suppress(FileNotFoundError):
            for path in self.job_folder(job_id).iterdir():
                if path not in kept:
                    path.unlink()

    def _give_way(self) -> None:
        """Removes what is kept of jobs that wait: another job's work is lost otherwise, these only begin again."""
        while self._waiting:
            shutil.rmtree(self.job_folder(self._waiting.pop()), ignore_errors=True)


def _without(count: int, pieces: Sequence[bytes]) -> Iterator[bytes]:
    """Yields the pieces without their first `count` bytes."""
    for piece in pieces:
        if count < len(piece):
            yield piece[count:]
        count = max(0, count - len(piece))


def _restarted(job_id: str) -> Aborted:
    return Aborted(
        f"The attempt at jobs/{job_id} whose output was read has ended; throw away what you have and read from 0.",
        reason="OUTPUT_RESTARTED",
        metadata={"name": f"jobs/{job_id}"},
    )
