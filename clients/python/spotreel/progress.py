"""How far a piece of work is, on this machine and on the server, as one value."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spotreel.orchestrator.v1.job_pb2 import Job


class Step(StrEnum):
    """What is being done: first and last on this machine, in between on the server (`JobProgress.Stage`).

    DONE says that the job is final, whatever became of it.
    """

    UPLOADING = "uploading"
    WAITING = "waiting"
    PROVISIONING = "provisioning"
    PULLING_IMAGE = "pulling image"
    FETCHING_INPUT = "fetching input"
    ENCODING = "encoding"
    TRANSFERRING = "transferring"
    VERIFYING = "verifying"
    CANCELLING = "cancelling"
    DOWNLOADING = "downloading"
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A moment of the work. `fraction` is 0 to 1 within the step, None where it cannot be known.

    `job` is absent until it was created; `file`, `bytes_done` and `bytes_total` belong to uploads and downloads.
    """

    step: Step
    fraction: float | None = None
    job: "Job | None" = None
    file: Path | None = None
    bytes_done: int = 0
    bytes_total: int = 0


OnProgress = Callable[[Progress], None]
