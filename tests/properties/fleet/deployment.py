"""A deployment with everything that lives on when its orchestrator dies: the market, the ledger, the workers, the
clients; and the orchestrator, which is started again whenever it was killed."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, MutableMapping, Sequence
from contextlib import AsyncExitStack, ExitStack, suppress
from dataclasses import dataclass, field, replace
from typing import Any, Self
from unittest import mock

from structlog.testing import capture_logs

from orchestrator.cloud.vast.search import RentalTerms
from orchestrator.dispatch.routing import LOCAL
from orchestrator.fleet.instance import Instance, InstanceState, draining, given_up
from orchestrator.fleet.loop import Fleet
from orchestrator.jobs.job import Job, JobLimits, JobState, Placement
from orchestrator.jobs.needs import copies_only
from orchestrator.money.budget import Budget
from servicekit.ids import new_id
from servicekit.media.operations import AddAudio, Caption
from servicekit.media.outputs import OutputSpec, VideoCodec, VideoEncoding
from tests.properties.fleet.crashes import Killed, Life
from tests.properties.fleet.dispatcher import SECONDS, Containers, Dispatcher
from tests.properties.fleet.watch import Findings, Watch, WatchedLedger, blameless, lost_jobs
from tests.simulators.clock import FakeClock
from tests.simulators.records import make_instance, make_job, make_spec
from tests.simulators.rental import DEPLOYMENT, VIDEO, Rental, limits_of
from tests.simulators.vast.catalogue import catalogue
from tests.simulators.vast.contracts import Contract
from tests.simulators.vast.world import MarketSettings

TICK_SECONDS = 2.0
"""How far apart the looks of the watch are."""

OTHER_LABELS = (
    *("spotreel/other/1", f"spotreel/{DEPLOYMENT}", f"spotreel/{DEPLOYMENT}ing/1", f"Spotreel/{DEPLOYMENT}/1"),
    *(f" spotreel/{DEPLOYMENT}/1", "somebody else's", "", None),
)
"""Labels that are not ours, however much they look like it."""

_PREFIX = f"spotreel/{DEPLOYMENT}/"
# A new process has no memory of what the one before it asked for, so its first requests may come too fast.
_NEW_PROCESS_SECONDS = 60.0
# After the calm, what may still come back has come back by then, and is to be ended.
_LATEST_RETURN_SECONDS = 600.0
# What somebody else rents with the same account is not to use its credit up.
_CHEAP_USD = 0.3
# Two rounds of everything that looks at jobs.
_UNEXPLAINED_SECONDS = 15.0


def is_ours(contract: Contract) -> bool:
    """Whether a contract carries our label."""
    return (contract.label or "").startswith(_PREFIX)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """How the operator has set it up, and how the market is seeded."""

    seed: int = 1
    min_instances: int = 0
    max_instances: int = 3
    breaker_failures: int = 10
    interruptible: bool = False
    budget: Budget = field(default_factory=Budget)


@dataclass(slots=True)
class _Process:
    life: Life
    fleet: Fleet
    stack: AsyncExitStack
    tasks: list[asyncio.Task[None]]
    ending: asyncio.Task[None] | None = None


class Deployment:
    """Runs on a fake clock, which only `advance` moves; use it as `async with`.

    The same setup and the same calls give the same run: ids come from the seed too.
    """

    def __init__(self, setup: Setup, *, tell: Callable[[str], None] = lambda _: None) -> None:
        """Takes `tell`, which is told what the orchestrator logs."""
        self.setup = setup
        self._tell = tell
        self.clock = FakeClock()
        self.findings = Findings(tell=tell)
        self.ledger = WatchedLedger(
            clock=self.clock,
            max_instances=setup.max_instances,
            budget=setup.budget,
            report=lambda words: self.findings.add(words, words),
        )
        self.rental = Rental(self.clock, settings=MarketSettings(seed=setup.seed), ledger=self.ledger)
        self.market = self.rental.market
        self.cheap_offers = [one.id for one in catalogue(setup.seed) if 0 < one.dph_base < _CHEAP_USD]
        self._limits: dict[str, Any] = {
            "min_instances": setup.min_instances,
            "max_instances": setup.max_instances,
            "breaker_failures": setup.breaker_failures,
        }
        self.watch = Watch(
            market=self.market,
            ledger=self.ledger,
            clock=self.clock,
            limits=limits_of(**self._limits),
            findings=self.findings,
            prefix=_PREFIX,
        )
        self._containers = Containers(market=self.market, links=self.rental.links, clock=self.clock)
        self._process: _Process | None = None
        self._restart_at = 0.0
        self._away = 0.0
        self._started_at = float("-inf")
        self._requests = 0
        self._asked: dict[str, dict[str, Any]] = {}
        self._known: dict[str, str] = {}
        self._others: dict[int, str | None] = {}
        self._ended_by_hand: set[str] = set()
        self._paced = 0
        self._unexplained_since = 0.0
        self.crashes: Counter[str] = Counter()
        self._outer = ExitStack()
        self._log: list[MutableMapping[str, Any]] = []

    async def __aenter__(self) -> Self:
        ids = random.Random(self.setup.seed)
        self._outer.enter_context(mock.patch("servicekit.ids.secrets.randbits", ids.getrandbits))
        self._log = self._outer.enter_context(capture_logs())
        house = make_instance("house", at=self.clock.now(), state=InstanceState.READY, slots=2)
        await self.ledger.add_instance(replace(house, cloud=LOCAL))
        await self._start()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process is not None:
            await self._bury(self._process)
        self._outer.close()

    # --- time ---

    async def advance(self, seconds: float) -> None:
        """Lets time pass; an orchestrator that is not there is started when it is time."""
        end = self.clock.monotonic() + seconds
        while (left := end - self.clock.monotonic()) > 0:
            await self.clock.advance(min(left, TICK_SECONDS))
            await self._attend()
            if self._process is None:
                self.watch.disturbed()
            await self.watch.look()
            self._read_log()
            self._check_market()
            self._check_situation()

    async def _attend(self) -> None:
        """Sees to the process: buries it, ends it, starts the next one."""
        process = self._process
        if process is not None and process.life.killed_at:
            self.crashes[process.life.killed_at] += 1
            self._restart_at = self.clock.monotonic() + self._away
            await self._bury(process)
        elif process is not None and process.ending is not None and process.ending.done():
            await process.ending
            self._process = None
        if self._process is None and self.clock.monotonic() >= self._restart_at:
            await self._start()

    async def _start(self) -> None:
        life = Life()
        stack = AsyncExitStack()
        ledger = life.ledger(self.ledger)
        fleet = await stack.enter_async_context(
            self.rental.fleet(
                ledger=ledger,
                wire=life.wire,
                budget=self.ledger.budget,
                rental=RentalTerms(interruptible=self.setup.interruptible),
                dismiss_idle=True,
                **self._limits,
            )
        )
        dispatcher = Dispatcher(ledger=ledger, containers=self._containers, clock=self.clock, fleet=fleet)
        tasks = [
            asyncio.create_task(dispatcher.run(), name="dispatcher"),
            asyncio.create_task(self._serve(life, fleet), name="clients"),
        ]
        self._process = _Process(life=life, fleet=fleet, stack=stack, tasks=tasks)
        self._started_at = self.clock.monotonic()
        self.watch.disturbed()

    async def _bury(self, process: _Process) -> None:
        """Ends what is left of a process: as after kill -9, none of its calls has any effect."""
        process.life.kill()
        process.life.bury()
        # An orderly end that is cut off may not have come to all of its tasks, or not have begun.
        left = (one for one in asyncio.all_tasks() if one.get_name().startswith("fleet "))
        tasks = [*process.tasks, *sorted(left, key=asyncio.Task.get_name)]
        if process.ending is not None:
            tasks.append(process.ending)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with suppress(Killed):
            await process.stack.aclose()
        self._process = None

    # --- what happens to the orchestrator ---

    def kill(self, *, away: float) -> None:
        """Kills it now; it is started again after so many seconds."""
        if self._process is not None:
            self._away = away
            self._process.life.kill()

    def doom(self, calls: str, *, nth: int, after: bool, away: float) -> None:
        """Lets it die at a call to come, see Life; it is started again after so many seconds."""
        if self._process is not None:
            self._away = away
            self._process.life.doom(calls, nth=nth, after=after)

    async def stop(self, *, away: float) -> None:
        """Ends it in order, which takes time that others have to let pass; machines that are idle end with it."""
        process = self._process
        if process is None or process.ending is not None:
            return
        for task in process.tasks:
            task.cancel()
        await asyncio.gather(*process.tasks, return_exceptions=True)
        self._restart_at = self.clock.monotonic() + away
        process.ending = asyncio.create_task(process.stack.aclose(), name="end of the orchestrator")

    # --- what happens around it ---

    def submit(self, *, copy: bool, placement: Placement, seconds: float, max_attempts: int) -> None:
        """Lets a client ask for a job, until it gets an answer."""
        self._requests += 1
        fields = {"copy": copy, "placement": placement, "seconds": seconds, "max_attempts": max_attempts}
        self._asked[f"request-{self._requests}"] = fields

    async def _serve(self, life: Life, fleet: Fleet) -> None:
        """Takes the requests of clients, as the RPCs do. One whose answer was lost asks again, with the same id."""
        ledger = life.ledger(self.ledger)
        while True:
            for request_id, fields in [*self._asked.items()]:
                job, _ = await ledger.create_job(self._job(**fields), request_id=request_id, fingerprint=b"")
                self._known[request_id] = job.id
                del self._asked[request_id]
                fleet.wake()
            await self.clock.sleep(1.0)

    def _job(self, *, copy: bool, placement: Placement, seconds: float, max_attempts: int) -> Job:
        limits, labels = JobLimits(max_attempts=max_attempts), {SECONDS: str(seconds)}
        spec = replace(make_spec(video=VIDEO, limits=limits), labels=labels, placement=placement)
        if copy:
            output = OutputSpec(video=VideoEncoding(codec=VideoCodec.COPY))
            spec = replace(spec, operation=AddAudio(video=VIDEO, audio=VIDEO), output=output)
        else:
            spec = replace(spec, operation=Caption(video=VIDEO, subtitles=VIDEO))
        return make_job(new_id(self.clock), spec=spec, at=self.clock.now())

    @property
    def answered(self) -> set[str]:
        """The ids of the jobs that clients know of."""
        return set(self._known.values())

    @property
    def ours(self) -> Sequence[Contract]:
        """The contracts that exist and carry our label."""
        return self.rental.ours

    @property
    def rows(self) -> Sequence[Instance]:
        """The rented instances that are not proved to be gone."""
        return self.ledger.rows

    async def drain(self, instance: Instance) -> None:
        """Lets the operator drain an instance that is READY."""
        await self.ledger.change_instance(instance.id, draining)
        self._ring()

    async def end(self, instance: Instance) -> None:
        """Lets the operator end an instance, whatever it is at."""
        self._ended_by_hand.add(instance.id)
        await self.ledger.change_instance(instance.id, lambda one: given_up(one, failure=None))
        self._ring()

    def _ring(self) -> None:
        if self._process is not None:
            self._process.fleet.wake()

    def rent_elsewhere(self, offer_id: int, label: str | None) -> None:
        """Lets somebody else with the same account rent an offer."""
        contract_id = self.market.rent_elsewhere(offer_id, label=label)
        if contract_id is not None:
            self._others[contract_id] = label

    # --- the end ---

    async def end_well(self) -> float:
        """Ends all faults, lets all end, and adds to the findings what should have ended, and has not; returns how many
        seconds that took."""
        calm = await self._calm_down()
        self._tell(f"all is over after {calm:.0f} s of calm")
        await self.advance(_LATEST_RETURN_SECONDS + self.watch.bounds.unclaimed)
        await self._check_end()
        return calm

    async def _calm_down(self) -> float:
        """Ends all faults, lifts the daily budget, keeps no machine, and lets time pass until all is done, at most for
        as long as the bounds allow; returns the seconds that it took."""
        self.market.faults.disarm()
        self.market.set_credit(100.0)
        self.ledger.budget = replace(self.ledger.budget, usd_micros_per_day=0)
        self._limits["min_instances"] = 0
        # The operator's settings count from a start on.
        if self._process is not None:
            await self._bury(self._process)
        self._restart_at = 0.0
        await self.advance(TICK_SECONDS)
        self.watch.limits = limits_of(**self._limits)
        begun = self.clock.monotonic()
        bounds = self.watch.bounds
        limit = bounds.recovery + bounds.launch + self._work_seconds() + bounds.idle + bounds.destroy
        while not self._is_over() and self.clock.monotonic() - begun < limit:
            await self.advance(30.0)
        return self.clock.monotonic() - begun

    async def _check_end(self) -> None:
        if self._asked:
            self.findings.add("unanswered", f"{len(self._asked)} clients never got an answer")
        jobs = [await self.ledger.get_job(one) for one in self._known.values()]
        rows = {one.id: one for one in await self.rental.instances()}
        lost = lost_jobs(jobs)
        self.findings.lost_jobs += len(lost)
        for words in lost + blameless(jobs, gone=self._containers.gone, rows=rows, ended_by_hand=self._ended_by_hand):
            self.findings.add(words, words)
        if len(self.ledger.jobs) != len(self._known):
            self.findings.add("jobs", f"{len(self._known)} jobs were asked for, there are {len(self.ledger.jobs)}")
        for one in self.ours:
            self.findings.add(f"left {one.id}", f"contract {one.id} ({one.label}) is left over")
        for row in self.rows:
            self.findings.add(f"left {row.id}", f"instance {row.id} is left over, {row.state}")

    def _is_over(self) -> bool:
        jobs = self.ledger.jobs
        return not (self._asked or self.ours or self.rows) and all(job.state.final for job in jobs)

    def _work_seconds(self) -> float:
        """Returns how long all the work takes, one job after the other."""
        return sum(float(job.spec.labels[SECONDS]) + TICK_SECONDS * 4 for job in self.ledger.jobs)

    # --- what is checked besides ---

    def _read_log(self) -> None:
        """Nothing that happens may be a surprise to the orchestrator."""
        for entry in self._log:
            event = entry.pop("event")
            words = f"{event} " + " ".join(f"{name}={value}" for name, value in entry.items() if name != "log_level")
            self._tell(words)
            if "exc_info" in entry:
                self.findings.add(event, f"{words}")
        self._log.clear()

    def _check_market(self) -> None:
        if self.market.keys_leaked:
            self.findings.add("key", "the key was sent to where logs lie")
        refused = self.market.refused_for_pace
        if sum(refused.values()) != self._paced:
            self._paced = sum(refused.values())
            if self.clock.monotonic() - self._started_at > _NEW_PROCESS_SECONDS:
                self.findings.add("pace", f"the market refused requests that came too fast: {refused}")
        living = {one.id: one.label for one in self.market.contracts}
        for contract_id, label in self._others.items():
            if contract_id not in living or living[contract_id] != label:
                self.findings.add(f"foreign {contract_id}", f"contract {contract_id} ({label}) was touched")

    def _check_situation(self) -> None:
        """Whoever waits for a machine for a while is told why."""
        now = self.clock.monotonic()
        ready = any(one.state is InstanceState.READY for one in self.rows)
        waiting = any(job.state is JobState.QUEUED and not copies_only(job.spec) for job in self.ledger.jobs)
        process = self._process
        if ready or not waiting or process is None or process.fleet.situation().words:
            self._unexplained_since = now
        elif now - max(self._unexplained_since, self._started_at) > _UNEXPLAINED_SECONDS:
            self.findings.add("unexplained", "jobs wait for a machine, and nobody says why")
