"""The fleet on a clock that the test moves, over a cloud that lies, fails and forgets."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from orchestrator.fleet.instance import Instance, InstanceState
from orchestrator.fleet.limits import FleetLimits
from orchestrator.fleet.loop import Fleet
from orchestrator.jobs.job import started
from orchestrator.ledger.memory import MemoryLedger
from orchestrator.ports import CloudInstance, CloudState, LaunchOrder
from servicekit.wakeup import Wakeup
from tests.simulators.clock import FakeClock
from tests.simulators.cloud import SimulatedCloud, SimulatedLinks
from tests.simulators.records import make_job

ALL = frozenset(InstanceState)


class Rented:
    """A fleet and what it stands on; `fleet` may be entered again, like after a crash."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.ledger = MemoryLedger(clock=clock)
        self.cloud = SimulatedCloud()
        self.links = SimulatedLinks()

    @asynccontextmanager
    async def running(self, *, adopt: bool = True, wanted: int = 1, **limits: float) -> AsyncIterator[Fleet]:
        limits |= {"min_instances": wanted, "max_instances": wanted}
        fleet = Fleet(
            ledger=self.ledger,
            cloud=self.cloud,
            links=self.links,
            clock=self.clock,
            limits=replace(FleetLimits(), **limits),  # type: ignore[arg-type]
            deployment="test",
            bell=Wakeup(clock=self.clock),
            dispatch_bell=Wakeup(clock=self.clock),
            adopt=adopt,
        )
        async with fleet:
            yield fleet

    async def states(self) -> list[InstanceState]:
        return [one.state for one in await self.instances()]

    async def instances(self) -> list[Instance]:
        return await self.ledger.list_instances(states=ALL, limit=100)


@pytest.fixture
def rented(clock: FakeClock) -> Rented:
    return Rented(clock)


async def test_wanted_instances_become_ready(rented: Rented) -> None:
    async with rented.running(wanted=2) as fleet:
        assert fleet.situation().words == ""
        await rented.clock.advance(1)
        assert await rented.states() == [InstanceState.READY] * 2
        (one, _) = await rented.instances()

    assert one.label == f"spotreel/test/{one.id}"
    assert len(one.secret) == 32
    assert one.slots == 1
    assert rented.links.open == 0


async def test_lost_answer_is_found_by_its_label(rented: Rented) -> None:
    rented.cloud.faults.lose_answer.arm()
    async with rented.running():
        await rented.clock.advance(2)

    assert rented.cloud.faults.lose_answer.fired == 1
    assert await rented.states() == [InstanceState.READY]
    assert rented.cloud.creates == 1


async def test_lost_request_is_given_up_after_complete_listings(rented: Rented) -> None:
    rented.cloud.faults.lose_request.arm()
    async with rented.running(unknown_seconds=10):
        await rented.clock.advance(5)
        assert await rented.states() == [InstanceState.UNKNOWN]
        # A listing that fails says nothing.
        rented.cloud.faults.unavailable.arm(times=4)
        await rented.clock.advance(14)
        assert rented.cloud.faults.unavailable.fired == 4
        assert await rented.states() == [InstanceState.UNKNOWN]
        await rented.clock.advance(20)
        ready, lost = await rented.instances()

    assert rented.cloud.faults.lose_request.fired == 1
    assert (ready.state, lost.state) == (InstanceState.READY, InstanceState.DESTROYED)
    assert lost.failure is not None
    assert lost.failure.reason == "LAUNCH_LOST"


async def test_crash_in_the_middle_of_a_create_leaves_nothing_unclaimed(rented: Rented) -> None:
    instance_id = "01crashed"
    row = Instance(
        id=instance_id,
        cloud="simulated",
        label=f"spotreel/test/{instance_id}",
        secret=b"s" * 32,
        create_time=rented.clock.now(),
    )
    await rented.ledger.add_instance(row)
    await rented.cloud.create(LaunchOrder(instance_id=row.id, label=row.label, secret=row.secret))
    async with rented.running():
        await rented.clock.advance(2)

    assert await rented.states() == [InstanceState.READY]
    assert len(rented.cloud.instances) == 1


async def test_starts_that_fail_are_repeated_ever_more_slowly_and_explained(rented: Rented) -> None:
    rented.cloud.faults.refuse.arm(times=1000)
    async with rented.running(longest_backoff_seconds=60) as fleet:
        await rented.clock.advance(8)
        soon = rented.cloud.creates
        assert "No such offer." in fleet.situation().words
        assert "next try" in fleet.situation().words
        await rented.clock.advance(500)
        late = rented.cloud.creates
        rented.cloud.faults.refuse.times = 0
        await rented.clock.advance(700)
        assert fleet.situation().words == ""

    assert 3 <= soon <= 4
    assert late <= 10
    assert InstanceState.READY in await rented.states()


async def test_instance_without_address_is_given_up(rented: Rented) -> None:
    rented.cloud.faults.no_address.arm()
    async with rented.running(pull_seconds=30):
        await rented.clock.advance(29)
        assert await rented.states() == [InstanceState.STARTING]
        await rented.clock.advance(5)
        ready, failed = await rented.instances()

    assert (ready.state, failed.state) == (InstanceState.READY, InstanceState.DESTROYED)
    assert failed.failure is not None
    assert (failed.failure.reason, failed.failure.log_tail) == ("START_TIMEOUT", "last words")
    assert len(rented.cloud.instances) == 1


