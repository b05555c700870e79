"""All of the market that its endpoints work on."""

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from servicekit.clock import Clock
from tests.simulators.vast.book import OfferBook
from tests.simulators.vast.contracts import Contract
from tests.simulators.vast.faults import Faults
from tests.simulators.vast.host import InstanceHost
from tests.simulators.vast.lifecycle import BootTimes, Lifecycle
from tests.simulators.vast.meters import Accounts
from tests.simulators.vast.pacing import Pacing
from tests.simulators.vast.wire import Json, Request


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketSettings:
    """How a market is set up; amounts in dollars, times in seconds of its clock."""

    key: str = "test-key"
    seed: int = 1
    credit_usd: float = 25.0
    boot: BootTimes = field(default_factory=BootTimes)
    pacing: bool = True
    """Whether requests that come too fast are refused."""
    hidden_reads: int = 0
    """In how many reads a new contract is missing."""
    stop_lag: float = 60.0
    """How long a stopped instance still shows that it runs."""
    debt_usd: float = 1.0
    """What may be owed before instances and their disks are deleted."""
    image_bytes: int = 0
    """What the pull of an image is metered with; whether the real service does is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request that was understood: its endpoint, what its path and body say, and who asks."""

    request: Request
    endpoint: str
    path: tuple[str, ...]
    query: dict[str, str]
    body: Json
    own_instance: int | None = None
    """The only instance that the key is for; None for a key of the account."""

    @property
    def number(self) -> int:
        """The id in the path."""
        return int(self.path[0])


@dataclass(slots=True, kw_only=True)
class World:
    """The parts of a market."""

    clock: Clock
    settings: MarketSettings
    faults: Faults
    book: OfferBook
    lifecycle: Lifecycle
    accounts: Accounts
    pacing: Pacing
    host: InstanceHost
    chance: random.Random
    started: float
    """The monotonic time at which the market opened."""
    requests: Counter[str] = field(default_factory=Counter)
    creates: int = 0
    """How many contracts were ever made."""
    keys_leaked: int = 0
    """How often an API key was sent where log files lie."""
    logs: dict[str, "LogFile"] = field(default_factory=dict)
    next_id: int = 7_835_610

    @property
    def now(self) -> float:
        """The monotonic time."""
        return self.clock.monotonic()

    @property
    def epoch(self) -> float:
        """The wall-clock time."""
        return self.clock.now().timestamp()

    @property
    def living(self) -> dict[int, Contract]:
        """The contracts that exist, by id."""
        return self.lifecycle.living

    def contract(self, call: Call) -> Contract | None:
        """Returns the contract that a path names."""
        return self.living.get(call.number)

    def end_epoch(self, remaining_seconds: float) -> float:
        """Returns when an offer ends that had so long at the start of the market."""
        return self.epoch - (self.now - self.started) + remaining_seconds

    def circumstances(self, call: Call) -> dict[str, Any]:
        """Returns what faults of a request may be matched with."""
        about: dict[str, Any] = {
            "endpoint": call.endpoint,
            "method": call.request.method,
            "path": call.request.path,
        }
        if call.endpoint == "create" and call.path:
            offer = self.book.get(call.number)
            about |= {"offer": call.number, "label": str(call.body.get("label") or "")}
            about |= {"machine": offer.machine_id, "gpu_name": offer.gpu_name} if offer else {}
            about |= {"image": str(call.body.get("image") or "")}
        elif call.path and call.path[0].isdigit():
            about["instance"] = call.number
            contract = self.contract(call)
            about |= contract.circumstances() if contract is not None else {}
        return about


@dataclass(slots=True, kw_only=True)
class LogFile:
    """A log that was asked for: its text, and how many reads still find nothing."""

    text: str
    misses: int
