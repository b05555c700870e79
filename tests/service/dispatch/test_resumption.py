"""An attempt that goes on where a lost one ended: what is kept, what is joined, and what makes it start from zero."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import av
import pytest
from spotreel.worker.v1 import worker_service_pb2 as pb

from orchestrator.fleet.instance import InstanceState
from orchestrator.jobs.job import AttemptState, Job, JobState
from servicekit.media.outputs import Container, Delivery, OutputSpec
from tests.service.dispatch.conftest import DEADLINE_SECONDS, Stage
from tests.simulators.fragments import RATE, film
from tests.simulators.records import make_offer
from tests.simulators.worker import SimulatedWorker

SECONDS = 16
BORDER = 12
TRACKS = pb.StartTaskRequest


@pytest.fixture(scope="module")
def whole() -> bytes:
    return film(seconds=SECONDS, sound=True)


@pytest.fixture(scope="module")
def rest() -> bytes:
    return film(seconds=SECONDS, start=BORDER)


@pytest.fixture(scope="module")
def sound() -> bytes:
    return film(seconds=SECONDS, picture=False, sound=True)


class Troupe:
    """Workers of one job, each lost when the next one is to take over."""

    def __init__(self, stage: Stage, whole: bytes, rest: bytes, sound: bytes) -> None:
        self.stage = stage
        self.whole = whole
        self.rest = rest
        self.sound = sound
        self.stack = AsyncExitStack()

    async def worker(self, **fields: object) -> SimulatedWorker:
        """A worker, alone on the stage."""
        for one in await self.stage.ledger.list_instances(states=frozenset({InstanceState.READY}), limit=10):
            await self.stage.lose_instance(one, InstanceState.DESTROYED)
        worker = await self.stack.enter_async_context(SimulatedWorker(output=self.whole, secret=b"\2" * 32))
        worker.picture, worker.sound = self.rest, self.sound
        for name, value in fields.items():
            setattr(worker, name, value)
        await self.stage.add_instance(worker, offer=make_offer())
        return worker

    def until(self, second: int) -> int:
        """How many bytes of the whole have come when its picture at that second has just begun to."""
        moofs = [self.whole.index(b"moof")]
        while (at := self.whole.find(b"moof", moofs[-1] + 1)) > 0:
            moofs.append(at)
        return moofs[second // 2] + 2500


@pytest.fixture
async def troupe(stage: Stage, whole: bytes, rest: bytes, sound: bytes) -> AsyncIterator[Troupe]:
    troupe = Troupe(stage, whole, rest, sound)
    async with troupe.stack:
        yield troupe


async def has_at_home(stage: Stage, job: Job, *names: str) -> bool:
    """Whether these files of a job are at home, and no others, as soon as the attempt before has been cleared away."""
    folder = stage.folder / "spool" / job.id
    async with asyncio.timeout(DEADLINE_SECONDS):
        while sorted(path.name for path in folder.glob("*")) != sorted(names):  # noqa: ASYNC110 - a disk tells nobody
            await asyncio.sleep(0.01)
    return True


async def lost(stage: Stage, job: Job, *, size: int) -> Job:
    """The job when its worker was lost after so many bytes had come home."""
    await stage.reaches(job, lambda one: one.progress.output_bytes >= size)
    for one in await stage.ledger.list_instances(states=frozenset({InstanceState.READY}), limit=10):
        await stage.lose_instance(one, InstanceState.DESTROYED)
    return await stage.reaches(job, lambda one: one.state is JobState.QUEUED and bool(one.attempts))


async def frames(stage: Stage, job: Job, folder: Path) -> list[float]:
    assert job.output is not None
    path = folder / "output.mp4"
    path.write_bytes(await stage.blobs.read(job.output.blob, 0, job.output.size_bytes))
    with av.open(str(path)) as container:
        return [frame.time for frame in container.decode(video=0)]


async def test_the_next_attempt_makes_only_the_rest(stage: Stage, troupe: Troupe, tmp_path: Path) -> None:
    first = await troupe.worker(hold_at=troupe.until(BORDER))
    async with stage.scheduler():
        job = await lost(stage, await stage.add_job(), size=troupe.until(BORDER))
        assert await has_at_home(stage, job, "1.spool")
        second = await troupe.worker()
        job = await stage.finished(job)

    assert [one.state for one in job.attempts] == [AttemptState.FAILED, AttemptState.SUCCEEDED]
    assert [one.range_start for one in job.attempts] == [None, timedelta(seconds=BORDER)]
    assert first.starts == [job.attempts[0].task_id]
    asked = second.seen
    assert [one.tracks for one in asked] == [TRACKS.TRACKS_SOUND, TRACKS.TRACKS_PICTURE]
    assert asked[1].range_start.ToTimedelta() == timedelta(seconds=BORDER)
    assert await frames(stage, job, tmp_path) == [number / RATE for number in range(SECONDS * RATE)]
    assert job.output is not None
    assert [one.type for one in job.output.media_info.streams] == ["video", "audio"]
    assert await has_at_home(stage, job)
    assert sorted(second.deleted) == sorted(second.starts)
    assert job.kept == ()


async def test_progress_begins_at_what_is_kept(stage: Stage, troupe: Troupe) -> None:
    await troupe.worker(hold_at=troupe.until(BORDER))
    async with stage.scheduler():
        job = await lost(stage, await stage.add_job(), size=troupe.until(BORDER))
        second = await troupe.worker(hold_at=len(troupe.rest) // 2, media_seconds=SECONDS - BORDER)
        seen = await stage.reaches(job, lambda one: one.progress.fraction > 0)
        second.release()
        job = await stage.finished(job)

    assert seen.progress.fraction == pytest.approx(0.75 + 0.25 * 0.99 * 0.5, abs=0.02)
    assert seen.progress.media_duration == timedelta(seconds=SECONDS)
    assert seen.progress.frames >= BORDER * RATE
    assert job.progress.fraction == 1.0


async def test_parts_add_up_over_several_losses(stage: Stage, troupe: Troupe, tmp_path: Path) -> None:
    """Each loss keeps what came since the one before."""
    troupe.whole = film(seconds=40, sound=True)
    troupe.sound = film(seconds=40, sound=True, picture=False)
    await troupe.worker(hold_at=troupe.until(12))
    async with stage.scheduler():
        job = await lost(stage, await stage.add_job(), size=troupe.until(12))
        part = film(seconds=40, start=12)
        second = await troupe.worker(picture=part, hold_at=len(part) - 2000)
        job = await lost(stage, job, size=len(part) - 2000)
        assert await has_at_home(stage, job, "1.spool", "2.spool")
        (_, first_part), (_, second_part) = job.kept
        assert (first_part.end, second_part.end) == (timedelta(seconds=12), timedelta(seconds=38))
        await troupe.worker(picture=film(seconds=40, start=38))
        job = await stage.finished(job)

    assert second.calls["StartTask"] == 2
    assert [one.range_start for one in job.attempts] == [None, first_part.end, second_part.end]
    assert await frames(stage, job, tmp_path) == [number / RATE for number in range(40 * RATE)]


async def test_a_film_without_sound_needs_no_task_for_it(stage: Stage, troupe: Troupe, tmp_path: Path) -> None:
    troupe.whole = film(seconds=SECONDS)
    await troupe.worker(hold_at=troupe.until(BORDER))
    async with stage.scheduler():
        job = await lost(stage, await stage.add_job(), size=troupe.until(BORDER))
        second = await troupe.worker()
        job = await stage.finished(job)

    assert [one.tracks for one in second.seen] == [TRACKS.TRACKS_PICTURE]
    assert len(await frames(stage, job, tmp_path)) == SECONDS * RATE


@pytest.mark.parametrize("why", ["little", "copy", "progressive", "matroska"])
async def test_where_nothing_is_kept_the_next_attempt_makes_all(stage: Stage, troupe: Troupe, why: str) -> None:
    second_of_loss = 8 if why == "little" else BORDER
    output = OutputSpec(
        delivery=Delivery.PROGRESSIVE if why == "progressive" else Delivery.FASTSTART,
        container=Container.MKV if why == "matroska" else Container.MP4,
    )
    at = troupe.until(second_of_loss)
    if why == "matroska":
        troupe.whole = film(seconds=SECONDS, sound=True, matroska=True)
    await troupe.worker(hold_at=at, encoder="copy" if why == "copy" else "simulated")
    async with stage.scheduler():
        job = await lost(stage, await stage.add_job(output=output), size=at)
        assert await has_at_home(stage, job)
        second = await troupe.worker()
        job = await stage.finished(job)

    assert job.state is JobState.SUCCEEDED
    assert [one.tracks for one in second.seen] == [TRACKS.TRACKS_ALL]
    assert job.attempts[1].range_start is None


async def test_another_encoder_starts_from_zero_before_it_has_made_much(stage: Stage, troupe: Troupe) -> None:
    await troupe.worker(hold_at=troupe.until(BORDER))
    async with stage.scheduler():
        job = await lost(stage, await stage.add_job(), size=troupe.until(BORDER))
        second = await troupe.worker(encoder="another", hold_at=1000)
        job = await stage.reaches(job, lambda one: len(one.attempts) == 3)
        second.release()
        job = await stage.finished(job)

    assert job.state is JobState.SUCCEEDED
    refused = job.attempts[1].failure
    assert refused is not None
    assert refused.reason == "ENCODER_UNAVAILABLE"
    assert "another" in refused.message
    assert "simulated" in refused.message
    assert [one.range_start for one in job.attempts] == [None, timedelta(seconds=BORDER), None]
    # The machine was freed of what nobody wanted any more.
    assert second.calls["CancelTask"] >= 1
    assert sorted(second.deleted) == sorted(second.starts)


@pytest.mark.parametrize("fault", ["parameters", "elsewhere", "refused"])
async def test_parts_that_do_not_go_together_start_from_zero_and_never_become_a_broken_file(
    stage: Stage, troupe: Troupe, tmp_path: Path, fault: str
) -> None:
    await troupe.worker(hold_at=troupe.until(BORDER))
    async with stage.scheduler():
        job = await lost(stage, await stage.add_job(), size=troupe.until(BORDER))
        match fault:
            case "parameters":
                picture = film(
                    seconds=SECONDS, start=BORDER, encoder=("-c:v", "libx264", "-preset", "superfast", "-bf", "0")
                )
                await troupe.worker(picture=picture)
            case "elsewhere":
                await troupe.worker(picture=film(seconds=SECONDS, start=BORDER + 1))
            case _:
                await troupe.worker(refuses_parts=True)
        job = await stage.finished(job)

    assert job.state is JobState.SUCCEEDED
    assert [one.state for one in job.attempts] == [AttemptState.FAILED, AttemptState.FAILED, AttemptState.SUCCEEDED]
    assert job.attempts[2].range_start is None
    assert await frames(stage, job, tmp_path) == [number / RATE for number in range(SECONDS * RATE)]
    assert await has_at_home(stage, job)


async def test_a_part_that_is_damaged_on_the_disk_is_seen_before_a_machine_works_for_nothing(
    stage: Stage, troupe: Troupe, tmp_path: Path
) -> None:
    await troupe.worker(hold_at=troupe.until(BORDER))
    async with stage.scheduler():
        job = await lost(stage, await stage.add_job(), size=troupe.until(BORDER))
        part = stage.folder / "spool" / job.id / "1.spool"
        content = bytearray(part.read_bytes())
        content[len(content) // 2] ^= 1
        part.write_bytes(content)
        second = await troupe.worker()
        job = await stage.finished(job)

    damaged = job.attempts[1].failure
    assert damaged is not None
    assert (damaged.reason, "damaged" in damaged.message) == ("INTERNAL", True)
    assert [one.tracks for one in second.seen] == [TRACKS.TRACKS_ALL]
    assert len(await frames(stage, job, tmp_path)) == SECONDS * RATE


async def test_a_part_that_gave_way_costs_no_attempt(stage: Stage, troupe: Troupe) -> None:
    await troupe.worker(hold_at=troupe.until(BORDER))
    async with stage.scheduler():
        job = await lost(stage, await stage.add_job(), size=troupe.until(BORDER))
        (stage.folder / "spool" / job.id / "1.spool").unlink()
        second = await troupe.worker()
        job = await stage.finished(job)

    assert [one.state for one in job.attempts] == [AttemptState.FAILED, AttemptState.SUCCEEDED]
    assert job.attempts[1].range_start is None
    assert [one.tracks for one in second.seen] == [TRACKS.TRACKS_ALL]


async def test_a_restart_finds_what_was_kept_and_what_came_since(stage: Stage, troupe: Troupe, tmp_path: Path) -> None:
    await troupe.worker(hold_at=troupe.until(BORDER))
    async with stage.scheduler():
        job = await lost(stage, await stage.add_job(), size=troupe.until(BORDER))
    second = await troupe.worker(hold_at=len(troupe.rest) // 2)
    async with stage.scheduler():
        await stage.reaches(job, lambda one: one.progress.output_bytes >= len(troupe.rest) // 2)
    second.release()
    async with stage.scheduler():
        job = await stage.finished(job)

    assert len(job.attempts) == 2
    assert second.calls["StartTask"] == 2
    assert second.read_offsets.count(0) == 2, "nothing was read twice"
    assert await frames(stage, job, tmp_path) == [number / RATE for number in range(SECONDS * RATE)]


async def test_what_is_kept_goes_with_its_job(stage: Stage, troupe: Troupe) -> None:
    await troupe.worker(hold_at=troupe.until(BORDER))
    async with stage.scheduler() as scheduler:
        job = await lost(stage, await stage.add_job(), size=troupe.until(BORDER))
        await stage.cancel(job, scheduler)
        scheduler.wake()
        assert await has_at_home(stage, job)
    assert (await stage.ledger.get_job(job.id)).state is JobState.CANCELLED


async def test_all_attempts_are_paid_for_and_all_bytes_counted(stage: Stage, troupe: Troupe) -> None:
    await troupe.worker(hold_at=troupe.until(BORDER))
    async with stage.scheduler():
        job = await lost(stage, await stage.add_job(), size=troupe.until(BORDER))
        await troupe.worker()
        job = await stage.finished(job)

    instances = {one.id: one for one in await stage.ledger.list_instances(states=frozenset(InstanceState), limit=9)}
    sent = [instances[one.instance_id].sent_bytes for one in job.attempts]
    assert sent == [troupe.until(BORDER), len(troupe.rest) + len(troupe.sound)]
    assert all(one.cost is not None for one in job.attempts)
    assert job.cost.total_usd_micros == sum(one.cost.total_usd_micros for one in job.attempts if one.cost is not None)