async def test_worker_that_never_answers_is_given_up(rented: Rented) -> None:
    rented.links.all_silent = True
    async with rented.running(dial_seconds=30):
        await rented.clock.advance(29)
        assert await rented.states() == [InstanceState.STARTING]
        rented.links.all_silent, rented.links.silent = False, {one.id for one in await rented.instances()}
        await rented.clock.advance(5)

    assert await rented.states() == [InstanceState.READY, InstanceState.DESTROYED]


async def test_stopped_and_vanished_instances_are_replaced(rented: Rented) -> None:
    async with rented.running():
        await rented.clock.advance(2)
        rented.cloud.stop("p1")
        await rented.clock.advance(3)
        assert await rented.states() == [InstanceState.READY, InstanceState.DESTROYED]
        rented.cloud.instances.clear()
        await rented.clock.advance(3)

    assert await rented.states() == [InstanceState.READY, InstanceState.DESTROYED, InstanceState.DESTROYED]


async def test_silence_is_borne_for_a_while_and_an_absent_cloud_for_ever(rented: Rented) -> None:
    async with rented.running(unreachable_seconds=30, heartbeat_seconds=10):
        await rented.clock.advance(2)
        (one,) = await rented.instances()
        rented.cloud.faults.unavailable.arm(times=10_000)
        await rented.clock.advance(600)
        assert await rented.states() == [InstanceState.READY]
        rented.cloud.faults.unavailable.times = 0
        rented.links.silent.add(one.id)
        await rented.clock.advance(20)
        assert await rented.states() == [InstanceState.READY]
        await rented.clock.advance(30)

    assert await rented.states() == [InstanceState.READY, InstanceState.DESTROYED]


async def test_destroy_is_repeated_until_it_is_gone(rented: Rented) -> None:
    rented.cloud.faults.ignore_destroy.arm(times=5)
    async with rented.running():
        await rented.clock.advance(2)
        rented.cloud.stop("p1")
        await rented.clock.advance(5)

    assert rented.cloud.faults.ignore_destroy.fired == 5
    assert list(rented.cloud.instances) == ["p2"]
    assert await rented.states() == [InstanceState.READY, InstanceState.DESTROYED]


async def test_reaper_takes_what_nobody_claims_and_only_what_is_ours(rented: Rented) -> None:
    await rented.cloud.create(LaunchOrder(instance_id="x", label="spotreel/test/x", secret=b""))
    await rented.cloud.create(LaunchOrder(instance_id="y", label="spotreel/other/y", secret=b""))
    async with rented.running(unclaimed_seconds=60):
        await rented.clock.advance(50)
        assert "p1" in rented.cloud.instances
        await rented.clock.advance(30)

    assert sorted(rented.cloud.instances) == ["p2", "p3"]
    assert await rented.states() == [InstanceState.READY]


async def test_surplus_is_drained_and_goes_when_its_work_is_home(rented: Rented) -> None:
    async with rented.running(wanted=2):
        await rented.clock.advance(2)
    newest, oldest = await rented.instances()
    job = make_job("0job")
    await rented.ledger.create_job(job, request_id="", fingerprint=b"")
    await rented.ledger.change_job(job.id, lambda one: started(one, instance_id=newest.id, now=rented.clock.now()))
    async with rented.running(wanted=1):
        await rented.clock.advance(5)
        assert await rented.states() == [InstanceState.DRAINING, InstanceState.READY]
        await rented.ledger.change_job(job.id, lambda one: replace(one, attempts=()))
        await rented.clock.advance(5)

    assert await rented.states() == [InstanceState.DESTROYED, InstanceState.READY]
    assert oldest.id == (await rented.instances())[1].id


async def test_restart_adopts_unless_told_that_they_ended(rented: Rented) -> None:
    async with rented.running():
        await rented.clock.advance(2)
    async with rented.running():
        await rented.clock.advance(2)
    assert rented.cloud.creates == 1
    async with rented.running(adopt=False):
        await rented.clock.advance(2)

    assert await rented.states() == [InstanceState.READY, InstanceState.DESTROYED]
    assert (await rented.instances())[1].failure is None


@pytest.mark.parametrize("turns", range(8))
async def test_a_listing_that_comes_while_the_fleet_ends_begins_nothing(
    rented: Rented, monkeypatch: pytest.MonkeyPatch, turns: int
) -> None:
    forgotten = CloudInstance(provider_id="p9", label="spotreel/test/forgotten", state=CloudState.RUNNING, address="")
    rented.cloud.instances["p9"] = forgotten
    comes = asyncio.Event()

    async def list_late() -> Sequence[CloudInstance]:
        await comes.wait()
        for _ in range(turns):
            await asyncio.sleep(0)
        return (forgotten,)

    async def destroy_late(provider_id: str) -> None:
        await rented.clock.sleep(1)
        del rented.cloud.instances[provider_id]

    monkeypatch.setattr(rented.cloud, "list", list_late)
    monkeypatch.setattr(rented.cloud, "destroy", destroy_late)
    async with rented.running(wanted=0, unclaimed_seconds=0):
        await rented.clock.advance(1)
        comes.set()
    await rented.clock.advance(10)
    assert rented.cloud.instances == {"p9": forgotten}
