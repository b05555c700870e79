"""What is measured: each function takes a `Bench` and returns a `Finding`, a ratio or a difference within one run."""

import asyncio
import contextlib
import os
import signal
import statistics
import sys
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from spotreel import AsyncClient
from spotreel.media.v1 import operation_pb2, output_pb2
from spotreel.orchestrator.v1.job_pb2 import JobSpec

from servicekit.media.operations import AddAudio, Caption, Operation, UriSource
from servicekit.media.outputs import OutputSpec, VideoCodec, VideoEncoding
from servicekit.process import PIPE, ChildProcess
from tests.bench import bare, media, relay
from tests.bench.finding import Bench, Finding, numbers
from tests.bench.service import Service, forget_peak, resident_bytes, running_service

MEBIBYTE = 1 << 20
GIBIBYTE = 1 << 30
_NOWHERE = UriSource(uri="https://example.invalid/")


async def caption(bench: Bench) -> Finding:
    """A caption job on a warm service against the same FFmpeg command run bare."""
    video = media.full_hd(bench.ffmpeg, bench.folder / "full-hd.mp4")
    text = media.subtitles(bench.folder / "captions.srt")
    operation = Caption(video=_NOWHERE, subtitles=_NOWHERE)
    command = await _prepare(bench, operation, OutputSpec(), {"video": video, "subtitles": text})
    async with running_service(bench.folder / "caption-service") as service, _client(service) as client:
        source, subtitles = await client.source(video), await client.source(text)
        spec = JobSpec(
            operation=operation_pb2.Operation(caption=operation_pb2.Caption(video=source, subtitles=subtitles))
        )
        pairs = await _pairs(bench, command, client, spec)
    ratio = statistics.median(ours / theirs for ours, theirs in pairs)
    return Finding(
        title="Caption 20 s of 1080p, wall time against bare FFmpeg",
        figure=f"{ratio:.3f}×",
        target="≤ 1.05×",
        met=ratio <= 1.05,
        detail=_seconds(pairs),
    )


async def stream_copy(bench: Bench) -> Finding:
    """An add-audio job, which copies the picture, against the same FFmpeg command run bare."""
    video = media.full_hd(bench.ffmpeg, bench.folder / "copied.mp4")
    tone = media.sound(bench.ffmpeg, bench.folder / "tone.wav")
    operation = AddAudio(video=_NOWHERE, audio=_NOWHERE)
    output = OutputSpec(video=VideoEncoding(codec=VideoCodec.COPY))
    command = await _prepare(bench, operation, output, {"video": video, "audio": tone})
    async with running_service(bench.folder / "copy-service") as service, _client(service) as client:
        source, sound = await client.source(video), await client.source(tone)
        spec = JobSpec(operation=operation_pb2.Operation(add_audio=operation_pb2.AddAudio(video=source, audio=sound)))
        pairs = await _pairs(bench, command, client, spec)
    more = statistics.median(ours - theirs for ours, theirs in pairs)
    return Finding(
        title="Add audio to 20 s of 1080p (stream copy), time above bare FFmpeg",
        figure=f"{more:.2f} s",
        target="≤ 0.40 s",
        met=more <= 0.4,
        detail=_seconds(pairs),
    )


