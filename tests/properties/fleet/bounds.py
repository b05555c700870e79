"""How long a machine may bill at most that nobody wants, by what went wrong. All times in seconds.

Each bound holds while the marketplace answers and the orchestrator runs. What cannot be asked cannot be destroyed: then
it counts from the last disturbance on, plus `recovery`. What ends a machine while the orchestrator is away for good is
the dead-man switch of its worker.
"""

from dataclasses import dataclass

from orchestrator.fleet.limits import FleetLimits

# The loop's rounds come at least so often, and a step that is under way may be an answer of a worker (20 s).
_STEP_SECONDS = 20.0
# Before a start that failed is ended its log is fetched: 20 tries, each half a second of pacing and as long a pause.
_LOG_SECONDS = 25.0
# The least time between two destroys, which the machines that are to go share.
_DESTROY_PACE_SECONDS = 3.0
# The longest pause after a 429 that does not say how long, the longest one between two listings that fail, and the
# time-out of a request that hangs until then.
_LONGEST_BACKOFF_SECONDS = 120.0
_REQUEST_SECONDS = 30.0
# Idle machines are kept for as long as their start took, at most for so long.
_LONGEST_IDLE_SECONDS = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The bounds that follow from a fleet's limits, where at most `together` machines are to go at the same time."""

    limits: FleetLimits
    together: int

    @property
    def recovery(self) -> float:
        """After the marketplace answers again: the orchestrator's own caution is over."""
        return _LONGEST_BACKOFF_SECONDS + _REQUEST_SECONDS

    @property
    def listing(self) -> float:
        """From a change at the marketplace to the listing that shows it, while nothing starts or ends."""
        return self.limits.watch_seconds + self.limits.poll_seconds

    @property
    def destroy(self) -> float:
        """From the decision that a machine goes to its end: a round, a step that was under way, its turn among those
        that go together, and one repeat."""
        turn = _DESTROY_PACE_SECONDS * self.together
        return self.limits.poll_seconds + _STEP_SECONDS + turn + self.limits.destroy_seconds

    @property
    def unclaimed(self) -> float:
        """From the moment when the marketplace shows a machine with our label that no row claims to its end: it came
        back after it was gone, or the marketplace hid it for longer than is believed. Two listings, the grace period
        between them, and its turn."""
        return 2 * self.listing + self.limits.unclaimed_seconds + _DESTROY_PACE_SECONDS * self.together

    @property
    def unknown(self) -> float:
        """From a create whose answer was lost, or that a crash cut off, until its machine is held by its number, or it
        is certain that there is none."""
        return _REQUEST_SECONDS + self.limits.unknown_seconds + self.listing + _STEP_SECONDS

    @property
    def start(self) -> float:
        """From the intent until the machine is ready, or is to go: the limit of all phases, and the log."""
        return self.unknown + self.limits.start_seconds + self.listing + _STEP_SECONDS + _LOG_SECONDS

    @property
    def idle(self) -> float:
        """From the end of the last task to the decision that the machine goes, where none is kept."""
        return (self.limits.idle_seconds or _LONGEST_IDLE_SECONDS) + self.limits.poll_seconds

    @property
    def launch(self) -> float:
        """From a job that waits to a machine for it, where offers and money exist: the launch breaker and the longest
        pause after it, a search, and the start."""
        pause = max(self.limits.longest_backoff_seconds, self.limits.blocked_seconds)
        return self.limits.breaker_seconds + pause + _REQUEST_SECONDS + self.start
