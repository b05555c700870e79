"""What an attempt on a rented machine costs is counted, and a job does not cost more than it may."""

from orchestrator.jobs.job import JobState
from orchestrator.money.price import rent, traffic
from tests.service.dispatch.conftest import Stage
from tests.simulators.records import make_offer
from tests.simulators.worker import SimulatedWorker


async def test_an_attempt_is_charged_for_its_time_and_its_bytes(stage: Stage, worker: SimulatedWorker) -> None:
    offer = make_offer(usd_micros_per_hour=3_600_000_000, upload_usd_micros_per_gb=10**9)
    instance = await stage.add_instance(worker, offer=offer)
    async with stage.scheduler():
        job = await stage.finished(await stage.add_job())

    (attempt,) = job.attempts
    assert job.state is JobState.SUCCEEDED
    assert attempt.cost is not None
    assert attempt.end_time is not None
    time = attempt.end_time - attempt.start_time
    moved = traffic(offer, received_bytes=0, sent_bytes=len(worker.output)).transfer_usd_micros
    assert attempt.cost.own.transfer_usd_micros == moved == len(worker.output)
    most = rent(offer, existing=time, running=time).total_usd_micros
    assert 0 < attempt.cost.own.gpu_usd_micros <= most
    # Not before its machine is gone is it known who shared it.
    assert not attempt.cost.final
    assert not job.cost.final
    assert (await stage.ledger.get_instance(instance.id)).sent_bytes == len(worker.output)


async def test_a_job_that_costs_too_much_is_ended(stage: Stage, worker: SimulatedWorker) -> None:
    worker.hold_at = len(worker.output) // 2
    await stage.add_instance(worker, offer=make_offer(usd_micros_per_hour=3_600_000_000))
    async with stage.scheduler():
        job = await stage.finished(await stage.add_job(max_cost_usd_micros=1_000))

    assert job.state is JobState.FAILED
    assert job.failure is not None
    assert (job.failure.reason, job.failure.retryable) == ("BUDGET_EXCEEDED", False)
    assert "0.00100 $" in job.failure.message
    assert job.cost.total_usd_micros >= 1_000
    # Its process is gone too: nobody pays for it any more.
    assert worker.deleted == worker.starts


async def test_a_local_worker_costs_nothing(stage: Stage, worker: SimulatedWorker) -> None:
    await stage.add_instance(worker)
    async with stage.scheduler():
        job = await stage.finished(await stage.add_job(max_cost_usd_micros=1))

    assert job.state is JobState.SUCCEEDED
    assert (job.cost.total_usd_micros, job.cost.final) == (0, True)
