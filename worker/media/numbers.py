"""Numbers on FFmpeg's command line: always plain decimals, whatever their size."""

from datetime import timedelta


def seconds(duration: timedelta) -> str:
    """Returns a length in seconds, to the microsecond."""
    return f"{duration / timedelta(seconds=1):.6f}"


def number_of(value: float) -> str:
    """Returns a number to six decimals, without those that are zero."""
    return f"{value:.6f}".rstrip("0").rstrip(".")
