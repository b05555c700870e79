"""docs/errors.md says what users get; here each of its rows is tried on the real service."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from servicekit.ffmpeg import locate_ffmpeg
from tests.e2e.errors_page.lab import REPOSITORY, Lab, service
from tests.e2e.errors_page.remains import nothing_is_left, worker_has_started
from tests.e2e.errors_page.rental_scenarios import SCENARIOS

_ROW = re.compile(
    r"^\| `(?P<id>[a-z0-9-]+)` \|[^|]+\| (?P<outcome>[^|]+) \| (?P<words>[^|]+) \| (?P<remains>[^|]+) \|$", re.MULTILINE
)


@dataclass(frozen=True)
class Row:
    """A row of the page: its id, the outcome, the whole of the words (`…` stands for anything), and what remains."""

    id: str
    outcome: str
    words: str
    remains: str

    def allows(self, words: str) -> bool:
        """Whether these are the words; of what a program prints, its one line of error counts."""
        if self.outcome.startswith("exit "):
            words = "\n".join(line for line in words.splitlines() if line.startswith("error: "))
        pattern = ".*".join(re.escape(part) for part in self.words.strip().split("…"))
        return re.fullmatch(pattern, words.strip(), re.DOTALL) is not None


ROWS = [Row(**match.groupdict()) for match in _ROW.finditer((REPOSITORY / "docs" / "errors.md").read_text())]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[str, str, Path]]:
    folder = tmp_path_factory.mktemp("service")
    async with service(folder, {"SPOTREEL_FETCH_IDLE_TIMEOUT": "1"}) as (address, key):
        await worker_has_started(folder / "data")
        yield address, key, folder / "data"


def test_every_row_has_a_scenario_and_every_scenario_a_row() -> None:
    assert {row.id for row in ROWS} == set(SCENARIOS)
    assert len(ROWS) == len(SCENARIOS)


def test_every_row_of_the_page_is_read() -> None:
    lines = (REPOSITORY / "docs" / "errors.md").read_text().splitlines()
    assert len(ROWS) == sum(line.startswith("| `") for line in lines)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
async def test_the_page_tells_the_truth(row: Row, running: tuple[str, str, Path], tmp_path: Path) -> None:
    address, key, data = running
    lab = Lab(address=address, api_key=key, data=data, folder=tmp_path, ffmpeg=locate_ffmpeg())
    met = await SCENARIOS[row.id](lab)
    assert met.outcome == row.outcome, met.words
    assert row.allows(met.words), met.words
    await nothing_is_left(data)
