"""Looks at the fleet, the ledger and the market from outside, and finds what must never be."""

from collections.abc import Callable
from dataclasses import dataclass, field

from orchestrator.fleet.instance import ALIVE, Instance, InstanceState
from orchestrator.fleet.limits import FleetLimits
from orchestrator.jobs.job import AttemptState, Job, JobState
from orchestrator.ledger.memory import MemoryLedger
from orchestrator.money.budget import Budget, hourly_rate
from servicekit.clock import Clock
from tests.properties.fleet.bounds import Bounds
from tests.simulators.vast.contracts import Contract
from tests.simulators.vast.market import Market

CLOUD = "vast"
_ALL = frozenset(InstanceState)
_BEFORE_START = frozenset({InstanceState.REQUESTED, InstanceState.UNKNOWN})

_VANISHED = frozenset({"START_VANISHED", "INSTANCE_VANISHED"})

HINDRANCES = (
    *("connection_refused", "request_lost", "answer_lost", "api_down", "bad_gateway", "bad_gateway_after_effect"),
    *("slow_answer", "not_json", "wrong_redirect", "success_false_200", "key_revoked"),
    *("rate_limit_text", "rate_limit_detail", "rate_limit_json", "rate_limit_retry_after", "destroy_rate_limited"),
    *("list_truncated", "list_v0_style_410", "destroy_not_found", "destroy_ignored", "hidden_first_reads"),
)
"""The knobs that keep the orchestrator from seeing what there is, or from ending it."""


class WatchedLedger(MemoryLedger):
    """Checks at each write what has to hold at every moment."""

    def __init__(self, *, clock: Clock, max_instances: int, budget: Budget, report: Callable[[str], None]) -> None:
        super().__init__(clock=clock)
        self._max_instances = max_instances
        self.budget = budget
        self._report = report
        self.twice: set[str] = set()
        """The jobs whose work was done, or whose result was delivered, more than once."""

    async def add_instance(self, instance: Instance) -> None:
        await super().add_instance(instance)
        self._check_size()

    async def change_instance(self, instance_id: str, change: Callable[[Instance], Instance]) -> Instance:
        instance = await super().change_instance(instance_id, change)
        self._check_size()
        return instance

    async def change_job(self, job_id: str, change: Callable[[Job], Job]) -> Job:
        before = await self.get_job(job_id)
        after = await super().change_job(job_id, change)
        if before.state.final and (before.state, before.output, before.end_time) != (
            *(after.state, after.output, after.end_time),
        ):
            self._report(f"job {job_id} was {before.state} and changed once more")
        self._check_results(after)
        return after

    def _check_results(self, job: Job) -> None:
        done = sum(one.spooled is not None or one.state is AttemptState.SUCCEEDED for one in job.attempts)
        if done > 1:
            self.twice.add(job.id)
            self._report(f"job {job.id} was done {done} times")
        running = sum(one.state is AttemptState.RUNNING for one in job.attempts)
        if running > 1:
            self._report(f"job {job.id} runs in {running} attempts at once")

    @property
    def jobs(self) -> list[Job]:
        """All jobs."""
        return list(self._jobs.values())

    @property
    def rows(self) -> list[Instance]:
        """The rented instances that are not proved to be gone."""
        return [one for one in self._instances.values() if one.cloud == CLOUD and one.state in ALIVE]

    def _check_size(self) -> None:
        if len(self.rows) > self._max_instances:
            self._report(f"{len(self.rows)} instances at once, {self._max_instances} are allowed")
        rate, allowed = hourly_rate(self.rows), self.budget.usd_micros_per_hour
        if allowed and rate > allowed:
            self._report(f"{rate} micro dollars an hour at once, {allowed} are allowed")


@dataclass(slots=True)
class Findings:
    """What must not be and was, each kind of it once, and for how long machines billed beyond their bound.

    `tell` is told of each when it is found.
    """

    tell: Callable[[str], None] = lambda _: None
    words: dict[str, str] = field(default_factory=dict)
    leaked_seconds: float = 0.0
    lost_jobs: int = 0

    def add(self, key: str, words: str) -> None:
        """Adds one unless the same was found before."""
        if key not in self.words:
            self.words[key] = words
            self.tell(f"FOUND: {words}")


