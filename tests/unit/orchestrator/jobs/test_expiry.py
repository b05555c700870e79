"""What time does, on a clock that the test moves."""

import hashlib
import uuid
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from orchestrator.assets.asset import Asset
from orchestrator.assets.library import AssetLibrary
from orchestrator.assets.uploads import Incoming, Uploads, UploadWish
from orchestrator.dispatch.spools import SpoolFolder
from orchestrator.jobs.expiry import Expiry
from orchestrator.jobs.feed import JobFeed
from orchestrator.jobs.job import JobLimits, JobState, Progress, Stage
from orchestrator.jobs.registry import JobRegistry
from orchestrator.ledger.memory import MemoryLedger
from orchestrator.storage.folder import FolderStore
from servicekit.checksums import crc32c
from servicekit.errors import NotFound
from tests.simulators.clock import FakeClock
from tests.simulators.dispatch import ScriptedDispatch
from tests.simulators.records import make_job, make_spec, reads

WEEK = timedelta(days=7)
DAY = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """Everything that expires."""

    ledger: MemoryLedger
    dispatch: ScriptedDispatch
    uploads: Uploads
    expiry: Expiry
    feed: JobFeed
    folder: Path


@pytest.fixture
async def house(clock: FakeClock, tmp_path: Path) -> House:
    ledger = MemoryLedger(clock=clock)
    blobs, feed = FolderStore(tmp_path / "blobs"), JobFeed(ledger=ledger, clock=clock)
    spools = SpoolFolder(tmp_path / "spool", clock=clock)
    dispatch = ScriptedDispatch(ledger=ledger, feed=feed, spools=spools, blobs=blobs, clock=clock, folder=tmp_path)
    library = AssetLibrary(ledger=ledger, blobs=blobs, clock=clock, retention=WEEK)
    uploads = Uploads(ledger=ledger, library=library, folder=tmp_path / "uploads", clock=clock, max_asset_bytes=1 << 20)
    registry = JobRegistry(ledger=ledger, feed=feed, dispatch=dispatch, blobs=blobs, clock=clock, retention=WEEK)
    expiry = Expiry(
        ledger=ledger,
        news=feed,
        registry=registry,
        library=library,
        uploads=uploads,
        clock=clock,
        job_retention=WEEK,
    )
    return House(ledger=ledger, dispatch=dispatch, uploads=uploads, expiry=expiry, feed=feed, folder=tmp_path)


async def upload(uploads: Uploads, content: bytes, *, whole: bool = True) -> Asset | None:
    wish = UploadWish(upload_id=str(uuid.uuid4()), sha256=hashlib.sha256(content).digest(), size_bytes=len(content))
    async with uploads.open(wish) as incoming:
        assert isinstance(incoming, Incoming)
        part = content if whole else content[:-1]
        await incoming.write(offset=0, data=part, checksum=crc32c(part))
        return await incoming.finish() if whole else None


async def test_a_job_and_its_output_go_when_their_time_has_passed(house: House, clock: FakeClock) -> None:
    await house.ledger.create_job(make_job("job1", at=clock.now()), request_id="", fingerprint=b"")
    await house.dispatch.start("job1")
    output = await house.dispatch.succeed("job1", b"output")
    await clock.advance(7 * DAY - 1)
    await house.expiry.delete_expired()
    assert (house.folder / "blobs" / output.blob).exists()
    await clock.advance(1)
    await house.expiry.delete_expired()
    assert not (house.folder / "blobs" / output.blob).exists()
    with pytest.raises(NotFound):
        await house.ledger.get_job("job1")


async def test_an_asset_goes_unless_an_unfinished_job_needs_it(house: House, clock: FakeClock) -> None:
    kept, gone = await upload(house.uploads, b"kept"), await upload(house.uploads, b"gone")
    assert kept is not None
    assert gone is not None
    await house.ledger.create_job(make_job("job1", spec=reads(kept), at=clock.now()), request_id="", fingerprint=b"")
    await clock.advance(8 * DAY)
    await house.expiry.delete_expired()
    assert await house.ledger.list_assets(limit=9, after=None) == [await house.ledger.get_asset(kept.sha256)]
    assert [path.name for path in (house.folder / "blobs/assets").iterdir()] == [kept.sha256]


async def test_half_an_upload_goes_after_a_day(house: House, clock: FakeClock) -> None:
    await upload(house.uploads, b"half", whole=False)
    await clock.advance(DAY)
    await house.expiry.delete_expired()
    assert len(list((house.folder / "uploads").iterdir())) == 1
    await clock.advance(1)
    await house.expiry.delete_expired()
    assert list((house.folder / "uploads").iterdir()) == []


async def test_a_job_that_waits_too_long_fails_by_itself_and_says_what_it_waited_for(
    house: House, clock: FakeClock
) -> None:
    spec = make_spec(limits=JobLimits(queue_timeout=timedelta(seconds=30)))
    await house.ledger.create_job(make_job("job1", spec=spec, at=clock.now()), request_id="", fingerprint=b"")
    house.feed.progress("job1", Progress(stage=Stage.PROVISIONING, detail="There is no offer."))
    async with house.expiry:
        await clock.advance(29.5)
        assert (await house.ledger.get_job("job1")).state is JobState.QUEUED
        await clock.advance(1)
    job = await house.ledger.get_job("job1")
    assert job.state is JobState.FAILED
    assert job.failure is not None
    assert job.failure.reason == "QUEUE_TIMEOUT"
    assert job.failure.message == (
        "No machine was free for the job within its queue_timeout of 30 s. While it waited: There is no offer."
    )
