"""docs/robustness.md names a test for each failure."""

import re
from pathlib import Path

REPOSITORY = Path(__file__).parents[3]
_TEST = re.compile(r"^(?:async )?def (test_\w+)", re.MULTILINE)


def test_every_test_that_the_page_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", (REPOSITORY / "docs" / "robustness.md").read_text()))
    sources = (path.read_text() for path in (REPOSITORY / "tests").rglob("test_*.py"))
    existing = {name for source in sources for name in _TEST.findall(source)}

    assert len(named) > 40
    assert named <= existing, sorted(named - existing)
