"""A full disk is waited for: what has to be stored is the work of a GPU that was paid for."""

import errno
from collections.abc import Awaitable, Callable
from typing import TypeVar

from servicekit.clock import Clock
from servicekit.errors import ResourceExhausted

T = TypeVar("T")

# Five minutes in all.
_PAUSES_SECONDS = (2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 60.0, 60.0, 53.0)


async def with_space(step: Callable[[], Awaitable[T]], *, clock: Clock, on_wait: Callable[[], None]) -> T:
    """Does `step`, again while the disk is full, for at most five minutes; `on_wait` is called before each pause.

    Raises ResourceExhausted (DISK_FULL), and whatever else `step` raises.
    """
    for pause in _PAUSES_SECONDS:
        try:
            return await step()
        except (OSError, ResourceExhausted) as error:
            if not is_disk_full(error):
                raise
        on_wait()
        await clock.sleep(pause)
    try:
        return await step()
    except OSError as error:
        if not is_disk_full(error):
            raise
        raise ResourceExhausted(
            "The orchestrator's disk is full and stayed so for five minutes. Free some space on it.",
            reason="DISK_FULL",
        ) from error


def is_disk_full(error: Exception) -> bool:
    """Whether it says that a disk, or a quota on it, is used up."""
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return isinstance(error, ResourceExhausted) and error.reason == "DISK_FULL"
