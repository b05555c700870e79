"""What the cloud shows of all instances at one moment, and how often it has to lack one before that one is gone."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator.ports import Cloud, CloudInstance, CloudUnavailable
from servicekit.clock import Clock

# An outage of the marketplace's API lasts for minutes or hours; nothing is lost by asking once a minute then.
_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One complete listing; `number` counts them, `taken_at` is the monotonic time when it was asked for."""

    number: int
    taken_at: float
    instances: Mapping[str, CloudInstance]

    def labelled(self, label: str) -> CloudInstance | None:
        """Returns the instance with this label."""
        return next((one for one in self.instances.values() if one.label == label), None)


class Lookout:
    """Lists the cloud for all steps at once, so that many instances cost no more questions than one."""

    def __init__(self, *, cloud: Cloud, clock: Clock) -> None:
        self._cloud = cloud
        self._clock = clock
        self.latest: Listing | None = None
        self._asked_at = float("-inf")
        self._pause = 0.0

    def due(self, interval: float) -> bool:
        """Whether the cloud was last asked so many seconds ago; one that does not answer is asked more seldom."""
        return self._clock.monotonic() - self._asked_at >= max(interval, self._pause)

    def age(self) -> float:
        """Returns how many seconds ago the latest listing was asked for; infinite before the first."""
        return float("inf") if self.latest is None else self._clock.monotonic() - self.latest.taken_at

    async def look(self) -> Listing:
        """Takes a new listing. Raises CloudUnavailable, and the latest one stays what it was."""
        self._asked_at = self._clock.monotonic()
        try:
            found = await self._cloud.list()
        except CloudUnavailable:
            self._pause = min(max(self._pause * 2, _FIRST_PAUSE_SECONDS), _LONGEST_PAUSE_SECONDS)
            raise
        self._pause = 0.0
        number = 1 if self.latest is None else self.latest.number + 1
        self.latest = Listing(number=number, taken_at=self._asked_at, instances={one.provider_id: one for one in found})
        return self.latest


@dataclass(slots=True)
class _Missing:
    since: float
    listings: set[int] = field(default_factory=set)


class Absences:
    """Counts in how many listings in a row something was missing. Failed listings are none and count for nothing."""

    def __init__(self) -> None:
        self._missing: dict[str, _Missing] = {}

    def seen(self, key: str) -> None:
        """Says that it was there; counting starts anew."""
        self._missing.pop(key, None)

    def missed(self, key: str, listing: Listing) -> tuple[int, float]:
        """Says that a listing lacks it; returns how many did so far, and the seconds between the first and this one."""
        missing = self._missing.setdefault(key, _Missing(since=listing.taken_at))
        missing.listings.add(listing.number)
        return len(missing.listings), listing.taken_at - missing.since
