"""The seams of the worker: what tasks need from the machine, so that tests can stand in for it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from servicekit.media.operations import Operation
from servicekit.media.outputs import OutputSpec
from servicekit.media_info import MediaInfo
from worker.ffmpeg.progress import Progress
from worker.ffmpeg.runner import OutputSink, RunLimits, RunResult
from worker.hardware.capabilities import Capabilities
from worker.media.part import WHOLE, Part
from worker.media.plan import Plan
from worker.media.thumbnails import PicturesPlan


class Engine(Protocol):
    """Plans, runs and verifies; keeps no state. `worker.media.engine` is the implementation."""

    async def plan(
        self, operation: Operation, output: OutputSpec, paths: Mapping[str, Path], part: Part = WHOLE
    ) -> Plan | PicturesPlan:
        """Looks at the inputs, by role, and decides what is to happen to make that part. Raises TaskFailed."""
        ...

    async def run(
        self,
        plan: Plan | PicturesPlan,
        *,
        workdir: Path,
        sink: OutputSink,
        on_progress: Callable[[Progress], None],
        limits: RunLimits,
    ) -> RunResult:
        """Writes the output to the sink. However it ends, no process is left and nobody writes any more."""
        ...

    async def verify(self, plan: Plan | PicturesPlan, path: Path, result: RunResult) -> MediaInfo:
        """Returns what the output of that run holds. Raises TaskFailed (OUTPUT_INVALID) where it is not as planned."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchLimits:
    """How large an input may be, in bytes, and how long it may be silent, in seconds."""

    max_bytes: int
    idle_seconds: float


class Fetcher(Protocol):
    """Brings inputs from the network. `worker.fetch.download` is the implementation."""

    async def fetch(self, uri: str, target: Path, *, limits: FetchLimits, on_bytes: Callable[[int], None]) -> int:
        """Writes what is at the address to a new file and returns its size; `on_bytes` hears how much there is.

        Raises TaskFailed (INPUT_*, DISK_FULL). What was written stays; the caller owns the file.
        """
        ...


class Machine(Protocol):
    """This machine, which takes a while to be looked at. Each method waits for that, and raises what went wrong."""

    async def capabilities(self) -> Capabilities:
        """Returns what it can do, with the free disk space of this moment."""
        ...

    async def engine(self) -> Engine:
        """Returns the engine to work with."""
        ...


class InstanceRemains(Exception):
    """The instance could not be destroyed, or nobody knows; says why, without anything secret."""


class OwnInstance(Protocol):
    """The rented instance that this worker runs in. `worker.container` is the implementation."""

    async def destroy(self) -> None:
        """Destroys it, and this worker with it; returns when it is gone or going. Raises InstanceRemains."""
        ...
