"""Searches offers: asks for what can be asked for, seldom, and leaves the rest to whoever chooses."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from orchestrator.cloud.vast.client import VastClient
from orchestrator.cloud.vast.codec import offer_from_row
from orchestrator.cloud.vast.gpu_names import GPU_NAMES
from orchestrator.cloud.vast.pacing import Endpoint, RateLimited
from orchestrator.offers.gpus import encoder_model
from orchestrator.offers.offer import Offer
from orchestrator.offers.requirements import Requirements
from servicekit.clock import Clock

# The server answers with at most so many rows, whatever is asked for (observed in 2026).
_MOST_ROWS = 64
# A quota of rows a day, reset at midnight UTC (documentation of autumn 2026). Half of it is kept for launches: people
# who look at offers must not be the reason that no machine is found.
_ROWS_A_DAY = 20_000
_ROWS_FOR_LOOKING = _ROWS_A_DAY // 2
_LEAST_DISK_GB = 8
# Longer than this nobody waits to look at offers; what waits is in the way of what is to be rented.
_MOST_WAIT_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RentalTerms:
    """How machines are rented: on demand or at a bid of `bid_factor` times the host's floor, with `disk_bytes`."""

    interruptible: bool = False
    bid_factor: float = 1.25
    disk_bytes: int = 20_000_000_000


@dataclass(frozen=True, slots=True)
class _Answer:
    at: float
    offers: tuple[Offer, ...]


class OfferSearches:
    """Searches with a cache, and with an eye on the quota."""

    def __init__(self, *, client: VastClient, clock: Clock, terms: RentalTerms) -> None:
        self._client = client
        self._clock = clock
        self._terms = terms
        self._cache: dict[str, _Answer] = {}
        self._rows = 0
        self._day = clock.now().date()

    async def search(self, requirements: Requirements, *, max_age: timedelta, broad: bool) -> Sequence[Offer]:
        """Returns offers no older than `max_age`; `broad` asks for those too that the requirements rule out.

        Raises CloudUnavailable.
        """
        disk_bytes = max(self._terms.disk_bytes, requirements.min_disk_bytes, _LEAST_DISK_GB * 1_000_000_000)
        query = _query(requirements, self._terms, disk_bytes)
        found = await self._answer(query, disk_bytes, max_age=max_age, looking=broad)
        if not broad:
            return found
        # The cheapest of everything: most of it is ruled out, and what fits may not be among it.
        others = await self._answer(_broad_query(self._terms, disk_bytes), disk_bytes, max_age=max_age, looking=True)
        known = {one.offer_id for one in found}
        return (*found, *(one for one in others if one.offer_id not in known))

    async def _answer(
        self, query: dict[str, Any], disk_bytes: int, *, max_age: timedelta, looking: bool
    ) -> tuple[Offer, ...]:
        """Asks, unless the same was asked lately; `looking` is for people, who are not to hold up what is rented."""
        key = hashlib.sha256(json.dumps(query, sort_keys=True).encode()).hexdigest()
        known = self._cache.get(key)
        now = self._clock.monotonic()
        if known is not None and now - known.at <= max_age.total_seconds():
            return known.offers
        self._count_days()
        if looking:
            self._refuse_to_waste()
        answer = await self._client.call(Endpoint.SEARCH, "POST", "/api/v0/bundles/", body=query)
        rows = answer.get("offers")
        rows = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
        self._rows += len(rows)
        read = (
            offer_from_row(
                row,
                interruptible=self._terms.interruptible,
                disk_bytes=disk_bytes,
                bid_factor=self._terms.bid_factor,
            )
            for row in rows
        )
        offers = tuple(offer for offer in read if offer is not None)
        self._cache = {one: kept for one, kept in self._cache.items() if now - kept.at < 3600} | {
            key: _Answer(now, offers)
        }
        return offers

    def _count_days(self) -> None:
        today = self._clock.now().date()
        if today != self._day:
            self._day, self._rows = today, 0

    def _refuse_to_waste(self) -> None:
        """Keeps people who look at offers from holding up, or using up, the searches that jobs need."""
        wait = self._client.wait(Endpoint.SEARCH)
        if wait > _MOST_WAIT_SECONDS:
            raise RateLimited(f"It has been searched a lot just now; look again in {wait:.0f} s.")
        if self._rows > _ROWS_FOR_LOOKING:
            midnight = datetime.combine(self._day + timedelta(days=1), datetime.min.time(), UTC)
            hours = (midnight - self._clock.now()).total_seconds() / 3600
            raise RateLimited(f"What is left of the day's searches is kept for jobs; it is reset in {hours:.0f} h.")


def _broad_query(terms: RentalTerms, disk_bytes: int) -> dict[str, Any]:
    """Builds the body that asks for everything with one GPU, the cheapest first."""
    return {
        "rentable": {"eq": True},
        "external": {"eq": False},
        "order": [["dph_total", "asc"]],
        "type": "bid" if terms.interruptible else "on-demand",
        "limit": _MOST_ROWS,
        "allocated_storage": round(disk_bytes / 1e9, 1),
        "num_gpus": {"eq": 1},
    }


def _query(requirements: Requirements, terms: RentalTerms, disk_bytes: int) -> dict[str, Any]:
    """Builds the body. What it asks for is checked again on each row: the server ignores some of it at times."""
    query = _broad_query(terms, disk_bytes)
    query["direct_port_count"] = {"gte": 1}
    if requirements.verified_only:
        query["verified"] = {"eq": True}
    if names := _names(requirements):
        query["gpu_name"] = {"in": names}
    bounds = {
        "reliability": requirements.min_reliability,
        "inet_down": requirements.min_download_bps / 1e6,
        "inet_up": requirements.min_upload_bps / 1e6,
        "cpu_cores_effective": requirements.min_cpu_cores,
        "duration": requirements.min_remaining.total_seconds(),
        "gpu_ram": requirements.min_gpu_memory_bytes / 1e6,
    }
    query |= {name: {"gte": bound} for name, bound in bounds.items() if bound}
    if requirements.max_usd_micros_per_hour:
        query["dph_total"] = {"lte": requirements.max_usd_micros_per_hour / 1e6}
    if requirements.countries:
        query["geolocation"] = {"in": sorted(requirements.countries)}
    elif requirements.denied_countries:
        query["geolocation"] = {"notin": sorted(requirements.denied_countries)}
    return query


def _names(requirements: Requirements) -> list[str]:
    """Returns the GPU models to ask for; the cheapest of all would fill the answer with what cannot encode."""
    if requirements.gpu_names:
        return sorted(requirements.gpu_names)
    if not requirements.encoder:
        return []
    models = ((name, encoder_model(name)) for name in GPU_NAMES)
    return [name for name, model in models if model is not None and requirements.encoder in model.codecs]
