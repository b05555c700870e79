"""kill -9 of the orchestrator and of rented workers, in each phase of a machine's life: nothing is lost."""

import os
import signal

import pytest
from spotreel import AsyncClient
from spotreel.orchestrator.v1.instance_pb2 import Instance
from spotreel.orchestrator.v1.job_pb2 import Attempt, Job

from tests.robustness.deployment import until
from tests.robustness.rental.conftest import SECONDS, Renting
from tests.simulators.vast.contracts import Contract

pytestmark = pytest.mark.timeout(SECONDS)


async def test_an_orchestrator_that_is_killed_in_every_phase_rents_one_machine_and_loses_nothing(
    renting: Renting,
) -> None:
    deployment, market = renting.deployment, renting.market
    encode, deliver = deployment.hold("encode"), deployment.hold("deliver")
    deployment.pace("encode")
    pulling = market.faults.arm("stuck_loading")
    lost = market.faults.arm("slow_answer", value=30.0, match={"endpoint": "create"})
    await deployment.start()
    name = await deployment.create_job(seconds=8)
    # The create has been carried out, and its answer is on its way.
    await until(lambda: lost.fired == 1)
    await renting.killed_and_started()
    # It has been found by its label, and loads its image.
    await renting.newest_is(Instance.STATE_STARTING)
    contract = await renting.contract(lambda one: one.actual == "loading")
    await renting.killed_and_started()
    await market.do(contract.id, "loaded")
    await renting.newest_is(Instance.STATE_READY)
    await renting.killed_and_started()
    await deployment.held("encode")
    await renting.killed_and_started()
    instance = await renting.newest_is(Instance.STATE_READY)
    async with AsyncClient(deployment.address, tls=False) as client:
        await client.drain_instance(instance.name)
    await renting.newest_is(Instance.STATE_DRAINING)
    await renting.killed_and_started()
    encode.unlink()
    # A part of its output is at home, and the rest is being made.
    await deployment.reaches(name, lambda job: job.progress.output_bytes > 0)
    assert not deployment.logged("output_at_home")
    destroyed = market.faults.arm("answer_lost", match={"endpoint": "destroy"})
    await renting.killed_and_started()
    # All of it is at home, so that the machine goes; what is made of it is held back.
    await deployment.held("deliver")
    await until(lambda: destroyed.fired == 1)
    await renting.killed_and_started()
    deliver.unlink()
    job = await deployment.finished(name)
    await renting.nothing_is_left()

    assert (job.state, len(job.attempts)) == (Job.STATE_SUCCEEDED, 1)
    assert (market.creates, pulling.fired) == (1, 1)
    assert [one.name for one in await renting.instances()] == [instance.name]
    assert deployment.calls("encode") == 1


async def test_a_rented_worker_that_is_killed_costs_one_attempt_and_its_machine_is_given_back(renting: Renting) -> None:
    deployment, market = renting.deployment, renting.market
    renting.settings(idle_seconds=600)
    pace = deployment.pace("encode")
    await deployment.start()
    coming = await deployment.create_job(seconds=15)

    # While it starts, before it answers.
    first = await renting.contract(lambda one: one.address is not None)
    _kill(first)
    # While the output of one task comes home, and before another one has any.
    await deployment.reaches(coming, lambda job: job.progress.output_bytes > 0)
    hold = deployment.hold("encode")
    beginning = await deployment.create_job()
    await until(lambda: deployment.calls("encode") == 2)
    second = await renting.contract(lambda one: one is not first)
    _kill(second)
    assert not deployment.logged("output_at_home")
    pace.unlink()
    hold.unlink()
    jobs = [await deployment.finished(name) for name in (coming, beginning)]
    # When it has nothing to do.
    third = await renting.contract(lambda one: one not in (first, second))
    _kill(third)
    await renting.nothing_is_left()

    for job in jobs:
        assert job.state == Job.STATE_SUCCEEDED
        assert [one.state for one in job.attempts] == [Attempt.STATE_FAILED, Attempt.STATE_SUCCEEDED]
    assert all(one.destroyed is not None for one in (first, second, third))
    assert len({one.offer.machine_id for one in (first, second, third)}) == 3
    assert market.creates == 3


async def test_an_orderly_end_gives_idle_machines_back_and_leaves_those_at_work(renting: Renting) -> None:
    deployment, market = renting.deployment, renting.market
    renting.settings(idle_seconds=600)
    name, hold = await renting.encoding()
    assert await deployment.end(signal.SIGTERM) == 0
    assert [one.actual for one in market.contracts] == ["running"]
    hold.unlink()
    await deployment.start()
    job = await deployment.finished(name)
    assert (job.state, len(job.attempts)) == (Job.STATE_SUCCEEDED, 1)
    assert len(market.contracts) == 1
    assert await deployment.end(signal.SIGTERM) == 0
    assert not market.contracts


def _kill(contract: Contract) -> None:
    assert contract.address is not None
    assert contract.address.pid, "the container has no process"
    os.kill(contract.address.pid, signal.SIGKILL)
