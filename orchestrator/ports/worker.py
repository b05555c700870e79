"""One worker, reached over the network."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Protocol

from orchestrator.assets.asset import Asset
from orchestrator.fleet.instance import Instance
from orchestrator.jobs.job import Failure
from servicekit.media.operations import Operation
from servicekit.media.outputs import OutputSpec


class TaskState(StrEnum):
    """Where a task stands; the names are the contract's."""

    ACCEPTED = "ACCEPTED"
    RUNNING = "RUNNING"
    CANCELLING = "CANCELLING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskProgress:
    """How far a task is, as the worker says."""

    stage: str = "WAITING"
    fraction: float = 0.0
    frames: int = 0
    frames_per_second: float = 0.0
    speed: float = 0.0
    media_time: timedelta = timedelta()
    media_duration: timedelta | None = None
    eta: timedelta | None = None
    output_bytes: int = 0
    input_bytes: int = 0
    encoder: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskStatus:
    """A task as the worker sees it. `size_bytes` and `sha256` are those of a SUCCEEDED task's output."""

    task_id: str
    state: TaskState
    progress: TaskProgress
    failure: Failure | None = None
    size_bytes: int = 0
    sha256: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputChunk:
    """Bytes of a task's output at an offset, checked; `last` comes with the size and digest of the whole."""

    offset: int
    data: bytes
    last: bool = False
    size_bytes: int = 0
    sha256: bytes = b""


class Tracks(StrEnum):
    """Which parts of an output a task makes; the names are the contract's."""

    ALL = "ALL"
    PICTURE = "PICTURE"
    SOUND = "SOUND"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRequest:
    """What a worker is asked to do; assets in `operation` must have been sent before.

    With `copy_only` it fails as `needs_encoder` (jobs/job.py) where the picture has to be encoded. `range_start` leaves
    out what comes before it of the picture, the only track that has parts.
    """

    task_id: str
    operation: Operation
    output: OutputSpec
    run_timeout: timedelta
    stall_timeout: timedelta
    max_input_bytes: int
    fetch_idle_timeout: timedelta
    copy_only: bool = False
    tracks: Tracks = Tracks.ALL
    range_start: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerReady:
    """What a worker said of itself: its slots, its serialised `Capabilities`, and what its GPU was seen to encode.

    `objections` says, by codec, why the GPU does not encode it.
    """

    slots: int
    capabilities: bytes
    hardware_codecs: frozenset[str] = frozenset()
    objections: Mapping[str, str] = field(default_factory=dict)


class WorkerUnreachable(Exception):
    """The worker did not answer within the bounds of the link's own retries."""


class TaskGone(Exception):
    """The worker answers, and does not know the task: it was started anew, or the task was deleted."""


class WorkerLink(Protocol):
    """One worker, reached over the network.

    Every method retries what is safe to repeat within a bound of its own and then raises WorkerUnreachable; an answer
    that refuses raises the SpotreelError that the worker sent. The streams resume by themselves after a break and end
    only as described.
    """

    async def ready(self, *, timeout: float) -> WorkerReady:
        """Asks for the capabilities, waiting up to `timeout` seconds for the worker to come up."""
        ...

    async def send_input(self, asset: Asset, read: Callable[[int, int], AsyncIterator[bytes]]) -> None:
        """Brings an asset to the worker unless it is there; `read(offset, length)` gives its bytes from an offset."""
        ...

    async def start(self, request: TaskRequest) -> None:
        """Starts a task; a repeat is harmless."""
        ...

    def watch(self, task_id: str) -> AsyncIterator[TaskStatus]:
        """Yields the task now and after each change; ends after a final state. Raises TaskGone."""
        ...

    def read_output(self, task_id: str, offset: int) -> AsyncIterator[OutputChunk]:
        """Yields the output from an offset on while it grows; ends after `last`, or when the task has failed.

        Raises TaskGone.
        """
        ...

    async def cancel(self, task_id: str) -> None:
        """Asks the worker to end a task; one that is gone is fine."""
        ...

    async def delete(self, task_id: str) -> None:
        """Removes a final task and its files from the worker; one that is gone is fine."""
        ...

    async def close(self) -> None:
        """Closes the connection."""
        ...


class WorkerLinks(Protocol):
    """Makes links to instances."""

    def connect(self, instance: Instance) -> WorkerLink:
        """Returns a link to an instance whose address is known; it connects when it is first used."""
        ...
