"""The marketplace without sockets: a request in, an answer out, on a clock that is passed in."""

import asyncio
import json
import random
from collections.abc import Sequence
from dataclasses import replace
from types import TracebackType
from typing import Self

from servicekit.clock import Clock
from tests.simulators.vast import control, gate, rental
from tests.simulators.vast.book import OfferBook
from tests.simulators.vast.catalogue import catalogue
from tests.simulators.vast.clock import ControllableClock
from tests.simulators.vast.contracts import Contract
from tests.simulators.vast.faults import Faults
from tests.simulators.vast.host import InstanceHost, NoHost, StartFailed
from tests.simulators.vast.lifecycle import Chore, Lifecycle, Work
from tests.simulators.vast.meters import Accounts, Bill
from tests.simulators.vast.offers import Offer
from tests.simulators.vast.pacing import Pacing
from tests.simulators.vast.routes import Route, Unroutable, understood
from tests.simulators.vast.wire import Answer, Request, refused, said
from tests.simulators.vast.world import Call, MarketSettings, World

_ADVANCE_PATH = "/control/advance"
_NEVER = float("inf")


class Market:
    """All of it. Time passes only as seen by the clock: whoever asks first lets everything happen that was due.

    Use it as `async with` where the host has real processes; leaving it ends them.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        settings: MarketSettings | None = None,
        offers: Sequence[Offer] | None = None,
        host: InstanceHost | None = None,
    ) -> None:
        """Takes `offers` in place of the whole catalogue, and `host`, where containers run (default: nowhere)."""
        self._settings = settings or MarketSettings()
        seed, now = self._settings.seed, clock.monotonic()
        chance = random.Random(f"market:{seed}")
        book = OfferBook(catalogue(seed) if offers is None else offers)
        self.faults = Faults(seed=seed, clock=clock)
        self._lifecycle = Lifecycle(
            boot=self._settings.boot, faults=self.faults, book=book, stop_lag=self._settings.stop_lag, chance=chance
        )
        self._world = World(
            clock=clock,
            settings=self._settings,
            faults=self.faults,
            book=book,
            lifecycle=self._lifecycle,
            accounts=Accounts(credit_usd=self._settings.credit_usd, now=now, epoch=clock.now().timestamp()),
            pacing=Pacing(enabled=self._settings.pacing),
            host=host or NoHost(seed=seed),
            chance=chance,
            started=now,
        )
        self._exhausted = False
        self._working = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._world.host.close()

    # What tests ask for.

    @property
    def contracts(self) -> tuple[Contract, ...]:
        """All contracts that exist now, and so bill; none of them may be changed."""
        self._advance()
        return tuple(self._lifecycle.living.values())

    @property
    def history(self) -> tuple[Contract, ...]:
        """All contracts that were destroyed and did not come back."""
        self._advance()
        return tuple(self._lifecycle.history)

    @property
    def creates(self) -> int:
        """How many contracts were ever made."""
        return self._world.creates

    @property
    def requests(self) -> dict[str, int]:
        """How many requests each endpoint got, refused and lost ones included."""
        return dict(self._world.requests)

    @property
    def credit_usd(self) -> float:
        """What is left of the account's credit."""
        self._advance()
        return self._world.accounts.credit

    @property
    def keys_leaked(self) -> int:
        """How often the API key was sent to where log files lie."""
        return self._world.keys_leaked

    @property
    def refused_for_pace(self) -> dict[str, int]:
        """How many requests each endpoint refused because they came too fast, those of armed faults not among them."""
        return dict(self._world.pacing.refused)

    def bill(self, contract_id: int) -> Bill:
        """Returns what a contract has used, living or gone; raises KeyError."""
        self._advance()
        return self._world.accounts.bills[contract_id]

    def billed_usd_micros(self, contract_id: int | None = None) -> int:
        """Returns what a contract was charged, or all of them together, in micro dollars."""
        self._advance()
        dollars = self._world.accounts.billed if contract_id is None else self.bill(contract_id).amount()
        return round(dollars * 1_000_000)

    def contract(self, contract_id: int) -> Contract:
        """Returns a contract, living or gone; raises KeyError."""
        known = {one.id: one for one in (*self.history, *self.contracts)}
        return known[contract_id]

    def offer(self, offer_id: int) -> Offer:
        """Returns an offer of the catalogue, rented or not; raises KeyError."""
        found = self._world.book.get(offer_id)
        if found is None:
            raise KeyError(offer_id)
        return found

    # What tests do besides requests.

    async def settle(self) -> None:
        """Lets everything happen that was due by now, in the containers too."""
        self._advance()
        await self._work()

    def set_credit(self, usd: float) -> None:
        """Makes the credit what it is to be."""
        self._advance()
        control.set_credit(self._world, usd)

    def rent_elsewhere(self, offer_id: int, *, label: str | None) -> int | None:
        """Lets somebody else rent with the same account, past its pacing; None where the offer is not to be had."""
        self._advance()
        body = {"image": "registry.example/other:1", "disk": 10, "runtype": "args", "label": label}
        request = Request("PUT", f"/api/v0/asks/{offer_id}/")
        answer = rental.create(
            self._world, Call(request=request, endpoint="create", path=(str(offer_id),), query={}, body=body)
        )
        return int(answer.json()["new_contract"]) if answer.status == 200 else None

    def transfer(self, contract_id: int, *, down_bytes: int = 0, up_bytes: int = 0) -> None:
        """Lets bytes come into a container and leave it."""
        self._advance()
        self._world.accounts.transfer(self._lifecycle.living[contract_id], down_bytes=down_bytes, up_bytes=up_bytes)

    async def do(self, contract_id: int, what: str) -> None:
        """Does what `POST /control/instances/{id}/{what}` does; raises ValueError where that says no."""
        answer = await self.handle(Request("POST", f"/control/instances/{contract_id}/{what}"))
        if answer.status != 200:
            raise ValueError(answer.body.decode())

    async def handle(self, request: Request) -> Answer:
        """Answers one request of the API, or of `/control/`."""
        await self.settle()
        if request.method == "POST" and request.path.rstrip("/") == _ADVANCE_PATH:
            return await self._move_clock(request)
        try:
            route, call = understood(request)
        except Unroutable as error:
            self._world.requests["unroutable"] += 1
            return error.answer
        owner = self._owner(request)
        answer = (self._controlled if route.endpoint == "control" else self._answered)(route, call)
        self._advance()
        # A container that destroys itself gets its answer first.
        await self._work(spare=owner)
        return answer

    def _controlled(self, route: Route, call: Call) -> Answer:
        if not control.allowed(call.request):
            return refused(403, "not_authorized", "Only from this machine.")
        return route.handler(self._world, call)

    def _answered(self, route: Route, call: Call) -> Answer:
        self._world.requests[route.endpoint] += 1
        answer = gate.before(self._world, call)
        if answer is not None:
            return answer
        call = replace(call, own_instance=self._owner(call.request))
        identity = call.request.key or call.request.client
        answer = self._world.pacing.objection(
            identity, route.endpoint, now=self._world.now, epoch=self._world.epoch
        ) or self._unauthorized(route, call)
        if answer is not None:
            return answer
        answer = route.handler(self._world, call)
        if route.endpoint == "search" and answer.status == 200:
            self._world.pacing.count_rows(identity, len(answer.json()["offers"]), epoch=self._world.epoch)
        return gate.after(self._world, call, answer)

    def _unauthorized(self, route: Route, call: Call) -> Answer | None:
        key = call.request.key
        if route.endpoint == "log_file" or (key is None and route.anonymous):
            return None
        if key is None:
            return refused(403, "auth_error", "This action requires login.")
        if key == self._settings.key:
            return None
        if call.own_instance is None:
            return gate.unknown_key()
        if route.anonymous or (route.own_instance and call.number == call.own_instance):
            return None
        return refused(403, "not_authorized", "This key is for one instance only.")

    def _owner(self, request: Request) -> int | None:
        """Returns the instance whose own key a request has."""
        key = request.key
        return next((one.id for one in self._lifecycle.living.values() if one.key == key), None) if key else None

    async def _move_clock(self, request: Request) -> Answer:
        clock = self._world.clock
        if not control.allowed(request):
            return refused(403, "not_authorized", "Only from this machine.")
        try:
            seconds = float(json.loads(request.body)["seconds"])
        except (KeyError, TypeError, ValueError):
            return refused(400, "invalid_args", "seconds must be a number")
        if not isinstance(clock, ControllableClock) or seconds < 0:
            return refused(409, "clock_not_controllable", "This clock cannot be moved so.")
        await clock.advance(seconds)
        await self.settle()
        return said({"now": self._world.epoch})

    # Time.

    def _advance(self) -> None:
        world, living = self._world, self._lifecycle.living
        while True:
            due = min(self._lifecycle.agenda.next_due, self._money_due())
            if due > world.now:
                break
            world.accounts.accrue(due, living.values())
            self._happen(due)
            self._lifecycle.start_queued(due)
        world.accounts.accrue(world.now, living.values())
        self._notice_exits()
        self._exhausted = self._exhausted and world.accounts.credit <= 0

    def _happen(self, due: float) -> None:
        agenda = self._lifecycle.agenda
        if agenda.next_due > due:
            self._run_out_of_money(due)
        elif self._lifecycle.happen(agenda.pop()) == "credit_stop":
            control.set_credit(self._world, 0.0)

    def _money_due(self) -> float:
        """Returns when the credit is used up, or the debt is too large."""
        limit = -self._settings.debt_usd if self._exhausted else 0.0
        return (
            self._world.accounts.reaches(limit, self._lifecycle.living.values()) if self._lifecycle.living else _NEVER
        )

    def _run_out_of_money(self, due: float) -> None:
        for contract in list(self._lifecycle.living.values()):
            if self._exhausted:
                self._lifecycle.destroy(contract, due)
            else:
                self._lifecycle.stop(contract, due, because="credit")
        self._exhausted = True

    # Containers.

    def _notice_exits(self) -> None:
        world = self._world
        for contract in list(self._lifecycle.living.values()):
            if contract.address is not None and world.host.exit_status(contract) is not None:
                self._lifecycle.exit(contract, world.now)
                contract.address = None

    async def _work(self, *, spare: int | None = None) -> None:
        """Does the chores in their order; those of the instance to spare are left for the next time."""
        async with self._working:
            chores = self._lifecycle.chores
            for _ in range(len(chores)):
                chore = chores.popleft()
                if chore.contract.id == spare:
                    chores.append(chore)
                else:
                    await self._do(chore)

    async def _do(self, chore: Chore) -> None:
        contract, host = chore.contract, self._world.host
        match chore.work:
            case Work.START:
                await self._start(contract)
            case Work.STOP:
                contract.address = None
                await host.stop(contract)
            case Work.FREEZE:
                await host.freeze(contract)
            case Work.THAW:
                await host.thaw(contract)

    async def _start(self, contract: Contract) -> None:
        if not contract.bills_gpu or contract.address is not None:
            return
        try:
            contract.address = await self._world.host.start(contract)
        except StartFailed as error:
            self._lifecycle.exit(contract, self._world.now)
            contract.words = str(error)
