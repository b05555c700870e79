"""Searches for offers."""

from typing import Any

from tests.simulators.nvidia.models import GPU_MODELS
from tests.simulators.vast.offers import Offer, offer_row
from tests.simulators.vast.query import InvalidQuery, OfferQuery, ordered, read_query
from tests.simulators.vast.wire import Answer, refused, said
from tests.simulators.vast.world import Call, World

_TEMPLATE = Offer(id=0, machine_id=0)
COLUMNS = frozenset(offer_row(_TEMPLATE, kind="on-demand", storage_gb=1.0, now=0.0, end=0.0)) - {"search"}
"""Columns that a search may name."""

_NULLABLE = (
    *("external", "geolocation", "cpu_cores", "cpu_name", "verification", "inet_down", "direct_port_count"),
    *("driver_version", "reliability2", "static_ip", "disk_space", "duration"),
)
_LEAKED_DISK_ROWS = 3


def search(world: World, call: Call) -> Answer:
    """`POST /api/v0/bundles/`, its older form with `q` in the address, and `PUT /api/v0/search/asks/`."""
    body = call.body.get("q", call.body)
    if not isinstance(body, dict):
        return refused(400, "invalid_request", "q is not an object")
    try:
        query = read_query(body, COLUMNS)
        rows = ordered(_found(world, query), query.order)
    except InvalidQuery as error:
        return refused(400, "invalid_request", str(error))
    shown = [dict(row) for row in rows[: query.limit]]
    if world.faults.hit("disk_only_rows", **world.circumstances(call)):
        shown = [*_disk_rows(world, query)[:_LEAKED_DISK_ROWS], *shown]
    if world.faults.hit("null_fields", **world.circumstances(call)):
        shown = [row | dict.fromkeys(_NULLABLE) for row in shown]
    return said({"offers": shown, "truncated": len(rows) > query.limit})


def gpu_names(world: World, call: Call) -> Answer:
    """`GET /api/v0/gpu_names/unique/`"""
    return said({"gpu_names": sorted(GPU_MODELS)})


def _found(world: World, query: OfferQuery) -> list[dict[str, Any]]:
    hit = world.faults.hit("filter_ignored", endpoint="search")
    filters = query.filters if hit is None else query.without_numbers(tuple(hit.value or ()))
    return [row for row in _rows(world, query) if all(one.holds(row) for one in filters)]


def _rows(world: World, query: OfferQuery) -> list[dict[str, Any]]:
    """Returns the rows of all offers that are on the market, before any filter."""
    contracts = list(world.living.values())
    kind = "disk" if query.wants_disk_only else "gpu"
    offers = [offer for offer in world.book if offer.resource_type == kind]
    wanted = query.storage_gb if query.asks_for_storage else 0.0
    return [
        row_of(world, offer, query)
        for offer in offers
        if offer.disk_space >= wanted
        and (
            world.book.available(offer, contracts)
            # A host that lists nothing just now is found by those who do not say that they want to rent.
            or (not offer.rentable and not query.asks_for_rentable)
        )
    ]


def row_of(world: World, offer: Offer, query: OfferQuery) -> dict[str, Any]:
    """Returns an offer's row for a search."""
    end = world.end_epoch(offer.remaining_seconds)
    return offer_row(offer, kind=query.kind, storage_gb=query.storage_gb, now=world.epoch, end=end)


def _disk_rows(world: World, query: OfferQuery) -> list[dict[str, Any]]:
    return [row_of(world, offer, query) for offer in world.book if offer.resource_type == "disk"]
