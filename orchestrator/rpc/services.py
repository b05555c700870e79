"""The services of the orchestrator, as a server takes them."""

from functools import partial

from spotreel.orchestrator.v1.asset_service_pb2_grpc import add_AssetServiceServicer_to_server
from spotreel.orchestrator.v1.instance_service_pb2_grpc import add_InstanceServiceServicer_to_server
from spotreel.orchestrator.v1.job_service_pb2_grpc import add_JobServiceServicer_to_server
from spotreel.orchestrator.v1.offer_service_pb2_grpc import add_OfferServiceServicer_to_server

from orchestrator.rpc.asset_service import AssetService
from orchestrator.rpc.instance_service import InstanceService
from orchestrator.rpc.job_service import JobService
from orchestrator.rpc.offer_service import OfferService
from servicekit.rpc.server import RpcService

_PACKAGE = "spotreel.orchestrator.v1"


def rpc_services(
    *, jobs: JobService, assets: AssetService, instances: InstanceService, offers: OfferService
) -> list[RpcService]:
    """Returns them with their full names."""
    return [
        RpcService(name=f"{_PACKAGE}.JobService", add=partial(add_JobServiceServicer_to_server, jobs)),
        RpcService(name=f"{_PACKAGE}.AssetService", add=partial(add_AssetServiceServicer_to_server, assets)),
        RpcService(name=f"{_PACKAGE}.InstanceService", add=partial(add_InstanceServiceServicer_to_server, instances)),
        RpcService(name=f"{_PACKAGE}.OfferService", add=partial(add_OfferServiceServicer_to_server, offers)),
    ]
