"""FFmpeg's words, as captured from real runs, lead to the right reason."""

from pathlib import Path

import pytest

from worker.errors import FailureReason
from worker.ffmpeg.diagnosis import diagnose

LOGS = Path(__file__).parents[3] / "fixtures" / "ffmpeg-logs"

CASES = {
    "caption-nvenc-on-h100": (1, FailureReason.ENCODER_UNAVAILABLE, "NO_ENGINE"),
    "nvenc-no-chip-h100": (1, FailureReason.ENCODER_UNAVAILABLE, "NO_ENGINE"),
    "nvenc-no-chip-hevc-h100": (1, FailureReason.ENCODER_UNAVAILABLE, "NO_ENGINE"),
    "nvenc-driver-too-old": (218, FailureReason.ENCODER_UNAVAILABLE, "DRIVER_TOO_OLD"),
    "nvenc-no-driver": (1, FailureReason.ENCODER_UNAVAILABLE, "NO_DRIVER"),
    "cuda-no-device": (1, FailureReason.ENCODER_UNAVAILABLE, "NO_GPU"),
    "disk-full": (1, FailureReason.DISK_FULL, None),
    "input-404": (1, FailureReason.INPUT_NOT_FOUND, None),
    "input-not-media": (1, FailureReason.INPUT_INVALID, None),
    "input-truncated": (1, FailureReason.INPUT_INVALID, None),
    "killed": (255, FailureReason.ENCODE_FAILED, None),
    "subtitles-broken": (1, FailureReason.SUBTITLES_INVALID, None),
    "subtitles-no-fonts": (0, FailureReason.FONT_MISSING, None),
}


def test_every_log_has_a_case() -> None:
    assert {path.stem for path in LOGS.glob("*.txt")} - {"progress-caption"} == set(CASES)


@pytest.mark.parametrize("log", CASES)
def test_reason(log: str) -> None:
    exit_status, reason, diagnosis = CASES[log]
    failure = diagnose(exit_status, (LOGS / f"{log}.txt").read_text().splitlines())
    assert failure is not None
    assert failure.reason is reason
    assert failure.metadata.get("diagnosis") == diagnosis


def test_a_signal_in_the_log_is_named_and_may_be_tried_again() -> None:
    failure = diagnose(255, (LOGS / "killed.txt").read_text().splitlines())
    assert failure is not None
    assert "signal 15" in failure.message
    assert failure.retryable


def test_success_is_no_failure_whatever_else_was_said() -> None:
    assert diagnose(0, ["[warning] Invalid data found when processing input"]) is None


def test_killed_outright() -> None:
    failure = diagnose(-9, [])
    assert failure is not None
    assert failure.metadata == {"signal": "9"}


def test_unknown_trouble_quotes_the_first_error_without_folders() -> None:
    failure = diagnose(69, ["[info] x", "[out#0 @ 0x1] [error] cannot write file:/srv/data/secret/o.mp4 now"])
    assert failure is not None
    assert failure.reason is FailureReason.ENCODE_FAILED
    assert failure.message.endswith("[error] cannot write o.mp4 now")
    assert "/srv" not in failure.log_tail
