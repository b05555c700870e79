"""A contract: what was ordered, what state it shows, what it has used."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.simulators.vast.offers import Offer


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a create asked for. `price` is the bid in $/h, None on demand."""

    image: str
    disk_gb: float
    label: str | None = None
    env: tuple[tuple[str, str], ...] = ()
    runtype: str = "ssh"
    args: tuple[str, ...] = ()
    onstart: str | None = None
    price: float | None = None
    login: bool = False
    template_hash: str | None = None

    @property
    def ports(self) -> tuple[str, ...]:
        """The ports of the container that are to be reached, such as `3334/tcp`."""
        wanted = (name.split()[1] for name, _ in self.env if name.startswith("-p ") and ":" in name)
        return tuple(_inner_port(mapping) for mapping in wanted)

    @property
    def environment(self) -> dict[str, str]:
        """The variables of the container: the environment without the options of docker."""
        return {name: value for name, value in self.env if not name.startswith("-")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a running container is reached: `ports` maps such as `3334/tcp` to the port outside."""

    public_ip: str
    ports: Mapping[str, int] = field(default_factory=dict)
    pid: int = 0


@dataclass(slots=True, kw_only=True, eq=False)
class Contract:
    """One instance, from its create on. Times are seconds of the market's monotonic clock.

    `actual`, `intended`, `cur_state`, `next_state` and `words` are what the API shows as `actual_status` and so on.
    `fates` are the faults that were drawn for it, with their values.
    """

    id: int
    offer: Offer
    order: Order
    key: str = field(repr=False)
    created: float
    driver_version: str
    price: float | None
    fates: dict[str, Any] = field(default_factory=dict)
    label: str | None = None
    actual: str | None = None
    intended: str = "running"
    cur_state: str = "unloaded"
    next_state: str = "running"
    words: str | None = None
    hidden_reads: int = 0
    address: Address | None = None
    since: float = 0.0
    """When `actual` became what it is."""
    loading_seconds: float = 0.0
    """How long the image takes, while it is loading."""
    end: float = 0.0
    """When the host's offer ends."""
    stopped_because: str = ""
    """Empty, or asked, outbid, credit, end, bid_too_low, build_error."""
    preempted: bool = False
    """Whether somebody else has its GPUs."""
    queued: bool = False
    """Whether it starts as soon as there are GPUs for it."""
    before_offline: str | None = None
    generation: int = 0
    """Rises with every turn of its life, so that what was planned before does not happen any more."""
    destroyed: float | None = None
    returned: int = 0
    """How often it came back after it had been destroyed."""

    @property
    def holds_gpus(self) -> bool:
        """Whether the GPUs of its machine are kept for it."""
        return self.destroyed is None and self.intended == "running"

    @property
    def bills_gpu(self) -> bool:
        """Whether the rent runs: only while it runs."""
        return self.holds_gpus and self.actual == "running"

    @property
    def bills_storage(self) -> bool:
        """Whether the disk is paid for: in every state, but not while the host is away."""
        return self.destroyed is None and self.actual != "offline"

    @property
    def gpu_usd_per_hour(self) -> float:
        return self.offer.dph_base if self.price is None else self.price

    @property
    def storage_usd_per_hour(self) -> float:
        return self.offer.storage_usd_per_hour(self.order.disk_gb)

    def shows(self, actual: str | None, now: float) -> None:
        """Changes `actual` at a time."""
        self.actual, self.since = actual, now

    def circumstances(self) -> dict[str, Any]:
        """What faults may be matched with."""
        return {
            "instance": self.id,
            "label": self.label or "",
            "machine": self.offer.machine_id,
            "offer": self.offer.id,
            "gpu_name": self.offer.gpu_name,
            "image": self.order.image,
        }


def pairs(env: Any) -> tuple[tuple[str, str], ...]:
    """Reads the `env` of a create; a text in place of an object is not applied (observed in 2026-10)."""
    if not isinstance(env, Mapping):
        return ()
    return tuple((str(name), str(value)) for name, value in env.items())


def words_of(args: Any) -> tuple[str, ...]:
    """Reads the `args` of a create."""
    return tuple(str(word) for word in args) if isinstance(args, Sequence) and not isinstance(args, str) else ()


def _inner_port(mapping: str) -> str:
    """`3334:3334` → `3334/tcp`, `8082:8082/udp` → `8082/udp`."""
    inner, _, protocol = mapping.rpartition(":")[2].partition("/")
    return f"{inner}/{protocol or 'tcp'}"
