"""What a job would cost on a rented machine, by what the marketplace has just now."""

import asyncio
from datetime import timedelta

from orchestrator.dispatch.routing import RentedDemands, Routing
from orchestrator.fleet.launch import Renting
from orchestrator.jobs.job import JobSpec
from orchestrator.jobs.quote import Quote, local_quote
from orchestrator.money.price import dollars
from orchestrator.offers.choice import Choice, summary
from orchestrator.ports import CloudUnavailable

# People ask for quotes far more often than prices change, and every search counts against a quota.
_MAX_AGE = timedelta(minutes=15)
# Clients ask for a quote before they upload; they are not to wait for it.
_PATIENCE_SECONDS = 8.0


class RentalQuotes:
    """Quotes of a server that rents machines; what needs none costs nothing."""

    def __init__(self, *, renting: Renting, demands: RentedDemands, routing: Routing) -> None:
        self._renting = renting
        self._demands = demands
        self._routing = routing

    async def of(self, spec: JobSpec) -> Quote:
        """Returns the quote; without figures where the marketplace cannot be asked, which is no reason to refuse."""
        if not self._routing.is_rented_for(spec, needs_encoder=True):
            return local_quote(spec)
        demand = await self._demands.of(spec)
        requirements = self._renting.requirements(demand.encoder, demand.disk_bytes)
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                choice = await self._renting.search.choose(
                    requirements, work=demand.work, placement=demand.placement, max_age=_MAX_AGE
                )
        except TimeoutError:
            return _unknown("The marketplace takes long to answer just now, so no price can be told.")
        except CloudUnavailable as error:
            return _unknown(f"The marketplace does not answer just now ({error}), so no price can be told.")
        return self._of_choice(spec, choice)

    def _of_choice(self, spec: JobSpec, choice: Choice) -> Quote:
        if not choice.ranked:
            why = f" {summary(choice.rejected)}." if choice.rejected else ""
            return _unknown(f"There is no offer for it just now; the job would wait for one.{why}")
        best = choice.ranked[0]
        run = spec.limits.run_timeout * spec.limits.max_attempts
        most = best.offer.usd_micros_per_hour * (run // timedelta(seconds=1)) // 3600
        if spec.limits.max_cost_usd_micros:
            most = min(most, spec.limits.max_cost_usd_micros)
        return Quote(
            expected_usd_micros=best.expected_usd_micros,
            maximum_usd_micros=max(most, best.expected_usd_micros),
            expected_duration=best.expected_duration,
            explanation=(
                f"By the best of {len(choice.ranked)} offers that fit: {best.offer.gpu_name} in "
                f"{best.offer.location or 'an unknown place'} for {dollars(best.offer.usd_micros_per_hour)} an hour, "
                "start-up and traffic included, on a machine of its own. The inputs were not read, so their length is "
                f"a guess by their size. The maximum is what its time limits allow.{self._hope(spec)}"
            ),
        )

    def _hope(self, spec: JobSpec) -> str:
        if self._routing.is_rented_for(spec, needs_encoder=False):
            return ""
        return " It costs nothing where the picture turns out to be one that can be copied."


def _unknown(explanation: str) -> Quote:
    return Quote(expected_usd_micros=0, maximum_usd_micros=0, expected_duration=None, explanation=explanation)
