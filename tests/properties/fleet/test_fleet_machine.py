"""The fleet, the ledger and the simulated marketplace as a state machine: whatever happens in whatever order, at every
moment the same things hold, and in the end nothing is left over."""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from orchestrator.fleet.instance import Instance, InstanceState
from orchestrator.jobs.job import JobState, Placement
from orchestrator.money.budget import Budget
from tests.properties.fleet.bad_luck import ANSWERS, CALLS, CREATES, OURS, SPELLS
from tests.properties.fleet.deployment import OTHER_LABELS, Deployment, Setup, is_ours
from tests.simulators.vast.contracts import Contract

EXAMPLES = 24
STEPS = 40

# Of a listing; only then can it break off in between.
_MORE_THAN_A_PAGE = 30

_LISTS = ("list_truncated", "list_v0_style_410", "duplicate_rows", "null_fields", "filter_ignored", "disk_only_rows")
_LOSSES = (
    *("connection_refused", "request_lost", "answer_lost", "bad_gateway", "bad_gateway_after_effect", "slow_answer"),
    *("not_json", "wrong_redirect", "success_false_200", "unknown_as_404", "transient_null_read", "log_not_ready"),
)
_PACES = (
    *("rate_limit_text", "rate_limit_detail", "rate_limit_json", "rate_limit_retry_after", "destroy_rate_limited"),
)
_DESTROYS = ("destroy_not_found", "destroy_ignored")
_WAITS = st.sampled_from((0.0, 2.0, 10.0, 60.0))
"""After each step so much time passes, in seconds."""


@dataclass(slots=True)
class Totals:
    """What happened in all examples together."""

    contracts: int = 0
    jobs: int = 0
    crashes: Counter[str] = field(default_factory=Counter)
    fired: Counter[str] = field(default_factory=Counter)
    steps: Counter[str] = field(default_factory=Counter)


def setups() -> st.SearchStrategy[Setup]:
    """Returns how operators set it up."""
    budgets = st.builds(
        Budget,
        usd_micros_per_hour=st.sampled_from((0, 100_000, 150_000, 400_000)),
        usd_micros_per_day=st.sampled_from((0, 40_000, 100_000)),
    )
    return st.builds(
        Setup,
        seed=st.integers(1, 9),
        min_instances=st.sampled_from((0, 1)),
        max_instances=st.integers(1, 4),
        breaker_failures=st.sampled_from((10, 60)),
        interruptible=st.booleans(),
        budget=budgets,
    )


def faults(*names: str) -> st.SearchStrategy[tuple[str, Any]]:
    """Returns knobs of these, each with one of its values."""
    choices = [(name, value) for name in names for value in (ANSWERS | CREATES)[name]]
    return st.sampled_from(choices)


