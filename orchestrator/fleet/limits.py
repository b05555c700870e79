"""How large the fleet may be, and how patient it is. All times in seconds."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetLimits:
    """Bounds of the fleet's steps; the defaults are those for worker processes on this machine.

    Size: at least `min_instances` are kept, and never are there more than `max_instances` that are not proved to be
    gone; those that no job asked for have to encode `default_encoder`. One more is wanted for each `jobs_per_instance`
    queued jobs that find no place; one that has had nothing to do for `idle_seconds` goes (0: as long as it took to
    start, since keeping it for as long as a new start takes is never worse than twice the best possible).

    Start: an instance gets `schedule_seconds` until it is being loaded, `pull_seconds` until it has an address, and
    `dial_seconds` to answer there. A create with unknown outcome is given up when it was missing in complete listings
    over `unknown_seconds`. Starts that fail in a row are repeated after `backoff_seconds`, doubled each time up to
    `longest_backoff_seconds`; a failure of the account's or our own making waits at least `blocked_seconds`. There are
    never more than `breaker_failures` failures, nor more than `breaker_creates` creates, in `breaker_seconds`. Where no
    offer fits, or the money does not suffice, it is looked again after `no_offer_seconds`, doubled each time.

    Life: an instance is asked for a sign of life every `heartbeat_seconds` and lost after `unreachable_seconds` without
    one, or when listings have lacked it for `missing_seconds`. What no row claims is destroyed after
    `unclaimed_seconds`. A destroy is repeated every `destroy_seconds` until the instance is proved to be gone. The
    cloud is listed every `watch_seconds`, and every `brisk_seconds` while an instance starts or ends; passes over the
    ledger come at least every `poll_seconds`.
    """

    min_instances: int = 1
    max_instances: int = 1
    default_encoder: str = ""
    jobs_per_instance: int = 4
    idle_seconds: float = 0.0
    schedule_seconds: float = 60.0
    pull_seconds: float = 60.0
    dial_seconds: float = 60.0
    unknown_seconds: float = 3.0
    backoff_seconds: float = 1.0
    longest_backoff_seconds: float = 120.0
    blocked_seconds: float = 120.0
    no_offer_seconds: float = 30.0
    breaker_failures: int = 10
    breaker_creates: int = 30
    breaker_seconds: float = 600.0
    heartbeat_seconds: float = 10.0
    unreachable_seconds: float = 30.0
    missing_seconds: float = 0.0
    destroy_seconds: float = 0.5
    unclaimed_seconds: float = 60.0
    watch_seconds: float = 1.0
    brisk_seconds: float = 0.1
    poll_seconds: float = 1.0

    @property
    def start_seconds(self) -> float:
        """What all phases of a start may take together."""
        return self.schedule_seconds + self.pull_seconds + self.dial_seconds


def rental_limits(
    *, min_instances: int, max_instances: int, jobs_per_instance: int, idle_seconds: float
) -> FleetLimits:
    """Returns the bounds for machines that are rented, on a marketplace that wants to be asked seldom.

    Vast.ai starts take 1 to 5 minutes as a rule, and images of many GB up to 20 on slow hosts; a contract may be
    missing from listings at first, and listings may be asked for once a second.
    """
    return replace(
        FleetLimits(),
        min_instances=min_instances,
        max_instances=max_instances,
        default_encoder="h264",
        jobs_per_instance=jobs_per_instance,
        idle_seconds=idle_seconds,
        schedule_seconds=300.0,
        pull_seconds=900.0,
        dial_seconds=120.0,
        unknown_seconds=60.0,
        backoff_seconds=5.0,
        longest_backoff_seconds=600.0,
        blocked_seconds=600.0,
        breaker_failures=10,
        breaker_creates=20,
        breaker_seconds=3600.0,
        unreachable_seconds=60.0,
        missing_seconds=20.0,
        destroy_seconds=6.0,
        unclaimed_seconds=120.0,
        watch_seconds=30.0,
        brisk_seconds=1.25,
        poll_seconds=5.0,
    )
