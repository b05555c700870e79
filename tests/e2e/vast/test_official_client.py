"""The marketplace's own client, SDK and command line, works against the simulator as it does against the real one."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.simulators.vast.clock import ScaledClock
from tests.simulators.vast.market import Market
from tests.simulators.vast.server import MarketServer
from tests.simulators.vast.world import MarketSettings

BOOTED_SECONDS = 200.0
COMMAND_SECONDS = 40.0


@dataclass(frozen=True, slots=True)
class Shop:
    """A market behind a port, and its two official clients, with nothing of this machine's user in reach."""

    market: Market
    clock: ScaledClock
    url: str
    home: Path

    async def sdk(self, call: Callable[[Any], Any]) -> Any:
        """Calls the SDK, which blocks."""
        from vastai import VastAI  # type: ignore[import-untyped]

        return await asyncio.to_thread(call, VastAI(api_key="test-key", server_url=self.url))

    async def command(self, *words: str, raw: bool = True) -> Any:
        """Runs the command line; returns its JSON, or what it printed."""
        program = Path(sys.executable).with_name("vastai")
        options = ["--url", self.url, "--api-key", "test-key", *(["--raw"] if raw else [])]
        process = await asyncio.create_subprocess_exec(
            program,
            *words[:2],
            *options,
            *words[2:],
            env=self.environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(COMMAND_SECONDS):
            printed, complaints = await process.communicate()
        assert process.returncode == 0, complaints.decode()
        return json.loads(printed) if raw else printed.decode()

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": str(self.home / "config"),
            "XDG_CACHE_HOME": str(self.home / "cache"),
            "VAST_URL": self.url,
            "VASTAI_NO_UPDATE_CHECK": "1",
        }

    async def booted(self) -> None:
        """Lets the time pass that a start takes at most."""
        await self.clock.advance(BOOTED_SECONDS)
        await self.market.settle()


@asynccontextmanager
async def opened(home: Path, *, speed: float = 1.0, pacing: bool = False) -> AsyncIterator[Shop]:
    clock = ScaledClock(speed=speed)
    market = Market(clock=clock, settings=MarketSettings(pacing=pacing))
    async with market, MarketServer(market, clock=clock) as server:
        yield Shop(market, clock, server.url, home)


@pytest.fixture
async def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shop]:
    async with opened(tmp_path) as shop:
        # The SDK runs in this process, and looks for files of its user as soon as it is imported.
        for name, value in shop.environment.items():
            monkeypatch.setenv(name, value)
        yield shop


QUERY = "gpu_name=RTX_4090 num_gpus=1 direct_port_count>=1 dph_total<=0.6 gpu_ram>=10 duration>1"


async def cheapest(shop: Shop) -> int:
    rows = await shop.sdk(lambda sdk: sdk.search_offers(query=QUERY, order="dph_total+", limit=3, storage=20.0))
    return int(rows[0]["id"])


async def rented(shop: Shop, label: str = "orch-1") -> int:
    offer = await cheapest(shop)
    env = {"-p 3334:3334": "1", "MODE": "x"}
    answer = await shop.sdk(
        lambda sdk: sdk.create_instance(
            offer, image="ghcr.io/me/worker:1", disk=20, env=env, label=label, runtype="args", args=["--slots", "1"]
        )
    )
    assert answer["success"] is True
    return int(answer["new_contract"])


async def test_the_sdk_searches(shop: Shop) -> None:
    rows = await shop.sdk(lambda sdk: sdk.search_offers(query=QUERY, order="dph_total+", limit=5, storage=20.0))
    assert 1 <= len(rows) <= 5
    for row in rows:
        assert (row["gpu_name"], row["num_gpus"], row["direct_port_count"] >= 1) == ("RTX 4090", 1, True)
        assert row["dph_total"] == pytest.approx(row["dph_base"] + row["storage_cost"] * 20 / 720)
        assert row["dph_total"] <= 0.6
    assert [row["dph_total"] for row in rows] == sorted(row["dph_total"] for row in rows)


async def test_the_sdk_rents_shows_labels_and_destroys(shop: Shop) -> None:
    contract = await rented(shop)
    await shop.booted()
    row = await shop.sdk(lambda sdk: sdk.show_instance(contract))
    assert (row["actual_status"], row["label"], row["image_args"]) == ("running", "orch-1", ["--slots", "1"])
    assert row["extra_env"] == {"-p 3334:3334": "1", "MODE": "x"}
    assert row["ports"]["3334/tcp"][0]["HostPort"].isdecimal()
    await shop.sdk(lambda sdk: sdk.label_instance(contract, "orch-2"))
    (listed,) = await shop.sdk(lambda sdk: sdk.show_instances())
    assert (listed["id"], listed["label"]) == (contract, "orch-2")
    assert (await shop.sdk(lambda sdk: sdk.destroy_instance(contract)))["success"] is True
    assert await shop.sdk(lambda sdk: sdk.show_instance(contract)) is None
    assert [one.id for one in shop.market.history] == [contract]


async def test_the_sdk_follows_pages(shop: Shop) -> None:
    def rent_thirty(sdk: Any) -> None:
        for row in sdk.search_offers(query="num_gpus=1", limit=64)[:30]:
            sdk.create_instance(row["id"], image="x:1", disk=8)

    await shop.sdk(rent_thirty)
    assert len(await shop.sdk(lambda sdk: sdk.show_instances())) == len(shop.market.contracts) > 25


