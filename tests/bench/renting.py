"""What is measured of renting, on the simulated marketplace: how fast it comes to work, and how often it asks."""

import asyncio
import os
import statistics
import time
from collections import Counter
from importlib import resources
from pathlib import Path

from google.protobuf.duration_pb2 import Duration
from spotreel import AsyncClient
from spotreel.media.v1 import operation_pb2, output_pb2
from spotreel.orchestrator.v1.instance_pb2 import Instance
from spotreel.orchestrator.v1.job_pb2 import JobSpec

from orchestrator.fleet.instance import InstanceState
from tests.bench.finding import Bench, Finding, numbers
from tests.bench.service import running_service
from tests.simulators.clock import FakeClock
from tests.simulators.rental import Rental
from tests.simulators.renting import open_market, rental_settings
from tests.simulators.vast.contracts import Contract
from tests.simulators.vast.lifecycle import BootTimes
from tests.simulators.vast.market import Market
from tests.simulators.vast.pacing import INTERVALS, SEARCHES_PER_MINUTE

_BOOT = BootTimes(scheduling=1, creating=1, loading=4)
_HOUR = 3600.0
_SAMPLES = Path(str(resources.files("spotreel").joinpath("samples")))


async def first_frame(bench: Bench) -> Finding:
    """From CreateJob on an idle server to the arrival of the first frames that a machine rented for it has encoded,
    without the time that the marketplace takes to start a container: search, create, polling, the worker's own start,
    dialling, the handshake, the transfer of the input and of the first fragment of the output."""
    overheads, boots = [], []
    async with open_market(bench.folder / "market", boot=_BOOT) as (market, url):
        settings = rental_settings(url, deployment=f"bench-{os.getpid()}", idle_seconds=1)
        for _ in range(bench.rounds):
            # A new server each time, which has searched no offers yet.
            async with (
                running_service(bench.folder / "rental-service", settings) as service,
                AsyncClient(service.address, api_key=service.api_key, tls=False) as client,
            ):
                await _settled(client)
                still = await client.source(_SAMPLES / "bigbuckbunny.jpg")
                film = operation_pb2.ImageToVideo(image=still, duration=Duration(seconds=1))
                spec = JobSpec(
                    operation=operation_pb2.Operation(image_to_video=film),
                    output=output_pb2.OutputSpec(
                        video=output_pb2.VideoEncoding(size=output_pb2.FrameSize(width=640, height=360)),
                        delivery=output_pb2.OutputSpec.DELIVERY_PROGRESSIVE,
                    ),
                )
                seconds, contract = await _frame(client, market, spec)
                boots.append(contract.since - contract.created)
                overheads.append(seconds - boots[-1])
    middle = statistics.median(overheads)
    return Finding(
        title="CreateJob to first encoded frame on a machine rented for it, less the marketplace's own time",
        figure=f"{middle:.2f} s",
        target="≤ 1.5 s",
        met=middle <= 1.5,
        detail=f"each {numbers(overheads)} s, the marketplace's time {numbers(boots)} s",
    )


async def api_calls(bench: Bench) -> Finding:
    """Requests in an hour to each endpoint of the marketplace, for a machine that works and for one that waits."""
    del bench
    busy, idle = await _hour(busy=True), await _hour(busy=False)
    shares = {
        endpoint: max(busy[endpoint], idle[endpoint]) / allowed
        for endpoint in busy.keys() | idle.keys()
        if (allowed := _allowed(endpoint)) is not None
    }
    highest = max(shares.values())
    return Finding(
        title="Requests to the marketplace in an hour, for one machine that works (for one that waits)",
        figure=f"{busy.total()} ({idle.total()}), at most {highest:.0%} of what an endpoint allows",
        target="≤ 50 %",
        met=highest <= 0.5,
        detail=", ".join(
            f"{endpoint} {busy[endpoint]} ({idle[endpoint]})" for endpoint in sorted(busy.keys() | idle.keys())
        ),
    )


async def _settled(client: AsyncClient) -> None:
    """Returns when the worker beside the server has started, which would be in the way."""
    ready = [Instance.STATE_READY]
    while not [one async for one in client.list_instances(states=ready)]:  # noqa: ASYNC110  # another process starts it
        await asyncio.sleep(0.1)


async def _frame(client: AsyncClient, market: Market, spec: JobSpec) -> tuple[float, Contract]:
    """Runs a job and waits until its machine is gone; returns the seconds to the first frame, and the contract."""
    began, seconds, head = time.perf_counter(), 0.0, b""
    job = await client.create_job(spec)
    async for data in client.read_output(job.name):
        head = head if seconds else head + data
        # What comes before the first fragment tells only what is to come.
        if b"moof" in head and not seconds:
            seconds = time.perf_counter() - began
    await client.wait_job(job.name)
    (contract,) = market.contracts
    while market.contracts:  # noqa: ASYNC110  # no event tells of what another process makes the market do
        await asyncio.sleep(0.1)
    return seconds, contract


async def _hour(*, busy: bool) -> Counter[str]:
    """Counts the requests of an hour in which one instance is READY, on a clock that is moved."""
    clock = FakeClock()
    rental = Rental(clock)
    async with rental.fleet(max_instances=1, idle_seconds=2 * _HOUR):
        await rental.queue()
        await rental.until(rental.is_ready, seconds=600)
        job = await rental.assign(await rental.newest())
        if not busy:
            await rental.succeed(job)
        before = Counter(rental.market.requests)
        await clock.advance(_HOUR)
        if await rental.states() != [InstanceState.READY]:
            raise RuntimeError("the instance was to live through the hour")
        return Counter(rental.market.requests) - before


def _allowed(endpoint: str) -> float | None:
    """Returns how many requests an hour the documentation of the endpoint allows; None where it says nothing."""
    if endpoint == "search":
        return SEARCHES_PER_MINUTE * 60
    return _HOUR / INTERVALS[endpoint].seconds if endpoint in INTERVALS else None


ALL = {"first-frame": first_frame, "api-calls": api_calls}
