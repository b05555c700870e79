"""Launch: the intent is written before the cloud is called, and what became of a lost answer is found out by label."""

import secrets
from dataclasses import dataclass

import structlog

from orchestrator.fleet.instance import (
    Instance,
    InstanceFailure,
    InstanceState,
    created,
    never_existed,
    outcome_unknown,
)
from orchestrator.fleet.limits import FleetLimits
from orchestrator.ports import Cloud, LaunchRefused, LaunchUnknown, Ledger
from servicekit.clock import Clock
from servicekit.ids import new_id

_SECRET_BYTES = 32
# A listing may be older than the create it is to show.
_COMPLETE_LISTINGS = 3


def label_prefix(deployment: str) -> str:
    """Returns what the labels of all instances of a deployment start with."""
    return f"spotreel/{deployment}/"


@dataclass(slots=True, kw_only=True)
class _Search:
    since: float
    listings: int = 0


class Launch:
    """Makes instances, one at a time."""

    def __init__(self, *, ledger: Ledger, cloud: Cloud, clock: Clock, limits: FleetLimits, deployment: str) -> None:
        self._ledger = ledger
        self._cloud = cloud
        self._clock = clock
        self._limits = limits
        self._deployment = deployment
        self._searches: dict[str, _Search] = {}
        self._log = structlog.get_logger("fleet")

    async def intend(self) -> Instance:
        """Writes the row of an instance that `create` is to make."""
        instance_id = new_id(self._clock)
        instance = Instance(
            id=instance_id,
            cloud=self._cloud.name,
            label=label_prefix(self._deployment) + instance_id,
            secret=secrets.token_bytes(_SECRET_BYTES),
            create_time=self._clock.now(),
        )
        await self._ledger.add_instance(instance)
        return instance

    async def create(self, instance: Instance) -> bool:
        """REQUESTED → STARTING | DESTROYED (refused) | UNKNOWN."""
        try:
            provider_id = await self._cloud.create(
                instance_id=instance.id, label=instance.label, secret=instance.secret
            )
        except LaunchRefused as error:
            await self._refused(instance, "LAUNCH_REFUSED", str(error))
        except LaunchUnknown:
            await self._ledger.change_instance(instance.id, outcome_unknown)
        else:
            await self._ledger.change_instance(instance.id, lambda one: created(one, provider_id=provider_id))
        return True

    async def resolve(self, instance: Instance) -> bool:
        """UNKNOWN → STARTING (found by its label) | DESTROYED (it never existed).

        A row that is REQUESTED although nobody is at its create was left by a crash in the middle of it.
        """
        if instance.state is InstanceState.REQUESTED:
            await self._ledger.change_instance(instance.id, outcome_unknown)
            return True
        search = self._searches.setdefault(instance.id, _Search(since=self._clock.monotonic()))
        found = next((one for one in await self._cloud.list() if one.label == instance.label), None)
        if found is not None:
            del self._searches[instance.id]
            await self._ledger.change_instance(instance.id, lambda one: created(one, provider_id=found.provider_id))
            self._log.info("instance_adopted", instance=instance.id)
            return True
        search.listings += 1
        waited = self._clock.monotonic() - search.since
        if search.listings < _COMPLETE_LISTINGS or waited < self._limits.unknown_seconds:
            return False
        del self._searches[instance.id]
        await self._refused(instance, "LAUNCH_LOST", "The answer to its start was lost, and no listing shows it.")
        return True

    async def _refused(self, instance: Instance, reason: str, message: str) -> None:
        failure = InstanceFailure(reason=reason, message=message)
        now = self._clock.now()
        await self._ledger.change_instance(instance.id, lambda one: never_existed(one, failure=failure, now=now))
        self._log.warning("launch_failed", instance=instance.id, reason=reason, detail=message)
