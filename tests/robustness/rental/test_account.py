"""What a real orchestrator does when its account at the marketplace is worth nothing any more."""

import json
import re

import pytest
from spotreel import AsyncClient
from spotreel.orchestrator.v1.instance_pb2 import Instance
from spotreel.orchestrator.v1.job_pb2 import Job

from tests.robustness.deployment import until
from tests.robustness.rental.conftest import Renting

pytestmark = pytest.mark.timeout(180)


async def test_a_revoked_key_is_loud_and_nothing_is_concluded_from_it(renting: Renting) -> None:
    deployment, market = renting.deployment, renting.market
    name, hold = await renting.encoding()
    instance = await renting.newest_is(Instance.STATE_READY)
    revoked = market.faults.arm("key_revoked", times=10_000)
    async with AsyncClient(deployment.address, tls=False) as client:
        # It takes no more jobs, so that another machine would be rented for the next one.
        await client.drain_instance(instance.name)
        waiting = await deployment.create_job()
        await deployment.reaches(waiting, lambda job: "does not accept the key" in job.progress.detail)
        await client.cancel_job(waiting)
    hold.unlink()
    job = await deployment.finished(name)
    going = await renting.newest_is(Instance.STATE_DESTROYING)
    since = revoked.fired
    await until(lambda: revoked.fired > since)

    assert (job.state, len(job.attempts)) == (Job.STATE_SUCCEEDED, 1)
    assert going.name == instance.name
    assert len(market.contracts) == market.creates == 1
    assert {line["level"] for line in _events(deployment.log(), "cloud_forbidden")} == {"error"}
    assert not _events(deployment.log(), "instance_lost")
    market.faults.disarm()
    await renting.nothing_is_left()


async def test_without_credit_jobs_wait_and_say_why_and_the_marketplace_is_not_hammered(renting: Renting) -> None:
    deployment, market = renting.deployment, renting.market
    refused = market.faults.arm("insufficient_credit", times=10_000)
    await deployment.start()
    name = await deployment.create_job()
    job = await deployment.reaches(name, lambda job: "Add credit" in job.progress.detail)
    pause = _next_try(job)
    # Longer than the fleet waits after a failure that is no fault of ours, and than the pace of creates.
    await deployment.reaches(name, lambda job: 0 < _next_try(job) < pause - 7)
    (failed,) = await renting.instances()

    assert (failed.state, failed.failure.reason) == (Instance.STATE_DESTROYED, "CREDIT_EXHAUSTED")
    assert refused.fired == market.requests["create"] == 1
    assert market.creates == 0
    assert pause > 500


def _next_try(job: Job) -> int:
    """The seconds until the next try, as the job is told; 0 where it is told of none."""
    told = re.search(r"The next try is in (\d+) s\.", job.progress.detail)
    return int(told[1]) if told else 0


def _events(log: str, event: str) -> list[dict[str, str]]:
    """The lines of the log that tell of this event."""
    lines = (json.loads(line) for line in log.splitlines() if line.startswith("{"))
    return [line for line in lines if line["event"] == event]
