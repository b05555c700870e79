"""A fleet on the simulated marketplace, on one clock and without sockets; its workers answer as long as their container
runs."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx

from orchestrator.cloud.vast.client import VastClient
from orchestrator.cloud.vast.search import RentalTerms
from orchestrator.cloud.vast.vast_cloud import VastCloud, WorkerImage
from orchestrator.dispatch.routing import RentedDemands, Routing
from orchestrator.fleet.instance import Instance, InstanceState
from orchestrator.fleet.launch import Renting
from orchestrator.fleet.limits import FleetLimits, rental_limits
from orchestrator.fleet.loop import Fleet
from orchestrator.fleet.offer_search import OfferSearch
from orchestrator.jobs.job import Job, started, succeeded
from orchestrator.ledger.memory import MemoryLedger
from orchestrator.money.budget import Budget
from orchestrator.offers.requirements import Requirements
from orchestrator.ports import Ledger, WorkerReady, WorkerUnreachable
from servicekit.ids import new_id
from servicekit.media.operations import AddAudio, Caption, UriSource
from servicekit.media.outputs import OutputSpec, VideoCodec, VideoEncoding
from servicekit.wakeup import Wakeup
from tests.simulators.clock import FakeClock
from tests.simulators.cloud import SimulatedLink, SimulatedLinks
from tests.simulators.nvidia.models import ALL_CODECS, GPU_MODELS
from tests.simulators.nvidia.pretence import DRIVER_FLOOR
from tests.simulators.records import make_job, make_output, make_spec
from tests.simulators.vast.contracts import Contract
from tests.simulators.vast.market import Market
from tests.simulators.vast.offers import Offer
from tests.simulators.vast.transport import MarketTransport
from tests.simulators.vast.world import MarketSettings

DEPLOYMENT = "test"
IMAGE = "registry.example/worker:1"
ALL = frozenset(InstanceState)
_UNREACHABLE = frozenset({"dead_worker", "unreachable_port", "exits_at_start"})
VIDEO = UriSource(uri="https://example.invalid/v.mp4")


class AnyCaller:
    """Rented workers take calls from everybody who knows their secret."""

    async def networks(self) -> Sequence[str]:
        return ()


class Rental:
    """The market, a ledger, and what a fleet is made of. `fleet()` may be entered again, as after a crash."""

    def __init__(
        self,
        clock: FakeClock,
        *,
        settings: MarketSettings | None = None,
        offers: Sequence[Offer] | None = None,
        key: str = "test-key",
        ledger: Ledger | None = None,
    ) -> None:
        self.clock = clock
        self.market = Market(clock=clock, settings=settings or MarketSettings(), offers=offers)
        self.ledger: Ledger = ledger or MemoryLedger(clock=clock)
        self.links = MarketLinks(self.market)
        self._key = key

    def cloud(self, http: httpx.AsyncClient, **terms: Any) -> VastCloud:
        """Returns the marketplace as the orchestrator sees it."""
        client = VastClient(http=http, base_url="https://market.invalid", api_key=self._key, clock=self.clock)
        return VastCloud(
            client=client,
            clock=self.clock,
            image=WorkerImage(name=IMAGE, environment={"SPOTREEL_WORKER_DEAD_MAN_TIMEOUT": "600"}),
            terms=RentalTerms(**terms),
            callers=AnyCaller(),
        )

    @asynccontextmanager
    async def marketplace(self, **terms: Any) -> AsyncIterator[VastCloud]:
        """Opens the marketplace alone."""
        async with httpx.AsyncClient(transport=MarketTransport(self.market, clock=self.clock)) as http:
            yield self.cloud(http, **terms)

    @asynccontextmanager
    async def fleet(
        self,
        *,
        budget: Budget | None = None,
        terms: Requirements | None = None,
        rental: RentalTerms | None = None,
        ledger: Ledger | None = None,
        wire: Callable[[httpx.AsyncBaseTransport], httpx.AsyncBaseTransport] = lambda transport: transport,
        dismiss_idle: bool = False,
        **limits: Any,
    ) -> AsyncIterator[Fleet]:
        """Runs a fleet. `limits` change those of rented machines; by default none is kept and at most three exist.

        Its requests go through what `wire` makes of the market's transport.
        """
        books = ledger or self.ledger
        async with httpx.AsyncClient(transport=wire(MarketTransport(self.market, clock=self.clock))) as http:
            cloud = self.cloud(http, **({} if rental is None else {"interruptible": rental.interruptible}))
            renting = Renting(
                market=cloud,
                search=OfferSearch(ledger=books, market=cloud, cloud_name=cloud.name, clock=self.clock),
                terms=terms or Requirements(driver_floor=DRIVER_FLOOR, min_disk_bytes=20_000_000_000),
                budget=budget or Budget(),
                image=IMAGE,
            )
            fleet = Fleet(
                ledger=books,
                cloud=cloud,
                links=self.links,
                clock=self.clock,
                limits=limits_of(**limits),
                deployment=DEPLOYMENT,
                bell=Wakeup(clock=self.clock),
                dispatch_bell=Wakeup(clock=self.clock),
                demands=RentedDemands(ledger=books, routing=Routing(rents=True)),
                renting=renting,
                dismiss_idle=dismiss_idle,
            )
            async with fleet:
                yield fleet

    async def queue(self, *, copy: bool = False, **fields: Any) -> Job:
        """Queues a job: captions, which need an encoder, or a new sound track, which needs none."""
        spec = make_spec(video=VIDEO)
        if copy:
            output = OutputSpec(video=VideoEncoding(codec=VideoCodec.COPY))
            spec = replace(spec, operation=AddAudio(video=VIDEO, audio=VIDEO), output=output)
        else:
            spec = replace(spec, operation=Caption(video=VIDEO, subtitles=VIDEO))
        job = make_job(new_id(self.clock), spec=replace(spec, **fields), at=self.clock.now())
        job, _ = await self.ledger.create_job(job, request_id="", fingerprint=b"")
        return job

    async def assign(self, instance: Instance) -> Job:
        """Lets the first queued job run on an instance."""
        (job, *_) = await self.ledger.queued_jobs(1)
        now = self.clock.now()
        return await self.ledger.change_job(job.id, lambda one: started(one, instance_id=instance.id, now=now))

    async def succeed(self, job: Job) -> Job:
        """Lets a running job succeed."""
        now, output = self.clock.now(), make_output(blob=job.id)
        keep = job.spec.limits.run_timeout
        return await self.ledger.change_job(job.id, lambda one: succeeded(one, output=output, now=now, keep=keep))

    async def until(self, condition: Callable[[], Any], *, seconds: float, step: float = 1.0) -> None:
        """Moves the clock until the condition holds; fails when it does not within so many seconds."""
        waited = 0.0
        while not await _value(condition):
            assert waited < seconds, f"not within {seconds} s"
            await self.clock.advance(step)
            waited += step

    async def through(self, work: Coroutine[Any, Any, None]) -> None:
        """Moves the clock until the work is done."""
        task = asyncio.ensure_future(work)
        while not task.done():
            await self.clock.advance(1)
        await task

    async def instances(self) -> list[Instance]:
        """Returns the rows, the newest first."""
        return await self.ledger.list_instances(states=ALL, limit=1000)

    async def states(self) -> list[InstanceState]:
        """Returns the states of the rows, the newest first."""
        return [one.state for one in await self.instances()]

    async def newest(self) -> Instance:
        """Returns the newest row."""
        return (await self.instances())[0]

    async def is_ready(self) -> bool:
        """Whether an instance is READY."""
        return InstanceState.READY in await self.states()

    @property
    def ours(self) -> tuple[Contract, ...]:
        """The contracts that exist and carry our label."""
        prefix = f"spotreel/{DEPLOYMENT}/"
        return tuple(one for one in self.market.contracts if (one.label or "").startswith(prefix))


class MarketLinks(SimulatedLinks):
    """Links to the workers in the market's containers; they encode what their GPU does."""

    def __init__(self, market: Market) -> None:
        super().__init__(slots=2)
        self._market = market

    def connect(self, instance: Instance) -> SimulatedLink:
        self.open += 1
        return _MarketLink(self, instance, self._market)


