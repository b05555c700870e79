"""What FFmpeg said → why the task failed. Pure; the wording is that of FFmpeg 5.1 to 9.0."""

import re
import signal
from collections.abc import Sequence
from dataclasses import dataclass

from worker.errors import FailureReason, TaskFailed
from worker.hardware.diagnosis import hardware_fault

TAIL_LINES = 40

_FOLDERS = re.compile(r"(?:file:)?/(?:[^\s/'\":]+/)+")
_RECEIVED_SIGNAL = re.compile(r"received signal (\d+)")
_LEVEL = re.compile(r"\[(error|fatal|panic)\]")


@dataclass(frozen=True, slots=True)
class _Rule:
    pattern: re.Pattern[str]
    reason: FailureReason
    message: str


def _rule(pattern: str, reason: FailureReason, message: str) -> _Rule:
    return _Rule(re.compile(pattern), reason, message)


# Captions come out blank and the exit status is 0, so this one counts whatever the status.
_SILENT_FAILURES = (
    _rule(
        r"failed to find any fallback|can't find selected font provider",
        FailureReason.FONT_MISSING,
        "No font was found to draw the captions with.",
    ),
    _rule(
        r"stream \d+, offset 0x[0-9a-f]+: partial file",
        FailureReason.INPUT_INVALID,
        "An input file ends in the middle: its index names data that is not there.",
    ),
)

# These come first: a full disk makes whatever else is running fail too.
_FULL_DISK = (
    _rule(r"No space left on device|Disk quota exceeded", FailureReason.DISK_FULL, "The disk of the worker is full."),
)

# The first rule that matches any line wins: what names the cause comes before what only follows from it.
_FAILURES = (
    _rule(
        r"Unable to open \S+\.(srt|ass|vtt)|Error initializing filter '(subtitles|ass)'",
        FailureReason.SUBTITLES_INVALID,
        "FFmpeg could not read the subtitles.",
    ),
    _rule(
        r"HTTP error 404|Server returned 404",
        FailureReason.INPUT_NOT_FOUND,
        "An input does not exist (HTTP 404).",
    ),
    _rule(
        r"moov atom not found",
        FailureReason.INPUT_INVALID,
        "An input is no media file, or it is cut off: it has no index (moov atom).",
    ),
    _rule(
        r"Error parsing AAC extradata",
        FailureReason.INPUT_INVALID,
        "The sound of an input breaks off before the part that is wanted.",
    ),
    _rule(
        r"exceeds specified max pixel count",
        FailureReason.INPUT_INVALID,
        "A picture of an input is larger than 8192x8192 pixels.",
    ),
    _rule(
        r"Invalid data found when processing input|could not find codec parameters|Error opening input"
        r"|does not contain any stream|matches no streams",
        FailureReason.INPUT_INVALID,
        "FFmpeg could not read an input as media.",
    ),
)


def diagnose(exit_status: int, lines: Sequence[str]) -> TaskFailed | None:
    """Returns why a run of FFmpeg failed, or None where it did not.

    `exit_status` is negative for a signal. An exit status of 0 is a failure too where captions found no font or an
    input turned out to be cut off. Where hardware is at fault, the metadata has its `diagnosis`. The log's tail is
    kept without the folders in it.
    """
    matched = _matching(_SILENT_FAILURES, lines)
    if matched is None and exit_status == 0:
        return None
    tail = log_tail(lines)
    matched = matched or _matching(_FULL_DISK, lines)
    if matched is None and (fault := hardware_fault(lines)) is not None:
        metadata = {"diagnosis": fault.diagnosis.value, **fault.metadata}
        return TaskFailed(FailureReason.ENCODER_UNAVAILABLE, fault.message, metadata=metadata, log_tail=tail)
    matched = matched or _matching(_FAILURES, lines)
    if matched is not None:
        return TaskFailed(matched.reason, matched.message, log_tail=tail)
    ended_by = _signal(exit_status, lines)
    if ended_by is not None:
        message = f"FFmpeg was ended by signal {ended_by}."
        return TaskFailed(
            FailureReason.ENCODE_FAILED, message, metadata={"signal": str(ended_by)}, log_tail=tail, retryable=True
        )
    message = f"FFmpeg failed with exit status {exit_status}{_last_error(tail)}"
    return TaskFailed(FailureReason.ENCODE_FAILED, message, metadata={"exit_status": str(exit_status)}, log_tail=tail)


def log_tail(lines: Sequence[str]) -> list[str]:
    """Returns the last lines for people, with the folders of the worker cut out of paths."""
    return [_FOLDERS.sub("", line) for line in lines[-TAIL_LINES:]]


def _matching(rules: Sequence[_Rule], lines: Sequence[str]) -> _Rule | None:
    return next((rule for rule in rules if any(rule.pattern.search(line) for line in lines)), None)


def _signal(exit_status: int, lines: Sequence[str]) -> int | None:
    if exit_status < 0:
        return signal.Signals(-exit_status).value
    received = (_RECEIVED_SIGNAL.search(line) for line in lines)
    return next((int(match[1]) for match in received if match is not None), None)


def _last_error(tail: Sequence[str]) -> str:
    errors = [line for line in tail if _LEVEL.search(line)]
    return f": {errors[0]}" if errors else "."
