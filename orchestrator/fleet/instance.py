"""An instance: a machine that runs the worker, from the wish for it to the proof that it is gone."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from orchestrator.money.price import Cost
from orchestrator.offers.offer import Offer


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
    was given, kept so that a restarted orchestrator can speak to it again. `offer` is what was rented (None: it costs
    nothing), `image` the image that it was to run, `encoder` the codec that its GPU has to encode (empty: none).
    `running_time` is when its GPU may have begun to cost: when it was last seen not to run yet; `received_bytes` and
    `sent_bytes` are those of its tasks; `charged` is what the marketplace says that it cost in the end.
    `capabilities` is the serialised `spotreel.worker.v1.Capabilities` that it answered with when it became READY, and
    `hardware_codecs` what they say that its GPU encodes.
    """

    id: str
    cloud: str
    label: str
    secret: bytes
    create_time: datetime
    state: InstanceState = InstanceState.REQUESTED
    provider_id: str = ""
    offer: Offer | None = None
    image: str = ""
    encoder: str = ""
    address: str = ""
    running_time: datetime | None = None
    ready_time: datetime | None = None
    end_time: datetime | None = None
    slots: int = 0
    capabilities: bytes = b""
    hardware_codecs: frozenset[str] = frozenset()
    received_bytes: int = 0
    sent_bytes: int = 0
    charged: Cost | None = None
    failure: InstanceFailure | None = None

    @property
    def name(self) -> str:
        """The resource name, `instances/{instance}`."""
        return f"instances/{self.id}"


ALIVE = frozenset(InstanceState) - {InstanceState.DESTROYED}
_BEFORE_START = (InstanceState.REQUESTED, InstanceState.UNKNOWN)
_ENDING = (InstanceState.DESTROYING, InstanceState.DESTROYED)


def created(instance: Instance, *, provider_id: str) -> Instance:
    """REQUESTED | UNKNOWN → STARTING: the cloud made it, or it was found by its label.

    One that was given up meanwhile goes all the same, and is known by its number now.
    """
    if instance.state is InstanceState.DESTROYING and not instance.provider_id:
        return replace(instance, provider_id=provider_id)
    if instance.state not in _BEFORE_START:
        return instance
    return replace(instance, state=InstanceState.STARTING, provider_id=provider_id)


def outcome_unknown(instance: Instance) -> Instance:
    """REQUESTED → UNKNOWN: the cloud may have made it."""
    if instance.state is not InstanceState.REQUESTED:
        return instance
    return replace(instance, state=InstanceState.UNKNOWN)


def offered(instance: Instance, *, offer: Offer) -> Instance:
    """REQUESTED: it is to be made of this offer; written before the cloud is asked, so that its price counts."""
    return replace(instance, offer=offer) if instance.state is InstanceState.REQUESTED else instance


def seen_running(instance: Instance, *, since: datetime) -> Instance:
    """Notes since when its GPU costs, at the earliest."""
    return instance if instance.running_time is not None else replace(instance, running_time=since)


def became_ready(
    instance: Instance,
    *,
    address: str,
    slots: int,
    capabilities: bytes,
    hardware_codecs: frozenset[str],
    now: datetime,
) -> Instance:
    """STARTING → READY: its worker has answered."""
    if instance.state is not InstanceState.STARTING:
        return instance
    return replace(
        instance,
        state=InstanceState.READY,
        address=address,
        slots=slots,
        capabilities=capabilities,
        hardware_codecs=hardware_codecs,
        ready_time=now,
    )


def moved_bytes(instance: Instance, *, received: int, sent: int) -> Instance:
    """Adds the bytes that a task moved to and from it."""
    return replace(instance, received_bytes=instance.received_bytes + received, sent_bytes=instance.sent_bytes + sent)


def settled(instance: Instance, *, charged: Cost) -> Instance:
    """DESTROYED: notes what the marketplace says that it cost."""
    return replace(instance, charged=charged) if instance.state is InstanceState.DESTROYED else instance


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
