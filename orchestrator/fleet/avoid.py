"""Machines that failed lately are avoided, for longer the more often they did. Pure, out of the ledger's rows."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from orchestrator.fleet.instance import Instance

# A broken host stays broken for hours: its container runtime, its disk, its network (1 h to 24 h in public projects).
_FIRST = timedelta(hours=1)
_LONGEST = timedelta(hours=24)
# How far back failures count.
MEMORY = timedelta(days=3)

# What a machine can do something about. The account's and our own faults are not held against it, nor is a higher bid.
# Whether an image is missing, or a registry denies it, is known only when two machines say so.
_ITS_FAULT = frozenset(
    {
        "HOST_BROKEN",
        "HOST_NETWORK",
        "HOST_OFFLINE",
        "IMAGE_NOT_FOUND",
        "INSTANCE_VANISHED",
        "REGISTRY_DENIED",
        "START_STOPPED",
        "START_TIMEOUT",
        "START_VANISHED",
        "WORKER_EXITED",
        "WORKER_UNFIT",
        "WORKER_UNREACHABLE",
    }
)


def avoided_machines(instances: Sequence[Instance], *, now: datetime) -> Mapping[str, str]:
    """Returns the ids of the machines to keep away from now, each with the reason, for people."""
    failures: dict[str, list[Instance]] = {}
    for one in instances:
        if _counts(one, now):
            assert one.offer is not None
            failures.setdefault(one.offer.machine_id, []).append(one)
    avoided: dict[str, str] = {}
    for machine_id, failed in failures.items():
        newest = max(failed, key=_ended)
        until = _ended(newest) + min(_FIRST * (2 ** (len(failed) - 1)), _LONGEST)
        if now < until:
            assert newest.failure is not None
            avoided[machine_id] = f"{newest.failure.reason}, until {until:%Y-%m-%d %H:%M} UTC"
    return avoided


def _counts(instance: Instance, now: datetime) -> bool:
    if instance.offer is None or instance.failure is None or instance.failure.reason not in _ITS_FAULT:
        return False
    return now - _ended(instance) < MEMORY


def _ended(instance: Instance) -> datetime:
    return instance.end_time or instance.create_time
