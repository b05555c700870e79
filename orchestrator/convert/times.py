"""Moments and lengths of time."""

from datetime import UTC, datetime, timedelta

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp


def timestamp(value: datetime) -> Timestamp:
    """Writes a moment."""
    message = Timestamp()
    message.FromDatetime(value)
    return message


def optional_timestamp(value: datetime | None) -> Timestamp | None:
    """Writes a moment that may be missing."""
    return None if value is None else timestamp(value)


def moment(message: Timestamp) -> datetime:
    """Reads a moment."""
    return message.ToDatetime(tzinfo=UTC)


def duration(value: timedelta) -> Duration:
    """Writes a length of time."""
    message = Duration()
    message.FromTimedelta(value)
    return message


def optional_duration(value: timedelta | None) -> Duration | None:
    """Writes a length of time that may be missing."""
    return None if value is None else duration(value)
