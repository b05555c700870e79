"""OfferService: what could be rented, and why not the rest."""
# ruff: noqa: N802, ARG002 - the names and arguments of the methods are gRPC's

import re
from dataclasses import replace
from datetime import timedelta

from spotreel.orchestrator.v1 import offer_service_pb2, offer_service_pb2_grpc

from orchestrator.convert.jobs import spec_from_proto
from orchestrator.convert.offers import ranked_to_proto, rejected_to_proto
from orchestrator.dispatch.routing import RentedDemands
from orchestrator.fleet.launch import Renting
from orchestrator.jobs.job import Placement
from orchestrator.offers.gpus import H264
from orchestrator.offers.requirements import Requirements, Work
from orchestrator.pages import page_size
from orchestrator.ports import CloudForbidden, CloudUnavailable
from servicekit.errors import Unavailable, Unimplemented
from servicekit.media.validation import Problems
from servicekit.rpc.stages import Context

_DEFAULT_OFFERS = 20
_COUNTRY = re.compile(r"[A-Z]{2}")
_AN_HOUR = Work(encoder=H264, rest=timedelta(hours=1))


class OfferService(offer_service_pb2_grpc.OfferServiceServicer):
    """Answers the calls of OfferService; without `renting` there is no marketplace."""

    def __init__(self, *, renting: Renting | None = None, demands: RentedDemands | None = None) -> None:
        self._renting = renting
        self._demands = demands

    async def SearchOffers(
        self, request: offer_service_pb2.SearchOffersRequest, context: Context
    ) -> offer_service_pb2.SearchOffersResponse:
        if self._renting is None or self._demands is None:
            raise Unimplemented(
                "This server has no marketplace: its jobs run on workers beside it, and nothing is rented.",
                reason="NOT_IMPLEMENTED",
                metadata={"method": "SearchOffers"},
            )
        limit = _DEFAULT_OFFERS if request.page_size == 0 else page_size(request.page_size)
        _check(request.requirements)
        work, placement, disk_bytes = _AN_HOUR, Placement.CHEAPEST, 0
        if request.HasField("spec"):
            spec = spec_from_proto(request.spec)
            demand = await self._demands.of(spec)
            work, placement, disk_bytes = demand.work, spec.placement, demand.disk_bytes
        requirements = _narrowed(self._renting.requirements(work.encoder, disk_bytes), request.requirements)
        try:
            choice = await self._renting.search.choose(requirements, work=work, placement=placement, broad=True)
        except CloudForbidden as error:
            raise _unavailable(f"The marketplace does not accept the key of this server: {error}") from error
        except CloudUnavailable as error:
            raise _unavailable(f"The marketplace does not answer: {error}") from error
        return offer_service_pb2.SearchOffersResponse(
            offers=[ranked_to_proto(one) for one in choice.ranked[:limit]],
            rejected=[rejected_to_proto(one) for one in choice.rejected[:limit]],
        )


def _narrowed(terms: Requirements, wanted: offer_service_pb2.OfferRequirements) -> Requirements:
    """Returns the operator's terms with what is asked beyond them; nobody can ask for less."""
    ceilings = [price for price in (terms.max_usd_micros_per_hour, wanted.max_usd_micros_per_hour) if price]
    countries = frozenset(wanted.countries)
    if countries and terms.countries:
        # Of no country in common, an impossible one is left, so that nothing fits.
        countries = (countries & terms.countries) or frozenset({"--"})
    names = frozenset(wanted.gpu_names)
    if names and terms.gpu_names:
        names = (names & terms.gpu_names) or frozenset({"--"})
    return replace(
        terms,
        gpu_names=names or terms.gpu_names,
        max_usd_micros_per_hour=min(ceilings, default=0),
        min_disk_bytes=max(terms.min_disk_bytes, wanted.min_disk_bytes),
        min_gpu_memory_bytes=max(terms.min_gpu_memory_bytes, wanted.min_gpu_memory_bytes),
        min_reliability=max(terms.min_reliability, wanted.min_reliability),
        min_download_bps=max(terms.min_download_bps, wanted.min_download_bps),
        countries=countries or terms.countries,
    )


def _check(wanted: offer_service_pb2.OfferRequirements) -> None:
    problems = Problems()
    for field in ("max_usd_micros_per_hour", "min_disk_bytes", "min_gpu_memory_bytes", "min_download_bps"):
        if getattr(wanted, field) < 0:
            problems.add(f"requirements.{field}", "must not be negative")
    if not 0 <= wanted.min_reliability <= 1:
        problems.add("requirements.min_reliability", f"must be from 0 to 1, not {wanted.min_reliability:g}")
    for country in wanted.countries:
        if not _COUNTRY.fullmatch(country):
            problems.add("requirements.countries", f"{country[:20]!r} is no code of two capital letters, such as DE")
    problems.raise_if_any()


def _unavailable(message: str) -> Unavailable:
    return Unavailable(message, reason="MARKETPLACE_UNAVAILABLE", retry_delay=timedelta(seconds=15))
