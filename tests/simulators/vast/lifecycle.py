"""How an instance lives: null, created, loading, running; and all that ends or interrupts that."""

import random
from collections import deque
from dataclasses import dataclass
from enum import StrEnum

from tests.simulators.vast import words
from tests.simulators.vast.agenda import Agenda, Event
from tests.simulators.vast.book import OfferBook
from tests.simulators.vast.contracts import Contract
from tests.simulators.vast.faults import Faults

# A stopped instance that is restarted has its image already.
_RELOAD_SHARE = 0.1
_REBOOT_SECONDS = 8.0
# After a restart the old `exited` is reported for a while (observed 2026-10).
_RESTART_SHOWS_AFTER = 10.0
_EXPIRED_KEPT_SECONDS = 48 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BootTimes:
    """Seconds that an instance spends in each state on its way to running."""

    scheduling: float = 15.0
    creating: float = 5.0
    loading: float = 90.0


class Work(StrEnum):
    """What the host of a contract has to do."""

    START = "start"
    STOP = "stop"
    FREEZE = "freeze"
    THAW = "thaw"


@dataclass(frozen=True, slots=True)
class Chore:
    """Work for the host, done as soon as somebody can wait for it."""

    work: Work
    contract: Contract


# Faults that are drawn when a contract is made.
_FATES = (
    *("stuck_scheduling", "stuck_loading", "docker_build_error", "pull_error_network", "image_not_found"),
    *("cdi_failure", "exits_at_start", "dead_worker", "no_nvenc_chip", "clock_skew"),
    *("port_missing", "port_null", "unreachable_port"),
)
# Faults that are drawn when it starts to run, and happen so many seconds later as their value says.
_INTERRUPTIONS = ("outbid", "host_offline", "credit_stop", "contract_end")

# What does not happen while the host is away; `online` plans what is left of it.
_ON_THE_HOST = frozenset({"created", "load", "start", "fail_pull", "exit", "show_stop"})


