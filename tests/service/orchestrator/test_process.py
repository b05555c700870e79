"""The orchestrator as a process: how it starts, what it says when it cannot, how it ends."""

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import grpc
import pytest
from spotreel.orchestrator.v1.job_service_pb2 import ListJobsRequest
from spotreel.orchestrator.v1.job_service_pb2_grpc import JobServiceStub

Start = Callable[..., subprocess.Popen[str]]


@contextmanager
def orchestrator(*arguments: str, **settings: str) -> Iterator[subprocess.Popen[str]]:
    """Starts one without workers; it ends with its stdin."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SPOTREEL_")}
    environment = inherited | {"SPOTREEL_LOCAL_WORKERS": "0"} | settings
    command = [sys.executable, "-m", "orchestrator", "--exit-with-stdin", *arguments]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen(command, env=environment, text=True, **pipes)  # type: ignore[call-overload]
    try:
        yield process
    finally:
        process.communicate(timeout=20)


def wait_until_listening(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    match = re.fullmatch(r"listening on (.*)\n", line)
    assert match is not None, line
    return match[1]


def refused(*arguments: str, **settings: str) -> tuple[int, str]:
    """Starts one that must not come up; returns its status and what it said on stderr but logs."""
    with orchestrator(*arguments, **settings) as process:
        _, errors = process.communicate(timeout=20)
    return process.returncode, "".join(line for line in errors.splitlines(keepends=True) if not line.startswith("{"))


def test_it_serves_says_where_and_ends_with_its_stdin(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    options = ["--listen", "127.0.0.1:0", "--data-dir", str(tmp_path / "data"), "--ready-file", str(ready)]
    with orchestrator(*options, SPOTREEL_API_KEY="sesame") as process:
        address = wait_until_listening(process)
        with closing(grpc.insecure_channel(address)) as channel:
            metadata = (("authorization", "Bearer sesame"),)
            assert not JobServiceStub(channel).ListJobs(ListJobsRequest(), timeout=10, metadata=metadata).jobs
            with pytest.raises(grpc.RpcError, match="needs an API key"):
                JobServiceStub(channel).ListJobs(ListJobsRequest(), timeout=10)
        assert json.loads(ready.read_text()) == {"address": address, "pid": process.pid}
        _, logs = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "sesame" not in logs


def test_two_on_one_data_folder_are_one_too_many(tmp_path: Path) -> None:
    options = ["--listen", "127.0.0.1:0", "--data-dir", str(tmp_path)]
    with orchestrator(*options) as first:
        wait_until_listening(first)
        status, words = refused(*options)
    assert status == 1
    assert re.fullmatch(rf"error: The ledger .* is in use by process {first.pid}\..*--data-dir\.\n", words)


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        options = ["--listen", address, "--data-dir", str(tmp_path)]
        status, words = refused(*options, SPOTREEL_LOCAL_WORKERS="1")
    assert status == 1
    assert words.startswith(f"error: Cannot listen on {address}: Address already in use.")
    # No worker was started that would be left behind.
    assert list((tmp_path / "instances").iterdir()) == []


def test_an_open_address_without_key_and_tls_is_refused(tmp_path: Path) -> None:
    status, words = refused("--listen", "0.0.0.0:0", "--data-dir", str(tmp_path))
    assert (status, words.count("\n")) == (1, 1)
    assert "--allow-insecure" in words


def test_a_data_folder_that_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    status, words = refused("--data-dir", str(tmp_path / "file"))
    assert (status, words.count("\n")) == (1, 1)
    assert "cannot be written" in words


def test_wrong_settings_are_named_one_by_one_without_their_values(tmp_path: Path) -> None:
    wrong = {"SPOTREEL_LOCAL_WORKERS": "secret", "SPOTREEL_LOG_LEVEL": "loud"}
    status, words = refused("--data-dir", str(tmp_path), **wrong)
    assert status == 2
    assert [line.split(":")[1].strip() for line in words.splitlines()] == [*wrong]
    assert "secret" not in words
    assert refused("--config", str(tmp_path / "none"))[0] == 2
    assert refused("--no-such-option")[0] == 2
