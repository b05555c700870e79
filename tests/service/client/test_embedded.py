"""The orchestrator of one program: it starts, it is told apart from others, and it never outlives its owner."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest
from spotreel.client import AsyncClient
from spotreel.embedded import EmbeddedOrchestrator
from spotreel.errors import EmbeddedFailed
from spotreel.orchestrator.v1.job_pb2 import Job

from tests.simulators.orchestrator import SimulatedOrchestrator

# Stands in for the orchestrator: says where it is, with what it was given, and ends with its stdin.
_STAND_IN = """
import json, os, sys
arguments = sys.argv[1:]
assert arguments[:2] == ["--listen", "127.0.0.1:0"] and "--exit-with-stdin" in arguments
if os.environ.get("BREAK"):
    sys.exit("the ledger is broken")
ready = arguments[arguments.index("--ready-file") + 1]
given = {name: value for name, value in os.environ.items() if name.startswith("SPOTREEL_")}
with open(ready + ".tmp", "w") as file:
    json.dump({"address": os.environ.get("ADDRESS", "127.0.0.1:1"), "pid": os.getpid(), "given": given}, file)
os.replace(ready + ".tmp", ready)
sys.stdin.read()
"""


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    package = tmp_path / "path" / "orchestrator"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(_STAND_IN)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    return tmp_path / "temporary"


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in {"Z", "X"}


async def test_it_has_a_key_and_a_folder_of_its_own_and_leaves_nothing(
    stand_in: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPOTREEL_LEDGER_URL", "/var/lib/production.sqlite")
    monkeypatch.setenv("SPOTREEL_API_KEYS", "production")
    async with EmbeddedOrchestrator() as orchestrator:
        (ready,) = stand_in.glob("*/ready.json")
        given = json.loads(ready.read_text())["given"]
        assert orchestrator.address == "127.0.0.1:1"
        assert given["SPOTREEL_API_KEY"] == orchestrator.api_key
        assert given.keys() == {"SPOTREEL_API_KEY", "SPOTREEL_DATA_DIR", "SPOTREEL_LOG_JSON"}
        pid = orchestrator.pid

    assert not is_running(pid)
    assert list(stand_in.iterdir()) == []


async def test_a_start_that_fails_shows_the_last_words(stand_in: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BREAK", "1")
    with pytest.raises(EmbeddedFailed, match="the ledger is broken"):
        async with EmbeddedOrchestrator():
            pass

    assert list(stand_in.iterdir()) == []


async def test_it_ends_although_its_owner_is_killed_outright(stand_in: Path) -> None:
    code = """
import asyncio
from spotreel.embedded import EmbeddedOrchestrator
async def main():
    async with EmbeddedOrchestrator() as orchestrator:
        print(orchestrator.pid, flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""
    environment = os.environ | {"TMPDIR": str(stand_in)}
    owner = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=PIPE, env=environment)
    assert owner.stdout is not None
    async with asyncio.timeout(20):
        pid = int(await owner.stdout.readline())
        assert is_running(pid)
        owner.send_signal(signal.SIGKILL)
        await owner.wait()
        while is_running(pid):  # noqa: ASYNC110 - nobody announces the end of a process that is not our child
            await asyncio.sleep(0.01)

    (left,) = stand_in.iterdir()
    async with EmbeddedOrchestrator():
        assert not left.exists()
    assert list(stand_in.iterdir()) == []


async def test_two_at_once_leave_each_other_alone(stand_in: Path) -> None:
    async with EmbeddedOrchestrator(), EmbeddedOrchestrator():
        assert len(list(stand_in.glob("*/ready.json"))) == 2


@pytest.mark.parametrize("call", ["watch", "unary"])
async def test_its_death_ends_what_waits_for_it(stand_in: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    # A server that is silent and stays: only the end of the process tells.
    async with SimulatedOrchestrator(hangs=True) as server:
        monkeypatch.setenv("ADDRESS", server.address)
        async with AsyncClient.embedded() as client:
            server.jobs["jobs/one"] = server.scripted(Job(name="jobs/one"), hangs=True)
            if call == "unary":
                server.faults.unavailable.arm(times=1000)
            waiting = asyncio.create_task(_wait(client) if call == "watch" else client.get_job("jobs/one"))
            async with asyncio.timeout(10):
                while not server.calls:
                    server.changed.clear()
                    await server.changed.wait()
            (ready,) = stand_in.glob("*/ready.json")
            os.kill(json.loads(ready.read_text())["pid"], signal.SIGKILL)
            with pytest.raises(EmbeddedFailed, match="ended with status -9 before the work was done"):
                async with asyncio.timeout(2):
                    await waiting
    assert list(stand_in.iterdir()) == []


async def _wait(client: AsyncClient) -> Job:
    return await client.wait_job("jobs/one")
