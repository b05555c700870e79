"""What every cloud promises: nothing that was started is ever out of sight, and what was destroyed is gone."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from orchestrator.cloud.local.instance_folder import InstanceFolder
from orchestrator.cloud.local.local_cloud import LocalCloud, LocalWorkerSettings
from orchestrator.dispatch.worker_link import GrpcWorkerLinks
from orchestrator.fleet.instance import Instance
from orchestrator.ports import Cloud, CloudInstance, CloudState, LaunchOrder, LaunchRefused, WorkerUnreachable
from servicekit.clock import SystemClock
from servicekit.detached import ProcessIdentity
from servicekit.ids import new_id
from servicekit.process import ChildProcess
from tests.simulators.cloud import SimulatedCloud

DEADLINE_SECONDS = 30
SECRET = bytes(range(32))


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


@pytest.fixture(params=["simulated", "local"])
async def cloud(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Cloud]:
    async with AsyncExitStack() as stack:
        if request.param == "simulated":
            yield SimulatedCloud()
        else:
            one = await stack.enter_async_context(local(tmp_path))
            yield one
            for instance in await one.list():
                await one.destroy(instance.provider_id)


async def start(cloud: Cloud) -> tuple[str, str]:
    instance_id = new_id(SystemClock())
    label = f"spotreel/test/{instance_id}"
    return await cloud.create(LaunchOrder(instance_id=instance_id, label=label, secret=SECRET)), label


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


async def test_local_worker_knows_its_secret_and_nothing_of_ours(tmp_path: Path) -> None:
    async with local(tmp_path) as cloud:
        provider_id, label = await start(cloud)
        address = (await seen(cloud, provider_id, lambda one: bool(one.address))).address
        process = InstanceFolder(tmp_path / "instances" / provider_id).process()
        assert process is not None
        links = GrpcWorkerLinks(clock=SystemClock(), unreachable_after=5)
        instance = Instance(
            id=provider_id,
            cloud="local",
            label=label,
            secret=SECRET,
            create_time=SystemClock().now(),
            address=address,
        )
        link = links.connect(instance)
        assert (await link.ready(timeout=30)).slots >= 1
        await link.close()
        stranger = GrpcWorkerLinks(clock=SystemClock()).connect(
            Instance(id="x", cloud="local", label="", secret=b"other", create_time=SystemClock().now(), address=address)
        )
        with pytest.raises(WorkerUnreachable, match="secret"):
            await stranger.ready(timeout=5)
        await stranger.close()
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
