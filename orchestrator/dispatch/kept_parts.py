"""What is kept of attempts whose machines were lost, so that the next one goes on behind it instead of at zero."""

from collections.abc import Sequence
from datetime import timedelta
from fractions import Fraction
from pathlib import Path

from orchestrator.dispatch.fragments import FragmentsUnreadable, last_border, read_film
from orchestrator.dispatch.joining import Part, digest_of
from orchestrator.dispatch.spools import SpoolFolder
from orchestrator.jobs.job import Attempt, Job, JobSpec, KeptPart
from servicekit.media.outputs import Container, Delivery

# Less than this is encoded again in the time that a second task for the sound takes.
LEAST_KEPT = timedelta(seconds=10)
# Matroska says of no frame alone whether those behind it need it.
_CONTAINERS = frozenset({Container.MP4, Container.MOV})
_LOST = frozenset({"INSTANCE_LOST", "STALLED"})


def may_be_kept(spec: JobSpec, *, encoder: str, reason: str) -> bool:
    """Whether what is at home of an attempt that failed for this reason may become a part of the output.

    A copy takes no longer than a second task, and whoever reads a progressive output holds bytes that a joined one
    would not have.
    """
    encodes = encoder not in ("", "copy")
    output = spec.output
    return encodes and reason in _LOST and output.delivery is Delivery.FASTSTART and output.container in _CONTAINERS


def kept_part(path: Path, attempt: Attempt, before: KeptPart | None) -> KeptPart | None:
    """Returns what of a spool is complete, behind what was kept `before` it; None where it is not worth it; blocks."""
    try:
        film = read_film(path)
        border = last_border(film)
        if border is None or border.length < LEAST_KEPT.total_seconds():
            return None
        start = attempt.range_start or _time(film.start)
        return KeptPart(
            size_bytes=border.offset,
            sha256=digest_of(path, border.offset),
            frames=border.frames,
            end=start + _time(border.length),
            sound=before.sound if before is not None else not film.track.alone,
        )
    except (FragmentsUnreadable, OSError):
        return None


def parts_before(job: Job, attempt: Attempt, spools: SpoolFolder) -> Sequence[Part]:
    """Returns the parts that an attempt goes on behind."""
    return [
        Part(
            path=spools.path(job.id, one.number),
            size_bytes=kept.size_bytes,
            start=one.range_start or timedelta(),
            sha256=kept.sha256,
        )
        for one, kept in job.kept
        if one.number < attempt.number
    ]


def _time(seconds: Fraction) -> timedelta:
    """Returns a time that is not later, or the frame that is shown then would come before it."""
    return timedelta(microseconds=seconds * 1_000_000 // 1)