async def transfer(bench: Bench) -> Finding:
    """1 GiB of output, worker → orchestrator → client, in turns with relays of two hops (docs/adr/0004)."""
    video = media.heavy(bench.ffmpeg, bench.folder / "heavy.mp4", size_bytes=GIBIBYTE)
    tone = media.sound(bench.ffmpeg, bench.folder / "short.wav", seconds=1)
    async with (
        running_service(bench.folder / "transfer-service") as service,
        _client(service) as client,
        _relays() as at,
    ):
        operation = operation_pb2.AddAudio(video=await client.source(video), audio=await client.source(tone))
        spec = JobSpec(
            operation=operation_pb2.Operation(add_audio=operation),
            output=output_pb2.OutputSpec(delivery=output_pb2.OutputSpec.DELIVERY_PROGRESSIVE),
        )
        before = {role: resident_bytes(pid) for role, pid in service.processes().items()}
        for pid in service.processes().values():
            forget_peak(pid)
        while_it_runs = await _rate_while_it_runs(client, spec)
        growth = {
            role: (resident_bytes(pid, peak=True) - before[role]) / MEBIBYTE
            for role, pid in service.processes().items()
        }
        ours, tails = [], []
        relays: dict[str, list[float]] = {kind: [] for kind in at}
        for _ in range(bench.rounds):
            rate, tail = await _rate_home(client, spec, service)
            ours.append(rate)
            tails.append(tail)
            for kind, address in at.items():
                relays[kind].append(await _rate_of_relay(kind, address))
    ratios = {
        kind: statistics.median(our / their for our, their in zip(ours, rates, strict=True))
        for kind, rates in relays.items()
    }
    grown = ", ".join(f"{role} {mebibytes:.0f} MiB" for role, mebibytes in growth.items())
    return Finding(
        title="1 GiB of output, worker → orchestrator → client, rate against a bare relay of two hops",
        figure=f"{ratios['bare']:.0%} of grpc.aio as it comes ({ratios['tuned']:.0%} of one with our allocator "
        f"settings, {ratios['checked']:.0%} of one that also checks and stores); memory grew by {grown}",
        target="≥ 60 %, ≤ 64 MiB each",
        met=ratios["bare"] >= 0.6 and max(growth.values()) <= 64,
        detail=f"MB/s: ours {_rates(ours)}, "
        + ", ".join(f"{kind} {_rates(rates)}" for kind, rates in relays.items())
        + f"; ours while FFmpeg makes it {_rates([while_it_runs])}; "
        f"from the last byte to a verified and stored output {numbers(tails)} s",
    )


async def idle_memory(bench: Bench) -> Finding:
    """What an idle service takes: after the start, and after a job of each kind that loads something."""
    async with running_service(bench.folder / "idle-service") as service, _client(service) as client:
        fresh = await _settled(service)
        video = media.full_hd(bench.ffmpeg, bench.folder / "short.mp4", seconds=1)
        text = media.subtitles(bench.folder / "short.srt", seconds=2)
        await client.caption(video, text)
        used = await _settled(service)
    return Finding(
        title="Idle memory after the start (and after a job)",
        figure=", ".join(f"{role} {fresh[role] / 1e6:.0f} MB ({used[role] / 1e6:.0f} MB)" for role in fresh),
        target="orchestrator ≤ 120 MB, worker ≤ 150 MB",
        met=fresh["orchestrator"] <= 120e6 and fresh["worker"] <= 150e6,
        detail="VmRSS of each process",
    )


ALL = {"caption": caption, "stream-copy": stream_copy, "transfer": transfer, "idle-memory": idle_memory}


def _client(service: Service) -> AsyncClient:
    return AsyncClient(service.address, api_key=service.api_key, tls=False)


async def _prepare(bench: Bench, operation: Operation, output: OutputSpec, files: dict[str, Path]) -> bare.BareCommand:
    folder = bench.folder / f"bare-{type(operation).__name__}"
    return await bare.prepare(
        operation, output, files, ffmpeg=bench.ffmpeg, capabilities=bench.capabilities, folder=folder
    )


async def _pairs(
    bench: Bench, command: bare.BareCommand, client: AsyncClient, spec: JobSpec
) -> Sequence[tuple[float, float]]:
    """Run the job (created, followed, downloaded, checked) and the bare command in turns; one unmeasured job first."""
    await client.run(spec, to=bench.folder / "warm.mp4", overwrite=True)
    pairs = []
    for number in range(bench.rounds):
        started = time.perf_counter()
        await client.run(spec, to=bench.folder / f"job-{number}.mp4", overwrite=True)
        ours = time.perf_counter() - started
        pairs.append((ours, await asyncio.to_thread(command.seconds)))
    return pairs


