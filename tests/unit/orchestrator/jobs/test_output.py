"""What readers of a growing output must not miss."""

import asyncio
from pathlib import Path

from orchestrator.dispatch.spools import SpoolFolder
from orchestrator.jobs.feed import JobFeed
from orchestrator.jobs.job import started
from orchestrator.jobs.output import JobOutputs
from orchestrator.ledger.memory import MemoryLedger
from orchestrator.storage.folder import FolderStore
from servicekit.growing import GrowingFile
from servicekit.media.outputs import Delivery
from tests.simulators.clock import FakeClock
from tests.simulators.records import make_job, make_spec


async def test_an_output_that_begins_while_its_reader_sits_down_to_wait_is_seen(
    tmp_path: Path, clock: FakeClock
) -> None:
    ledger = MemoryLedger(clock=clock)
    job = make_job("job1", spec=make_spec(delivery=Delivery.PROGRESSIVE), at=clock.now())
    await ledger.create_job(job, request_id="", fingerprint=b"")
    await ledger.change_job("job1", lambda one: started(one, instance_id="i", now=clock.now()))
    spools = SpoolFolder(tmp_path, clock=clock)
    feed = JobFeed(ledger=ledger, clock=clock)
    outputs = JobOutputs(ledger=ledger, feed=feed, blobs=FolderStore(tmp_path), spools=spools, clock=clock)
    async with await GrowingFile(tmp_path / "1.spool", clock=clock).open() as file:
        file.write(b"first bytes")
        parts = outputs.read("job1", offset=0, limit=0, attempt=0)
        reading = asyncio.ensure_future(anext(parts))
        # Its turn comes after the reader has found nothing, and before what the reader waits with has begun.
        asyncio.get_running_loop().call_soon(spools._take, "job1", 1, file)
        async with asyncio.timeout(5):
            assert (await reading).data == b"first bytes"
        await parts.aclose()
