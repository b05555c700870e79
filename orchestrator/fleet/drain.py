"""Drain: an instance that gets no new work goes when its last task's output is at home."""

from orchestrator.fleet.instance import Instance, given_up
from orchestrator.ports import Ledger


async def working_instances(ledger: Ledger) -> frozenset[str]:
    """Returns the ids of the instances that an attempt still needs, since its output is not at home."""
    attempts = [job.running_attempt for job in await ledger.unfinished_jobs()]
    return frozenset(one.instance_id for one in attempts if one is not None and one.spooled is None)


class Drain:
    """DRAINING → DESTROYING."""

    def __init__(self, *, ledger: Ledger) -> None:
        self._ledger = ledger

    async def step(self, instance: Instance) -> bool:
        """Returns whether nothing works there any more."""
        if instance.id in await working_instances(self._ledger):
            return False
        await self._ledger.change_instance(instance.id, lambda one: given_up(one, failure=None))
        return True
