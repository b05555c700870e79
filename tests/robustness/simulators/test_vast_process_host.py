"""Instances of the simulated marketplace that are real workers: they answer, and nothing of them stays behind."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from spotreel.worker.v1 import capabilities_pb2
from spotreel.worker.v1 import worker_service_pb2 as messages
from spotreel.worker.v1.worker_service_pb2_grpc import WorkerServiceStub

from servicekit.process import PIPE, ChildProcess
from tests.simulators.clock import FakeClock
from tests.simulators.vast.caller import Caller
from tests.simulators.vast.lifecycle import BootTimes
from tests.simulators.vast.market import Market
from tests.simulators.vast.offers import Offer
from tests.simulators.vast.process_host import ProcessHost
from tests.simulators.vast.server import MarketServer
from tests.simulators.vast.world import MarketSettings

KEY = "a key of the tests"
ENV = {"-p 3334:3334": "1", "SPOTREEL_WORKER_API_KEYS": KEY, "SPOTREEL_WORKER_LISTEN": "0.0.0.0:3334"}
METADATA = (("x-api-key", KEY),)
DEADLINE_SECONDS = 40.0
BOOT = BootTimes(scheduling=1, creating=1, loading=1)
OFFERS = [
    Offer(id=1, machine_id=1, gpu_name="RTX 4090"),
    Offer(id=2, machine_id=2, gpu_name="H100 SXM"),
    Offer(id=3, machine_id=3, gpu_name="RTX 4070S Ti", num_gpus=2, machine_gpus=2),
]


@dataclass(frozen=True, slots=True)
class Host:
    """A market whose instances are workers, on a clock that the test moves."""

    market: Market
    caller: Caller
    clock: FakeClock
    processes: ProcessHost
    folder: Path

    async def running(self, offer_id: int, **order: Any) -> int:
        """Rents and lets the start pass; returns the number of the contract."""
        contract = await self.caller.rent(offer_id, **({"env": ENV} | order))
        await self.clock.advance(10)
        await self.market.settle()
        return contract

    async def address(self, contract: int) -> str:
        """Returns where the rows say that the worker is reached."""
        row = await self.caller.show(contract)
        return f"{row['public_ipaddr'].strip()}:{row['ports']['3334/tcp'][0]['HostPort']}"

    async def ended(self, contract: int) -> None:
        """Returns when a worker has ended by itself."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            await self.processes.ended(self.market.contract(contract))

    def pid(self, contract: int) -> int:
        address = self.market.contract(contract).address
        assert address is not None
        return address.pid


@pytest.fixture
async def host(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Host]:
    processes = ProcessHost(tmp_path, image_environment={"SPOTREEL_WORKER_SLOTS": "3"})
    settings = MarketSettings(pacing=False, boot=BOOT)
    async with Market(clock=clock, settings=settings, offers=OFFERS, host=processes) as market:
        yield Host(market, Caller(market), clock, processes, tmp_path)


async def capabilities(address: str) -> capabilities_pb2.Capabilities:
    async with grpc.aio.insecure_channel(address) as channel:
        stub = WorkerServiceStub(channel)
        request = messages.GetCapabilitiesRequest()
        answer = await stub.GetCapabilities(request, metadata=METADATA, timeout=DEADLINE_SECONDS, wait_for_ready=True)
        return answer.capabilities


