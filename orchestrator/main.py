"""Puts the orchestrator together and runs it until it is told to stop."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path

import structlog

from orchestrator.assets.library import AssetLibrary
from orchestrator.assets.uploads import Uploads
from orchestrator.cloud.local.local_cloud import LocalCloud, LocalWorkerSettings
from orchestrator.dispatch.delivery import OutputDelivery
from orchestrator.dispatch.runner import TaskPatience, Workshop
from orchestrator.dispatch.scheduler import Scheduler
from orchestrator.dispatch.spools import SpoolFolder
from orchestrator.dispatch.worker_link import GrpcWorkerLinks
from orchestrator.fleet.limits import FleetLimits
from orchestrator.fleet.loop import Fleet
from orchestrator.jobs.admission import Admission
from orchestrator.jobs.expiry import Expiry
from orchestrator.jobs.feed import JobFeed
from orchestrator.jobs.output import JobOutputs
from orchestrator.jobs.registry import JobRegistry
from orchestrator.ledger.sql import SqlLedger
from orchestrator.ledger.transactions import Transactions
from orchestrator.rpc.asset_service import AssetService
from orchestrator.rpc.instance_service import InstanceService
from orchestrator.rpc.job_service import JobService
from orchestrator.rpc.offer_service import OfferService
from orchestrator.rpc.services import rpc_services
from orchestrator.settings import OrchestratorSettings
from orchestrator.storage.place import open_store
from servicekit.clock import Clock, SystemClock
from servicekit.ffmpeg import locate_ffmpeg
from servicekit.lifecycle import stop_signal
from servicekit.logs import configure_logging
from servicekit.probe import MediaProber
from servicekit.rpc.server import RpcServer
from servicekit.wakeup import Wakeup

# The name of this deployment in the labels of its instances; local ones are in a folder that is ours alone.
_DEPLOYMENT = "local"


async def run(settings: OrchestratorSettings, *, ready_file: Path | None = None, exit_with_stdin: bool = False) -> None:
    """Serves until SIGTERM, SIGINT, or the end of stdin if asked for; in that case its workers end with it.

    Raises FailedPrecondition where it cannot be started as it is set up.
    """
    configure_logging("orchestrator", settings.log_level, settings.log_json)
    async with (
        stop_signal(on_stdin_end=exit_with_stdin) as stop,
        serving(settings, clock=SystemClock(), embedded=exit_with_stdin) as server,
    ):
        _announce(server.address, ready_file)
        await stop.wait()
    structlog.get_logger().info("orchestrator_ended")


@asynccontextmanager
async def serving(settings: OrchestratorSettings, *, clock: Clock, embedded: bool) -> AsyncIterator[RpcServer]:
    """Builds the orchestrator and serves while the block runs.

    `embedded` workers end with it, however it ends; others at its orderly end, but for those that are at work.
    """
    data = settings.data_dir
    job_retention = timedelta(seconds=settings.job_retention)
    asset_retention = timedelta(seconds=settings.asset_retention)
    async with AsyncExitStack() as stack:
        transactions = await stack.enter_async_context(Transactions(settings.ledger_path))
        # Also where the ledger is elsewhere: outputs and uploads are nobody else's either.
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        ledger = SqlLedger(transactions=transactions, clock=clock, asset_retention=asset_retention)
        blobs = open_store(settings.storage_place)
        ffmpeg = await asyncio.to_thread(locate_ffmpeg, settings.ffmpeg)
        prober = await stack.enter_async_context(MediaProber())
        feed = JobFeed(ledger=ledger, clock=clock)
        spools = SpoolFolder(data / "spool", clock=clock)
        links = GrpcWorkerLinks(clock=clock)
        bell, fleet_bell = Wakeup(clock=clock), Wakeup(clock=clock)
        cloud = LocalCloud(
            folder=data / "instances",
            settings=_worker_settings(settings, ffmpeg),
            clock=clock,
            embedded=embedded,
        )
        fleet = Fleet(
            ledger=ledger,
            cloud=await stack.enter_async_context(cloud),
            links=links,
            clock=clock,
            limits=FleetLimits(wanted=settings.local_workers),
            deployment=_DEPLOYMENT,
            bell=fleet_bell,
            dispatch_bell=bell,
            adopt=not embedded,
            dismiss_idle=not embedded,
        )
        workshop = Workshop(
            ledger=ledger,
            links=links,
            spools=spools,
            delivery=OutputDelivery(prober=prober, ffmpeg=ffmpeg, blobs=blobs, clock=clock),
            blobs=blobs,
            news=feed,
            clock=clock,
            keep=job_retention,
            patience=TaskPatience(
                fetch_idle_timeout=timedelta(seconds=settings.fetch_idle_timeout),
                stall_timeout=timedelta(seconds=settings.stall_timeout),
            ),
            bell=bell,
            fleet_bell=fleet_bell,
        )
        scheduler = Scheduler(workshop=workshop, situation=fleet.situation)
        library = AssetLibrary(ledger=ledger, blobs=blobs, clock=clock, retention=asset_retention)
        uploads = Uploads(
            ledger=ledger,
            library=library,
            folder=data / "uploads",
            clock=clock,
            max_asset_bytes=settings.max_asset_bytes,
        )
        admission = Admission(ledger=ledger, news=feed, dispatch=scheduler, clock=clock, ceilings=settings.ceilings)
        registry = JobRegistry(
            ledger=ledger, feed=feed, dispatch=scheduler, blobs=blobs, clock=clock, retention=job_retention
        )
        outputs = JobOutputs(ledger=ledger, feed=feed, blobs=blobs, spools=spools, clock=clock)
        expiry = Expiry(
            ledger=ledger,
            news=feed,
            registry=registry,
            library=library,
            uploads=uploads,
            clock=clock,
            job_retention=job_retention,
        )
        services = rpc_services(
            jobs=JobService(admission=admission, registry=registry, feed=feed, outputs=outputs),
            assets=AssetService(library=library, uploads=uploads),
            instances=InstanceService(ledger=ledger),
            offers=OfferService(),
        )
        async with RpcServer(settings.server(), services) as server:
            # Only when the port is ours, since a start that fails must not leave a worker behind; left after the
            # server, whose streams would otherwise be told of attempts that ended.
            for part in (fleet, scheduler, expiry):
                await stack.enter_async_context(part)
            yield server


def _worker_settings(settings: OrchestratorSettings, ffmpeg: Path) -> LocalWorkerSettings:
    return LocalWorkerSettings(
        work_dir=settings.data_dir / "workers",
        ffmpeg=ffmpeg,
        allowed_networks=tuple(str(network) for network in settings.allowed_networks),
        slots=settings.local_worker_slots,
        log_level=settings.log_level,
    )


def _announce(address: str, ready_file: Path | None) -> None:
    if ready_file is not None:
        # Renamed into place, so that nobody reads half of it.
        partial = ready_file.with_name(f"{ready_file.name}.partial")
        partial.write_text(json.dumps({"address": address, "pid": os.getpid()}))
        partial.replace(ready_file)
    print(f"listening on {address}", flush=True)  # noqa: T201 - what whoever started this waits for
