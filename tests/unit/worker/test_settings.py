"""Settings come from the environment, lists separated by commas, keys never shown."""

import ipaddress
from pathlib import Path

import pytest

from worker.settings import WorkerSettings


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPOTREEL_WORKER_API_KEYS", "first, second,")
    monkeypatch.setenv("SPOTREEL_WORKER_ALLOWED_NETWORKS", "10.0.0.0/8,fd00::/8")
    monkeypatch.setenv("SPOTREEL_WORKER_FONT_FOLDERS", "/fonts/a,/fonts/b")
    settings = WorkerSettings()

    assert settings.server().api_keys == ("first", "second")
    assert settings.allowed_networks == (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8"))
    assert settings.font_folders == (Path("/fonts/a"), Path("/fonts/b"))
    assert "first" not in repr(settings)


def test_every_setting_has_a_description() -> None:
    assert [name for name, field in WorkerSettings.model_fields.items() if not field.description] == []
