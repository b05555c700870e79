"""Machines that were gone and are there again: nothing that nobody wants goes on billing."""

import pytest
from spotreel.orchestrator.v1.instance_pb2 import Instance
from spotreel.orchestrator.v1.job_pb2 import Attempt, Job

from tests.robustness.deployment import until
from tests.robustness.rental.conftest import SECONDS, Renting

pytestmark = pytest.mark.timeout(SECONDS)

# Sooner than the third list that would prove a machine to be gone.
_BACK_SECONDS = 1.5


async def test_a_busy_machine_that_is_destroyed_by_hand_and_comes_back_is_destroyed_again_and_its_job_goes_on(
    renting: Renting,
) -> None:
    deployment, market = renting.deployment, renting.market
    name, hold = await renting.encoding()
    instance = await renting.newest_is(Instance.STATE_READY)
    (first,) = market.contracts
    dead = market.faults.arm("resurrect", value=_BACK_SECONDS, match={"instance": first.id})
    async with renting.client() as client:
        await client.destroy_instance(instance.name)
    await until(lambda: first.returned == 1)
    # It bills as before.
    assert first in market.contracts
    hold.unlink()
    job = await deployment.finished(name)
    await renting.drained()

    assert dead.fired == 1
    assert job.state == Job.STATE_SUCCEEDED
    assert [one.state for one in job.attempts] == [Attempt.STATE_FAILED, Attempt.STATE_SUCCEEDED]
    assert job.attempts[0].failure.reason == "INSTANCE_LOST"
    assert first.destroyed is not None
    assert market.creates == 2


@pytest.mark.slow
async def test_a_host_that_goes_offline_in_the_middle_of_a_job_loses_it_to_another_and_its_machine_when_it_is_back(
    renting: Renting,
) -> None:
    deployment, market = renting.deployment, renting.market
    name, hold = await renting.encoding()
    (first,) = market.contracts
    # What is said of it while it is away is not done.
    ignored = market.faults.arm("destroy_ignored", times=10_000, match={"instance": first.id})
    await market.do(first.id, "offline")
    await deployment.reaches(name, lambda job: job.attempts[0].state == Attempt.STATE_FAILED)
    hold.unlink()
    job = await deployment.finished(name)
    await until(lambda: ignored.fired > 0)
    assert first in market.contracts
    await market.do(first.id, "online")
    ignored.disarm()
    await renting.drained()

    assert job.state == Job.STATE_SUCCEEDED
    assert [one.state for one in job.attempts] == [Attempt.STATE_FAILED, Attempt.STATE_SUCCEEDED]
    assert job.attempts[0].failure.reason == "INSTANCE_LOST"
    assert first.destroyed is not None
    assert market.creates == 2
