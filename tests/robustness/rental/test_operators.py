"""What an operator sees of a real rental: at the command line, and where secrets are and are not."""

import asyncio
import sys
from pathlib import Path

import pytest
from spotreel.orchestrator.v1.instance_pb2 import Instance
from spotreel.orchestrator.v1.job_pb2 import Job

from tests.robustness.deployment import DEADLINE_SECONDS
from tests.robustness.rental.conftest import SECONDS, Renting
from tests.simulators.renting import MARKET_KEY

pytestmark = pytest.mark.timeout(SECONDS)

CLIENT_KEY = "key-of-a-client-0123456789"


async def test_secrets_stay_where_they_belong(renting: Renting) -> None:
    deployment, market = renting.deployment, renting.market
    renting.settings(api_key=CLIENT_KEY)
    deployment.metadata = (("x-api-key", CLIENT_KEY),)
    name, hold = await renting.encoding()
    (contract,) = market.contracts
    session = contract.order.environment["SPOTREEL_WORKER_SESSION_SECRET"]
    processes = _command_lines()
    ledger = list(deployment.data.glob("ledger.sqlite*"))
    written = b"".join(file.read_bytes() for file in ledger)
    hold.unlink()
    job = await deployment.finished(name)
    logs = [*renting.logs(), deployment.folder / "log"]
    told = b"".join(file.read_bytes() for file in logs)

    assert job.state == Job.STATE_SUCCEEDED
    # Without `video` there is no NVENC in a container (ask 6).
    assert "video" in contract.order.environment["NVIDIA_DRIVER_CAPABILITIES"].split(",")
    assert len(bytes.fromhex(session)) == 32
    for secret in (MARKET_KEY, CLIENT_KEY):
        assert not any(secret in value for pair in contract.order.env for value in pair)
    # All of it was looked at: both sides wrote, and both are running.
    assert b'"service": "orchestrator"' in told
    assert b'"service": "worker"' in told
    assert any(b"orchestrator" in one for one in processes)
    assert any(b"-P\0-m\0worker" in one for one in processes)
    for secret in (MARKET_KEY, CLIENT_KEY, session, contract.key):
        assert secret.encode() not in told
        assert not any(secret.encode() in one for one in processes)
        assert secret.encode() not in written
    # Who restarts needs the session's secret: it is in the ledger as it is, which so is nobody else's to read.
    assert bytes.fromhex(session) in written
    assert len(ledger) >= 2
    assert {file.stat().st_mode & 0o777 for file in ledger} == {0o600}
    assert deployment.data.stat().st_mode & 0o777 == 0o700
    assert market.keys_leaked == 0


async def test_the_command_line_shows_offers_and_machines_and_takes_them_out(renting: Renting) -> None:
    deployment, market = renting.deployment, renting.market
    deployment.hold("encode")
    await deployment.start()
    # What is rented is on offer no more.
    offers = await _spotreel(renting, "offers", "--rejected")
    name = await deployment.create_job()
    await deployment.held("encode")
    (contract,) = market.contracts
    instance = await renting.newest_is(Instance.STATE_READY)

    listed, shown = await asyncio.gather(
        _spotreel(renting, "instances", "list"),
        _spotreel(renting, "instances", "get", instance.name),
    )
    drained = await _spotreel(renting, "instances", "drain", instance.name)
    # Its job has not ended.
    still = await renting.newest_is(Instance.STATE_DRAINING)
    unknown, nonsense, nobody = await asyncio.gather(
        _spotreel(renting, "instances", "destroy", "01m000000000000000000000000", status=1),
        _spotreel(renting, "instances", "explode", instance.name, status=2),
        _spotreel(renting, "instances", "list", "--server", "127.0.0.1:1", status=3),
    )
    destroyed = await _spotreel(renting, "instances", "destroy", instance.name)
    await _spotreel(renting, "jobs", "cancel", name)
    await renting.nothing_is_left()
    gone = await _spotreel(renting, "instances", "list", "--all")

    assert contract.offer.gpu_name in offers
    assert "no video encoder" in offers
    assert instance.name.removeprefix("instances/") in listed
    assert "READY" in listed
    assert contract.offer.gpu_name in listed
    assert f'"providerId": "{contract.id}"' in shown
    assert still.name == instance.name
    assert "DRAINING" in drained
    assert "[INSTANCE_NOT_FOUND]" in unknown
    assert "explode" in nonsense
    assert "error:" in nobody
    assert "DESTROYING" in destroyed
    assert "DESTROYED" in gone
    # The job may have been given another machine before it was cancelled.
    assert market.creates <= 2


async def _spotreel(renting: Renting, *arguments: str, status: int = 0) -> str:
    """Runs the command line to its end, and returns what it says."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "spotreel.cli", *arguments),
        env={**renting.deployment.environment, "SPOTREEL_SERVER": renting.deployment.address, "COLUMNS": "200"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(DEADLINE_SECONDS):
        output, _ = await process.communicate()
    assert process.returncode == status, output.decode()
    return output.decode()


def _command_lines() -> list[bytes]:
    """What the kernel shows everybody of the processes of this machine."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes())
        except (FileNotFoundError, ProcessLookupError):
            # It has ended since.
            continue
    return found
