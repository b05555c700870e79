"""The scenarios of docs/errors.md about renting."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from google.protobuf.duration_pb2 import Duration
from spotreel.orchestrator.v1.job_pb2 import JobLimits

from tests.e2e.errors_page.job_scenarios import SCENARIOS
from tests.e2e.errors_page.lab import Lab, Seen, seen
from tests.e2e.errors_page.scenarios import scenario, serve
from tests.simulators.renting import open_market, rental_settings
from tests.simulators.vast.lifecycle import BootTimes
from tests.simulators.vast.market import Market

# Complete with the scenarios of this module.
__all__ = ["SCENARIOS"]

_BOOT = BootTimes(scheduling=0.2, creating=0.2, loading=0.4)


@asynccontextmanager
async def _market(lab: Lab, **changes: str) -> AsyncIterator[tuple[Market, dict[str, str]]]:
    """Gives a marketplace, and the settings of a server that rents there under a name of the scenario's own."""
    async with open_market(lab.folder / "market", boot=_BOOT) as (market, url):
        settings = rental_settings(url, deployment=f"errors-{url.rpartition(':')[2]}", idle_seconds=1)
        yield market, settings | {f"SPOTREEL_{name.upper()}": value for name, value in changes.items()}


@scenario
async def rent_no_marketplace(lab: Lab) -> Seen:
    async with lab.client() as client:
        return await seen(client.search_offers())


async def _search_with(lab: Lab, fault: str) -> Seen:
    async with _market(lab) as (market, settings), lab.alone(settings, patience=0) as own, own.client() as client:
        knob = market.faults.arm(fault, times=1000)
        result = await seen(client.search_offers())
    assert knob.fired
    return result


@scenario
async def rent_marketplace_down(lab: Lab) -> Seen:
    return await _search_with(lab, "api_down")


@scenario
async def rent_key_revoked(lab: Lab) -> Seen:
    return await _search_with(lab, "key_revoked")


@scenario
async def rent_job_too_dear(lab: Lab) -> Seen:
    async with _market(lab) as (market, settings), lab.alone(settings) as own:
        result = await own.caption(lab.video(), limits=JobLimits(max_cost_usd_micros=1))
    assert market.creates == 1
    return result


@scenario
async def rent_no_offer(lab: Lab) -> Seen:
    limits = JobLimits(queue_timeout=Duration(seconds=6))
    async with _market(lab, offer_gpu_names="H100 SXM") as (market, settings), lab.alone(settings) as own:
        result = await own.caption(lab.video(), limits=limits)
    assert market.creates == 0
    return result


@scenario
async def rent_deployment_in_use(lab: Lab) -> Seen:
    async with _market(lab) as (_, settings), lab.alone(settings):
        other = lab.folder / "other"
        return await serve(lab, **settings | {"SPOTREEL_DATA_DIR": str(other)})


@scenario
async def rent_without_key(lab: Lab) -> Seen:
    return await serve(lab, SPOTREEL_CLOUD="vast", SPOTREEL_VAST_IMAGE="example/worker:1")


@scenario
async def rent_cli_no_marketplace(lab: Lab) -> Seen:
    return await lab.command("offers")
