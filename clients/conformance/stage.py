"""What the scenarios play on: two services, a job that is done, and the client under examination."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from importlib import resources
from pathlib import Path
from typing import Any, Self

from google.protobuf import json_format
from spotreel import AsyncClient, operations
from spotreel.media.v1.operation_pb2 import Operation
from spotreel.media.v1.output_pb2 import FrameSize, OutputSpec, VideoEncoding
from spotreel.media.v1.source_pb2 import MediaSource
from spotreel.orchestrator.v1.job_pb2 import Job, JobSpec

from clients.conformance.certificate import write_certificate
from clients.conformance.driver import Driver, Event, Outcome, Unacceptable
from clients.conformance.service import Service
from tests.simulators.lossy_proxy import LossyProxy

SAMPLES = Path(str(resources.files("spotreel").joinpath("samples")))
LABELLED = 3
UPLOAD_BYTES = 24 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Theatre:
    """What all scenarios of a run share.

    `service` has a worker, a job called `done` that has succeeded, and `LABELLED` cancelled jobs with the label
    `kind: listed`. `full` speaks TLS with the certificate in `certificate`, has no worker, and its queue is full;
    `stranger` is a certificate that nobody has.
    `still` is an asset, a picture; `video` a small file with sound.
    """

    service: Service
    full: Service
    certificate: Path
    stranger: Path
    done: Job
    still: str
    video: Path


@contextlib.contextmanager
def theatre(folder: Path) -> Iterator[Theatre]:
    """Starts the services, prepares what scenarios need, and ends them afterwards."""
    certificate, key = write_certificate(folder, "certificate")
    stranger, _ = write_certificate(folder, "stranger")
    tls = {"tls_certificate": str(certificate), "tls_key": str(key), "local_workers": "0", "max_queued_jobs": "1"}
    with Service.running(folder / "service") as service, Service.running(folder / "full", **tls) as full:
        with asyncio.Runner() as runner:
            done, still = runner.run(_prepare(service, video := folder / "talk.mp4"))
            runner.run(_fill(full, certificate))
        yield Theatre(
            service=service, full=full, certificate=certificate, stranger=stranger, done=done, still=still, video=video
        )


async def _prepare(service: Service, small: Path) -> tuple[Job, str]:
    async with AsyncClient(service.address, api_key=service.api_key) as client:
        # Large enough to be broken in the middle: the kernel holds several MiB of a connection on their way.
        video = VideoEncoding(bitrate_bps=40_000_000, effort=VideoEncoding.EFFORT_FASTEST)
        done = await client.transcode(SAMPLES / "bigbuckbunny.mp4", output=OutputSpec(video=video))
        scaled = OutputSpec(video=VideoEncoding(size=FrameSize(width=320, height=180)))
        await client.transcode(SAMPLES / "bigbuckbunny.mp4", end_time=2, output=scaled, to=small)
        still = await client.source(SAMPLES / "bigbuckbunny.jpg")
        for _ in range(LABELLED):
            job = await client.create_job(film_of(still.asset, seconds=60, labels={"kind": "listed"}))
            await client.cancel_job(job.name)
            await client.wait_job(job.name)
    return done, still.asset


async def _fill(full: Service, certificate: Path) -> None:
    async with AsyncClient(f"https://{full.address}", api_key=full.api_key, tls_ca=certificate) as client:
        await client.create_job(JobSpec(operation=_from_address()))


def _from_address() -> Operation:
    return operations.transcode(MediaSource(uri="https://example.com/video.mp4"))


def film_of(still: str, *, seconds: float, labels: dict[str, str] | None = None) -> JobSpec:
    """Asks for a small film of a picture; it takes about as long as the machine needs for 10 frames of each second."""
    operation = operations.image_to_video(MediaSource(asset=still), duration=seconds, frame_rate=10)
    video = VideoEncoding(effort=VideoEncoding.EFFORT_FASTEST, size=FrameSize(width=320, height=180))
    return JobSpec(operation=operation, output=OutputSpec(video=video), labels=labels or {})


def in_json(message: Any) -> Event:
    """A message in proto3 JSON."""
    return json_format.MessageToDict(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage(Theatre):
    """One scenario's view: `command` starts the driver, `folder` is empty."""

    command: Sequence[str | Path]
    folder: Path

    @classmethod
    def of(cls, house: Theatre, command: Sequence[str | Path], folder: Path) -> Self:
        """The stage of one scenario in a house."""
        shared = {field.name: getattr(house, field.name) for field in fields(Theatre)}
        return cls(command=command, folder=folder, **shared)

    def driver(self, action: str, *, server: str = "", api_key: str | None = None, **fields: Any) -> Driver:
        """A driver that is asked for `action` with the service's key, at the service unless `server` says otherwise."""
        request = {
            "server": server or self.service.address,
            "api_key": self.service.api_key if api_key is None else api_key,
            "patience_seconds": 20,
            "action": action,
            **{name: str(value) if isinstance(value, Path) else value for name, value in fields.items()},
        }
        return Driver(self.command, request)

    async def ask(self, action: str, *, on_event: Callable[[Event], None] | None = None, **fields: Any) -> Outcome:
        """Has a driver do `action` and returns what it made of it."""
        async with self.driver(action, **fields) as driver:
            outcome = await driver.outcome(on_event)
        if any(service.api_key in outcome.words for service in (self.service, self.full)):
            raise Unacceptable("the key was shown")
        return outcome

    @contextlib.asynccontextmanager
    async def lossy(self) -> AsyncIterator[LossyProxy]:
        """A proxy to the service that breaks what it is told to."""
        async with LossyProxy(self.service.address) as proxy:
            yield proxy

    @contextlib.asynccontextmanager
    async def onlooker(self) -> AsyncIterator[AsyncClient]:
        """A client of our own, to see what became of things."""
        async with AsyncClient(self.service.address, api_key=self.service.api_key) as client:
            yield client

    def noise(self) -> Path:
        """A file that no server has yet."""
        path = self.folder / "noise.bin"
        path.write_bytes(os.urandom(UPLOAD_BYTES))
        return path
