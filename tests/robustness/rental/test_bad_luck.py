"""What a real orchestrator does when its marketplace, or its operator, does what it should not."""

import asyncio
import signal
from pathlib import Path

import pytest
from spotreel.orchestrator.v1.instance_pb2 import Instance
from spotreel.orchestrator.v1.job_pb2 import Attempt, Job

from tests.robustness.deployment import DEADLINE_SECONDS, Deployment, until
from tests.robustness.rental.conftest import SECONDS, Renting

pytestmark = pytest.mark.timeout(SECONDS)


async def test_a_job_ends_although_the_marketplace_is_down_and_the_destroy_is_not_forgotten(renting: Renting) -> None:
    deployment, market = renting.deployment, renting.market
    name, hold = await renting.encoding()
    down = market.faults.arm("api_down", times=10_000)
    async with renting.client() as client:
        # So that the machine goes as soon as its job has ended.
        await client.drain_instance((await renting.newest_is(Instance.STATE_READY)).name)
    hold.unlink()
    job = await deployment.finished(name)
    await renting.newest_is(Instance.STATE_DESTROYING)
    await until(lambda: down.fired > 0)
    assert len(market.contracts) == 1
    market.faults.disarm()
    await renting.nothing_is_left()

    assert (job.state, len(job.attempts)) == (Job.STATE_SUCCEEDED, 1)
    assert market.creates == 1


async def test_ask_5_a_job_whose_machine_is_outbid_goes_on_on_another(renting: Renting) -> None:
    deployment, market = renting.deployment, renting.market
    renting.settings(vast_interruptible="true")
    name, hold = await renting.encoding()
    (first,) = market.contracts
    await market.do(first.id, "outbid")
    await deployment.reaches(name, lambda job: job.attempts[0].state == Attempt.STATE_FAILED)
    hold.unlink()
    job = await deployment.finished(name)
    await renting.drained()

    assert job.state == Job.STATE_SUCCEEDED
    assert [one.state for one in job.attempts] == [Attempt.STATE_FAILED, Attempt.STATE_SUCCEEDED]
    assert first.price is not None
    assert first.destroyed is not None


async def test_a_second_orchestrator_of_the_same_name_is_refused_and_the_first_goes_on(
    renting: Renting, tmp_path: Path
) -> None:
    deployment, market = renting.deployment, renting.market
    name, hold = await renting.encoding()
    (tmp_path / "other").mkdir()
    other = Deployment(tmp_path / "other", deployment.environment)
    process = await other.spawn()
    async with asyncio.timeout(DEADLINE_SECONDS):
        assert await process.wait() == 1
    hold.unlink()
    job = await deployment.finished(name)
    await renting.nothing_is_left()

    assert (
        "is in use. Another orchestrator on this machine rents under this name." in (other.folder / "log").read_text()
    )
    assert (job.state, len(job.attempts)) == (Job.STATE_SUCCEEDED, 1)
    assert market.creates == 1


async def test_a_lost_ledger_is_no_reason_to_rent_again_and_what_it_knew_is_taken_over_on_demand(
    renting: Renting, tmp_path: Path
) -> None:
    deployment, market = renting.deployment, renting.market
    renting.settings(idle_seconds=600)
    _, hold = await renting.encoding()
    await deployment.end(signal.SIGKILL)
    hold.unlink()
    deployment.data = tmp_path / "fresh"
    process = await deployment.spawn()
    async with asyncio.timeout(DEADLINE_SECONDS):
        assert await process.wait() == 1
    assert "1 instances of it that this ledger knows nothing of" in (deployment.folder / "log").read_text()
    deployment.environment["SPOTREEL_TAKE_OVER"] = "true"
    await deployment.start()
    assert len(market.contracts) == 1
