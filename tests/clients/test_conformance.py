"""Every client passes every scenario, flaws are noticed, and the table in clients/README.md says which there are."""

import re
import sys
from pathlib import Path

import pytest

from clients.conformance import driver
from clients.conformance.clients import CLIENTS, ROOT, Client
from clients.conformance.scenarios import SCENARIOS, Scenario
from clients.conformance.stage import Stage, Theatre
from tests.clients.flawed_driver import FLAWS


@pytest.mark.timeout(120)
@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
async def test_a_client_passes(house: Theatre, client: Client, scenario: Scenario, tmp_path: Path) -> None:
    await scenario.play(Stage.of(house, client.command, tmp_path))


def test_the_parity_table_is_the_list_of_scenarios() -> None:
    page = (ROOT / "clients/README.md").read_text()
    header, rows = re.search(r"^(\| scenario .*)\n\|[-|]+\n((?:\| `.*\n)+)", page, re.MULTILINE).groups()  # type: ignore[union-attr]
    assert [cell.strip() for cell in header.strip("|").split("|")][2:] == list(CLIENTS)
    assert rows == "".join(
        f"| `{scenario.name}` | {scenario.title} |{' ✓ |' * len(CLIENTS)}\n" for scenario in SCENARIOS.values()
    )


@pytest.mark.parametrize("flaw", FLAWS)
async def test_a_flaw_is_noticed(house: Theatre, flaw: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "_SILENCE_SECONDS", 5)
    scenario, _make = FLAWS[flaw]
    command = (sys.executable, Path(__file__).with_name("flawed_driver.py"), flaw)
    with pytest.raises(driver.Unacceptable):
        await SCENARIOS[scenario].play(Stage.of(house, command, tmp_path))


def test_each_scenario_notices_a_flaw() -> None:
    assert {scenario for scenario, _make in FLAWS.values()} == set(SCENARIOS)
