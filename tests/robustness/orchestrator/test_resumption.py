"""kill -9 of a worker in the middle of its encode: the next one makes the rest, and nobody can tell from the output."""

import asyncio
import re
import signal
from datetime import timedelta
from pathlib import Path

import av
from spotreel import AsyncClient

from servicekit.ffmpeg import locate_ffmpeg
from tests.robustness.deployment import Deployment, Job, until

SECONDS = 24
FRAMES = 10 * SECONDS


async def downloaded(deployment: Deployment, name: str, path: Path) -> Path:
    async with AsyncClient(deployment.address, tls=False) as client:
        await client.download_output(name, path)
    return path


def packets(path: Path) -> dict[str, list[tuple[float | None, float | None]]]:
    """When each packet of each track is decoded and shown."""
    with av.open(str(path)) as container:
        found: dict[str, list[tuple[float | None, float | None]]] = {}
        for packet in container.demux():
            times = [None if at is None else round(float(at * packet.time_base), 6) for at in (packet.dts, packet.pts)]
            found.setdefault(packet.stream.type, []).append((times[0], times[1]))
        return found


async def similarity(made: Path, model: Path) -> float:
    process = await asyncio.create_subprocess_exec(
        *[str(locate_ffmpeg()), "-nostdin", "-i", str(made), "-i", str(model)],
        *["-lavfi", "[0:v][1:v]ssim", "-f", "null", "-"],
        stderr=asyncio.subprocess.PIPE,
    )
    _, words = await process.communicate()
    found = re.search(rb"SSIM .*All:([0-9.]+)", words)
    assert found is not None, words
    return float(found[1])


def kept_frames(deployment: Deployment) -> list[int]:
    return [int(frames) for frames in re.findall(r'"frames": (\d+)[^\n]*"event": "part_kept"', deployment.log())]


async def half_made(deployment: Deployment) -> str:
    """A job of which more than ten seconds are at home, and which goes on to be made."""
    pace = deployment.pace("encode", speed=4)
    name = await deployment.create_job(seconds=SECONDS, sound=True, width=320)
    await deployment.reaches(name, lambda job: job.progress.media_time.ToTimedelta() > timedelta(seconds=14))
    pace.unlink()
    return name


def kill_workers(deployment: Deployment) -> None:
    for worker in deployment.workers():
        worker.signal_group(signal.SIGKILL)


async def test_the_rest_of_a_lost_encode_is_made_and_joined(deployment: Deployment, tmp_path: Path) -> None:
    await deployment.start()
    name = await half_made(deployment)
    kill_workers(deployment)
    job = await deployment.finished(name)
    undisturbed = await deployment.finished(await deployment.create_job(seconds=SECONDS, sound=True, width=320))

    assert job.state == Job.STATE_SUCCEEDED, job.failure
    assert [attempt.failure.reason for attempt in job.attempts] == ["INSTANCE_LOST", ""], job.attempts
    start = job.attempts[1].range_start.ToTimedelta()
    assert start >= timedelta(seconds=10)
    # What was kept and what the second attempt made, counted: it made the rest and nothing twice.
    assert kept_frames(deployment) == [start // timedelta(seconds=0.1)]
    assert job.progress.frames == FRAMES

    made = await downloaded(deployment, name, tmp_path / "made.mp4")
    model = await downloaded(deployment, undisturbed.name, tmp_path / "model.mp4")
    assert packets(made) == packets(model)
    assert await similarity(made, model) >= 0.98
    await until(lambda: not list(deployment.data.glob("spool/*")))


async def test_what_is_kept_outlives_the_orchestrator(deployment: Deployment, tmp_path: Path) -> None:
    await deployment.start()
    name = await half_made(deployment)
    hold = deployment.hold("encode")
    kill_workers(deployment)
    # Between the two attempts, and then in the middle of the second one.
    await deployment.reaches(name, lambda job: len(job.attempts) == 1 and job.attempts[0].HasField("end_time"))
    await deployment.end(signal.SIGKILL)
    await deployment.start()
    await deployment.reaches(name, lambda job: len(job.attempts) == 2)
    await until(lambda: deployment.calls("encode") >= 2)
    await deployment.end(signal.SIGKILL)
    hold.unlink()
    await deployment.start()
    job = await deployment.finished(name)

    assert job.state == Job.STATE_SUCCEEDED, job.failure
    assert len(job.attempts) == 2
    assert job.attempts[1].HasField("range_start")
    assert job.progress.frames == FRAMES
    made = await downloaded(deployment, name, tmp_path / "made.mp4")
    assert len(packets(made)["video"]) == FRAMES + 1
    await until(lambda: not list(deployment.data.glob("spool/*")))
