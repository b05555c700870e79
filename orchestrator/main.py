"""Puts the orchestrator together and runs it until it is told to stop."""

import asyncio
import json
import logging
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import structlog
from pydantic import SecretStr

from orchestrator.assets.library import AssetLibrary
from orchestrator.assets.uploads import Uploads
from orchestrator.cloud.local.local_cloud import LocalCloud, LocalWorkerSettings
from orchestrator.cloud.vast.client import VastClient
from orchestrator.cloud.vast.codec import WORKER_PORT
from orchestrator.cloud.vast.search import RentalTerms
from orchestrator.cloud.vast.vast_cloud import VastCloud, WorkerImage
from orchestrator.dispatch.delivery import OutputDelivery
from orchestrator.dispatch.quotes import RentalQuotes
from orchestrator.dispatch.routing import RentedDemands, Routing
from orchestrator.dispatch.runner import TaskPatience, Workshop
from orchestrator.dispatch.scheduler import Scheduler
from orchestrator.dispatch.spools import SpoolFolder
from orchestrator.dispatch.worker_link import GrpcWorkerLinks
from orchestrator.fleet.claim import claimed, refuse_strangers
from orchestrator.fleet.launch import Renting
from orchestrator.fleet.limits import FleetLimits, rental_limits
from orchestrator.fleet.loop import Fleet, Situation
from orchestrator.fleet.offer_search import OfferSearch
from orchestrator.jobs.admission import Admission
from orchestrator.jobs.expiry import Expiry
from orchestrator.jobs.feed import JobFeed
from orchestrator.jobs.job import Job
from orchestrator.jobs.output import JobOutputs
from orchestrator.jobs.registry import JobRegistry
from orchestrator.ledger.sql import SqlLedger
from orchestrator.ledger.transactions import Transactions
from orchestrator.public_address import PublicAddress
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

# The name of this deployment in the labels of local workers, which are in a folder that is ours alone.
_LOCAL_DEPLOYMENT = "local"


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
        links = GrpcWorkerLinks(clock=clock, deployment_key=_clear(settings.deployment_key))
        bell, rental_bell = Wakeup(clock=clock), Wakeup(clock=clock)
        routing = Routing(rents=settings.cloud == "vast", house=settings.local_workers > 0)
        demands = RentedDemands(ledger=ledger, routing=routing)
        local = LocalCloud(
            folder=data / "instances",
            settings=_worker_settings(settings, ffmpeg),
            clock=clock,
            embedded=embedded,
        )
        fleets = [
            Fleet(
                ledger=ledger,
                cloud=await stack.enter_async_context(local),
                links=links,
                clock=clock,
                limits=FleetLimits(min_instances=settings.local_workers, max_instances=settings.local_workers),
                deployment=_LOCAL_DEPLOYMENT,
                bell=Wakeup(clock=clock),
                dispatch_bell=bell,
                adopt=not embedded,
                dismiss_idle=not embedded,
            )
        ]
        renting = None
        if settings.cloud == "vast":
            market = await stack.enter_async_context(_marketplace(settings, ledger=ledger, clock=clock))
            renting = _renting(settings, market, ledger=ledger, clock=clock)
            fleets.append(
                Fleet(
                    ledger=ledger,
                    cloud=market,
                    links=links,
                    clock=clock,
                    limits=_rental_limits(settings),
                    deployment=settings.deployment,
                    bell=rental_bell,
                    dispatch_bell=bell,
                    demands=demands,
                    renting=renting,
                    dismiss_idle=True,
                )
            )

        def wake_fleets() -> None:
            for fleet in fleets:
                fleet.wake()

        def situation(job: Job) -> Situation:
            rented = routing.is_rented_for(job.spec, needs_encoder=job.needs_encoder)
            return fleets[-1 if rented else 0].situation()

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
            wake_fleets=wake_fleets,
        )
        scheduler = Scheduler(
            workshop=workshop,
            situation=situation,
            routing=routing,
            demand_bell=rental_bell,
        )
        library = AssetLibrary(ledger=ledger, blobs=blobs, clock=clock, retention=asset_retention)
        uploads = Uploads(
            ledger=ledger,
            library=library,
            folder=data / "uploads",
            clock=clock,
            max_asset_bytes=settings.max_asset_bytes,
        )
        admission = Admission(
            ledger=ledger,
            news=feed,
            dispatch=scheduler,
            clock=clock,
            ceilings=settings.ceilings,
            quotes=None if renting is None else RentalQuotes(renting=renting, demands=demands, routing=routing),
        )
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
            instances=InstanceService(ledger=ledger, clock=clock, wake_fleet=wake_fleets),
            offers=OfferService(renting=renting, demands=demands),
        )
        async with RpcServer(settings.server(), services) as server:
            # Only when the port is ours, since a start that fails must not leave a worker behind; left after the
            # server, whose streams would otherwise be told of attempts that ended.
            for fleet in fleets:
                await stack.enter_async_context(fleet)
            await stack.enter_async_context(scheduler)
            await stack.enter_async_context(expiry)
            yield server


