"""Every client passes every scenario, and the table in clients/README.md says which there are."""

import re
from pathlib import Path

import pytest

from clients.conformance.clients import CLIENTS, ROOT, Client
from clients.conformance.scenarios import SCENARIOS, Scenario
from clients.conformance.stage import Stage, Theatre


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
