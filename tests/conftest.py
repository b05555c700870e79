"""What every test may ask for; kept small on purpose, since each folder has fixtures of its own."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.simulators.clock import FakeClock


@pytest.fixture(scope="session", autouse=True)
def cache_of_the_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What workers find out about this machine they find out once, and nothing of it stays."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still at a fixed time until the test moves it."""
    return FakeClock(start=datetime(2026, 1, 1, tzinfo=UTC))
