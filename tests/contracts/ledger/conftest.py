"""Each implementation of the ledger in turn."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from orchestrator.ledger.memory import MemoryLedger
from orchestrator.ledger.sql import SqlLedger
from orchestrator.ledger.transactions import Transactions
from orchestrator.ports import Ledger
from tests.simulators.clock import FakeClock

ASSET_RETENTION = timedelta(days=7)


@pytest.fixture(params=["memory", "sqlite"])
async def ledger(request: pytest.FixtureRequest, clock: FakeClock, tmp_path: Path) -> AsyncIterator[Ledger]:
    if request.param == "memory":
        yield MemoryLedger(clock=clock, asset_retention=ASSET_RETENTION)
        return
    async with Transactions(tmp_path / "ledger.sqlite") as transactions:
        yield SqlLedger(transactions=transactions, clock=clock, asset_retention=ASSET_RETENTION)
