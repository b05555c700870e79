"""Settings come from the environment, lists separated by commas, keys never shown."""

import ipaddress
from pathlib import Path

import pytest
from pydantic import ValidationError

from servicekit.session import SessionIdentity
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


def test_a_session_is_made_of_its_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPOTREEL_WORKER_SESSION_SECRET", "AB" * 32)
    monkeypatch.setenv("SPOTREEL_WORKER_DEPLOYMENT_KEY", "deployment")
    monkeypatch.setenv("SPOTREEL_WORKER_ALLOWED_CALLERS", "198.51.100.7, 2001:db8::/64")
    settings = WorkerSettings()
    server = settings.server()

    assert server.session is not None
    assert server.session.token == SessionIdentity(b"\xab" * 32).token
    assert server.deployment_key == "deployment"
    assert server.allowed_callers == (ipaddress.ip_network("198.51.100.7/32"), ipaddress.ip_network("2001:db8::/64"))
    # A secret alone opens nothing to the outside.
    assert server.listen == "127.0.0.1:3334"
    for shown in (repr(settings), repr(server)):
        assert "ab" * 32 not in shown.lower()
        assert "'deployment'" not in shown


def test_without_a_secret_there_is_no_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPOTREEL_WORKER_SESSION_SECRET", "")
    monkeypatch.setenv("SPOTREEL_WORKER_DEPLOYMENT_KEY", "")
    server = WorkerSettings().server()
    assert (server.session, server.deployment_key, server.listen) == (None, "", "127.0.0.1:3334")


@pytest.mark.parametrize("secret", ["ab" * 31, "ab" * 33, "ab" * 31 + "zz", " " + "ab" * 31 + " "])
def test_a_wrong_secret_is_refused_without_being_shown(secret: str) -> None:
    with pytest.raises(ValidationError, match="64 hex digits") as caught:
        WorkerSettings(session_secret=secret)  # type: ignore[arg-type]
    assert "abab" not in str(caught.value)


@pytest.mark.parametrize("url", ["https://console.vast.ai", "https://example.com:8443/", "http://127.0.0.1:8080"])
def test_a_marketplace_is_known_by_its_host(url: str) -> None:
    assert WorkerSettings(marketplace_url=url).marketplace_url == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    ["", "console.vast.ai", "http://example.com", "https://", "https://a/b", "https://u@a", "https://a?b", "ftp://a"],
)
def test_the_key_of_a_container_goes_nowhere_else(url: str) -> None:
    with pytest.raises(ValidationError, match="must be https://host"):
        WorkerSettings(marketplace_url=url)