class Watch:
    """Checks the invariants at every look; the looks are to be seconds apart."""

    def __init__(
        self,
        *,
        market: Market,
        ledger: WatchedLedger,
        clock: Clock,
        limits: FleetLimits,
        findings: Findings,
        prefix: str,
    ) -> None:
        """Takes `prefix`, with which our labels begin."""
        self._market = market
        self._ledger = ledger
        self._clock = clock
        self._findings = findings
        self._prefix = prefix
        self.bounds = Bounds(limits=limits, together=2 * max(limits.max_instances, 1))
        self.limits = limits
        self._looked_at = clock.monotonic()
        self._hindered = 0
        self._disturbed_at = clock.monotonic()
        self._since: dict[tuple[str, object], float] = {}
        self._billed: dict[int, int] = {}
        self._loose: set[int] = set()
        self._hidden: set[int] = set()
        self._there: set[str] = set()
        self._held_billed = 0

    def disturbed(self) -> None:
        """Says that the orchestrator was not running until now."""
        self._disturbed_at = self._clock.monotonic()

    async def look(self) -> None:
        """Checks all of them once."""
        now = self._clock.monotonic()
        hindered = sum(self._market.faults[name].fired for name in HINDRANCES)
        if hindered != self._hindered:
            self._hindered = hindered
            self._disturbed_at = now
        contracts = [one for one in self._market.contracts if (one.label or "").startswith(self._prefix)]
        self._hidden |= {one.id for one in contracts if one.hidden_reads > 0}
        unheld = self._check_holders(contracts)
        self._check_vanished(contracts)
        self._check_phases()
        self._check_money(contracts, unheld)
        self._looked_at = now

    # --- what exists is held, and goes in time ---

    def _check_holders(self, contracts: list[Contract]) -> set[int]:
        """Returns the contracts that no row claims."""
        rows = {one.label: one for one in self._ledger.rows}
        unheld: set[int] = set()
        seen: set[tuple[str, object]] = set()
        for one in contracts:
            row = rows.get(one.label or "")
            if row is None or row.provider_id not in ("", str(one.id)):
                unheld.add(one.id)
                key, bound = ("unclaimed", one.id), self.bounds.unclaimed
                self._check_reason(one)
                if one.hidden_reads > 0:
                    # Nobody can know of it yet.
                    continue
            elif row.state is InstanceState.DESTROYING:
                key, bound = ("destroying", one.id), self.bounds.destroy
            else:
                continue
            seen.add(key)
            if (late := self._late(key, bound)) > 0:
                self._findings.leaked_seconds += min(late, self._clock.monotonic() - self._looked_at)
                self._findings.add(f"{key}", f"contract {one.id} is {key[0]} for {late:.0f} s beyond {bound:.0f} s")
        self._forget({"unclaimed", "destroying"}, seen)
        if len(contracts) - len(unheld) > self.limits.max_instances:
            self._findings.add("size", f"{len(contracts)} contracts exist, {len(unheld)} of them unclaimed")
        return unheld

    def _check_reason(self, contract: Contract) -> None:
        """Only what came back, and what was hidden for longer than is believed, may be without a row."""
        if not self._was_away(contract):
            self._findings.add(f"forgotten {contract.id}", f"no row claims contract {contract.id} ({contract.label})")

    def _check_vanished(self, contracts: list[Contract]) -> None:
        """What is there may not be taken for gone, whatever a listing lacks.

        What was there at the last look counts too: an absence is believed after longer, and then there soon is none.
        """
        there = {str(one.id) for one in contracts if not self._was_away(one)}
        before, self._there = self._there, there
        for row in self._ledger.rows:
            if row.provider_id in there | before and row.failure is not None and row.failure.reason in _VANISHED:
                self._findings.add(f"vanished {row.id}", f"contract {row.provider_id} is there: {row.failure.message}")

    def _was_away(self, contract: Contract) -> bool:
        return contract.returned > 0 or contract.id in self._hidden

    def _check_phases(self) -> None:
        seen: set[tuple[str, object]] = set()
        working = self._working
        for row in self._ledger.rows:
            if row.state in _BEFORE_START:
                key, bound = ("unknown", row.id), self.bounds.unknown
            elif row.state is InstanceState.STARTING:
                key, bound = ("starting", row.id), self.bounds.start
            elif row.state in (InstanceState.READY, InstanceState.DRAINING) and row.id not in working:
                key, bound = ("idle", row.id), self.bounds.idle
                if self.limits.min_instances:
                    continue
            else:
                continue
            seen.add(key)
            if (late := self._late(key, bound)) > 0:
                self._findings.add(f"{key}", f"instance {row.id} is {key[0]} for {late:.0f} s beyond {bound:.0f} s")
        self._forget({"unknown", "starting", "idle"}, seen)

    @property
    def _working(self) -> set[str]:
        attempts = [job.running_attempt for job in self._ledger.jobs]
        return {one.instance_id for one in attempts if one is not None and one.spooled is None}

    def _late(self, key: tuple[str, object], bound: float) -> float:
        """Returns for how many seconds something lasts beyond its bound, counted while nothing disturbs."""
        now = self._clock.monotonic()
        since = self._since.setdefault(key, now)
        return now - max(since, self._disturbed_at + self.bounds.recovery) - bound

    def _forget(self, kinds: set[str], seen: set[tuple[str, object]]) -> None:
        self._since = {key: at for key, at in self._since.items() if key[0] not in kinds or key in seen}

    # --- money ---

    def _check_money(self, contracts: list[Contract], unheld: set[int]) -> None:
        """What is billed beyond a budget is billed while nothing could be done about it."""
        budget = self._ledger.budget
        # What one that is gone was billed since the last look counts as it did then.
        self._loose = unheld | (self._loose - {one.id for one in contracts})
        grew = 0
        for one in {one.id for one in contracts} | self._billed.keys():
            billed = self._market.billed_usd_micros(one)
            more, self._billed[one] = billed - self._billed.get(one, 0), billed
            grew += 0 if one in self._loose else more
        self._held_billed += grew
        rate = sum(_rate(one) for one in contracts if one.id not in unheld)
        if budget.usd_micros_per_hour and rate > budget.usd_micros_per_hour:
            self._findings.add("hourly", f"{rate} micro dollars an hour are billed")
        quiet = self._clock.monotonic() - self._disturbed_at - self.bounds.recovery
        allowed = budget.usd_micros_per_day
        if allowed and self._held_billed > allowed and grew > 0 and quiet > 0:
            self._findings.add("daily", f"{self._held_billed} micro dollars are billed, {allowed} are allowed in a day")


