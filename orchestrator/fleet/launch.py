"""Launch: the intent is written before the cloud is called, and what became of a lost answer is found out by label."""

import asyncio
import secrets
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import structlog

from orchestrator.fleet.instance import (
    ALIVE,
    Instance,
    InstanceFailure,
    InstanceState,
    created,
    given_up,
    never_existed,
    offered,
    outcome_unknown,
)
from orchestrator.fleet.limits import FleetLimits
from orchestrator.fleet.listing import Absences, Listing
from orchestrator.fleet.offer_search import OfferSearch
from orchestrator.fleet.scaler import LaunchWish
from orchestrator.money.budget import DAY, Budget
from orchestrator.money.price import dollars
from orchestrator.offers.choice import Choice, summary
from orchestrator.offers.offer import Offer
from orchestrator.offers.requirements import Requirements
from orchestrator.ports import (
    Blame,
    Cloud,
    CloudForbidden,
    CloudUnavailable,
    LaunchOrder,
    LaunchRefused,
    LaunchStillborn,
    LaunchUnknown,
    Ledger,
    Marketplace,
)
from servicekit.clock import Clock
from servicekit.ids import new_id

_SECRET_BYTES = 32
_MOST_INSTANCES = 1000
# A listing may be older than the create it is to show.
_COMPLETE_LISTINGS = 3
# Offers that are taken between the search and the create are common; the next in rank is tried, so often.
_MOST_TRIES = 5
# One that was gone is left out of searches for so long, since a search may be a minute old.
_GONE_SECONDS = 300.0
# Without money for this much of an hour, a machine would be stopped before it has done anything.
_LEAST_HOURS = 0.25


def label_prefix(deployment: str) -> str:
    """Returns what the labels of all instances of a deployment start with."""
    return f"spotreel/{deployment}/"


class Renting:
    """What renting adds to starting: where to look, on what terms, with how much money, and what the image is."""

    def __init__(
        self, *, market: Marketplace, search: OfferSearch, terms: Requirements, budget: Budget, image: str
    ) -> None:
        """Takes `terms`: what the operator asks of every machine; the wish of a launch adds encoder and disk."""
        self.market = market
        self.search = search
        self.terms = terms
        self.budget = budget
        self.image = image

    def requirements(self, encoder: str, disk_bytes: int) -> Requirements:
        """Returns the terms for one machine."""
        return replace(self.terms, encoder=encoder, min_disk_bytes=max(self.terms.min_disk_bytes, disk_bytes))


