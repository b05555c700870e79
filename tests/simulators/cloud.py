"""A cloud in memory whose instances only claim to run, and links to the workers that they claim to have."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from orchestrator.assets.asset import Asset
from orchestrator.fleet.instance import Instance
from orchestrator.ports import (
    CloudInstance,
    CloudState,
    CloudUnavailable,
    LaunchOrder,
    LaunchRefused,
    LaunchUnknown,
    OutputChunk,
    TaskRequest,
    TaskStatus,
    WorkerReady,
    WorkerUnreachable,
)
from tests.simulators.worker import Fault


@dataclass(frozen=True, slots=True)
class CloudFaults:
    """All the ways in which this cloud can fail."""

    refuse: Fault = field(default_factory=Fault)  # create says no
    lose_answer: Fault = field(default_factory=Fault)  # create works, its answer is lost
    lose_request: Fault = field(default_factory=Fault)  # create never arrives, and nobody knows
    unavailable: Fault = field(default_factory=Fault)  # list, get and destroy
    ignore_destroy: Fault = field(default_factory=Fault)  # says yes and does nothing
    no_address: Fault = field(default_factory=Fault)  # an instance that never gets one


class SimulatedCloud:
    """Instances are RUNNING with an address at once, unless a fault says otherwise."""

    name = "simulated"
    reads_to_believe = 1

    def __init__(self) -> None:
        self.instances: dict[str, CloudInstance] = {}
        self.faults = CloudFaults()
        self.creates = 0

    async def create(self, order: LaunchOrder) -> str:
        self.creates += 1
        if self.faults.refuse.fires():
            raise LaunchRefused("No such offer.")
        if self.faults.lose_request.fires():
            raise LaunchUnknown("timed out")
        provider_id = f"p{self.creates}"
        address = "" if self.faults.no_address.fires() else f"10.0.0.{self.creates}:3334"
        state = CloudState.RUNNING if address else CloudState.PULLING
        self.instances[provider_id] = CloudInstance(
            provider_id=provider_id, label=order.label, state=state, address=address
        )
        if self.faults.lose_answer.fires():
            raise LaunchUnknown("timed out")
        return provider_id

    async def list(self) -> Sequence[CloudInstance]:
        self._answer()
        return tuple(self.instances.values())

    async def get(self, provider_id: str) -> CloudInstance | None:
        self._answer()
        return self.instances.get(provider_id)

    async def destroy(self, provider_id: str) -> None:
        self._answer()
        if not self.faults.ignore_destroy.fires():
            self.instances.pop(provider_id, None)

    async def log_tail(self, provider_id: str) -> str:
        return "last words"

    def stop(self, provider_id: str) -> None:
        """What a cloud shows of an instance that stopped although nobody asked."""
        self.instances[provider_id] = replace(self.instances[provider_id], state=CloudState.STOPPED)

    def _answer(self) -> None:
        if self.faults.unavailable.fires():
            raise CloudUnavailable("503")


class SimulatedLinks:
    """Links to workers that answer with `slots`, unless their instance is in `silent`."""

    def __init__(self, *, slots: int = 1) -> None:
        self.slots = slots
        self.hardware_codecs: frozenset[str] = frozenset()
        self.silent: set[str] = set()
        self.all_silent = False
        self.asked: list[str] = []
        self.open = 0

    def connect(self, instance: Instance) -> "SimulatedLink":
        self.open += 1
        return SimulatedLink(self, instance)


class SimulatedLink:
    """Answers for its life only."""

    def __init__(self, links: SimulatedLinks, instance: Instance) -> None:
        self._links = links
        self._instance = instance

    async def ready(self, *, timeout: float) -> WorkerReady:
        self._links.asked.append(self._instance.id)
        if self._links.all_silent or self._instance.id in self._links.silent:
            raise WorkerUnreachable("The worker does not answer.")
        return WorkerReady(slots=self._links.slots, capabilities=b"", hardware_codecs=self._links.hardware_codecs)

    async def send_input(self, asset: Asset, read: Callable[[int, int], AsyncIterator[bytes]]) -> None:
        raise NotImplementedError

    async def start(self, request: TaskRequest) -> None:
        raise NotImplementedError

    def watch(self, task_id: str) -> AsyncIterator[TaskStatus]:
        raise NotImplementedError

    def read_output(self, task_id: str, offset: int) -> AsyncIterator[OutputChunk]:
        raise NotImplementedError

    async def cancel(self, task_id: str) -> None:
        raise NotImplementedError

    async def delete(self, task_id: str) -> None:
        raise NotImplementedError

    async def close(self, *_: Any) -> None:
        self._links.open -= 1