@asynccontextmanager
async def _marketplace(settings: OrchestratorSettings, *, ledger: SqlLedger, clock: Clock) -> AsyncIterator[VastCloud]:
    """Opens the marketplace, when nobody else rents under our name."""
    key = _clear(settings.vast_api_key)
    environment = {
        "SPOTREEL_WORKER_LISTEN": f"0.0.0.0:{WORKER_PORT}",
        "SPOTREEL_WORKER_DEPLOYMENT_KEY": _clear(settings.deployment_key),
        "SPOTREEL_WORKER_DEAD_MAN_TIMEOUT": f"{settings.dead_man_timeout:g}",
        "SPOTREEL_WORKER_MARKETPLACE_URL": settings.vast_url,
        "SPOTREEL_WORKER_LOG_LEVEL": settings.log_level,
        # Without `video` there is no NVENC in the container, whatever the image says.
        "NVIDIA_DRIVER_CAPABILITIES": "compute,utility,video",
    }
    # Every request would be a line of its own otherwise.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    async with httpx.AsyncClient() as http:
        with claimed(settings.deployment):
            cloud = VastCloud(
                client=VastClient(http=http, base_url=settings.vast_url, api_key=key, clock=clock),
                clock=clock,
                image=WorkerImage(name=settings.vast_image, login=settings.registry_login, environment=environment),
                terms=RentalTerms(
                    interruptible=settings.vast_interruptible,
                    bid_factor=settings.vast_bid_factor,
                    disk_bytes=settings.vast_disk_gb * 1_000_000_000,
                ),
                callers=_callers(settings, http, clock),
            )
            if not settings.take_over:
                await refuse_strangers(ledger=ledger, cloud=cloud, deployment=settings.deployment)
            yield cloud


def _renting(settings: OrchestratorSettings, market: VastCloud, *, ledger: SqlLedger, clock: Clock) -> Renting:
    return Renting(
        market=market,
        search=OfferSearch(ledger=ledger, market=market, cloud_name=market.name, clock=clock),
        terms=settings.rental_terms,
        budget=settings.budget,
        image=settings.vast_image,
    )


def _rental_limits(settings: OrchestratorSettings) -> FleetLimits:
    return rental_limits(
        min_instances=settings.min_instances,
        max_instances=settings.max_instances,
        jobs_per_instance=settings.jobs_per_instance,
        idle_seconds=settings.idle_timeout,
    )


def _callers(settings: OrchestratorSettings, http: httpx.AsyncClient, clock: Clock) -> PublicAddress:
    override = () if "any" in settings.public_addresses else settings.public_addresses
    services = () if settings.public_addresses else settings.address_services
    return PublicAddress(services=services, override=override, http=http, clock=clock)


def _clear(secret: SecretStr | None) -> str:
    return "" if secret is None else secret.get_secret_value()


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
