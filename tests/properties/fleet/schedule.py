"""Random schedules of bad luck: an hour of faults, crashes and work, then calm, in which everything has to end well.

`python -m tests.properties.fleet.schedule --count 200` runs the schedules 1 to 200 and says what happened;
`--seed 7 --verbose` runs the seventh again, exactly as it was, and tells it as it goes.
"""

import argparse
import asyncio
import os
import random
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Any

from orchestrator.fleet.instance import InstanceState
from orchestrator.jobs.job import Placement
from orchestrator.money.budget import Budget
from tests.properties.fleet.bad_luck import ANSWERS, CALLS, CREATES, OURS, RARE, SPELLS, STRIKES
from tests.properties.fleet.deployment import OTHER_LABELS, Deployment, Setup, is_ours
from tests.properties.fleet.watch import HINDRANCES

HOUR = 3600.0
# Of a listing; only then can it break off in between.
_MORE_THAN_A_PAGE = 30
# There are few requests that these can hit, so they are drawn more often.
_SELDOM = ("destroy_not_found", "destroy_ignored") * 2
EVENTS = frozenset({"orderly end", "drain by hand", "end by hand", "rented elsewhere", "credit used up"})
"""What happens besides faults, as it is counted among them."""


@dataclass(slots=True)
class Report:
    """What happened in one schedule, or in several."""

    findings: dict[int, list[str]] = field(default_factory=dict)
    schedules: int = 0
    leaked_seconds: float = 0.0
    contracts: int = 0
    destroyed: int = 0
    jobs: int = 0
    attempts: int = 0
    lost_jobs: int = 0
    duplicates: int = 0
    crashes: Counter[str] = field(default_factory=Counter)
    fired: Counter[str] = field(default_factory=Counter)
    calm_seconds: float = 0.0

    def add(self, other: "Report") -> None:
        """Adds the figures of another one; of the calm the longest counts."""
        self.findings |= other.findings
        for name in ("schedules", "leaked_seconds", "contracts", "destroyed", "jobs", "attempts"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("lost_jobs", "duplicates"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.crashes += other.crashes
        self.fired += other.fired
        self.calm_seconds = max(self.calm_seconds, other.calm_seconds)

    def unmet(self) -> list[str]:
        """Returns what did not happen, of all that many schedules have to meet: every kind of fault, strike and event,
        and a death of the orchestrator on either side of the calls that matter most."""
        faults = (ANSWERS.keys() | CREATES.keys() | SPELLS.keys()) - RARE
        strikes = {f"{what} of a contract" for what in STRIKES}
        calls = ("http.create", "http.destroy", "ledger.add_instance", "ledger.change_instance", "ledger.change_job")
        deaths = {f"{when} {call}" for when in ("before", "after") for call in calls}
        return sorted((faults | strikes | EVENTS) - self.fired.keys()) + sorted(deaths - self.crashes.keys())

    def words(self) -> str:
        """Returns the figures for people, and how to run again what went wrong."""
        work = (
            f"{self.schedules} schedules, {self.contracts} contracts ({self.destroyed} are gone), "
            f"{self.jobs} jobs in {self.attempts} attempts, "
            f"{self.crashes.total()} crashes at {len(self.crashes)} places, {self.fired.total()} faults of "
            f"{len(self.fired)} kinds; all was over {self.calm_seconds:.0f} s after the last fault at the latest."
        )
        harm = (
            f"leaked beyond the bounds: {self.leaked_seconds:.0f} instance-seconds; lost jobs: {self.lost_jobs}; "
            f"duplicates: {self.duplicates}"
        )
        lines = [
            work,
            harm,
            "faults: " + ", ".join(f"{name} {count}" for name, count in sorted(self.fired.items())),
            "crashes: " + ", ".join(f"{name} {count}" for name, count in sorted(self.crashes.items())),
        ]
        for seed, findings in sorted(self.findings.items()):
            lines += [f"schedule {seed}: {one}" for one in findings]
            lines.append(f"  again: python -m tests.properties.fleet.schedule --seed {seed} --verbose")
        return "\n".join(lines)


class Schedule:
    """One hour of bad luck, all of it drawn from a seed."""

    def __init__(self, seed: int, *, tell: Callable[[str], None] = lambda _: None) -> None:
        """Takes `tell`, which is told what happens as it happens."""
        self.seed = seed
        self._chance = random.Random(f"schedule:{seed}")
        self._tell = tell
        self._deployment = Deployment(self._setup(), tell=self._say)
        self._events: Counter[str] = Counter()

    async def run(self) -> Report:
        """Runs it and returns what happened."""
        async with self._deployment as deployment:
            for _ in range(self._chance.choice((0, 2, _MORE_THAN_A_PAGE))):
                self._rent_elsewhere()
            moments = sorted(self._chance.uniform(0, HOUR) for _ in range(self._chance.randint(30, 90)))
            for moment in moments:
                await deployment.advance(moment - deployment.clock.monotonic())
                await self._happen()
            await deployment.advance(HOUR - deployment.clock.monotonic())
            calm = await deployment.end_well()
            return self._report(calm)

    # --- what is drawn ---

    def _setup(self) -> Setup:
        chance = self._chance
        return Setup(
            seed=self.seed,
            min_instances=chance.choice((0, 0, 0, 1)),
            max_instances=chance.choice((1, 2, 3, 4)),
            # With the usual breaker a bad hour is soon spent waiting.
            breaker_failures=chance.choice((10, 60)),
            interruptible=chance.random() < 0.4,
            budget=Budget(
                usd_micros_per_hour=chance.choice((0, 0, 100_000, 150_000, 400_000)),
                usd_micros_per_day=chance.choice((0, 0, 40_000, 100_000)),
            ),
        )

    async def _happen(self) -> None:
        kinds: dict[Callable[[], Awaitable[None] | None], int] = {
            self._arrive: 10,
            self._answer_badly: 10,
            self._create_badly: 14,
            self._spell: 2,
            self._strike: 6,
            self._crash: 5,
            self._die_in_a_create: 2,
            self._cut_listings: 2,
            self._restart: 1,
            self._operate: 3,
            self._rent_elsewhere: 1,
            self._run_out_of_credit: 1,
            self._earn_credit: 2,
        }
        (what,) = self._chance.choices(list(kinds), list(kinds.values()))
        if (done := what()) is not None:
            await done

    def _arrive(self) -> None:
        chance = self._chance
        # Many at once want several machines at once; they are short, or the calm would last for hours.
        count = chance.choice((1, 1, 1, 2, 4, 9))
        for _ in range(count):
            self._deployment.submit(
                copy=chance.random() < 0.2,
                placement=chance.choice(tuple(Placement)),
                seconds=5.0 if count > 4 else chance.choice((5.0, 60.0, 300.0)),
                max_attempts=chance.choice((2, 30, 30)),
            )
        self._say("jobs arrive")

    def _answer_badly(self) -> None:
        name = self._chance.choice([*ANSWERS, *HINDRANCES, *_SELDOM])
        if name not in ANSWERS:
            return
        how: dict[str, Any] = {"value": self._chance.choice(ANSWERS[name])}
        if self._chance.random() < 0.5:
            how["times"] = self._chance.choice((1, 1, 3, 8))
        else:
            how |= {"probability": self._chance.choice((0.2, 0.6, 1.0)), "seconds": self._chance.uniform(10, 180)}
        self._arm(name, how)

    def _create_badly(self) -> None:
        name = self._chance.choice(list(CREATES))
        self._arm(
            name, {"value": self._chance.choice(CREATES[name]), "times": self._chance.choice((1, 1, 2)), "match": OURS}
        )

    def _spell(self) -> None:
        name = self._chance.choice(list(SPELLS))
        seconds = self._chance.choice(SPELLS[name])
        value = 120.0 if name == "search_quota_exceeded" else None
        self._arm(name, {"probability": 1.0, "seconds": seconds, "value": value})

    async def _strike(self) -> None:
        """Does something to one contract of ours, if there is one that it can be done to."""
        what = self._chance.choice(STRIKES)
        market = self._deployment.market
        ended = [one for one in market.history if is_ours(one)]
        if pool := ended if what == "resurrect" else list(self._deployment.ours):
            one = self._chance.choice(pool)
            await market.do(one.id, what)
            self._count(f"{what} of a contract", f"{what}: contract {one.id}")

    def _crash(self) -> None:
        away = self._chance.choice((0.0, 5.0, 30.0, 300.0))
        if self._chance.random() < 0.2:
            self._deployment.kill(away=away)
            self._say("killed at once")
            return
        calls, nth, after = self._chance.choice(CALLS), self._chance.choice((1, 1, 2, 4)), self._chance.random() < 0.5
        self._deployment.doom(calls, nth=nth, after=after, away=away)
        self._say(f"to be killed {'after' if after else 'before'} call {nth} of {calls}, away for {away:.0f} s")

    def _die_in_a_create(self) -> None:
        """What is most treacherous of all: the contract is there, and nobody knows its number."""
        away = self._chance.choice((0.0, 5.0, 30.0))
        self._deployment.doom("http.create", nth=1, after=True, away=away)
        self._say(f"to be killed after the next create, away for {away:.0f} s")

    def _cut_listings(self) -> None:
        """For a while no listing gets beyond its first page, often enough to be believed."""
        seconds = self._chance.uniform(60, 240)
        self._arm("list_truncated", {"value": "token", "probability": 1.0, "seconds": seconds})

    async def _restart(self) -> None:
        await self._deployment.stop(away=self._chance.choice((0.0, 60.0)))
        self._count("orderly end", "told to end")

    async def _operate(self) -> None:
        ready = [one for one in self._deployment.rows if one.state is InstanceState.READY]
        if ready and self._chance.random() < 0.5:
            await self._deployment.drain(self._chance.choice(ready))
            self._count("drain by hand", "drained by hand")
        elif self._deployment.rows:
            await self._deployment.end(self._chance.choice(list(self._deployment.rows)))
            self._count("end by hand", "ended by hand")

    def _rent_elsewhere(self) -> None:
        offer = self._chance.choice(self._deployment.cheap_offers)
        self._deployment.rent_elsewhere(offer, self._chance.choice(OTHER_LABELS))
        self._count("rented elsewhere", "somebody else rents")

    def _run_out_of_credit(self) -> None:
        self._deployment.market.set_credit(0.0)
        self._count("credit used up", "no credit is left")

    def _earn_credit(self) -> None:
        self._deployment.market.set_credit(100.0)
        self._say("credit is added")

    def _arm(self, name: str, how: dict[str, Any]) -> None:
        self._deployment.market.faults.arm(name, **how)
        self._say(f"armed: {name} {how}")

    def _say(self, words: str) -> None:
        self._tell(f"{self._deployment.clock.monotonic():7.0f} s  {words}")

    def _count(self, event: str, words: str) -> None:
        self._events[event] += 1
        self._say(words)

    # --- what happened ---

    def _report(self, calm: float) -> Report:
        deployment = self._deployment
        jobs = deployment.ledger.jobs
        found = list(deployment.findings.words.values())
        ended = [one for one in deployment.market.history if is_ours(one)]
        return Report(
            findings={self.seed: found} if found else {},
            schedules=1,
            leaked_seconds=deployment.findings.leaked_seconds,
            contracts=len(ended) + len(deployment.ours),
            destroyed=len(ended),
            jobs=len(jobs),
            attempts=sum(len(job.attempts) for job in jobs),
            lost_jobs=deployment.findings.lost_jobs,
            duplicates=len(deployment.ledger.twice),
            crashes=deployment.crashes,
            fired=Counter(deployment.market.faults.fired) + self._events,
            calm_seconds=calm,
        )


def run_schedule(seed: int, *, tell: Callable[[str], None] = lambda _: None) -> Report:
    """Runs one schedule, in an event loop of its own."""
    return asyncio.run(Schedule(seed, tell=tell).run())


def run_schedules(seeds: Iterable[int], *, processes: int) -> Report:
    """Runs several in so many processes, and returns all their figures together."""
    total = Report()
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for report in pool.map(run_schedule, seeds):
            total.add(report)
    return total


def main() -> int:
    """The command line; returns 1 where something was found, or not met that was to be."""
    parser = argparse.ArgumentParser(prog="python -m tests.properties.fleet.schedule", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="of the first schedule")
    parser.add_argument("--count", type=int, default=1, help="how many schedules, with seeds that follow")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--all-kinds", action="store_true", help="fail unless every kind of bad luck was met")
    parser.add_argument("--verbose", action="store_true", help="tell what happens")
    given = parser.parse_args()
    seeds = range(given.seed, given.seed + given.count)
    total = Report()
    if given.count == 1:
        total.add(run_schedule(given.seed, tell=_print if given.verbose else lambda _: None))
    else:
        total.add(run_schedules(seeds, processes=given.processes))
    _print(total.words())
    unmet = total.unmet() if given.all_kinds else []
    if unmet:
        _print(f"never met: {', '.join(unmet)}")
    return 1 if total.findings or unmet else 0


def _print(words: str) -> None:
    sys.stdout.write(f"{words}\n")


if __name__ == "__main__":
    sys.exit(main())
