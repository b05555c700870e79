"""A ledger that cannot be written while machines are rented: nothing is rented blindly, and nothing is forgotten."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from spotreel.orchestrator.v1.job_pb2 import Job

from tests.robustness.deployment import DEADLINE_SECONDS, until
from tests.robustness.rental.conftest import SECONDS, Renting

pytestmark = pytest.mark.timeout(SECONDS)


@contextmanager
def _locked(ledger: Path) -> Iterator[None]:
    """Keeps everybody else from writing a ledger while the block runs, as a copy that takes too long would."""
    connection = sqlite3.connect(ledger, isolation_level=None, timeout=DEADLINE_SECONDS)
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
    finally:
        connection.close()


async def test_a_job_ends_once_although_the_ledger_cannot_be_written_when_its_output_is_at_home(
    renting: Renting,
) -> None:
    deployment, market = renting.deployment, renting.market
    name, hold = await renting.encoding()
    with _locked(deployment.data / "ledger.sqlite"):
        hold.unlink()
        await until(lambda: deployment.logged("run_broke") > 0)
        assert len(market.contracts) == 1
    job = await deployment.finished(name)

    assert (job.state, len(job.attempts)) == (Job.STATE_SUCCEEDED, 1)
    assert deployment.calls("encode") == 1
    assert market.creates == 1


async def test_a_second_orchestrator_on_the_same_ledger_is_refused_and_the_first_goes_on(renting: Renting) -> None:
    deployment = renting.deployment
    await deployment.start()
    assert deployment.process is not None
    # Under another name, which alone would be no reason.
    deployment.environment["SPOTREEL_DEPLOYMENT"] += "-other"
    second = await deployment.spawn()
    async with asyncio.timeout(DEADLINE_SECONDS):
        assert await second.wait() == 1

    assert f"is in use by process {deployment.process.pid}. Stop that one" in deployment.log()
    assert deployment.process.returncode is None
    assert await renting.instances() == []