class _MarketLink(SimulatedLink):
    def __init__(self, links: MarketLinks, instance: Instance, market: Market) -> None:
        super().__init__(links, instance)
        self._market = market

    async def ready(self, *, timeout: float) -> WorkerReady:
        known = await super().ready(timeout=timeout)
        contract = next((one for one in self._market.contracts if one.label == self._instance.label), None)
        if contract is None or contract.actual != "running" or contract.address is None:
            raise WorkerUnreachable("Nothing listens there.")
        if contract.intended != "running" or _UNREACHABLE & contract.fates.keys():
            raise WorkerUnreachable("Nothing listens there.")
        model = GPU_MODELS.get(contract.offer.gpu_name)
        new_enough = version(contract.driver_version) >= version(DRIVER_FLOOR)
        works = model is not None and new_enough and "no_nvenc_chip" not in contract.fates
        codecs = frozenset(model.codecs) if model is not None and works else frozenset()
        why = "This GPU has no NVENC." if new_enough else "The NVIDIA driver is too old for this FFmpeg."
        objections = dict.fromkeys(ALL_CODECS - codecs, why)
        return replace(known, hardware_codecs=codecs, objections=objections)


def limits_of(**changes: Any) -> FleetLimits:
    """Returns the limits of rented machines with these changes; by default none is kept and at most three exist."""
    sizes = {"min_instances": 0, "max_instances": 3, "jobs_per_instance": 4, "idle_seconds": 0.0}
    limits = rental_limits(**(sizes | {name: changes.pop(name) for name in list(changes) if name in sizes}))
    return replace(limits, **changes)


def version(text: str) -> tuple[int, ...]:
    """Reads a driver version so that versions compare."""
    return tuple(int(part) for part in text.split("."))


async def _value(condition: Callable[[], Any]) -> Any:
    value = condition()
    return await value if hasattr(value, "__await__") else value
