"""Drain: an instance that gets no new work goes when its last task's output is at home."""

from orchestrator.fleet.instance import Instance, given_up
from orchestrator.ports import Ledger


class Drain:
    """DRAINING → DESTROYING."""

    def __init__(self, *, ledger: Ledger) -> None:
        self._ledger = ledger

    async def step(self, instance: Instance) -> bool:
        """Returns whether nothing works there any more."""
        attempts = [job.running_attempt for job in await self._ledger.unfinished_jobs()]
        if any(one is not None and one.instance_id == instance.id and one.spooled is None for one in attempts):
            return False
        await self._ledger.change_instance(instance.id, lambda one: given_up(one, failure=None))
        return True
