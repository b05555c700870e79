"""What every test may ask for; kept small on purpose, since each folder has fixtures of its own."""

from datetime import UTC, datetime

import pytest

from tests.simulators.clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still at a fixed time until the test moves it."""
    return FakeClock(start=datetime(2026, 1, 1, tzinfo=UTC))