async def test_the_sdk_reads_the_account_and_its_charges(shop: Shop) -> None:
    contract = await rented(shop)
    await shop.booted()
    await shop.sdk(lambda sdk: sdk.destroy_instance(contract))
    user = await shop.sdk(lambda sdk: sdk.show_user())
    assert ("api_key" in user, user["credit"]) == (False, pytest.approx(25 - shop.market.billed_usd_micros() / 1e6))
    body = await shop.sdk(lambda sdk: sdk.show_invoices_v1(charges=True, end_date=int(shop.clock.now().timestamp())))
    assert [row["source"] for row in body["results"]] == [f"instance-{contract}"]
    assert sum(row["amount"] for row in body["results"]) * 1e6 == pytest.approx(shop.market.billed_usd_micros(), abs=1)


async def test_the_sdk_reads_logs(shop: Shop) -> None:
    contract = await rented(shop)
    await shop.booted()
    text = await shop.sdk(lambda sdk: sdk.logs(contract, tail="50"))
    assert f"C.{contract}" in text
    assert shop.market.keys_leaked == 0


async def test_the_sdk_raises_what_is_refused(shop: Shop) -> None:
    import requests

    with pytest.raises(requests.HTTPError, match="404"):
        await shop.sdk(lambda sdk: sdk.create_instance(404, image="x:1"))
    shop.market.faults.arm("bad_gateway", times=1)
    # The official client asks again by itself after a 502.
    assert await shop.sdk(lambda sdk: sdk.show_instances()) == []
    assert shop.market.faults["bad_gateway"].fired == 1


async def test_the_sdk_waits_where_it_is_told_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(tmp_path, speed=20, pacing=True) as shop:
        for name, value in shop.environment.items():
            monkeypatch.setenv(name, value)
        for _ in range(4):
            assert await shop.sdk(lambda sdk: sdk.show_instances()) == []
        shop.market.faults.arm("rate_limit_retry_after", value=1)
        assert await shop.sdk(lambda sdk: sdk.show_instances()) == []
        assert shop.market.faults["rate_limit_retry_after"].fired == 1


@pytest.mark.parametrize(
    "options",
    [
        ["-o", "dph_total+", "--limit", "3", "--storage", "20"],
        ["-n", "--type", "bid", "--limit", "3"],
        ["--new", "--limit", "3"],
    ],
)
async def test_the_command_searches(shop: Shop, options: list[str]) -> None:
    query = QUERY.replace(
        "duration", "cuda_max_good>=12.2 driver_version>=535.86.05 geolocation notin [XX,YY] duration"
    )
    rows = await shop.command("search", "offers", query, *options)
    assert 1 <= len(rows) <= 3
    assert {(row["gpu_name"], row["num_gpus"]) for row in rows} == {("RTX 4090", 1)}
    assert {row["is_bid"] for row in rows} == {"bid" in options}


async def test_the_command_shows_offers_as_a_table(shop: Shop) -> None:
    assert "RTX_4090" in await shop.command("search", "offers", QUERY, "--limit", "3", raw=False)


async def test_the_command_goes_all_the_way(shop: Shop) -> None:
    offer = str(await cheapest(shop))
    order = ["--image", "ghcr.io/me/worker:1", "--disk", "20", "--label", "orch-1"]
    order += ["--env", "-p 3334:3334 -e TOKEN=abc", "--args", "--slots", "1"]
    made = await shop.command("create", "instance", offer, *order)
    contract = str(made["new_contract"])
    await shop.booted()
    (listed,) = await shop.command("show", "instances")
    assert (str(listed["id"]), listed["actual_status"]) == (contract, "running")
    assert listed["extra_env"] == {"-p 3334:3334": "1", "TOKEN": "abc"}
    assert (await shop.command("show", "instance", contract))["image_args"] == ["--slots", "1"]
    assert "orch-2" in await shop.command("label", "instance", contract, "orch-2", raw=False)
    assert f"C.{contract}" in await shop.command("logs", contract, "--tail", "50", raw=False)
    assert (await shop.command("show", "user"))["credit"] < 25
    await shop.command("destroy", "instance", contract, "-y", raw=False)
    assert await shop.command("show", "instances") == []
    assert ([one.label for one in shop.market.history], shop.market.keys_leaked) == (["orch-2"], 0)


async def test_the_command_changes_what_runs(shop: Shop) -> None:
    offer = str(await cheapest(shop))
    made = await shop.command(
        "create", "instance", offer, "--image", "x:1", "--disk", "20", "--bid_price", "0.5", "--args", "-c", "echo hi"
    )
    contract = str(made["new_contract"])
    await shop.booted()
    assert "changed" in await shop.command("change", "bid", contract, "--price", "0.6", raw=False)
    assert "starting" in await shop.command("start", "instance", contract, raw=False)
    assert "stopping" in await shop.command("stop", "instance", contract, raw=False)
    (one,) = shop.market.contracts
    assert (one.price, one.intended) == (0.6, "stopped")
    table = await shop.command("show", "instances", raw=False)
    assert "RTX 4090" in table
