"""What finished jobs and refused calls may leave behind in a data folder, and what not."""

import asyncio
import os
from pathlib import Path

_PATIENCE_SECONDS = 10
_START_SECONDS = 30
# The lock of a living worker, its empty rooms, and the inputs that were uploaded to it.
_ROOMS = frozenset({"lock", "inputs", "tasks", "outputs"})


def leftovers(data: Path) -> list[Path]:
    """Lists what is in the workers' folders beyond uploaded inputs, and every file in the spool."""
    found = [path for path in data.glob("workers/worker-*/*") if path.name not in _ROOMS]
    for room in ("tasks", "outputs"):
        found += data.glob(f"workers/worker-*/{room}/*")
    # Not with glob: that stumbles over a folder that goes while it looks.
    return found + [Path(folder, name) for folder, _, names in os.walk(data / "spool") for name in names]


async def worker_has_started(data: Path) -> None:
    """Return when a worker has made its folder; the orchestrator answers calls before that."""
    async with asyncio.timeout(_START_SECONDS):
        while not list(data.glob("workers/worker-*/tasks")):  # noqa: ASYNC110 - the worker tells nobody
            await asyncio.sleep(0.02)


async def nothing_is_left(data: Path) -> None:
    """Return when there are no leftovers; fail when some stay for 10 s."""
    assert list(data.glob("workers/worker-*/tasks")), "there is no worker's folder to look into"
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while leftovers(data):  # noqa: ASYNC110 - the worker tells nobody when it has cleaned up
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"left behind: {leftovers(data)}") from None
