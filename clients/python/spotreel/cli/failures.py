"""What a failure is called at a shell: its words, its hint, its exit status."""

from dataclasses import dataclass
from typing import Any

from spotreel import errors
from spotreel.cli.files import WrongUsage

DONE, FAILED, WRONG_USAGE, UNREACHABLE, INTERRUPTED = 0, 1, 2, 3, 130

_TAIL_LINES = 3

_HINTS = {
    "API_KEY_MISSING": "set SPOTREEL_API_KEY, or pass --api-key-file",
    "API_KEY_MALFORMED": "check SPOTREEL_API_KEY, or the file of --api-key-file",
    "API_KEY_INVALID": "check SPOTREEL_API_KEY, or the file of --api-key-file",
    "NOT_IMPLEMENTED": "this server does not do it yet; a newer one may",
    "FONT_MISSING": "choose another --font",
    "RUN_TIMEOUT": "allow more time with --timeout",
    "DISK_FULL": "free some space and try again",
    "JOB_NOT_FINISHED": "cancel it first: spotreel jobs cancel",
    "OUTPUT_NOT_READY": "wait for it: spotreel jobs watch",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A failure, ready to be told."""

    message: str
    reason: str
    exit_status: int
    hint: str = ""
    details: tuple[str, ...] = ()
    log_tail: tuple[str, ...] = ()
    job: str = ""
    request_id: str = ""

    def lines(self, *, verbose: bool) -> list[str]:
        """For people; FFmpeg's words are the last three lines unless all is wanted."""
        tail = self.log_tail if verbose else self.log_tail[-_TAIL_LINES:]
        return [
            f"error: {self.message} [{self.reason}]",
            *(f"  {detail}" for detail in self.details),
            *(f"  ffmpeg: {line}" for line in tail),
            *([f"hint: {self.hint}"] if self.hint else []),
            *([f"  request id: {self.request_id}"] if verbose and self.request_id else []),
        ]

    def values(self) -> dict[str, Any]:
        """For programs."""
        return {
            "reason": self.reason,
            "message": self.message,
            "hint": self.hint,
            "details": list(self.details),
            "ffmpeg_log_tail": list(self.log_tail),
            "job": self.job,
            "request_id": self.request_id,
            "exit_status": self.exit_status,
        }


def told(error: errors.SpotreelClientError) -> Told:
    """Finds the words and the exit status for an error."""
    return Told(
        message=error.message,
        reason=error.reason,
        exit_status=exit_status(error),
        hint=_hint(error),
        details=_details(error),
        log_tail=tuple(error.ffmpeg_log_tail.splitlines()) if isinstance(error, errors.JobFailed) else (),
        job=error.job.name if isinstance(error, errors.JobFailed | errors.JobCancelled) else "",
        request_id=error.request_id,
    )


def exit_status(error: errors.SpotreelClientError) -> int:
    """0 done, 1 failed, 2 wrong usage, 3 the service could not be reached."""
    if isinstance(error, WrongUsage | errors.InvalidRequest) or error.reason == "EXTRA_MISSING":
        return WRONG_USAGE
    return UNREACHABLE if isinstance(error, errors.ServerUnavailable) else FAILED


def _details(error: errors.SpotreelClientError) -> tuple[str, ...]:
    if isinstance(error, errors.InvalidRequest):
        named = (f"{violation.field}: {violation.description}" for violation in error.violations)
        return tuple(each for each in named if each not in error.message)
    return ()


def _hint(error: errors.SpotreelClientError) -> str:
    if error.reason == "EXTRA_MISSING":
        return f"pip install 'spotreel[{error.metadata['extra']}]'"
    if isinstance(error, errors.EmbeddedFailed):
        return "run `spotreel doctor`, or name a server with --server"
    if isinstance(error, errors.ServerUnavailable) and error.reason in {"UNAVAILABLE", "DEADLINE_EXCEEDED"}:
        return "is the address right, and the server up? `spotreel doctor` looks closer"
    return _HINTS.get(error.reason, "")