def _rate(contract: Contract) -> int:
    gpu = contract.gpu_usd_per_hour if contract.bills_gpu else 0.0
    storage = contract.storage_usd_per_hour if contract.bills_storage else 0.0
    return int((gpu + storage) * 1_000_000)


def lost_jobs(jobs: list[Job]) -> list[str]:
    """Returns which jobs had time, offers and money, and have neither succeeded nor used up their tries."""
    lost: list[str] = []
    for job in jobs:
        spent = sum(one.state is AttemptState.FAILED for one in job.attempts)
        if job.state is JobState.SUCCEEDED or (job.state is JobState.FAILED and spent >= job.spec.limits.max_attempts):
            continue
        lost.append(f"job {job.id} is {job.state} after {len(job.attempts)} attempts: {job.progress.detail}")
    return lost


def blameless(jobs: list[Job], *, gone: set[str], rows: dict[str, Instance], ended_by_hand: set[str]) -> list[str]:
    """Returns which attempts failed although nothing had happened to the machine that worked on them."""
    return [
        f"attempt {one.task_id} was lost although nothing was wrong with {one.instance_id}"
        for job in jobs
        for one in job.attempts
        if one.state is AttemptState.FAILED
        and not (one.task_id in gone or one.instance_id in ended_by_hand or rows[one.instance_id].failure is not None)
    ]
