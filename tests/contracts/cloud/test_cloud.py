"""What every cloud promises: nothing that was started is ever out of sight, and what was destroyed is gone."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from orchestrator.cloud.local.instance_folder import InstanceFolder
from orchestrator.cloud.local.local_cloud import LocalCloud, LocalWorkerSettings
from orchestrator.cloud.vast.client import VastClient
from orchestrator.cloud.vast.search import RentalTerms
from orchestrator.cloud.vast.vast_cloud import VastCloud, WorkerImage
from orchestrator.dispatch.worker_link import GrpcWorkerLinks
from orchestrator.fleet.instance import Instance
from orchestrator.offers.choice import choose
from orchestrator.offers.requirements import Requirements, Work
from orchestrator.ports import (
    Cloud,
    CloudInstance,
    CloudState,
    CloudUnavailable,
    LaunchOrder,
    LaunchRefused,
    LaunchUnknown,
    WorkerUnreachable,
)
from servicekit.clock import SystemClock
from servicekit.detached import ProcessIdentity
from servicekit.ids import new_id
from servicekit.process import ChildProcess
from tests.simulators.cloud import SimulatedCloud
from tests.simulators.nvidia.pretence import DRIVER_FLOOR
from tests.simulators.rental import IMAGE, AnyCaller
from tests.simulators.vast.clock import ScaledClock
from tests.simulators.vast.market import Market
from tests.simulators.vast.process_host import ProcessHost
from tests.simulators.vast.server import MarketServer

DEADLINE_SECONDS = 30
SECRET = bytes(range(32))
# The marketplace wants seconds between requests and takes minutes for a start.
SPEED = 60
ENCODER = Requirements(encoder="h264", driver_floor=DRIVER_FLOOR, min_disk_bytes=20_000_000_000)


@dataclass(frozen=True, kw_only=True)
class Place:
    """A cloud, and what makes it fail once; a local one cannot be made to."""

    cloud: Cloud
    refuse: Callable[[], object] = lambda: None
    lose_answer: Callable[[], object] = lambda: None
    silence: Callable[[], object] = lambda: None


def local(folder: Path, *, embedded: bool = False) -> LocalCloud:
    ours = {
        "SPOTREEL_API_KEYS": "key-of-the-orchestrator",
        "CONTAINER_ID": "4242",
        "CONTAINER_API_KEY": "key-of-our-box",
    }
    environment = {**os.environ, **ours}
    settings = LocalWorkerSettings(work_dir=folder / "work", dead_man_seconds=60)
    return LocalCloud(
        folder=folder / "instances",
        settings=settings,
        clock=SystemClock(),
        embedded=embedded,
        environment=environment,
    )


@asynccontextmanager
async def rented(folder: Path) -> AsyncIterator[tuple[VastCloud, Market]]:
    """The marketplace behind a port, whose instances are worker processes."""
    clock = ScaledClock(speed=SPEED)
    host = ProcessHost(folder / "market")
    async with (
        Market(clock=clock, host=host) as market,
        MarketServer(market, clock=clock) as server,
        httpx.AsyncClient() as http,
    ):
        host.marketplace_url = server.url
        yield (
            VastCloud(
                client=VastClient(http=http, base_url=server.url, api_key="test-key", clock=clock),
                clock=clock,
                image=WorkerImage(name=IMAGE),
                terms=RentalTerms(),
                callers=AnyCaller(),
            ),
            market,
        )


@asynccontextmanager
async def opened(kind: str, folder: Path) -> AsyncIterator[Place]:
    if kind == "simulated":
        simulated = SimulatedCloud()
        refuse, lose, silent = (
            simulated.faults.refuse,
            simulated.faults.lose_answer,
            simulated.faults.unavailable,
        )
        yield Place(
            cloud=simulated,
            refuse=refuse.arm,
            lose_answer=lose.arm,
            silence=lambda: silent.arm(times=silent.fired + 1),
        )
    elif kind == "local":
        async with local(folder) as one:
            yield Place(cloud=one)
            for instance in await one.list():
                await one.destroy(instance.provider_id)
    else:
        async with rented(folder) as (vast, market):
            arm = market.faults.arm
            yield Place(
                cloud=vast,
                refuse=lambda: arm("offer_gone_410"),
                lose_answer=lambda: arm("bad_gateway_after_effect", match={"endpoint": "create"}),
                silence=lambda: arm("bad_gateway"),
            )


@pytest.fixture(params=["simulated", "local", "vast"])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    async with opened(request.param, tmp_path) as place:
        yield place


@pytest.fixture
def cloud(place: Place) -> Cloud:
    return place.cloud


async def start(cloud: Cloud, *, label: str = "") -> tuple[str, str]:
    instance_id = new_id(SystemClock())
    label = label or f"spotreel/test/{instance_id}"
    offer = None
    if isinstance(cloud, VastCloud):
        found = await cloud.search(ENCODER, max_age=timedelta(0))
        offer = choose(found, ENCODER, work=Work(encoder="h264")).ranked[0].offer
    order = LaunchOrder(instance_id=instance_id, label=label, secret=SECRET, offer=offer)
    return await cloud.create(order), label


async def seen(cloud: Cloud, provider_id: str, condition: Callable[[CloudInstance], bool]) -> CloudInstance:
    async with asyncio.timeout(DEADLINE_SECONDS):
        while True:
            instance = await cloud.get(provider_id)
            if instance is not None and condition(instance):
                return instance
            await asyncio.sleep(0.02)


async def test_what_was_started_is_seen_until_it_is_destroyed(cloud: Cloud) -> None:
    provider_id, label = await start(cloud)
    other, _ = await start(cloud)
    instance = await seen(cloud, provider_id, lambda one: bool(one.address))

    assert instance.label == label
    assert instance.state is CloudState.RUNNING
    assert {one.provider_id for one in await cloud.list()} == {provider_id, other}
    assert isinstance(await cloud.log_tail(provider_id), str)
    await cloud.destroy(provider_id)
    await cloud.destroy(provider_id)
    assert await cloud.get(provider_id) is None
    assert [one.provider_id for one in await cloud.list()] == [other]


async def test_what_never_was_is_not_there_and_can_be_destroyed(cloud: Cloud) -> None:
    stranger = "1" if isinstance(cloud, VastCloud) else new_id(SystemClock())

    assert await cloud.get(stranger) is None
    await cloud.destroy(stranger)
    assert not await cloud.list()


@pytest.mark.parametrize("place", ["simulated", "vast"], indirect=True)
async def test_what_was_refused_does_not_exist(place: Place) -> None:
    place.refuse()
    with pytest.raises(LaunchRefused):
        await start(place.cloud)

    assert not await place.cloud.list()


@pytest.mark.parametrize("place", ["simulated", "vast"], indirect=True)
async def test_a_start_whose_answer_was_lost_is_found_by_its_label(place: Place) -> None:
    place.lose_answer()
    with pytest.raises(LaunchUnknown):
        await start(place.cloud, label="spotreel/test/lost")

    assert [one.label for one in await place.cloud.list()] == ["spotreel/test/lost"]


@pytest.mark.parametrize("place", ["simulated", "vast"], indirect=True)
async def test_a_cloud_that_does_not_answer_is_not_an_empty_one(place: Place) -> None:
    provider_id, _ = await start(place.cloud)
    for ask in (place.cloud.list, lambda: place.cloud.get(provider_id), lambda: place.cloud.destroy(provider_id)):
        place.silence()
        with pytest.raises(CloudUnavailable):
            await ask()

    assert [one.provider_id for one in await place.cloud.list()] == [provider_id]


@pytest.mark.parametrize("place", ["local", "vast"], indirect=True)
async def test_a_worker_knows_its_secret_and_lets_nobody_else_in(cloud: Cloud) -> None:
    provider_id, label = await start(cloud)
    address = (await seen(cloud, provider_id, lambda one: bool(one.address))).address
    mine = Instance(
        id=provider_id, cloud=cloud.name, label=label, secret=SECRET, create_time=SystemClock().now(), address=address
    )
    links = GrpcWorkerLinks(clock=SystemClock(), unreachable_after=5)
    link = links.connect(mine)
    assert (await link.ready(timeout=30)).slots >= 1
    await link.close()
    stranger = links.connect(replace(mine, secret=SECRET[::-1]))
    with pytest.raises(WorkerUnreachable, match="secret"):
        await stranger.ready(timeout=5)
    await stranger.close()
    await cloud.destroy(provider_id)
    gone = links.connect(mine)
    with pytest.raises(WorkerUnreachable):
        await gone.ready(timeout=1)
    await gone.close()


async def test_local_worker_knows_nothing_of_ours(tmp_path: Path) -> None:
    async with local(tmp_path) as cloud:
        provider_id, _ = await start(cloud)
        await seen(cloud, provider_id, lambda one: bool(one.address))
        process = InstanceFolder(tmp_path / "instances" / provider_id).process()
        assert process is not None
        assert SECRET.hex() not in Path(f"/proc/{process.pid}/cmdline").read_text()
        environment = Path(f"/proc/{process.pid}/environ").read_text()
        # Not even the id: an orchestrator on a rented machine must not lose that machine to a worker's silence.
        assert not [
            word for word in ("key-of-the-orchestrator", "CONTAINER_ID", "key-of-our-box") if word in environment
        ]
        await cloud.destroy(provider_id)

    assert not process.running


async def test_local_workers_are_adopted_by_the_next_cloud(tmp_path: Path) -> None:
    async with local(tmp_path) as cloud:
        provider_id, _ = await start(cloud)
    folder = InstanceFolder(tmp_path / "instances" / provider_id)
    process = folder.process()
    # As if we had been killed between starting it and writing it down.
    (folder.path / "process.json").unlink()
    async with local(tmp_path) as cloud:
        await seen(cloud, provider_id, lambda one: one.state is CloudState.RUNNING)
        assert folder.process() == process
        await cloud.destroy(provider_id)

    assert process is not None
    assert not process.running


async def test_local_worker_that_died_is_stopped_and_its_pid_is_nobody(tmp_path: Path) -> None:
    async with local(tmp_path) as cloud:
        provider_id, _ = await start(cloud)
        folder = InstanceFolder(tmp_path / "instances" / provider_id)
        process = folder.process()
        assert process is not None
        process.signal_group(signal.SIGKILL)
        await seen(cloud, provider_id, lambda one: one.state is CloudState.STOPPED)
        async with ChildProcess([sys.executable, "-c", "import time; time.sleep(60)"], grace=0) as stranger:
            # The kernel gave its pid to somebody else.
            folder.note_process(ProcessIdentity(pid=stranger.pid, started="1"))
            await cloud.destroy(provider_id)
            assert stranger.returncode is None


async def test_embedded_workers_end_with_their_cloud(tmp_path: Path) -> None:
    async with local(tmp_path, embedded=True) as cloud:
        provider_id, _ = await start(cloud)
        await seen(cloud, provider_id, lambda one: bool(one.address))
        process = InstanceFolder(tmp_path / "instances" / provider_id).process()
        assert process is not None

    assert not process.running
    # It was asked, not killed: its working folder is gone.
    assert not list((tmp_path / "work").glob("worker-*"))


async def test_refused_start_leaves_nothing(tmp_path: Path) -> None:
    async with local(tmp_path) as cloud:
        (tmp_path / "instances").chmod(0o500)
        (tmp_path / "instances").rmdir()
        (tmp_path / "instances").write_text("in the way")
        with pytest.raises(LaunchRefused, match="could not be started"):
            await start(cloud)
