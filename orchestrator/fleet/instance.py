"""An instance: a machine that runs the worker, from the wish for it to the proof that it is gone."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum


class InstanceState(StrEnum):
    """Where an instance stands; the names are the contract's."""

    REQUESTED = "REQUESTED"
    UNKNOWN = "UNKNOWN"
    STARTING = "STARTING"
    READY = "READY"
    DRAINING = "DRAINING"
    DESTROYING = "DESTROYING"
    DESTROYED = "DESTROYED"

    @property
    def usable(self) -> bool:
        """Whether tasks may still run there."""
        return self in (InstanceState.READY, InstanceState.DRAINING)


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceFailure:
    """Why an instance was given up: `reason` in UPPER_SNAKE, `message` for people, the end of its log."""

    reason: str
    message: str
    log_tail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """A machine that runs the worker.

    `label` is what the cloud knows it by from before it exists; `secret` is the 32-byte session secret that it alone
    was given, kept so that a restarted orchestrator can speak to it again. `capabilities` is the serialised
    `spotreel.worker.v1.Capabilities` that it answered with when it became READY.
    """

    id: str
    cloud: str
    label: str
    secret: bytes
    create_time: datetime
    state: InstanceState = InstanceState.REQUESTED
    provider_id: str = ""
    address: str = ""
    ready_time: datetime | None = None
    end_time: datetime | None = None
    slots: int = 0
    capabilities: bytes = b""
    failure: InstanceFailure | None = None

    @property
    def name(self) -> str:
        """The resource name, `instances/{instance}`."""
        return f"instances/{self.id}"


ALIVE = frozenset(InstanceState) - {InstanceState.DESTROYED}
_BEFORE_START = (InstanceState.REQUESTED, InstanceState.UNKNOWN)
_ENDING = (InstanceState.DESTROYING, InstanceState.DESTROYED)


def created(instance: Instance, *, provider_id: str) -> Instance:
    """REQUESTED | UNKNOWN → STARTING: the cloud made it, or it was found by its label."""
    if instance.state not in _BEFORE_START:
        return instance
    return replace(instance, state=InstanceState.STARTING, provider_id=provider_id)


def outcome_unknown(instance: Instance) -> Instance:
    """REQUESTED → UNKNOWN: the cloud may have made it."""
    if instance.state is not InstanceState.REQUESTED:
        return instance
    return replace(instance, state=InstanceState.UNKNOWN)


def became_ready(instance: Instance, *, address: str, slots: int, capabilities: bytes, now: datetime) -> Instance:
    """STARTING → READY: its worker has answered."""
    if instance.state is not InstanceState.STARTING:
        return instance
    return replace(
        instance,
        state=InstanceState.READY,
        address=address,
        slots=slots,
        capabilities=capabilities,
        ready_time=now,
    )


def draining(instance: Instance) -> Instance:
    """READY → DRAINING: it gets no new work."""
    return replace(instance, state=InstanceState.DRAINING) if instance.state is InstanceState.READY else instance


def given_up(instance: Instance, *, failure: InstanceFailure | None) -> Instance:
    """Any → DESTROYING: it has to go; `failure` says why, None when nothing is wrong with it."""
    if instance.state in _ENDING:
        return instance
    return replace(instance, state=InstanceState.DESTROYING, failure=failure)


def never_existed(instance: Instance, *, failure: InstanceFailure, now: datetime) -> Instance:
    """REQUESTED | UNKNOWN → DESTROYED: it is certain that the cloud made nothing."""
    if instance.state not in _BEFORE_START:
        return instance
    return replace(instance, state=InstanceState.DESTROYED, failure=failure, end_time=now)


def destroyed(instance: Instance, *, now: datetime) -> Instance:
    """DESTROYING → DESTROYED: the cloud says that it is gone."""
    if instance.state is not InstanceState.DESTROYING:
        return instance
    return replace(instance, state=InstanceState.DESTROYED, end_time=now)
