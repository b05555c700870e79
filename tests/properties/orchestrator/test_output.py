"""Whatever the offsets, limits and moments of growth: a reader gets the bytes of the file, in order, once."""

import asyncio
import hashlib
import itertools
import tempfile
from contextlib import aclosing
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.dispatch.spools import SpoolFolder
from orchestrator.jobs.feed import JobFeed
from orchestrator.jobs.output import JobOutputs
from orchestrator.ledger.memory import MemoryLedger
from orchestrator.storage.folder import FolderStore
from servicekit.clock import SystemClock
from servicekit.media.outputs import Delivery
from tests.simulators.dispatch import ScriptedDispatch
from tests.simulators.records import make_job, make_spec

CONTENT = bytes(range(251)) * 12_000


async def read_all(outputs: JobOutputs, *, offset: int, limit: int) -> tuple[bytes, bool]:
    received, last, place = b"", False, offset
    async with aclosing(outputs.read("job1", offset=offset, limit=limit, attempt=0)) as parts:
        async for part in parts:
            assert part.offset == place
            place += len(part.data)
            received += part.data
            if part.whole is not None:
                last = True
                assert part.whole.sha256 == hashlib.sha256(CONTENT).digest()
    return received, last


async def scenario(folder: Path, cuts: list[int], offset: int, limit: int) -> tuple[bytes, bool]:
    """Reads while the output grows by pieces and is stored in the end."""
    clock = SystemClock()
    ledger, blobs = MemoryLedger(clock=clock), FolderStore(folder / "blobs")
    feed, spools = JobFeed(ledger=ledger, clock=clock), SpoolFolder(folder / "spool", clock=clock)
    dispatch = ScriptedDispatch(ledger=ledger, feed=feed, spools=spools, blobs=blobs, clock=clock, folder=folder)
    outputs = JobOutputs(ledger=ledger, feed=feed, blobs=blobs, spools=spools, clock=clock)
    job = make_job("job1", spec=make_spec(delivery=Delivery.PROGRESSIVE), at=clock.now())
    await ledger.create_job(job, request_id="", fingerprint=b"")
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        reader = tasks.create_task(read_all(outputs, offset=offset, limit=limit), name="reader")
        await dispatch.start("job1")
        edges = [0, *sorted(cuts), len(CONTENT)]
        for start, end in itertools.pairwise(edges):
            await dispatch.spool("job1", CONTENT[start:end])
        (await dispatch.spool("job1", b"")).finish()
        await dispatch.succeed("job1", CONTENT)
    assert await read_all(outputs, offset=offset, limit=limit) == (reader.result()[0], _reaches_end(offset, limit))
    return reader.result()


def _reaches_end(offset: int, limit: int) -> bool:
    return not limit or offset + limit >= len(CONTENT)


@settings(max_examples=25, deadline=None)
@given(
    cuts=st.lists(st.integers(0, len(CONTENT)), max_size=4),
    offset=st.integers(0, len(CONTENT)),
    limit=st.one_of(st.just(0), st.integers(1, 2 * len(CONTENT))),
)
def test_a_reader_gets_the_same_bytes_from_a_growing_and_from_a_stored_output(
    cuts: list[int], offset: int, limit: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        received, _ = asyncio.run(scenario(Path(folder), cuts, offset, limit))
    assert received == CONTENT[offset : offset + limit if limit else None]
