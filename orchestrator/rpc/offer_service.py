"""OfferService, on a server that has no marketplace."""
# ruff: noqa: N802, ARG002 - the names and arguments of the methods are gRPC's

from spotreel.orchestrator.v1 import offer_service_pb2, offer_service_pb2_grpc

from servicekit.errors import Unimplemented
from servicekit.rpc.stages import Context


class OfferService(offer_service_pb2_grpc.OfferServiceServicer):
    """Answers the calls of OfferService."""

    async def SearchOffers(
        self, request: offer_service_pb2.SearchOffersRequest, context: Context
    ) -> offer_service_pb2.SearchOffersResponse:
        raise Unimplemented(
            "This server has no marketplace: its jobs run on workers beside it, and nothing is rented.",
            reason="NOT_IMPLEMENTED",
            metadata={"method": "SearchOffers"},
        )