async def gone(pid: int) -> None:
    """Returns when a process has ended."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(descriptor, ended.set)
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def works(found: capabilities_pb2.Capabilities) -> set[str]:
    return {encoder.name for encoder in found.encoders if encoder.usable}


async def test_an_instance_is_a_worker_with_the_gpu_of_its_offer(host: Host) -> None:
    contract = await host.running(3)
    found = await capabilities(await host.address(contract))
    assert {"h264_nvenc", "hevc_nvenc", "av1_nvenc", "libx264"} <= works(found)
    assert [gpu.name for gpu in found.gpus] == ["NVIDIA GeForce RTX 4070 Ti SUPER"] * 2
    assert (found.gpus[0].driver_version, found.slots) == ("570.86.15", 3)
    pid = host.pid(contract)
    await host.caller.destroy(contract)
    await gone(pid)
    assert host.market.contracts == ()


async def test_a_gpu_without_an_encoder(host: Host) -> None:
    found = await capabilities(await host.address(await host.running(2)))
    assert works(found) >= {"libx264"}
    assert not any(name.endswith("_nvenc") for name in works(found))
    (reason,) = {encoder.reason for encoder in found.encoders if encoder.name == "h264_nvenc"}
    assert "no NVENC" in reason


async def test_a_driver_that_is_older_than_the_offer_said(host: Host) -> None:
    host.market.faults.arm("old_driver")
    found = await capabilities(await host.address(await host.running(1)))
    assert not any(name.endswith("_nvenc") for name in works(found))
    assert found.gpus[0].driver_version == "470.82.01"
    assert host.market.faults["old_driver"].fired == 1


async def test_what_a_container_finds_in_its_environment(host: Host) -> None:
    contract = await host.running(1)
    # Until the program runs, what is read of the process is of whoever started it.
    await capabilities(await host.address(contract))
    environment = dict(
        entry.split("=", 1) for entry in Path(f"/proc/{host.pid(contract)}/environ").read_text().split("\0") if entry
    )
    outside = (await host.address(contract)).rpartition(":")[2]
    assert environment["VAST_TCP_PORT_3334"] == outside
    assert environment["SPOTREEL_WORKER_LISTEN"] == f"127.0.0.1:{outside}"
    assert (environment["PUBLIC_IPADDR"], environment["CONTAINER_ID"]) == ("127.0.0.1", str(contract))
    assert environment["VAST_CONTAINERLABEL"] == f"C.{contract}"
    assert environment["CONTAINER_API_KEY"] == host.market.contract(contract).key
    assert (environment["GPU_COUNT"], environment["SPOTREEL_WORKER_SLOTS"]) == ("1", "3")
    assert not any(name.startswith("-p") for name in environment)
    # Nothing that a worker is told may lead it to the real marketplace.
    assert environment["SPOTREEL_WORKER_MARKETPLACE_URL"].startswith("http://127.0.0.1:")


async def test_logs_are_the_workers_own(host: Host) -> None:
    contract = await host.running(1)
    await capabilities(await host.address(contract))
    answer = await host.caller.ask("PUT", f"/api/v0/instances/request_logs/{contract}/", {})
    path = answer.json()["result_url"].removeprefix("http://localhost")
    anonymous = Caller(host.market, key=None)
    text = [(await anonymous.ask("GET", path)).body.decode() for _ in range(2)][1]
    assert "listening on 127.0.0.1:" in text
    assert "machine_known" in text


async def test_a_worker_that_ends_by_itself_is_seen_as_exited(host: Host) -> None:
    contract = await host.running(1)
    await capabilities(await host.address(contract))
    os.kill(host.pid(contract), signal.SIGTERM)
    await host.ended(contract)
    assert (await host.caller.show(contract))["actual_status"] == "exited"
    assert host.market.contract(contract).address is None


async def test_a_worker_with_wrong_settings_is_seen_as_exited_and_its_log_says_why(host: Host) -> None:
    contract = await host.running(1, env={"-p 3334:3334": "1", "SPOTREEL_WORKER_SLOTS": "many"})
    await host.ended(contract)
    assert (await host.caller.show(contract))["actual_status"] == "exited"
    assert "SPOTREEL_WORKER_SLOTS" in (host.folder / f"{contract}.log").read_text()


@pytest.mark.parametrize("what", ["stop", "outbid", "kill", "destroy"])
async def test_whatever_stops_an_instance_ends_its_worker(host: Host, what: str) -> None:
    contract = await host.running(1)
    pid = host.pid(contract)
    assert Path(f"/proc/{pid}").exists()
    await host.market.do(contract, what)
    await gone(pid)


async def test_a_host_that_goes_away_answers_nobody_and_then_goes_on(host: Host) -> None:
    contract = await host.running(1)
    address = await host.address(contract)
    await capabilities(address)
    await host.market.do(contract, "offline")
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        async with grpc.aio.insecure_channel(address) as channel:
            await WorkerServiceStub(channel).GetCapabilities(
                messages.GetCapabilitiesRequest(), metadata=METADATA, timeout=0.5
            )
    assert failure.value.code() in (grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE)
    await host.market.do(contract, "online")
    await capabilities(address)


@pytest.mark.parametrize("order", [{"runtype": "ssh"}, {"onstart": "/bin/sh"}, {"label": "dead"}])
async def test_instances_in_which_no_worker_runs(host: Host, order: dict[str, Any]) -> None:
    host.market.faults.arm("dead_worker", match={"label": "dead"})
    contract = await host.running(1, **order)
    assert host.pid(contract) == 0
    with pytest.raises(OSError, match="Connect call failed"):
        await asyncio.open_connection(*(await host.address(contract)).rsplit(":", 1))


async def test_a_restarted_instance_is_a_new_worker(host: Host) -> None:
    contract = await host.running(1)
    first = host.pid(contract)
    await host.caller.ask("PUT", f"/api/v0/instances/reboot/{contract}/", {})
    await gone(first)
    await host.clock.advance(30)
    await host.market.settle()
    assert host.pid(contract) not in (0, first)
    assert "h264_nvenc" in works(await capabilities(await host.address(contract)))


async def test_a_worker_that_nobody_speaks_to_destroys_its_own_instance(tmp_path: Path, clock: FakeClock) -> None:
    processes = ProcessHost(tmp_path)
    market = Market(clock=clock, settings=MarketSettings(pacing=False, boot=BOOT), offers=OFFERS, host=processes)
    async with market, MarketServer(market, clock=clock) as server:
        processes.marketplace_url = server.url
        host = Host(market, Caller(market), clock, processes, tmp_path)
        contract = await host.running(1, env=ENV | {"SPOTREEL_WORKER_DEAD_MAN_TIMEOUT": "0.5"})
        pid = host.pid(contract)
        await gone(pid)
        assert [one.id for one in market.history] == [contract]
        assert market.requests == {"create": 1, "destroy": 1}


@asynccontextmanager
async def simulator(ready: Path, *options: str) -> AsyncIterator[tuple[ChildProcess, str]]:
    command = [sys.executable, "-m", "tests.simulators.vast", "--workers", "real", "--pacing", "off"]
    command += ["--scheduling", "0.1", "--creating", "0.1", "--loading", "0.1", "--ready-file", str(ready), *options]
    root = Path(__file__).parents[3]
    # What a killed one leaves is to lie in the test's own folder.
    env = {**os.environ, "TMPDIR": str(ready.parent)}
    async with ChildProcess(command, stdout=PIPE, cwd=root, env=env) as process, asyncio.timeout(DEADLINE_SECONDS):
        line = (await process.stdout.readline()).decode()
        assert line.startswith("listening on 127.0.0.1:"), process.stderr_lines
        assert json.loads(ready.read_text())["address"] == line.removeprefix("listening on ").strip()
        yield process, f"http://{line.removeprefix('listening on ').strip()}"


async def rent_from(url: str) -> tuple[int, str]:
    """Rents at a simulator that is a process, and returns the worker's pid and address when the worker answers."""
    async with httpx.AsyncClient(base_url=url, headers={"Authorization": "Bearer other-key"}) as client:
        query = {"gpu_name": {"eq": "RTX 4090"}, "external": {"eq": False}, "rentable": {"eq": True}}
        offers = (await client.post("/api/v0/bundles/", json=query)).raise_for_status().json()["offers"]
        body = {"image": "x:1", "disk": 10, "runtype": "args", "args": [], "env": ENV}
        for offer in offers:
            made = (await client.put(f"/api/v0/asks/{offer['id']}/", json=body)).raise_for_status().json()
            for _ in range(1000):
                state = (await client.get("/control/state")).json()
                (contract,) = state["contracts"]
                if contract["pid"]:
                    address = f"127.0.0.1:{contract['ports']['3334/tcp']}"
                    await capabilities(address)
                    return int(contract["pid"]), address
            # A dead host of the catalogue.
            await client.delete(f"/api/v0/instances/{made['new_contract']}/")
    raise AssertionError("no offer ran")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 0), (signal.SIGINT, 0), (signal.SIGKILL, -9)])
async def test_a_simulator_that_ends_leaves_no_worker(tmp_path: Path, number: signal.Signals, status: int) -> None:
    async with simulator(tmp_path / "ready", "--key", "other-key") as (process, url):
        pid, _ = await rent_from(url)
        os.kill(process.pid, number)
        assert await process.wait() == status
        await gone(pid)


async def test_a_port_that_is_taken(tmp_path: Path) -> None:
    async with simulator(tmp_path / "ready") as (_, url):
        command = [sys.executable, "-m", "tests.simulators.vast", "--port", url.rpartition(":")[2]]
        async with ChildProcess(command, cwd=Path(__file__).parents[3]) as second:
            assert await second.wait() == 1
            assert "cannot listen" in second.stderr_lines[-1]
