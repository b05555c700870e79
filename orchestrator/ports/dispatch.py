"""Who brings jobs to workers, and their outputs home."""

from typing import Protocol

from orchestrator.jobs.job import Job, Progress
from servicekit.growing import GrowingFile


class Dispatch(Protocol):
    """Who brings jobs to workers; told of what changed, it looks into the ledger for the rest."""

    def wake(self) -> None:
        """Says that a job was queued."""
        ...

    def cancel(self, job_id: str) -> None:
        """Says that a job is CANCELLING in the ledger: its process is to end. One that does not run is fine."""
        ...


class OutputInterrupted(Exception):
    """An output stopped coming home, for now: when its attempt is followed again, it goes on behind the same bytes."""


class Spools(Protocol):
    """Output on its way home, for those who read it while it grows."""

    def current(self, job_id: str) -> tuple[int, GrowingFile] | None:
        """Returns the number of the latest attempt with an output at home, and that output; None while there is none.

        Kept until the job is final and its output is stored. A file that is current no more fails with Aborted
        (OUTPUT_RESTARTED) where its bytes count no more, and with OutputInterrupted where they still do.
        """
        ...

    async def changed(self, job_id: str) -> None:
        """Returns when `current` answers something else than when this was first awaited."""
        ...


class JobNews(Protocol):
    """Who wants to hear what becomes of jobs."""

    def publish(self, job: Job) -> None:
        """Says that a job was changed in the ledger."""
        ...

    def progress(self, job_id: str, progress: Progress) -> None:
        """Says how far a job is; kept in memory only, and called as often as something is known."""
        ...

    def latest(self, job: Job) -> Job:
        """Returns a job that was read from the ledger, with what was last said of its progress."""
        ...
