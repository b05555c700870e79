"""The bounds that the documentation states."""

import re
from pathlib import Path

from orchestrator.fleet.limits import rental_limits
from orchestrator.settings import OrchestratorSettings
from tests.properties.fleet.bounds import Bounds

_ROW = re.compile(r"^\| `(\w+)` \| (\d+) \|", re.MULTILINE)


def test_the_documented_bounds_are_those_of_the_default_settings() -> None:
    fields = OrchestratorSettings.model_fields
    sizes = {name: fields[name].default for name in ("min_instances", "max_instances", "jobs_per_instance")}
    limits = rental_limits(**sizes, idle_seconds=fields["idle_timeout"].default)
    bounds = Bounds(limits=limits, together=2 * limits.max_instances)
    page = Path(__file__).parents[3] / "docs" / "lifecycle.md"
    documented = {name: int(seconds) for name, seconds in _ROW.findall(page.read_text())}

    assert set(documented) >= {"destroy", "unclaimed", "unknown", "start", "idle", "recovery"}
    assert documented == {name: round(getattr(bounds, name)) for name in documented}
