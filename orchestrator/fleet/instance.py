"""An instance: a machine that runs the worker, from the wish for it to the proof that it is gone."""

from dataclasses import dataclass
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