async def _rate_home(client: AsyncClient, spec: JobSpec, service: Service) -> tuple[float, float]:
    """Create a job whose output lies complete at the worker before any of it is fetched; return bytes per second up to
    the last byte, and the seconds from there to the end.

    The orchestrator is halted while FFmpeg works, so that the clock measures the two hops and not FFmpeg.
    """
    job = await client.create_job(spec)
    reading = asyncio.create_task(_count(client, job.name))
    while not service.encoders():  # noqa: ASYNC110  # another process's children, which no event tells of
        await asyncio.sleep(0.005)
    os.kill(service.pid, signal.SIGSTOP)
    try:
        while service.encoders():  # noqa: ASYNC110  # the same
            await asyncio.sleep(0.05)
        # The worker checks its output when FFmpeg has ended.
        await asyncio.sleep(1)
    finally:
        os.kill(service.pid, signal.SIGCONT)
    started = time.perf_counter()
    total, last_byte = await reading
    ended = time.perf_counter()
    await client.wait_job(job.name)
    await client.delete_job(job.name)
    return total / (last_byte - started), ended - last_byte


async def _rate_while_it_runs(client: AsyncClient, spec: JobSpec) -> float:
    """The same while FFmpeg works and shares the cores: bytes per second from the first byte to the last."""
    job = await client.create_job(spec)
    total, started = 0, 0.0
    async for data in client.read_output(job.name):
        started = started or time.perf_counter()
        total += len(data)
    rate = total / (time.perf_counter() - started)
    await client.wait_job(job.name)
    await client.delete_job(job.name)
    return rate


async def _count(client: AsyncClient, name: str) -> tuple[int, float]:
    """Read an output; return its bytes, and when the last of them came."""
    total, last_byte = 0, 0.0
    async for data in client.read_output(name):
        total += len(data)
        last_byte = time.perf_counter()
    return total, last_byte


@contextlib.asynccontextmanager
async def _relays() -> AsyncIterator[dict[str, str]]:
    """One relay of each kind, with its source, in processes of their own as ours are; gives where to read."""
    async with contextlib.AsyncExitStack() as stack:
        addresses = {}
        for kind in relay.KINDS:
            origin = await stack.enter_async_context(_relay_process(kind, "source", str(GIBIBYTE)))
            addresses[kind] = await stack.enter_async_context(_relay_process(kind, "relay", origin))
        yield addresses


async def _rate_of_relay(kind: str, address: str) -> float:
    """What a reader in a process of its own gets, in bytes per second."""
    async with _relay_process(kind, "read", address) as rate:
        return float(rate)


@contextlib.asynccontextmanager
async def _relay_process(kind: str, role: str, argument: str) -> AsyncIterator[str]:
    """One process of a relay, which ends with this one; gives the line that it prints."""
    async with ChildProcess([sys.executable, "-m", "tests.bench.relay", kind, role, argument], stdout=PIPE) as process:
        assert process.stdout is not None
        yield (await process.stdout.readline()).decode().strip()


async def _settled(service: Service) -> dict[str, int]:
    """The memory of each process when it has not changed by a MiB for two seconds."""
    last: dict[str, int] = {}
    while True:
        now = {role: resident_bytes(pid) for role, pid in service.processes().items()}
        steady = {"orchestrator", "worker"} <= now.keys() == last.keys()
        if steady and all(abs(now[role] - last[role]) < MEBIBYTE for role in now):
            return now
        last = now
        await asyncio.sleep(2)


def _seconds(pairs: Sequence[tuple[float, float]]) -> str:
    ours, theirs = zip(*pairs, strict=True)
    return f"jobs {numbers(ours)} s, bare {numbers(theirs)} s"


def _rates(values: Sequence[float]) -> str:
    return " ".join(f"{value / 1e6:.0f}" for value in values)
