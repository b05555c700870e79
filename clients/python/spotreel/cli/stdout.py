"""The standard output, which may be full, or a pipe that nobody reads any more."""

import os
import sys


class StdoutLost(Exception):
    """Standard output cannot be written; no file of the work is to blame."""


def say(text: str) -> None:
    """Writes a line at once; raises StdoutLost."""
    try:
        print(text, flush=True)
    except OSError as error:
        raise StdoutLost(error.strerror) from error


def end() -> None:
    """Writes what is held back; raises StdoutLost."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        raise StdoutLost(error.strerror) from error


def give_up() -> None:
    """Lets what is held back go nowhere: the interpreter would try once more at its end, and complain."""
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123 - a device, not a path
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
