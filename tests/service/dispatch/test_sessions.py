"""The orchestrator's link to rented workers: the session opens it, and what is wrong with it is said, soon."""

import asyncio
import ipaddress
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from orchestrator.dispatch.worker_link import GrpcWorkerLinks
from orchestrator.fleet.instance import Instance
from orchestrator.jobs.job import JobState
from orchestrator.ports import WorkerLink, WorkerUnreachable
from servicekit.clock import Clock, SystemClock
from tests.service.dispatch.conftest import Stage
from tests.simulators import fake_ffmpeg
from tests.simulators.lossy_proxy import LossyProxy
from tests.simulators.worker import SimulatedWorker
from worker.main import serving
from worker.settings import WorkerSettings

SECRET, OTHER_SECRET = b"\1" * 32, b"\2" * 32
DEPLOYMENT_KEY = "the key of the deployment"
# Far longer than any test: who waits for this has not noticed what is wrong.
FOR_EVER = 600.0


@asynccontextmanager
async def rented_worker(folder: Path, **settings: Any) -> AsyncIterator[str]:
    """Runs a real worker with a session and yields its address."""
    ffmpeg = fake_ffmpeg.install(folder, film=folder / "no film", steps=[])
    chosen = {"session_secret": SecretStr(SECRET.hex()), "deployment_key": SecretStr(DEPLOYMENT_KEY), **settings}
    complete = WorkerSettings(
        listen="127.0.0.1:0", work_dir=folder / "work", ffmpeg=ffmpeg, slots=3, shutdown_grace=1, **chosen
    )
    async with serving(complete, clock=SystemClock(), on_silence=lambda: None) as server:
        yield server.address


def instance(address: str, *, secret: bytes = SECRET, cloud: str = "vast") -> Instance:
    now = SystemClock().now()
    return Instance(id="i1", cloud=cloud, label="spotreel/test/i1", secret=secret, create_time=now, address=address)


@asynccontextmanager
async def link_to(
    rented: Instance, *, deployment_key: str = DEPLOYMENT_KEY, clock: Clock | None = None
) -> AsyncIterator[WorkerLink]:
    links = GrpcWorkerLinks(clock=clock or SystemClock(), unreachable_after=FOR_EVER, deployment_key=deployment_key)
    link = links.connect(rented)
    try:
        async with asyncio.timeout(20):
            yield link
    finally:
        await link.close()


async def test_a_rented_worker_is_reached_with_secret_and_deployment_key(tmp_path: Path) -> None:
    async with rented_worker(tmp_path) as address, link_to(instance(address)) as link:
        assert (await link.ready(timeout=FOR_EVER)).slots == 3
        await link.cancel("no-such-task")


async def test_without_a_deployment_key_the_secret_is_enough(tmp_path: Path) -> None:
    async with (
        rented_worker(tmp_path, deployment_key=None) as address,
        link_to(instance(address), deployment_key="") as link,
    ):
        assert (await link.ready(timeout=FOR_EVER)).slots == 3


async def test_another_secret_is_a_failed_handshake_at_once(tmp_path: Path) -> None:
    async with rented_worker(tmp_path) as address, link_to(instance(address, secret=OTHER_SECRET)) as link:
        with pytest.raises(WorkerUnreachable, match=r"TLS handshake failed.*does not have the instance's secret"):
            await link.ready(timeout=FOR_EVER)
        with pytest.raises(WorkerUnreachable, match="TLS handshake failed"):
            await link.cancel("a-task")
        with pytest.raises(WorkerUnreachable, match="TLS handshake failed"):
            await anext(aiter(link.watch("a-task")))


@pytest.mark.parametrize("key", ["", "another key"])
async def test_another_deployment_key_is_named(tmp_path: Path, key: str) -> None:
    async with rented_worker(tmp_path) as address, link_to(instance(address), deployment_key=key) as link:
        with pytest.raises(WorkerUnreachable, match="deployment's key") as caught:
            await link.ready(timeout=FOR_EVER)
    assert DEPLOYMENT_KEY not in str(caught.value)


async def test_an_address_that_is_not_allowed_is_named(tmp_path: Path) -> None:
    callers = (ipaddress.IPv4Network("198.51.100.0/24"),)
    async with rented_worker(tmp_path, allowed_callers=callers) as address, link_to(instance(address)) as link:
        with pytest.raises(WorkerUnreachable, match=r"refuses this orchestrator's address.*127\.0\.0\.1"):
            await link.ready(timeout=FOR_EVER)


async def test_something_else_at_the_address_is_waited_for_and_then_told_apart() -> None:
    async with SimulatedWorker(secret=SECRET) as in_plaintext, link_to(instance(in_plaintext.address)) as link:
        with pytest.raises(WorkerUnreachable, match="handshake failed"):
            await link.ready(timeout=0.3)
        assert not in_plaintext.calls


async def test_nothing_rented_is_spoken_to_in_plaintext(tmp_path: Path) -> None:
    received = asyncio.get_running_loop().create_future()

    async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A TLS record of a handshake begins with 22 (RFC 8446, 5.1); HTTP/2 in plaintext would begin with "PRI".
        if not received.done():
            received.set_result(await reader.read(1))
        writer.close()

    async with await asyncio.start_server(receive, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        async with link_to(instance(f"{host}:{port}", cloud="another")) as link:
            with pytest.raises(WorkerUnreachable):
                await link.ready(timeout=0.3)
    assert await received == b"\x16"


class NoticingClock(SystemClock):
    """Tells when somebody waits: the link does after a try in vain."""

    def __init__(self) -> None:
        self.waited_for = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        self.waited_for.set()
        await super().sleep(seconds)


async def test_a_worker_that_comes_up_is_waited_for() -> None:
    clock = NoticingClock()
    async with SimulatedWorker(secret=SECRET, rented=True, slots=2) as worker:
        await worker.stop()
        async with link_to(instance(worker.address), clock=clock) as link:
            asking = asyncio.create_task(link.ready(timeout=FOR_EVER), name="ask")
            await clock.waited_for.wait()
            await worker.start()
            assert (await asking).slots == 2


async def test_a_worker_on_the_other_side_of_the_world_is_reached_at_the_first_try() -> None:
    async with SimulatedWorker(secret=SECRET, rented=True) as worker, LossyProxy(worker.address) as proxy:
        proxy.delay_seconds = 0.15
        async with link_to(instance(proxy.address)) as link:
            assert (await link.ready(timeout=FOR_EVER)).slots == 1
        assert proxy.connections == 1


async def test_an_instance_without_an_address_is_unreachable_and_no_error() -> None:
    async with link_to(instance("", secret=b"", cloud="")) as link:
        with pytest.raises(WorkerUnreachable):
            await link.ready(timeout=0.1)


async def test_a_rented_instance_without_a_whole_secret_is_never_dialled() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        GrpcWorkerLinks(clock=SystemClock()).connect(instance("127.0.0.1:1", secret=b"short"))


async def test_a_job_comes_home_over_a_session_that_breaks(stage: Stage, media: bytes) -> None:
    async with SimulatedWorker(output=media, rented=True) as worker:
        worker.faults.cut_watch.arm(times=2)
        worker.faults.cut_output.arm(times=2, after=1)
        worker.faults.corrupt_chunk.arm()
        await stage.add_instance(worker)
        async with stage.scheduler(unreachable_after=10):
            job = await stage.finished(await stage.add_job())
        assert (worker.faults.cut_watch.fired, worker.faults.cut_output.fired) == (2, 2)
        assert worker.faults.corrupt_chunk.fired == 1
        assert len(worker.starts) == 1
    assert job.state is JobState.SUCCEEDED
