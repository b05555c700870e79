"""Puts the worker together and runs it until it is told to stop."""

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import structlog

from servicekit.clock import Clock, SystemClock
from servicekit.errors import FailedPrecondition
from servicekit.lifecycle import stop_signal
from servicekit.logs import configure_logging
from servicekit.probe import MediaProber
from servicekit.rpc.server import RpcServer
from worker.container import API_KEY, Container, RentedInstance
from worker.deadman import DeadMansSwitch
from worker.fetch.download import Downloader
from worker.fetch.guard import AddressGuard
from worker.machine import ProbedMachine
from worker.rpc.servicer import WorkerServicer
from worker.settings import WorkerSettings
from worker.spool.folder import open_work_folder
from worker.spool.inputs import InputStore
from worker.tasks.housekeeping import keep_house
from worker.tasks.run import TaskRunner
from worker.tasks.table import TaskTable


async def run(
    settings: WorkerSettings,
    *,
    container: Container | None = None,
    ready_file: Path | None = None,
    exit_with_stdin: bool = False,
) -> None:
    """Serves until SIGTERM, SIGINT, silence for too long, or the end of stdin if asked for.

    `container` is the rented container that it runs in, if any. Raises FailedPrecondition where the worker cannot be
    started as it is set up.
    """
    configure_logging("worker", settings.log_level, settings.log_json)
    if container is not None:
        _check_container(container, settings)
    async with (
        stop_signal(on_stdin_end=exit_with_stdin) as stop,
        serving(settings, clock=SystemClock(), on_silence=stop.set, container=container) as server,
    ):
        _announce(server.address, ready_file)
        await stop.wait()
    structlog.get_logger().info("worker_ended")


@asynccontextmanager
async def serving(
    settings: WorkerSettings, *, clock: Clock, on_silence: Callable[[], None], container: Container | None = None
) -> AsyncIterator[RpcServer]:
    """Builds the worker, serves while the block runs, and ends what still works when it is left."""
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(open_work_folder(settings.work_dir, clock=clock))
        prober = await stack.enter_async_context(MediaProber())
        machine = ProbedMachine(
            ffmpeg=settings.ffmpeg,
            font_folders=settings.font_folders,
            slots=settings.slots,
            cache_folder=settings.cache_dir,
            folder=folder,
            prober=prober,
            clock=clock,
        )
        await stack.enter_async_context(machine)
        guard = AddressGuard(allowed_networks=settings.allowed_networks)
        fetcher = await stack.enter_async_context(Downloader(guard=guard, clock=clock))
        inputs = InputStore(folder.inputs, clock=clock)
        runner = TaskRunner(machine=machine, fetcher=fetcher, inputs=inputs, folder=folder, clock=clock)
        table = TaskTable(runner=runner, inputs=inputs, outputs=folder.outputs, clock=clock)
        await stack.enter_async_context(table)
        switch = DeadMansSwitch(
            timeout_seconds=settings.dead_man_timeout,
            clock=clock,
            on_silence=on_silence,
            instance=_own_instance(container, settings),
        )
        await stack.enter_async_context(_running("keep house", keep_house(table=table, inputs=inputs, clock=clock)))
        await stack.enter_async_context(_running("dead man's switch", switch.watch()))
        servicer = WorkerServicer(machine=machine, table=table, inputs=inputs, heard=switch.heard)
        server = RpcServer(settings.server(), [servicer.rpc_service()], on_authenticated=switch.heard)
        yield await stack.enter_async_context(server)


def _own_instance(container: Container | None, settings: WorkerSettings) -> RentedInstance | None:
    if container is None or not container.api_key:
        return None
    return RentedInstance(container, marketplace_url=settings.marketplace_url)


def _check_container(container: Container, settings: WorkerSettings) -> None:
    """Says what would keep a rented machine running that nobody asks for any more, or nobody can reach."""
    log = structlog.get_logger()
    if settings.session_secret is None:
        setting = "SPOTREEL_WORKER_SESSION_SECRET"
        log.warning("rented_without_session", instance=container.instance_id, setting=setting)
    if not settings.dead_man_timeout:
        setting = "SPOTREEL_WORKER_DEAD_MAN_TIMEOUT"
        log.warning("rented_without_dead_mans_switch", instance=container.instance_id, setting=setting)
    elif not container.api_key:
        log.warning("instance_cannot_be_destroyed_from_here", instance=container.instance_id, missing=API_KEY)


def _announce(address: str, ready_file: Path | None) -> None:
    print(f"listening on {address}", flush=True)  # noqa: T201 - what whoever started this waits for
    if ready_file is not None:
        try:
            _write_ready_file(ready_file, address)
        except OSError as error:
            raise FailedPrecondition(
                f"The ready file {ready_file} cannot be written: {error.strerror}.",
                reason="READY_FILE_UNUSABLE",
                subject=str(ready_file),
                metadata={"ready_file": str(ready_file)},
            ) from error


def _write_ready_file(path: Path, address: str) -> None:
    # Renamed into place, so that nobody reads half of it.
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(json.dumps({"address": address, "pid": os.getpid()}))
    partial.replace(path)


@asynccontextmanager
async def _running(name: str, work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Runs something beside the rest and ends it with the block."""
    task = asyncio.create_task(work, name=name)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
