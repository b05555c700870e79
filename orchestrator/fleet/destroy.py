"""Destroy: repeated until the cloud says that there is no such instance."""

import structlog

from orchestrator.fleet.instance import Instance, destroyed
from orchestrator.ports import Cloud, Ledger
from servicekit.clock import Clock


class Destroy:
    """DESTROYING → DESTROYED."""

    def __init__(self, *, ledger: Ledger, cloud: Cloud, clock: Clock) -> None:
        self._ledger = ledger
        self._cloud = cloud
        self._clock = clock
        self._log = structlog.get_logger("fleet")

    async def step(self, instance: Instance) -> bool:
        """Returns whether the instance is gone. Raises CloudUnavailable."""
        provider_id = instance.provider_id or await self._find(instance)
        if provider_id:
            await self._cloud.destroy(provider_id)
            # The answer to a destroy is a promise; what a read says counts.
            if await self._cloud.get(provider_id) is not None:
                return False
        now = self._clock.now()
        await self._ledger.change_instance(instance.id, lambda one: destroyed(one, now=now))
        self._log.info("instance_destroyed", instance=instance.id)
        return True

    async def _find(self, instance: Instance) -> str:
        return next((one.provider_id for one in await self._cloud.list() if one.label == instance.label), "")
