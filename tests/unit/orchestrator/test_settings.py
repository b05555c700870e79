"""Settings: where they come from, what goes before what, what is refused."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from orchestrator.settings import OrchestratorSettings
from tools.settings_table import settings_table


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LISTEN", "API_KEY", "API_KEYS", "DATA_DIR", "STORAGE_URL", "LEDGER_URL", "LOCAL_WORKERS"):
        monkeypatch.delenv(f"SPOTREEL_{name}", raising=False)


def test_options_go_before_the_environment_and_that_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "spotreel.env"
    config.write_text("# ours\nSPOTREEL_LISTEN=127.0.0.1:1\nSPOTREEL_LOCAL_WORKERS=1\nSPOTREEL_MAX_QUEUED_JOBS=7\n")
    monkeypatch.setenv("SPOTREEL_LISTEN", "127.0.0.1:2")
    monkeypatch.setenv("SPOTREEL_LOCAL_WORKERS", "2")
    settings = OrchestratorSettings.load(config, listen="127.0.0.1:3")
    assert (settings.listen, settings.local_workers, settings.max_queued_jobs) == ("127.0.0.1:3", 2, 7)


def test_everything_is_kept_below_the_data_folder_unless_said_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    settings = OrchestratorSettings.load(None)
    assert settings.ledger_path == tmp_path / "spotreel/ledger.sqlite"
    assert settings.storage_place == str(tmp_path / "spotreel/blobs")
    moved = OrchestratorSettings.load(None, ledger_url=f"sqlite:///{tmp_path}/l", storage_url="s3://bucket/x")
    assert moved.ledger_path == tmp_path / "l"
    assert moved.storage_place == "s3://bucket/x"


def test_keys_come_from_both_variables_and_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPOTREEL_API_KEYS", "first, second,")
    monkeypatch.setenv("SPOTREEL_API_KEY", "third")
    settings = OrchestratorSettings.load(None)
    assert settings.server().api_keys == ("first", "second", "third")
    assert "first" not in repr(settings)
    assert "third" not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("local_workers", "-1"),
        ("local_workers", "many"),
        ("allowed_networks", "10.0.0.0/99"),
        ("ledger_url", "postgresql://host/db"),
        ("log_level", "loud"),
        ("max_queued_jobs", "0"),
        ("job_retention", "1"),
        ("budget_usd_per_day", "inf"),
        ("offer_min_hours", "nan"),
        ("public_addresses", "nonsense"),
        ("public_addresses", "10.0.0.5/8"),
        ("public_addresses", "any,1.2.3.4"),
        ("vast_url", "http://example.com"),
        ("vast_api_key", "with a\nnewline"),
        ("deployment_key", "ключ"),
    ],
)
def test_a_wrong_value_is_refused_by_the_name_of_its_setting(name: str, value: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        OrchestratorSettings.load(None, **{name: value})
    assert {problem["loc"][0] for problem in caught.value.errors()} == {name}


def test_each_setting_is_in_the_table_with_a_meaning() -> None:
    table = settings_table(OrchestratorSettings)
    for name, field in OrchestratorSettings.model_fields.items():
        assert f"`SPOTREEL_{name.upper()}`" in table
        assert field.description
