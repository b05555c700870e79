"""What will happen, and when."""

import heapq
import itertools
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, order=True)
class Event:
    """Something that happens to a contract at a moment, unless its life has turned since (`generation`)."""

    due: float
    order: int
    name: str = field(compare=False)
    contract_id: int = field(compare=False)
    generation: int | None = field(compare=False)
    """None: whatever has happened since."""


class Agenda:
    """Events in the order of their time, those of the same time in the order in which they were planned."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._order = itertools.count()

    def plan(self, due: float, name: str, contract_id: int, generation: int | None) -> None:
        """Adds an event."""
        heapq.heappush(self._events, Event(due, next(self._order), name, contract_id, generation))

    @property
    def next_due(self) -> float:
        """When something happens next; infinity if nothing does."""
        return self._events[0].due if self._events else float("inf")

    def pop(self) -> Event:
        """Takes the next event off."""
        return heapq.heappop(self._events)