class Launch:
    """Makes instances: rents them, or just starts them where nothing is rented."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        cloud: Cloud,
        clock: Clock,
        limits: FleetLimits,
        deployment: str,
        renting: Renting | None = None,
    ) -> None:
        self._ledger = ledger
        self._cloud = cloud
        self._clock = clock
        self._limits = limits
        self._deployment = deployment
        self._renting = renting
        self._absences = Absences()
        self._gone: dict[str, float] = {}
        self._in_hand: set[str] = set()
        self._running = 0
        self._blocked: tuple[str, float, float] = ("", 0.0, 0.0)
        # Whether the money suffices is asked, and the intent written, by one launch at a time.
        self._intending = asyncio.Lock()
        self._log = structlog.get_logger("fleet")

    def is_at(self, instance_id: str) -> bool:
        """Whether the create of this instance is under way in this process."""
        return instance_id in self._in_hand

    @property
    def without_row(self) -> int:
        """How many launches are under way that no row shows yet: they look for an offer."""
        return self._running - len(self._in_hand)

    def blocked(self) -> str:
        """Returns why nothing can be launched just now, for people; empty where it can."""
        words, until, _ = self._blocked
        left = until - self._clock.monotonic()
        return f"{words} The next try is in {left:.0f} s." if words and left > 0 else ""

    def run(self, wish: LaunchWish) -> Coroutine[Any, Any, bool]:
        """Starts one instance, by the best offer that is still to be had. Raises CloudForbidden.

        It counts as under way from this call on, not only when it first runs.
        """
        self._running += 1
        return self._run(wish)

    async def _run(self, wish: LaunchWish) -> bool:
        instance: Instance | None = None
        try:
            for offer in await self._candidates(wish):
                if offer is not None and offer.offer_id in await self._taken():
                    # By another launch, meanwhile.
                    continue
                intended = await self._intend(wish, offer, instance)
                if intended is None:
                    return False
                instance = intended
                if await self._create(instance):
                    return True
            if instance is not None:
                await self._refused(instance, "OFFER_GONE", "Every offer that was tried had been taken meanwhile.")
            return instance is not None
        finally:
            self._running -= 1
            if instance is not None:
                self._in_hand.discard(instance.id)

    async def resolve(self, instance: Instance, listing: Listing) -> bool:
        """UNKNOWN → STARTING (found by its label) | DESTROYED (it never existed).

        A row that is REQUESTED although nobody is at its create was left by a crash in the middle of it.
        """
        if instance.state is InstanceState.REQUESTED:
            await self._ledger.change_instance(instance.id, outcome_unknown)
            return True
        found = listing.labelled(instance.label)
        if found is not None:
            self._absences.seen(instance.id)
            await self._ledger.change_instance(instance.id, lambda one: created(one, provider_id=found.provider_id))
            self._log.info("instance_adopted", instance=instance.id, provider_id=found.provider_id)
            return True
        listings, seconds = self._absences.missed(instance.id, listing)
        needed = max(_COMPLETE_LISTINGS, self._cloud.reads_to_believe)
        if listings < needed or seconds < self._limits.unknown_seconds:
            return False
        self._absences.seen(instance.id)
        await self._refused(instance, "LAUNCH_LOST", "The answer to its start was lost, and no listing shows it.")
        return True

    # --- which offer ---

    async def _candidates(self, wish: LaunchWish) -> Sequence[Offer | None]:
        if self._renting is None:
            return [None]
        try:
            choice = await self._choose(wish, self._renting)
            credit = (await self._renting.market.account()).credit_usd_micros
        except CloudUnavailable as error:
            self._block(f"The marketplace does not answer. {error}", first=self._limits.backoff_seconds)
            if isinstance(error, CloudForbidden):
                raise
            return []
        if not choice.ranked:
            self._block(_no_offer(choice))
            return []
        now = self._clock.now()
        others = await self._others(now)
        objections = {one.offer: self._renting.budget.objection(one.offer, others, now=now) for one in choice.ranked}
        allowed = [offer for offer, objection in objections.items() if not objection]
        if not allowed:
            self._block(objections[choice.ranked[0].offer])
            return []
        if credit < allowed[0].usd_micros_per_hour * _LEAST_HOURS:
            self._block(f"The marketplace account has only {dollars(max(credit, 0))} left. Add credit to it.")
            return []
        return allowed[:_MOST_TRIES]

    async def _choose(self, wish: LaunchWish, renting: Renting) -> Choice:
        now = self._clock.monotonic()
        self._gone = {offer: at for offer, at in self._gone.items() if now - at < _GONE_SECONDS}
        return await renting.search.choose(
            renting.requirements(wish.encoder, wish.disk_bytes),
            work=wish.work,
            placement=wish.placement,
            without=self._gone.keys() | await self._taken(),
        )

    async def _taken(self) -> frozenset[str]:
        """Returns the offers of instances that exist or are about to: a search a minute old still shows them."""
        alive = await self._ledger.list_instances(states=ALIVE, limit=_MOST_INSTANCES)
        return frozenset(one.offer.offer_id for one in alive if one.offer is not None)

    async def _intend(self, wish: LaunchWish, offer: Offer | None, instance: Instance | None) -> Instance | None:
        """Writes what is about to be created, with its price; None where the money does not suffice for it, or where
        it is not wanted any more."""
        async with self._intending:
            if offer is not None and (objection := await self._objection(offer, instance)):
                self._block(objection)
                if instance is not None:
                    await self._refused(instance, "BUDGET", objection)
                return None
            self._blocked = ("", 0.0, 0.0)
            if instance is None:
                instance = self._row(wish, offer)
                self._in_hand.add(instance.id)
                await self._ledger.add_instance(instance)
                self._log.info("instance_requested", instance=instance.id, **_words(offer))
                return instance
            assert offer is not None, "only offers are tried one after the other"
            now = await self._ledger.change_instance(instance.id, lambda one: offered(one, offer=offer))
            # Somebody may have ended it since it was first asked for.
            return now if now.state is InstanceState.REQUESTED else None

    async def _objection(self, offer: Offer, instance: Instance | None) -> str:
        assert self._renting is not None
        now = self._clock.now()
        others = [one for one in await self._others(now) if instance is None or one.id != instance.id]
        return self._renting.budget.objection(offer, others, now=now)

    async def _others(self, now: datetime) -> list[Instance]:
        return await self._ledger.instances_since(self._cloud.name, now - DAY)

    def _row(self, wish: LaunchWish, offer: Offer | None) -> Instance:
        instance_id = new_id(self._clock)
        return Instance(
            id=instance_id,
            cloud=self._cloud.name,
            label=label_prefix(self._deployment) + instance_id,
            secret=secrets.token_bytes(_SECRET_BYTES),
            create_time=self._clock.now(),
            offer=offer,
            image="" if self._renting is None else self._renting.image,
            encoder=wish.encoder,
        )

    # --- the create ---

    async def _create(self, instance: Instance) -> bool:
        """REQUESTED → STARTING | DESTROYED | UNKNOWN | DESTROYING; False where only the offer was gone."""
        order = LaunchOrder(instance_id=instance.id, label=instance.label, secret=instance.secret, offer=instance.offer)
        try:
            provider_id = await self._cloud.create(order)
        except LaunchRefused as error:
            if error.blame is Blame.OFFER and instance.offer is not None:
                self._gone[instance.offer.offer_id] = self._clock.monotonic()
                self._log.info("offer_gone", instance=instance.id, offer=instance.offer.offer_id, detail=str(error))
                return False
            await self._refused(instance, error.reason, str(error))
        except LaunchStillborn as error:
            await self._stillborn(instance, error)
        except LaunchUnknown as error:
            self._log.warning("launch_unknown", instance=instance.id, detail=str(error))
            await self._ledger.change_instance(instance.id, outcome_unknown)
        except CloudUnavailable as error:
            await self._refused(instance, "CLOUD_UNAVAILABLE", str(error))
        else:
            self._log.info("instance_created", instance=instance.id, provider_id=provider_id)
            await self._ledger.change_instance(instance.id, lambda one: created(one, provider_id=provider_id))
        return True

    async def _stillborn(self, instance: Instance, error: LaunchStillborn) -> None:
        failure = InstanceFailure(reason="LAUNCH_STILLBORN", message=str(error))
        await self._ledger.change_instance(
            instance.id, lambda one: given_up(created(one, provider_id=error.provider_id), failure=failure)
        )
        self._log.warning("launch_failed", instance=instance.id, reason=failure.reason, detail=failure.message)

    async def _refused(self, instance: Instance, reason: str, message: str) -> None:
        failure = InstanceFailure(reason=reason, message=message)
        now = self._clock.now()
        await self._ledger.change_instance(instance.id, lambda one: never_existed(one, failure=failure, now=now))
        self._log.warning("launch_failed", instance=instance.id, reason=reason, detail=message)

    def _block(self, words: str, *, first: float = 0.0) -> None:
        """Puts launching off, `first` for so many seconds, and for longer each time in a row.

        Launches that were under way together are put off together.
        """
        _, until, pause = self._blocked
        now = self._clock.monotonic()
        if now < until:
            return
        again = now - until < pause
        first = first or self._limits.no_offer_seconds
        pause = min(pause * 2, self._limits.longest_backoff_seconds) if again else first
        self._blocked = (words, now + pause, pause)
        self._log.warning("launch_put_off", detail=words, seconds=pause)


def _no_offer(choice: Choice) -> str:
    if not choice.rejected:
        return "The marketplace has no offer at all that could do the work."
    return f"None of {len(choice.rejected)} offers can do the work. {summary(choice.rejected)}."


def _words(offer: Offer | None) -> dict[str, str]:
    if offer is None:
        return {}
    return {"offer": offer.offer_id, "gpu": offer.gpu_name, "hourly": dollars(offer.usd_micros_per_hour)}
