"""How often each endpoint may be asked, and the shapes in which the marketplace says: too often."""

from collections import Counter, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass

from tests.simulators.vast.wire import Answer, plain, refused, said


@dataclass(frozen=True, slots=True)
class Interval:
    """The least seconds between two requests; `penalty` is what counts after one that came too early."""

    seconds: float
    penalty: float = 0.0


# Vast.ai's documentation of the API (its rate limits per endpoint, 2026); a start and a stop count like a label.
INTERVALS: dict[str, Interval] = {
    "create": Interval(4.5, penalty=12.0),
    "show": Interval(2.0),
    "list": Interval(1.0),
    "update": Interval(1.0),
    "update_many": Interval(1.0),
    "reboot": Interval(1.0),
    "recycle": Interval(1.0),
    "destroy": Interval(3.0),
    "destroy_many": Interval(3.0),
    "bid": Interval(5.5),
    "logs": Interval(1.0),
    "charges": Interval(1.0),
    "templates": Interval(3.0),
}
SEARCHES_PER_MINUTE = 10
SEARCH_ROWS_PER_DAY = 20_000
_DAY = 86400.0
# Share of an interval by which a request may be early: it was on its way for a shorter time than the one before.
_SLACK = 0.02


class Pacing:
    """Who asked for what when, by identity: the key, or the address of a caller without one."""

    def __init__(self, *, enabled: bool) -> None:
        self.enabled = enabled
        self.refused: Counter[str] = Counter()
        self._next: dict[tuple[str, str], float] = {}
        self._searches: dict[str, deque[float]] = defaultdict(deque)
        self._rows: Counter[tuple[str, int]] = Counter()
        self._shape = 0

    def objection(self, identity: str, endpoint: str, *, now: float, epoch: float) -> Answer | None:
        """Returns the refusal of a request that comes too early, or notes that it came."""
        if not self.enabled:
            return None
        if endpoint == "search":
            wait, threshold = self._search_wait(identity, now), 60 / SEARCHES_PER_MINUTE
            if wait <= 0 and self._rows[identity, int(epoch // _DAY)] >= SEARCH_ROWS_PER_DAY:
                self.refused[endpoint] += 1
                return quota_exceeded(_DAY - epoch % _DAY, epoch)
        else:
            wait, threshold = self._wait(identity, endpoint, now)
        if wait <= 0:
            return None
        self.refused[endpoint] += 1
        self._shape += 1
        return _SHAPES[self._shape % len(_SHAPES)](threshold, wait)

    def count_rows(self, identity: str, rows: int, *, epoch: float) -> None:
        """Counts rows of a search against the quota of the day."""
        self._rows[identity, int(epoch // _DAY)] += rows

    def _wait(self, identity: str, endpoint: str, now: float) -> tuple[float, float]:
        interval = INTERVALS.get(endpoint)
        if interval is None:
            return 0.0, 0.0
        wait = self._next.get((identity, endpoint), now) - now
        if wait <= interval.seconds * _SLACK:
            wait = 0.0
            self._next[identity, endpoint] = now + interval.seconds
        elif interval.penalty:
            self._next[identity, endpoint] = now + interval.penalty
            wait = interval.penalty
        return wait, interval.seconds

    def _search_wait(self, identity: str, now: float) -> float:
        times = self._searches[identity]
        while times and times[0] <= now - 60:
            times.popleft()
        if len(times) >= SEARCHES_PER_MINUTE:
            return times[0] + 60 - now
        times.append(now)
        return 0.0


def too_often_text(threshold: float, wait: float) -> Answer:
    """Returns the plain text, as most of these answers are."""
    return plain(429, "API requests too frequent")


def too_often_threshold(threshold: float, wait: float) -> Answer:
    """Returns the plain text that says how often is not too often."""
    return plain(429, f"API requests too frequent: endpoint threshold={threshold}")


def too_often_detail(threshold: float, wait: float) -> Answer:
    """Returns the JSON with nothing but a `detail`."""
    return said({"detail": f"API requests too frequent endpoint threshold={threshold}"}, status=429)


def too_often_json(threshold: float, wait: float) -> Answer:
    """Returns the usual shape of a refusal."""
    return refused(429, "rate_limit_exceeded", f"API requests too frequent: endpoint threshold={threshold}")


def too_often_retry_after(threshold: float, wait: float) -> Answer:
    """Returns the refusal that says how long to wait, as some do since autumn 2026."""
    body = {"success": False, "error": "rate_limit_exceeded", "msg": "API requests too frequent"}
    return said(body, status=429, **{"Retry-After": str(max(1, round(wait + 0.5)))})


def quota_exceeded(wait: float, epoch: float) -> Answer:
    """Returns the refusal of a search when the rows of the day are used up."""
    seconds = round(wait + 0.5)
    body = {
        "error": "search_quota_exceeded",
        "msg": "Daily search row quota exhausted",
        "limit": SEARCH_ROWS_PER_DAY,
        "remaining": 0,
        "retry_after": seconds,
    }
    headers = {"Retry-After": str(seconds), "X-RateLimit-Reset": str(int(epoch + wait))}
    return said(body, status=429, **headers)


# In turn, so that whoever is often too early meets them all.
_SHAPES: tuple[Callable[[float, float], Answer], ...] = (
    too_often_text,
    too_often_detail,
    too_often_retry_after,
    too_often_threshold,
    too_often_json,
)