class FleetMachine(RuleBasedStateMachine):
    """Its rules are what happens; its invariants are what a watch that looks every two seconds has found."""

    totals = Totals()

    def __init__(self) -> None:
        super().__init__()
        # Hypothesis knows nothing of event loops: the same one goes on with each step.
        self._loop = asyncio.Runner()
        self._deployment: Deployment | None = None

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self._loop.run(work)

    @property
    def deployment(self) -> Deployment:
        """What is tested."""
        assert self._deployment is not None, "the first step sets it up"
        return self._deployment

    @initialize(setup=setups(), jobs=st.integers(0, 12), others=st.sampled_from((0, _MORE_THAN_A_PAGE)))
    def set_up(self, setup: Setup, jobs: int, others: int) -> None:
        """Lets an operator begin, with some work, beside others with the same account."""
        deployment = Deployment(setup)
        self._run(deployment.__aenter__())
        self._deployment = deployment
        for offer in deployment.cheap_offers[:others]:
            deployment.rent_elsewhere(offer, "somebody else's")
        for _ in range(jobs):
            deployment.submit(copy=False, placement=Placement.CHEAPEST, seconds=60.0, max_attempts=30)
        self._then("set up", 60.0)

    def teardown(self) -> None:
        """Ends all faults, and lets everything end well, unless something was found before."""
        try:
            if self._deployment is not None:
                self._end(self._deployment)
        finally:
            self._loop.close()

    def _end(self, deployment: Deployment) -> None:
        try:
            if not deployment.findings.words:
                self._run(deployment.end_well())
            self.totals.contracts += len([one for one in deployment.market.history if is_ours(one)])
            self.totals.jobs += len(deployment.ledger.jobs)
            self.totals.crashes += deployment.crashes
            self.totals.fired += Counter(deployment.market.faults.fired)
        finally:
            self._run(deployment.__aexit__(None, None, None))
        self.nothing_is_wrong()

    def _then(self, step: str, seconds: float) -> None:
        self.totals.steps[step] += 1
        self._run(self.deployment.advance(seconds))

    # --- what happens ---

    @rule(
        count=st.integers(1, 12),
        copy=st.booleans(),
        placement=st.sampled_from(tuple(Placement)),
        seconds=st.sampled_from((5.0, 60.0, 300.0)),
        max_attempts=st.sampled_from((2, 30)),
        wait=_WAITS,
    )
    def jobs_arrive(
        self, *, count: int, copy: bool, placement: Placement, seconds: float, max_attempts: int, wait: float
    ) -> None:
        """Clients ask for jobs."""
        for _ in range(count):
            self.deployment.submit(copy=copy, placement=placement, seconds=seconds, max_attempts=max_attempts)
        self._then("jobs arrive", wait)

    @rule(seconds=st.sampled_from((30.0, 120.0, 600.0)))
    def time_passes(self, *, seconds: float) -> None:
        """Nothing happens for a while."""
        self._then("time passes", seconds)

    @rule(
        calls=st.sampled_from(CALLS),
        nth=st.integers(1, 3),
        after=st.booleans(),
        away=st.sampled_from((0.0, 5.0, 300.0)),
        wait=_WAITS,
    )
    def the_orchestrator_dies_at_a_step(self, *, calls: str, nth: int, after: bool, away: float, wait: float) -> None:
        """It is killed before or after a call to come, and started again later."""
        self.deployment.doom(calls, nth=nth, after=after, away=away)
        self._then("it is to die", wait)

    @rule(away=st.sampled_from((0.0, 5.0, 30.0)), wait=st.sampled_from((60.0, 120.0)))
    def the_orchestrator_dies_in_a_create(self, *, away: float, wait: float) -> None:
        """The contract that a job asked for is there, and nobody knows its number."""
        self.deployment.doom("http.create", nth=1, after=True, away=away)
        self.deployment.submit(copy=False, placement=Placement.CHEAPEST, seconds=5.0, max_attempts=30)
        self._then("it dies in a create", wait)

    @rule(orderly=st.booleans(), away=st.sampled_from((0.0, 5.0, 300.0)), wait=_WAITS)
    def the_orchestrator_ends(self, *, orderly: bool, away: float, wait: float) -> None:
        """It is ended in order, or killed wherever it is, and started again later."""
        if orderly:
            self._run(self.deployment.stop(away=away))
        else:
            self.deployment.kill(away=away)
        self._then("it ends", wait)

    @rule(fault=faults(*_LOSSES, *_PACES), times=st.integers(1, 5), wait=_WAITS)
    def answers_are_lost(self, *, fault: tuple[str, Any], times: int, wait: float) -> None:
        """Requests or answers are lost, or the marketplace answers something else."""
        self._arm(fault, times=times)
        self._then("answers are lost", wait)

    @rule(fault=faults(*_LISTS), endpoint=st.sampled_from(("list", "search")), times=st.integers(1, 8), wait=_WAITS)
    def listings_fail(self, *, fault: tuple[str, Any], endpoint: str, times: int, wait: float) -> None:
        """Listings or searches fail, or show a part, or what was not asked for."""
        self._arm(fault, times=times, match={"endpoint": endpoint})
        self._then("listings fail", wait)

    @rule(wait=st.sampled_from((120.0, 240.0)))
    def listings_break_off(self, *, wait: float) -> None:
        """For a while no listing gets beyond its first page, often enough to be believed."""
        self.deployment.market.faults.arm("list_truncated", value="token", probability=1.0, seconds=wait)
        self._then("listings break off", wait)

    @rule(fault=faults(*_DESTROYS), times=st.integers(1, 3), wait=_WAITS)
    def destroys_fail(self, *, fault: tuple[str, Any], times: int, wait: float) -> None:
        """A destroy has no effect, whatever is answered."""
        self._arm(fault, times=times)
        self._then("destroys fail", wait)

    @rule(name=st.sampled_from(sorted(SPELLS)), data=st.data(), wait=_WAITS)
    def the_marketplace_is_away(self, *, name: str, data: st.DataObject, wait: float) -> None:
        """For a while it does not answer, does not know the key, or does not search."""
        seconds = data.draw(st.sampled_from(SPELLS[name]))
        value = seconds if name == "search_quota_exceeded" else None
        self.deployment.market.faults.arm(name, probability=1.0, seconds=seconds, value=value)
        self._then("the marketplace is away", wait)

    @rule(fault=faults(*CREATES), wait=_WAITS)
    def the_next_machine_is_bad(self, *, fault: tuple[str, Any], wait: float) -> None:
        """The next create, or what becomes of its contract, goes wrong."""
        self._arm(fault, times=1, match=OURS)
        self._then("the next machine is bad", wait)

    @precondition(lambda self: self.deployment.ours)
    @rule(what=st.sampled_from(("offline", "online", "kill", "end_contract")), data=st.data(), wait=_WAITS)
    def a_host_dies(self, *, what: str, data: st.DataObject, wait: float) -> None:
        """A host goes away or comes back, or ends a container or a contract."""
        self._strike(what, data.draw(st.sampled_from(list(self.deployment.ours))))
        self._then("a host dies", wait)

    @precondition(lambda self: self.deployment.ours)
    @rule(what=st.sampled_from(("outbid", "resume")), data=st.data(), wait=_WAITS)
    def a_bid_is_outbid(self, *, what: str, data: st.DataObject, wait: float) -> None:
        """Somebody bids more, or does not any longer."""
        self._strike(what, data.draw(st.sampled_from(list(self.deployment.ours))))
        self._then("a bid is outbid", wait)

    @precondition(lambda self: self.ended)
    @rule(data=st.data(), wait=_WAITS)
    def a_machine_comes_back(self, *, data: st.DataObject, wait: float) -> None:
        """One that was gone is there again, and bills."""
        self._strike("resurrect", data.draw(st.sampled_from(self.ended)))
        self._then("a machine comes back", wait)

    @rule(data=st.data(), label=st.sampled_from(OTHER_LABELS), wait=_WAITS)
    def somebody_else_rents(self, *, data: st.DataObject, label: str | None, wait: float) -> None:
        """Somebody else with the same account rents, under a label that is not ours."""
        self.deployment.rent_elsewhere(data.draw(st.sampled_from(self.deployment.cheap_offers)), label)
        self._then("somebody else rents", wait)

    @rule(usd=st.sampled_from((0.0, 100.0, 100.0)), wait=_WAITS)
    def the_credit_changes(self, *, usd: float, wait: float) -> None:
        """The account's credit is used up, or there is more."""
        self.deployment.market.set_credit(usd)
        self._then("the credit changes", wait)

    @precondition(lambda self: self.ready)
    @rule(data=st.data(), wait=_WAITS)
    def the_operator_drains(self, *, data: st.DataObject, wait: float) -> None:
        """The operator takes a machine out of service."""
        self._run(self.deployment.drain(data.draw(st.sampled_from(self.ready))))
        self._then("the operator drains", wait)

    @precondition(lambda self: self.deployment.rows)
    @rule(data=st.data(), by_hand=st.booleans(), wait=_WAITS)
    def the_operator_destroys(self, *, data: st.DataObject, by_hand: bool, wait: float) -> None:
        """The operator has a machine destroyed, or destroys its contract at the marketplace."""
        if by_hand and self.deployment.ours:
            self._strike("destroy", data.draw(st.sampled_from(list(self.deployment.ours))))
        else:
            self._run(self.deployment.end(data.draw(st.sampled_from(list(self.deployment.rows)))))
        self._then("the operator destroys", wait)

    def _arm(self, fault: tuple[str, Any], *, times: int, match: dict[str, Any] | None = None) -> None:
        name, value = fault
        self.deployment.market.faults.arm(name, value=value, times=times, match=match)

    def _strike(self, what: str, contract: Contract) -> None:
        self._run(self.deployment.market.do(contract.id, what))

    @property
    def ended(self) -> list[Contract]:
        """Our contracts that are gone."""
        return [one for one in self.deployment.market.history if is_ours(one)]

    @property
    def ready(self) -> list[Instance]:
        """The rented instances that are READY."""
        return [one for one in self.deployment.rows if one.state is InstanceState.READY]

    # --- what holds always ---

    @invariant()
    def nothing_is_wrong(self) -> None:
        """What bills is in the ledger or ends in time; neither size nor budget is exceeded; no job is done twice; what
        is others' stays theirs; the marketplace refuses nothing for pace; nothing surprises the orchestrator."""
        assert not self.deployment.findings.words, "\n".join(self.deployment.findings.words.values())

    @invariant()
    def the_key_stays_here(self) -> None:
        """The key is sent to nobody but the marketplace."""
        assert self.deployment.market.keys_leaked == 0

    @invariant()
    def contracts_are_few(self) -> None:
        """Those that a row holds are no more than are allowed, at the marketplace as in the ledger."""
        held = {row.provider_id for row in self.deployment.rows if row.provider_id}
        contracts = [one for one in self.deployment.ours if str(one.id) in held]
        assert len(contracts) <= len(self.deployment.rows) <= self.deployment.setup.max_instances

    @invariant()
    def no_job_disappears(self) -> None:
        """What was asked for is in the ledger once, whatever becomes of it."""
        assert self.deployment.answered <= {job.id for job in self.deployment.ledger.jobs}
        assert all(job.output is not None for job in self.deployment.ledger.jobs if job.state is JobState.SUCCEEDED)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_whatever_happens_in_whatever_order_the_same_things_hold() -> None:
    FleetMachine.totals = totals = Totals()
    run_state_machine_as_test(
        FleetMachine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            derandomize=True,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    # Nothing of this would mean anything if little had happened.
    assert totals.contracts > EXAMPLES, totals
    assert totals.jobs > 5 * EXAMPLES, totals
    assert totals.crashes.total() >= 10, totals
    assert len(totals.fired) > 15, totals
    assert len(totals.steps) >= 16, totals
