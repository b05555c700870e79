"""Tools that learn the contract by reflection can do so: from the orchestrator and from a worker, in both versions."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

KEY = "key-of-this-test"
BUF = Path(sys.executable).with_name("buf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A process that serves, and what can be asked of it."""

    address: str
    log: Path
    service: str
    method: str
    message: str
    nothing: str

    def was_asked(self, version: str) -> bool:
        """Whether a reflection call of that version has ended well."""
        called = f'"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo"'
        return any(called in line and '"code": "OK"' in line for line in self.log.read_text().splitlines())


@pytest.fixture(params=["orchestrator", "worker"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SPOTREEL_")}
    if request.param == "orchestrator":
        arguments = ["--data-dir", str(tmp_path)]
        environment |= {"SPOTREEL_API_KEY": KEY, "SPOTREEL_LOCAL_WORKERS": "0"}
        service, method, message = "spotreel.orchestrator.v1.JobService", "GetJob", "spotreel.media.v1.Zoom"
        nothing = "jobs/none-such"
    else:
        arguments = ["--work-dir", str(tmp_path)]
        environment |= {"SPOTREEL_WORKER_API_KEYS": KEY}
        service, method, message = "spotreel.worker.v1.WorkerService", "GetTask", "spotreel.worker.v1.Task"
        nothing = "tasks/none-such"
    log = tmp_path / "log"
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", request.param, "--listen", "127.0.0.1:0", *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("listening on "), log.read_text()
        address = line.removeprefix("listening on ").strip()
        yield Server(address=address, log=log, service=service, method=method, message=message, nothing=nothing)
    finally:
        process.terminate()
        process.communicate(timeout=30)


def said(*command: str | Path, status: int = 0) -> str:
    """What a command printed, which has to end with that status."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == status, done.stderr
    return done.stdout + done.stderr


def test_grpcurl_lists_describes_and_calls(server: Server, grpcurl: Path) -> None:
    asking = (grpcurl, "-plaintext", "-H", f"x-api-key: {KEY}", server.address)

    assert {server.service, "grpc.health.v1.Health"} <= set(said(*asking, "list").split())
    assert f"{server.service}.{server.method}" in said(*asking, "list", server.service).split()
    assert f"rpc {server.method} (" in said(*asking, "describe", server.service)
    assert f"rpc {server.method} (" in said(*asking, "describe", f"{server.service}.{server.method}")
    assert f"{server.message} is a message" in said(*asking, "describe", server.message)
    assert "SERVING" in said(*asking, "grpc.health.v1.Health/Check")
    asked = (*asking[:-1], "-d", f'{{"name": "{server.nothing}"}}', server.address)
    # 64 and the code: the call itself was made, and answered.
    assert f'"resource_name": "{server.nothing}"' in said(*asked, f"{server.service}/{server.method}", status=69)
    assert server.was_asked("v1")
    assert not server.was_asked("v1alpha")


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
def test_buf_curl_lists_and_calls_in_each_version(server: Server, version: str) -> None:
    asking = (
        *(BUF, "curl", "--protocol", "grpc", "--http2-prior-knowledge", "--reflect-protocol", f"grpc-{version}"),
        *("-H", f"x-api-key: {KEY}", "--reflect-header", "*"),
    )
    url = f"http://{server.address}"

    assert server.service in said(*asking, url, "--list-services").split()
    assert f"{server.service}/{server.method}" in said(*asking, url, "--list-methods").split()
    request = f'{{"name": "{server.nothing}"}}'
    # The code times 8: the call itself was made, and answered.
    assert "not_found" in said(*asking, "-d", request, f"{url}/{server.service}/{server.method}", status=40)
    other = "v1" if version == "v1alpha" else "v1alpha"
    assert server.was_asked(version)
    assert not server.was_asked(other)
