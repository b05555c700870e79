"""docs/errors.md says what users get; here each of its rows is tried on the real service."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from servicekit.ffmpeg import locate_ffmpeg
from tests.e2e.errors_page.lab import REPOSITORY, Lab, service
from tests.e2e.errors_page.scenarios import SCENARIOS

_ROW = re.compile(r"^\| `(?P<id>[a-z0-9-]+)` \|.*\| (?P<outcome>[^|]+) \| (?P<words>[^|]+) \|$", re.MULTILINE)


@dataclass(frozen=True)
class Row:
    """A row of the page: its id, the outcome and the words it promises (`…` stands for anything)."""

    id: str
    outcome: str
    words: str

    def allows(self, words: str) -> bool:
        pattern = ".*".join(re.escape(part) for part in self.words.split("…"))
        return re.search(pattern, words, re.DOTALL) is not None and bool(words.strip())


ROWS = [Row(**match.groupdict()) for match in _ROW.finditer((REPOSITORY / "docs" / "errors.md").read_text())]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[str, str, Path]]:
    folder = tmp_path_factory.mktemp("service")
    async with service(folder, {"SPOTREEL_FETCH_IDLE_TIMEOUT": "1"}) as (address, key):
        yield address, key, folder / "data"


def test_every_row_has_a_scenario_and_every_scenario_a_row() -> None:
    assert {row.id for row in ROWS} == set(SCENARIOS)
    assert len(ROWS) == len(SCENARIOS)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
async def test_the_page_tells_the_truth(row: Row, running: tuple[str, str, Path], tmp_path: Path) -> None:
    address, key, data = running
    lab = Lab(address=address, api_key=key, data=data, folder=tmp_path, ffmpeg=locate_ffmpeg())
    met = await SCENARIOS[row.id](lab)
    assert met.outcome == row.outcome, met.words
    assert row.allows(met.words), met.words
