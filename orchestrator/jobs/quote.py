"""What a job is expected to take, before it runs."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from orchestrator.jobs.job import JobSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """Money in micro US dollars; `expected_duration` None: not known. `explanation` is for people."""

    expected_usd_micros: int
    maximum_usd_micros: int
    expected_duration: timedelta | None
    explanation: str


def local_quote(spec: JobSpec) -> Quote:
    """Returns the quote for a job that runs on this machine: it rents nothing, and nobody has measured its speed."""
    most = spec.limits.run_timeout * spec.limits.max_attempts
    return Quote(
        expected_usd_micros=0,
        maximum_usd_micros=0,
        expected_duration=None,
        explanation=(
            "The job runs on workers beside this server, which cost nothing. How long it takes is not known before "
            f"its inputs are read; by its limits it runs for {most.total_seconds():g} s at most in "
            f"{spec.limits.max_attempts} attempts, without the time in the queue."
        ),
    )


class Quotes(Protocol):
    """Who knows what a job would take."""

    async def of(self, spec: JobSpec) -> Quote:
        """Returns the quote for a job whose assets exist."""
        ...


class LocalQuotes:
    """Quotes of a server that rents nothing."""

    async def of(self, spec: JobSpec) -> Quote:
        """Returns the quote for workers beside the server."""
        return local_quote(spec)
