"""A real orchestrator that rents at the simulated marketplace, whose instances are real workers."""

import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from spotreel import AsyncClient
from spotreel.orchestrator.v1.instance_pb2 import Instance

from tests.robustness.deployment import Deployment, deployed, until
from tests.simulators.renting import open_market, rental_settings
from tests.simulators.vast.contracts import Contract
from tests.simulators.vast.lifecycle import BootTimes
from tests.simulators.vast.market import Market

BOOT = BootTimes(scheduling=0.3, creating=0.3, loading=0.6)
# What a test may take on a machine that is busy with other things: one is a story of several machines.
SECONDS = 240


class Renting:
    """An orchestrator, and the marketplace where it rents. Its workers' FFmpegs can be held back as its own can."""

    def __init__(self, deployment: Deployment, market: Market, url: str) -> None:
        self.deployment = deployment
        self.market = market
        self.url = url

    def settings(self, *, idle_seconds: float = 1.0, **others: str) -> None:
        """Sets what the next start gets. No worker runs beside the orchestrator: what there is to do is rented for."""
        ours = rental_settings(self.url, deployment=f"test-{os.getpid()}", idle_seconds=idle_seconds)
        given = {"local_workers": "0"} | others
        self.deployment.environment = ours | {f"SPOTREEL_{name.upper()}": value for name, value in given.items()}

    def client(self) -> AsyncClient:
        """A client of the orchestrator that runs just now."""
        return AsyncClient(self.deployment.address, tls=False)

    async def encoding(self) -> tuple[str, Path]:
        """Starts the orchestrator and a job, and returns when its encode is held back: its name, and what holds it."""
        hold = self.deployment.hold("encode")
        await self.deployment.start()
        name = await self.deployment.create_job()
        await self.deployment.held("encode")
        return name, hold

    async def instances(self) -> list[Instance]:
        """The rows of rented instances, the newest first, those that are gone too."""
        async with self.client() as client:
            return await _rented(client)

    async def newest_is(self, state: Instance.State.ValueType) -> Instance:
        """Returns the newest instance once it is in this state."""
        found: list[Instance] = []
        async with self.client() as client:

            async def is_so() -> bool:
                found[:] = (await _rented(client))[:1]
                return bool(found) and found[0].state == state

            # Each look is work for an orchestrator that has other things to do.
            await until(is_so, pause=0.1)
        return found[0]

    async def contract(self, condition: Callable[[Contract], bool] = lambda _: True) -> Contract:
        """Returns a contract that exists, once the condition holds for one."""
        await until(lambda: any(condition(one) for one in self.market.contracts))
        return next(one for one in self.market.contracts if condition(one))

    def logs(self) -> list[Path]:
        """The logs of all rented workers."""
        return list((self.deployment.folder / "market").glob("*.log"))

    async def killed_and_started(self) -> None:
        """Kills the orchestrator and starts it again."""
        await self.deployment.end(signal.SIGKILL)
        await self.deployment.start()

    async def drained(self) -> None:
        """Lets all machines go that take work, and returns when nothing is left: sooner than they would be idle."""
        async with self.client() as client:
            for instance in await _rented(client):
                if instance.state == Instance.STATE_READY:
                    await client.drain_instance(instance.name)
        await self.nothing_is_left()

    async def nothing_is_left(self) -> None:
        """Returns when nothing bills, and the ledger knows it."""
        await until(lambda: not self.market.contracts)
        async with self.client() as client:

            async def is_so() -> bool:
                return all(one.state == Instance.STATE_DESTROYED for one in await _rented(client))

            await until(is_so, pause=0.1)


async def _rented(client: AsyncClient) -> list[Instance]:
    states = [state for state in Instance.State.values() if state != Instance.STATE_UNSPECIFIED]
    return [one async for one in client.list_instances(states=states) if one.HasField("offer")]


@pytest.fixture
async def renting(tmp_path: Path) -> AsyncIterator[Renting]:
    async with (
        deployed(tmp_path) as deployment,
        open_market(tmp_path / "market", boot=BOOT, ffmpeg=deployment.ffmpeg) as (market, url),
    ):
        renting = Renting(deployment, market, url)
        renting.settings()
        yield renting
        # The market's containers end with it, and nothing may hold them back.
        for hold in tmp_path.glob("hold-*"):
            hold.unlink()
