"""Where instances are started and destroyed, and where they are rented."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from orchestrator.money.price import Cost
from orchestrator.offers.offer import Offer
from orchestrator.offers.requirements import Requirements


class CloudState(StrEnum):
    """What a cloud says of one of its instances."""

    SCHEDULING = "SCHEDULING"
    PULLING = "PULLING"
    RUNNING = "RUNNING"
    STOPPED = "STOPPED"
    OFFLINE = "OFFLINE"


class Blame(StrEnum):
    """Whose fault a failed start is, which decides what is tried next."""

    OFFER = "OFFER"
    HOST = "HOST"
    ACCOUNT = "ACCOUNT"
    OURS = "OURS"


@dataclass(frozen=True, slots=True, kw_only=True)
class StartProblem:
    """Words of a cloud that mean that a start has failed: `reason` in UPPER_SNAKE, `message` for people."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudInstance:
    """An instance as its cloud sees it.

    `address` is `host:port` of the worker once that is known, `status` the cloud's own words; `problem` is set where
    they mean that it will never come up.
    """

    provider_id: str
    label: str
    state: CloudState
    address: str = ""
    status: str = ""
    problem: StartProblem | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchOrder:
    """What is to be started: `offer` is what to rent (None where nothing is rented), the rest is the ledger's row."""

    instance_id: str
    label: str
    secret: bytes
    offer: Offer | None = None


class LaunchRefused(Exception):
    """The cloud said no, for certain: nothing exists, nothing bills. `reason` is in UPPER_SNAKE."""

    def __init__(self, message: str, *, reason: str = "LAUNCH_REFUSED", blame: Blame = Blame.HOST) -> None:
        super().__init__(message)
        self.reason = reason
        self.blame = blame


class LaunchStillborn(Exception):
    """The cloud said no and made something all the same, which has to be destroyed."""

    def __init__(self, message: str, *, provider_id: str) -> None:
        super().__init__(message)
        self.provider_id = provider_id


class LaunchUnknown(Exception):
    """The cloud's answer was lost: it may exist, and it must be looked for by its label."""


class CloudUnavailable(Exception):
    """The cloud did not answer, or only in part: this says nothing about what exists."""


class CloudForbidden(CloudUnavailable):
    """The cloud does not accept our key: somebody has to see to it, and nothing is known of the instances."""


class Cloud(Protocol):
    """A place where instances are started and destroyed."""

    @property
    def name(self) -> str:
        """The cloud's name in instances: `local`, `vast`."""
        ...

    @property
    def reads_to_believe(self) -> int:
        """How many reads in a row must lack an instance before it counts as gone: some clouds forget for a moment."""
        ...

    async def create(self, order: LaunchOrder) -> str:
        """Starts an instance whose worker accepts the session of the order's secret, and returns its provider id.

        Never repeated by itself. Raises LaunchRefused when it is certain that nothing exists, LaunchStillborn when what
        exists is of no use, LaunchUnknown when nothing is certain, and CloudUnavailable before anything was asked.
        """
        ...

    async def list(self) -> Sequence[CloudInstance]:
        """Returns all instances of the account. Complete, or raises CloudUnavailable."""
        ...

    async def get(self, provider_id: str) -> CloudInstance | None:
        """Returns one instance; None when the cloud says that there is none. Raises CloudUnavailable."""
        ...

    async def destroy(self, provider_id: str) -> None:
        """Asks for the end of an instance; one that is gone already is fine. Raises CloudUnavailable."""
        ...

    async def log_tail(self, provider_id: str) -> str:
        """Returns the last lines that an instance logged; empty when there are none. Raises CloudUnavailable."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What the account has left, in micro US dollars."""

    credit_usd_micros: int


class Marketplace(Protocol):
    """Where machines are rented out by many hosts at their own prices. Raises CloudUnavailable."""

    async def search(
        self, requirements: Requirements, *, max_age: timedelta = timedelta(seconds=60), broad: bool = False
    ) -> Sequence[Offer]:
        """Returns offers that may meet the requirements, read within `max_age`; whoever chooses checks each.

        With `broad` also such as the requirements rule out: for people who want to know why.
        """
        ...

    async def account(self) -> Account:
        """Returns what is left to spend."""
        ...

    async def charges(self, provider_id: str, *, since: datetime) -> Cost | None:
        """Returns what a destroyed instance cost by the marketplace's books; None while they do not show it."""
        ...
