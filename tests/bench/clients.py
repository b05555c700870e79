"""The clients of all languages under measurement, each through its driver (clients/conformance)."""

import statistics
import tempfile
from pathlib import Path
from typing import Any

from spotreel import AsyncClient
from spotreel.media.v1 import operation_pb2
from spotreel.orchestrator.v1.job_pb2 import JobSpec

from clients.conformance.clients import CLIENTS, Client
from clients.conformance.driver import Driver
from clients.conformance.stage import SAMPLES, film_of, in_json
from clients.conformance.tampering import Count, TamperingProxy
from tests.bench import media
from tests.bench.finding import Bench, Finding
from tests.bench.service import Service, running_service

GIBIBYTE = 1 << 30
# What a program of its language waits with most differs from this one in the way of waiting only.
_LANGUAGES = [client for client in CLIENTS.values() if client.name != "python-sync"]


async def client_download(bench: Bench) -> Finding:
    """1 GiB from the orchestrator into a file by each client, in turns with a bare client of the same library."""
    # Into memory, where there is such a folder: a disk that still writes the last file slows the next one by half.
    memory = Path("/dev/shm")
    folder = memory if memory.is_dir() else bench.folder
    with tempfile.TemporaryDirectory(prefix="spotreel-bench-", dir=folder) as files:
        return await _client_download(bench, Path(files))


async def _client_download(bench: Bench, files: Path) -> Finding:
    async with running_service(bench.folder / "download-service") as service:
        name = await _large_output(bench, service)
        rates = {}
        for client in _built():
            pairs = []
            for turn in range(bench.rounds):
                order = ("bench_download", "bench_bare") if turn % 2 else ("bench_bare", "bench_download")
                pair = {action: await _rate(client, service, action, name, files) for action in order}
                pairs.append((pair["bench_download"], pair["bench_bare"]))
            rates[client.name] = pairs
    ratios = {name: statistics.median(ours / bare for ours, bare in pairs) for name, pairs in rates.items()}
    return Finding(
        title="Download of 1 GiB by a client, checked, rate against a bare client of the same library",
        figure=", ".join(f"{name} {ratio:.0%}" for name, ratio in ratios.items()),
        target="≥ 85 % each",
        met=min(ratios.values()) >= 0.85,
        detail="MB/s: "
        + "; ".join(
            f"{name} ours {' '.join(f'{ours / 1e6:.0f}' for ours, _ in pairs)}, "
            f"bare {' '.join(f'{bare / 1e6:.0f}' for _, bare in pairs)}"
            for name, pairs in rates.items()
        ),
    )


async def client_watch(bench: Bench) -> Finding:
    """What a client that follows a job to its end asks for and is sent, for each change of the job."""
    most, told = 0.0, []
    async with running_service(bench.folder / "watch-service") as service:
        async with _client(service) as client:
            still = (await client.source(SAMPLES / "bigbuckbunny.jpg")).asset
        for each in _built():
            count = Count()
            async with TamperingProxy(service.address, count) as proxy:
                spec = in_json(film_of(still, seconds=60))
                await _ask(each, service, "run", server=proxy.address, spec=spec)
            messages, changes = count.messages["WatchJob"], len(count.sequences)
            others = sum(number for method, number in count.messages.items() if method not in {"WatchJob", "CreateJob"})
            most = max(most, (messages + others) / changes)
            told.append(f"{each.name} {messages} messages and {others} other calls for {changes} changes")
    return Finding(
        title="Messages and calls of a client that follows a job, for each change of the job",
        figure=f"{most:.2f}",
        target="≤ 1",
        met=most <= 1,
        detail="; ".join(told),
    )


ALL = {"client-download": client_download, "client-watch": client_watch}


def _built() -> list[Client]:
    missing = [client.name for client in _LANGUAGES if not client.built.exists()]
    if missing:
        raise RuntimeError(f"not built: {', '.join(missing)}; make test-clients builds them")
    return _LANGUAGES


def _client(service: Service) -> AsyncClient:
    return AsyncClient(service.address, api_key=service.api_key, tls=False)


async def _large_output(bench: Bench, service: Service) -> str:
    video = media.heavy(bench.ffmpeg, bench.folder / "large.mp4", size_bytes=GIBIBYTE)
    tone = media.sound(bench.ffmpeg, bench.folder / "tone.wav", seconds=1)
    async with _client(service) as client:
        work = operation_pb2.AddAudio(video=await client.source(video), audio=await client.source(tone))
        job = await client.create_job(JobSpec(operation=operation_pb2.Operation(add_audio=work)))
        await client.wait_job(job.name)
    return job.name


async def _rate(client: Client, service: Service, action: str, name: str, folder: Path) -> float:
    """Bytes per second."""
    to = folder / "downloaded.mp4"
    result = await _ask(client, service, action, name=name, to=str(to))
    to.unlink()
    return float(result["bytes"] / result["seconds"])


async def _ask(client: Client, service: Service, action: str, **fields: Any) -> dict[str, Any]:
    request = {"server": service.address, "api_key": service.api_key, "action": action, **fields}
    async with Driver(client.command, request) as driver:
        return (await driver.outcome()).result()
