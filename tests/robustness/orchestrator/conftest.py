"""Fixtures of the tests that kill an orchestrator with local workers."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.robustness.deployment import Deployment, deployed


@pytest.fixture
async def deployment(tmp_path: Path) -> AsyncIterator[Deployment]:
    async with deployed(tmp_path) as deployment:
        yield deployment
