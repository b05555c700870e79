"""The services on a real server, with the real ledger; only the dispatcher is the test's own hand."""

from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from spotreel.orchestrator.v1.asset_service_pb2_grpc import AssetServiceStub
from spotreel.orchestrator.v1.instance_service_pb2_grpc import InstanceServiceStub
from spotreel.orchestrator.v1.job_service_pb2_grpc import JobServiceStub
from spotreel.orchestrator.v1.offer_service_pb2_grpc import OfferServiceStub

from orchestrator.assets.library import AssetLibrary
from orchestrator.assets.uploads import Uploads
from orchestrator.dispatch.spools import SpoolFolder
from orchestrator.jobs.admission import Admission, Ceilings
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
from orchestrator.storage.folder import FolderStore
from servicekit.clock import SystemClock
from servicekit.rpc.server import RpcServer, ServerSettings
from tests.simulators.dispatch import ScriptedDispatch

if TYPE_CHECKING:
    # Known to the type checker only.
    from spotreel.orchestrator.v1.asset_service_pb2_grpc import AssetServiceAsyncStub
    from spotreel.orchestrator.v1.instance_service_pb2_grpc import InstanceServiceAsyncStub
    from spotreel.orchestrator.v1.job_service_pb2_grpc import JobServiceAsyncStub
    from spotreel.orchestrator.v1.offer_service_pb2_grpc import OfferServiceAsyncStub

CEILINGS = Ceilings(max_queued_jobs=3, max_input_bytes=4 << 30, max_run_timeout=timedelta(hours=1))
MAX_ASSET_BYTES = 8 << 20
RETENTION = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A running orchestrator without machines, and its clients' stubs."""

    ledger: SqlLedger
    dispatch: ScriptedDispatch
    uploads: Uploads
    folder: Path
    jobs: "JobServiceAsyncStub"
    assets: "AssetServiceAsyncStub"
    instances: "InstanceServiceAsyncStub"
    offers: "OfferServiceAsyncStub"


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with start_service(tmp_path) as running:
        yield running


@asynccontextmanager
async def start_service(folder: Path) -> AsyncIterator[Service]:
    """Starts an orchestrator on a folder, which may hold what an earlier one left."""
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        transactions = await stack.enter_async_context(Transactions(folder / "ledger.sqlite"))
        ledger = SqlLedger(transactions=transactions, clock=clock, asset_retention=RETENTION)
        blobs = FolderStore(folder / "blobs")
        feed = JobFeed(ledger=ledger, clock=clock)
        spools = SpoolFolder(folder / "spool", clock=clock)
        dispatch = ScriptedDispatch(ledger=ledger, feed=feed, spools=spools, blobs=blobs, clock=clock, folder=folder)
        library = AssetLibrary(ledger=ledger, blobs=blobs, clock=clock, retention=RETENTION)
        uploads = Uploads(
            ledger=ledger, library=library, folder=folder / "uploads", clock=clock, max_asset_bytes=MAX_ASSET_BYTES
        )
        registry = JobRegistry(
            ledger=ledger, feed=feed, dispatch=dispatch, blobs=blobs, clock=clock, retention=RETENTION
        )
        services = rpc_services(
            jobs=JobService(
                admission=Admission(ledger=ledger, news=feed, dispatch=dispatch, clock=clock, ceilings=CEILINGS),
                registry=registry,
                feed=feed,
                outputs=JobOutputs(ledger=ledger, feed=feed, blobs=blobs, spools=spools, clock=clock),
            ),
            assets=AssetService(library=library, uploads=uploads),
            instances=InstanceService(ledger=ledger, clock=clock, wake_fleet=lambda: None),
            offers=OfferService(),
        )
        settings = ServerSettings(listen="127.0.0.1:0", shutdown_grace=1.0)
        server = await stack.enter_async_context(RpcServer(settings, services))
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(server.address))
        yield Service(
            ledger=ledger,
            dispatch=dispatch,
            uploads=uploads,
            folder=folder,
            jobs=JobServiceStub(channel),
            assets=AssetServiceStub(channel),
            instances=InstanceServiceStub(channel),
            offers=OfferServiceStub(channel),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What a call was refused with."""

    code: str
    reason: str
    metadata: dict[str, str]
    fields: list[str]

    @property
    def pair(self) -> tuple[str, str]:
        return self.code, self.reason


async def refusal(call: Awaitable[Any]) -> Refusal:
    """Awaits a call that must fail, and reads its status."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    status = rpc_status.from_call(caught.value)  # type: ignore[no-untyped-call]
    assert status is not None, "each status is a rich one"
    info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    for detail in status.details:
        detail.Unpack(info)
        detail.Unpack(bad)
    return Refusal(
        code=caught.value.code().name,
        reason=info.reason,
        metadata=dict(info.metadata),
        fields=[violation.field for violation in bad.field_violations],
    )


async def drain(stream: Any) -> list[Any]:
    """The messages of a stream that are left."""
    messages = []
    while (message := await stream.read()) is not grpc.aio.EOF:
        messages.append(message)
    return messages
