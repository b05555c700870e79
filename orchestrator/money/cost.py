"""What an instance has cost, by its prices and by what was seen of it."""

from datetime import UTC, datetime, timedelta

from orchestrator.fleet.instance import Instance
from orchestrator.money.price import Cost, rent, traffic

_EVER = datetime.min.replace(tzinfo=UTC)


def cost_so_far(instance: Instance, *, now: datetime) -> Cost:
    """Returns what it has cost until now, or in the end; the marketplace's own figure where there is one."""
    return instance.charged or cost_since(instance, _EVER, now=now)


def cost_since(instance: Instance, since: datetime, *, now: datetime) -> Cost:
    """Returns what it has cost from a moment on, by its prices. Its traffic counts whole, whenever it was.

    Disk space counts from the moment it was asked for, which is before it can cost.
    """
    if instance.offer is None:
        return Cost()
    end = instance.end_time or now
    existing = _overlap(instance.create_time, end, since)
    running = timedelta() if instance.running_time is None else _overlap(instance.running_time, end, since)
    moved = traffic(instance.offer, received_bytes=instance.received_bytes, sent_bytes=instance.sent_bytes)
    return rent(instance.offer, existing=existing, running=running) + (moved if existing else Cost())


def _overlap(start: datetime, end: datetime, since: datetime) -> timedelta:
    return max(end - max(start, since), timedelta())
