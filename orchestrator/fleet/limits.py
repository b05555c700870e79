"""How patient the fleet is. All times in seconds."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetLimits:
    """Bounds of the fleet's steps; the defaults are those for worker processes on this machine.

    `wanted` is how many instances are to be READY. An instance gets `appear_seconds` to get an address and then
    `dial_seconds` to answer there. It is asked for a sign of life every `heartbeat_seconds` and lost after
    `unreachable_seconds` without one. A create with unknown outcome is given up when it was missing in three complete
    listings over `unknown_seconds`. What no row claims is destroyed after `unclaimed_seconds`; that is looked for every
    `reaper_seconds`. Starts that fail in a row are repeated after `backoff_seconds`, doubled each time up to
    `longest_backoff_seconds`, and never more than `breaker_failures` of them in `breaker_seconds`. Passes come every
    `poll_seconds`, and every `brisk_poll_seconds` while an instance starts or ends.
    """

    wanted: int = 1
    appear_seconds: float = 60.0
    dial_seconds: float = 60.0
    heartbeat_seconds: float = 10.0
    unreachable_seconds: float = 30.0
    unknown_seconds: float = 3.0
    reaper_seconds: float = 60.0
    unclaimed_seconds: float = 60.0
    backoff_seconds: float = 1.0
    longest_backoff_seconds: float = 120.0
    breaker_failures: int = 10
    breaker_seconds: float = 600.0
    poll_seconds: float = 1.0
    brisk_poll_seconds: float = 0.1
