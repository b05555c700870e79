"""What the client takes from the contract: the service config, the address, the status."""

import importlib
import inspect
import json
from importlib import resources
from pathlib import Path

import pytest
from google.protobuf.descriptor import MethodDescriptor
from spotreel import AsyncClient, Client, errors
from spotreel.channel import Endpoint
from spotreel.errors import InvalidRequest
from spotreel.extras import missing_distributions
from spotreel.jobs import progress_of
from spotreel.operations import duration_of
from spotreel.orchestrator.v1.job_pb2 import Job
from spotreel.progress import Step
from spotreel.service_config import service_config_json

_SERVICES = ("orchestrator.v1.job", "orchestrator.v1.asset", "orchestrator.v1.instance", "orchestrator.v1.offer")


def _methods() -> list[MethodDescriptor]:
    found = []
    for name in (*_SERVICES, "worker.v1.worker"):
        descriptor = importlib.import_module(f"spotreel.{name}_service_pb2").DESCRIPTOR
        for service in descriptor.services_by_name.values():
            found += service.methods
    return found


def test_the_package_ships_the_service_config_of_the_contract() -> None:
    root = Path(__file__).parents[3]
    assert service_config_json() == (root / "protos/service_config.json").read_text()


def test_every_unary_method_has_a_timeout_and_retries_and_no_stream_has() -> None:
    configured = {
        f"{name['service']}.{name['method']}": entry
        for entry in json.loads(service_config_json())["methodConfig"]
        for name in entry["name"]
    }
    for method in _methods():
        if method.client_streaming or method.server_streaming:
            assert method.full_name not in configured
        else:
            entry = configured.pop(method.full_name)
            assert entry["timeout"].endswith("s")
            assert entry["retryPolicy"]["retryableStatusCodes"] == ["UNAVAILABLE"]
    assert configured == {}


def test_the_blocking_client_has_all_that_the_async_one_has() -> None:
    def offered(client: type) -> dict[str, list[str]]:
        public = {name: value for name, value in inspect.getmembers(client) if not name.startswith("_")}
        return {
            name: list(inspect.signature(value).parameters) if callable(value) else [] for name, value in public.items()
        }

    assert offered(Client) == offered(AsyncClient)
    assert inspect.signature(Client).parameters.keys() == inspect.signature(AsyncClient).parameters.keys()


@pytest.mark.parametrize(
    ("server", "target", "tls"),
    [
        ("127.0.0.1:5000", "127.0.0.1:5000", False),
        ("localhost", "localhost:50051", False),
        ("[::1]:5000", "[::1]:5000", False),
        ("::1", "[::1]:50051", False),
        ("video.example.com", "video.example.com:443", True),
        ("video.example.com:8443", "video.example.com:8443", True),
        ("http://10.0.0.7:50051", "10.0.0.7:50051", False),
        ("https://127.0.0.1:5000/", "127.0.0.1:5000", True),
        ("2001:db8::7", "[2001:db8::7]:443", True),
    ],
)
def test_only_this_machine_is_spoken_to_without_tls_unless_asked(server: str, target: str, tls: bool) -> None:
    endpoint = Endpoint.resolve(server)
    assert (endpoint.target, endpoint.tls) == (target, tls)
    assert Endpoint.resolve(server, tls=not tls).tls is not tls


def test_the_key_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPOTREEL_SERVER", "localhost")
    monkeypatch.setenv("SPOTREEL_API_KEY", "secret-key")
    endpoint = Endpoint.resolve()

    assert endpoint.metadata == (("authorization", "Bearer secret-key"),)
    assert "secret-key" not in repr(endpoint)


@pytest.mark.parametrize("server", ["", "ftp://a:1", "https://"])
def test_an_address_that_is_none_is_refused(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPOTREEL_SERVER", raising=False)
    with pytest.raises(errors.InvalidRequest):
        Endpoint.resolve(server)


def test_a_stage_of_a_newer_server_counts_as_waiting() -> None:
    job = Job(name="jobs/a", state=Job.STATE_RUNNING)
    job.progress.MergeFromString(b"\x08\x63")

    assert progress_of(job).step is Step.WAITING


def test_the_extras_are_read_from_the_package() -> None:
    assert missing_distributions("all") == []
    assert missing_distributions("no-such-extra") == []


def test_the_samples_come_with_their_attribution() -> None:
    samples = resources.files("spotreel").joinpath("samples")
    names = {entry.name for entry in samples.iterdir()}

    assert {"bigbuckbunny.mp4", "bigbuckbunny.jpg", "bigbuckbunny.srt", "ATTRIBUTION.md"} <= names
    assert "Blender Foundation" in samples.joinpath("ATTRIBUTION.md").read_text()


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), 1e20])
def test_a_time_that_is_none_is_an_invalid_request(seconds: float) -> None:
    with pytest.raises(InvalidRequest, match="no time"):
        duration_of(seconds)


@pytest.mark.parametrize("server", ["bad host:xx", "host:xx", "host:70000", "a:b:c", "user@host", "http://host/path"])
def test_what_is_no_server_is_refused(server: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        Endpoint.resolve(server)
    assert caught.value.reason == "SERVER_INVALID"


@pytest.mark.parametrize("key", ["line\nbreak", "schlüssel"])
def test_a_key_that_cannot_be_sent_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(InvalidRequest, match="printable ASCII") as caught:
        Endpoint.resolve("localhost", api_key=key)
    assert key not in str(caught.value)
