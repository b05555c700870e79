"""Removes what nobody came back for."""

from datetime import timedelta

import structlog

from servicekit.clock import Clock
from worker.spool.inputs import InputStore
from worker.tasks.table import TaskTable

_ROUND_SECONDS = 300.0
# The orchestrator deletes a task as soon as its output is safe; a day is for one that was away.
TASK_AGE = timedelta(hours=24)
# Inputs are shared by the attempts at a job and by jobs of one batch, which follow each other within minutes.
INPUT_AGE = timedelta(hours=1)


async def keep_house(*, table: TaskTable, inputs: InputStore, clock: Clock) -> None:
    """Removes expired tasks and unused inputs, for as long as it runs."""
    log = structlog.get_logger()
    while True:
        await clock.sleep(_ROUND_SECONDS)
        try:
            tasks = await table.expire(age=TASK_AGE)
            removed = inputs.evict(unused_seconds=INPUT_AGE.total_seconds())
        except OSError:
            # A file that cannot be removed now may be in the next round, and must not stop this for good.
            log.exception("expiry_failed")
            continue
        if tasks or removed:
            log.info("expired", tasks=tasks, inputs=removed)