class Lifecycle:
    """Plans and carries out what happens to contracts. Every method is called with all time before it accounted for."""

    def __init__(
        self, *, boot: BootTimes, faults: Faults, book: OfferBook, stop_lag: float, chance: random.Random
    ) -> None:
        """Takes `stop_lag`, the seconds for which a stopped instance still shows that it runs, and the randomness of
        how long each takes, 20 % around what `boot` says."""
        self.living: dict[int, Contract] = {}
        self.history: list[Contract] = []
        self.chores: deque[Chore] = deque()
        self.agenda = Agenda()
        self._boot = boot
        self._faults = faults
        self._book = book
        self._stop_lag = stop_lag
        self._chance = chance
        self._events = {
            "created": self._created,
            "load": self._load,
            "start": self._start,
            "fail_pull": self._fail_pull,
            "exit": self.exit,
            "show_stop": self._show_stop,
            "outbid": self.outbid,
            "host_offline": self.offline,
            "host_comes_back": self.online,
            "contract_end": self.end,
            "auto_resume": self._auto_resume,
            "expire": self.destroy,
            "resurrect": self.resurrect,
        }

    def begin(self, contract: Contract, now: float) -> None:
        """Takes a new contract in, draws its fate, and lets it start unless it was made stopped."""
        for name in _FATES:
            hit = self._faults.hit(name, **contract.circumstances())
            if hit is not None:
                contract.fates[name] = hit.value
        self.living[contract.id] = contract
        contract.shows(None, now)
        self.agenda.plan(contract.end, "contract_end", contract.id, None)
        if contract.intended == "running" and not (contract.offer.dead or "stuck_scheduling" in contract.fates):
            self._plan(contract, now + self._about(self._boot.scheduling), "created")

    def happen(self, event: Event) -> str | None:
        """Carries an event out; returns the name of one that is about more than a contract: credit_stop."""
        contract = self.living.get(event.contract_id) or self._gone(event)
        if contract is None or event.generation not in (None, contract.generation):
            return None
        if event.name == "credit_stop":
            return event.name
        if contract.actual == "offline" and event.name in _ON_THE_HOST:
            return None
        self._events[event.name](contract, event.due)
        return None

    def stop(self, contract: Contract, now: float, *, because: str) -> None:
        """Stops one, although it may be shown as running for a while; its disk is kept."""
        if contract.intended == "stopped":
            return
        self._turn(contract)
        contract.intended = contract.cur_state = contract.next_state = "stopped"
        contract.stopped_because, contract.queued = because, False
        self.chores.append(Chore(Work.STOP, contract))
        if contract.actual is not None:
            self._plan(contract, now + self._stop_lag, "show_stop")

    def start(self, contract: Contract, now: float) -> bool:
        """Starts one that is stopped; returns False where its GPUs are taken, and it waits for them."""
        if contract.intended == "running":
            return True
        free = self._book.free_gpus(contract.offer.machine_id, self.living.values())
        if free < contract.offer.num_gpus or now >= contract.end:
            contract.queued = now < contract.end
            return False
        self._turn(contract)
        contract.intended = contract.next_state = "running"
        contract.stopped_because, contract.queued = "", False
        contract.loading_seconds = self._boot.loading * _RELOAD_SHARE
        self._plan(contract, now + _RESTART_SHOWS_AFTER, "load" if contract.actual is not None else "created")
        return True

    def start_queued(self, now: float) -> None:
        """Starts those that wait for GPUs which have become free."""
        for contract in list(self.living.values()):
            if contract.queued:
                self.start(contract, now)

    def loaded(self, contract: Contract, now: float) -> None:
        """The image of one that is stuck is there after all."""
        contract.fates.pop("stuck_loading", None)
        if contract.actual == "loading":
            self._turn(contract)
            self._start(contract, now)

    def reboot(self, contract: Contract, now: float) -> None:
        """Stops and starts the container in place."""
        self._turn(contract)
        contract.shows("rebooting", now)
        self.chores.append(Chore(Work.STOP, contract))
        self._plan(contract, now + _REBOOT_SECONDS, "start")

    def recycle(self, contract: Contract, now: float) -> None:
        """Makes the container anew from its image, on the same GPUs."""
        self._turn(contract)
        self.chores.append(Chore(Work.STOP, contract))
        contract.loading_seconds = self._boot.loading * _RELOAD_SHARE
        self._load(contract, now)

    def destroy(self, contract: Contract, now: float) -> None:
        """Ends it for ever; unless a fault brings it back."""
        self._turn(contract)
        self._release(contract)
        contract.destroyed = now
        self.chores.append(Chore(Work.STOP, contract))
        del self.living[contract.id]
        self.history.append(contract)
        hit = self._faults.hit("resurrect", **contract.circumstances())
        if hit is not None:
            self._plan(contract, now + float(hit.value), "resurrect")

    def resurrect(self, contract: Contract, now: float) -> None:
        """Brings a destroyed one back, as if nobody had said anything."""
        if contract.destroyed is None:
            return
        self._turn(contract)
        self.history.remove(contract)
        self.living[contract.id] = contract
        contract.destroyed = None
        contract.returned += 1
        if contract.intended == "running":
            contract.loading_seconds = self._boot.loading * _RELOAD_SHARE
            self._load(contract, now)

    def exit(self, contract: Contract, now: float) -> None:
        """Its process has ended."""
        self._turn(contract)
        self.chores.append(Chore(Work.STOP, contract))
        contract.cur_state = "stopped"
        contract.shows("exited", now)

    def outbid(self, contract: Contract, now: float) -> None:
        """Somebody else gets its GPUs."""
        if contract.intended == "stopped":
            return
        self.stop(contract, now, because="outbid")
        contract.preempted = True
        self._book.others[contract.offer.machine_id] += contract.offer.num_gpus
        hit = self._faults.hit("auto_resume", **contract.circumstances())
        if hit is not None:
            self._plan(contract, now + float(hit.value), "auto_resume")

    def offline(self, contract: Contract, now: float) -> None:
        """Its host goes away, and with it all that bills."""
        if contract.actual == "offline":
            return
        self._turn(contract)
        contract.before_offline = contract.actual
        contract.shows("offline", now)
        self.chores.append(Chore(Work.FREEZE, contract))
        hit = self._faults.hit("host_comes_back", **contract.circumstances())
        if hit is not None:
            self.agenda.plan(now + float(hit.value), "host_comes_back", contract.id, None)

    def online(self, contract: Contract, now: float) -> None:
        """Its host is back, and what ran goes on."""
        if contract.actual != "offline":
            return
        before = contract.before_offline
        contract.shows(before, now)
        if before == "running":
            self.chores.append(Chore(Work.THAW, contract))
            if contract.intended == "stopped":
                self._plan(contract, now + self._stop_lag, "show_stop")
        elif contract.intended == "running":
            self._plan(contract, now, "created" if before is None else "load")

    def end(self, contract: Contract, now: float) -> None:
        """The host's offer ends: it is stopped, and deleted two days later."""
        contract.end = min(contract.end, now)
        self.stop(contract, now, because="end")
        contract.stopped_because = "end"
        self.agenda.plan(now + _EXPIRED_KEPT_SECONDS, "expire", contract.id, None)

    def resume(self, contract: Contract, now: float) -> bool:
        """Gives one that was outbid its GPUs back; returns whether it starts."""
        if not contract.preempted:
            return False
        self._release(contract)
        return self.start(contract, now)

    def _auto_resume(self, contract: Contract, now: float) -> None:
        self.resume(contract, now)

    def _created(self, contract: Contract, now: float) -> None:
        contract.shows("created", now)
        contract.cur_state = "stopped"
        contract.words = None
        contract.loading_seconds = self._about(self._boot.loading)
        self._plan(contract, now + self._boot.creating, "load")

    def _load(self, contract: Contract, now: float) -> None:
        contract.shows("loading", now)
        contract.words = None
        fates = contract.fates
        if "docker_build_error" in fates:
            contract.words = words.DOCKER_BUILD_ERROR
            contract.intended, contract.stopped_because = "stopped", "build_error"
        elif "pull_error_network" in fates or "image_not_found" in fates:
            self._plan(contract, now + contract.loading_seconds / 2, "fail_pull")
        elif "stuck_loading" not in fates:
            self._plan(contract, now + contract.loading_seconds, "start")

    def _fail_pull(self, contract: Contract, now: float) -> None:
        missing = contract.fates.get("image_not_found")
        image = contract.order.image
        contract.words = words.PULL_ERROR if not missing else words.IMAGE_NOT_FOUND.format(words=missing, image=image)
        contract.cur_state = "stopped"

    def _start(self, contract: Contract, now: float) -> None:
        if "cdi_failure" in contract.fates:
            contract.words = words.CDI_FAILURE.format(id=contract.id)
            contract.cur_state = "stopped"
            contract.shows("created", now)
            return
        contract.words = words.success(contract)
        contract.cur_state = "running"
        contract.shows("running", now)
        self.chores.append(Chore(Work.START, contract))
        if "exits_at_start" in contract.fates:
            self._plan(contract, now + float(contract.fates["exits_at_start"]), "exit")
        self._plan_interruptions(contract, now)

    def _plan_interruptions(self, contract: Contract, now: float) -> None:
        for name in _INTERRUPTIONS:
            hit = self._faults.hit(name, **contract.circumstances())
            if hit is not None:
                self._plan(contract, now + float(hit.value), name)

    def _show_stop(self, contract: Contract, now: float) -> None:
        contract.words = words.STOPPED.get(contract.stopped_because)
        contract.shows("exited", now)

    def _gone(self, event: Event) -> Contract | None:
        """Returns a destroyed contract for the one event that can happen to it."""
        if event.name != "resurrect":
            return None
        return next((one for one in self.history if one.id == event.contract_id), None)

    def _plan(self, contract: Contract, due: float, name: str) -> None:
        self.agenda.plan(due, name, contract.id, contract.generation)

    @staticmethod
    def _turn(contract: Contract) -> None:
        contract.generation += 1

    def _release(self, contract: Contract) -> None:
        """Whoever had taken the GPUs of one that was outbid lets them go."""
        if contract.preempted:
            contract.preempted = False
            self._book.others[contract.offer.machine_id] -= contract.offer.num_gpus

    def _about(self, seconds: float) -> float:
        return seconds * self._chance.uniform(0.8, 1.2)
