"""Dispatch as it runs, against simulated workers and a ledger in memory."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestrator.assets.asset import Asset
from orchestrator.dispatch.delivery import OutputDelivery
from orchestrator.dispatch.routing import Routing
from orchestrator.dispatch.runner import TaskPatience, Workshop
from orchestrator.dispatch.scheduler import Scheduler
from orchestrator.dispatch.spools import SpoolFolder
from orchestrator.dispatch.worker_link import GrpcWorkerLinks
from orchestrator.fleet.instance import Instance, InstanceState, given_up
from orchestrator.fleet.loop import Situation
from orchestrator.jobs.feed import JobFeed
from orchestrator.jobs.job import Job, cancel_wished
from orchestrator.ledger.memory import MemoryLedger
from orchestrator.offers.offer import Offer
from orchestrator.storage.folder import FolderStore
from servicekit.clock import SystemClock
from servicekit.ffmpeg import locate_ffmpeg
from servicekit.ids import new_id
from servicekit.media.operations import AssetSource, UriSource
from servicekit.media.outputs import Delivery
from servicekit.probe import MediaProber
from servicekit.wakeup import Wakeup
from tests.simulators.records import VIDEO, make_job, make_spec
from tests.simulators.worker import SimulatedWorker

DEADLINE_SECONDS = 20
KEEP = timedelta(days=7)


@pytest.fixture(scope="session")
def media() -> bytes:
    """A second of picture and sound, in the append-only form that workers write."""
    done = subprocess.run(
        [
            *[str(locate_ffmpeg()), "-v", "error", "-nostdin"],
            *["-f", "lavfi", "-i", "testsrc2=s=160x90:d=1:r=10", "-f", "lavfi", "-i", "sine=d=1"],
            *["-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", "-map", "0", "-map", "1"],
            *["-movflags", "+frag_keyframe+delay_moov+default_base_moof", "-f", "mp4", "pipe:1"],
        ],
        capture_output=True,
        check=True,
    )
    return done.stdout


@pytest.fixture
async def worker(media: bytes) -> AsyncIterator[SimulatedWorker]:
    async with SimulatedWorker(output=media) as simulated:
        yield simulated


class Stage:
    """The orchestrator's half: what a scheduler needs, which may be left and entered again like after a crash."""

    def __init__(self, folder: Path, prober: MediaProber) -> None:
        self.clock = SystemClock()
        self.folder = folder
        self.ledger = MemoryLedger(clock=self.clock)
        self.feed = JobFeed(ledger=self.ledger, clock=self.clock)
        self.blobs = FolderStore(folder / "blobs")
        self.prober = prober
        self.fleet_bell = Wakeup(clock=self.clock)
        # What a fleet rings when its machines change.
        self.bell = Wakeup(clock=self.clock)
        self.spools = SpoolFolder(folder / "spool", clock=self.clock)
        self.delivered = 0

    def scheduler(
        self,
        *,
        unreachable_after: float = 1.0,
        patience: TaskPatience = TaskPatience(),  # noqa: B008 - frozen
        routing: Routing = Routing(),  # noqa: B008 - frozen
    ) -> Scheduler:
        self.spools = SpoolFolder(self.folder / "spool", clock=self.clock)
        workshop = Workshop(
            ledger=self.ledger,
            links=GrpcWorkerLinks(clock=self.clock, unreachable_after=unreachable_after),
            spools=self.spools,
            delivery=OutputDelivery(prober=self.prober, ffmpeg=locate_ffmpeg(), blobs=self.blobs, clock=self.clock),
            blobs=self.blobs,
            news=self.feed,
            clock=self.clock,
            keep=KEEP,
            patience=patience,
            bell=self.bell,
            wake_fleets=self.fleet_bell.ring,
        )
        return Scheduler(
            workshop=workshop, situation=lambda _job: Situation("A machine is being started."), routing=routing
        )

    async def add_instance(self, worker: SimulatedWorker, *, slots: int = 1, offer: Offer | None = None) -> Instance:
        instance = Instance(
            id=new_id(self.clock),
            cloud="simulated" if worker.rented else "local",
            label="spotreel/test/x",
            secret=worker.secret,
            create_time=self.clock.now(),
            state=InstanceState.READY,
            address=worker.address,
            slots=slots,
            offer=offer,
            hardware_codecs=frozenset({"h264"}) if worker.rented else frozenset(),
        )
        await self.ledger.add_instance(instance)
        self.bell.ring()
        return instance

    async def lose_instance(self, instance: Instance, state: InstanceState = InstanceState.DESTROYING) -> None:
        await self.ledger.change_instance(instance.id, lambda one: replace(given_up(one, failure=None), state=state))
        self.bell.ring()

    async def add_job(
        self,
        *,
        delivery: Delivery = Delivery.FASTSTART,
        video: AssetSource | UriSource = VIDEO,
        max_cost_usd_micros: int = 0,
        **fields: Any,
    ) -> Job:
        spec = replace(make_spec(video=video, delivery=delivery), **fields)
        spec = replace(spec, limits=replace(spec.limits, max_cost_usd_micros=max_cost_usd_micros))
        job = make_job(new_id(self.clock), spec=spec, at=self.clock.now())
        job, _ = await self.ledger.create_job(job, request_id="", fingerprint=b"")
        return job

    async def add_asset(self, content: bytes, sha256: str) -> AssetSource:
        path = self.folder / "asset"
        path.write_bytes(content)
        await self.blobs.store(f"assets/{sha256}", path)
        now = self.clock.now()
        await self.ledger.add_asset(
            Asset(
                sha256=sha256,
                size_bytes=len(content),
                file_name="a.mp4",
                blob=f"assets/{sha256}",
                create_time=now,
                expire_time=now + timedelta(days=1),
            )
        )
        return AssetSource(asset=f"assets/{sha256}")

    async def cancel(self, job: Job, scheduler: Scheduler) -> None:
        changed = await self.ledger.change_job(job.id, lambda one: cancel_wished(one, now=self.clock.now(), keep=KEEP))
        self.feed.publish(changed)
        scheduler.cancel(job.id)

    async def reaches(self, job: Job, condition: Callable[[Job], bool]) -> Job:
        """Returns the job once the condition holds, as a watcher sees it."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            async for _, seen in self.feed.follow(job.id):
                if condition(seen):
                    return seen
        raise AssertionError(f"the job ended otherwise: {await self.ledger.get_job(job.id)}")

    async def finished(self, job: Job) -> Job:
        return await self.reaches(job, lambda one: one.state.final)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with AsyncExitStack() as stack:
        prober = await stack.enter_async_context(MediaProber())
        yield Stage(tmp_path, prober)
