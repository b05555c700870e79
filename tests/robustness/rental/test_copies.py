"""A server that rents, with a worker beside it: no machine for a copy, one for what turns out to be none."""

import subprocess
from pathlib import Path

import pytest
from spotreel.orchestrator.v1.job_pb2 import Attempt, Job

from servicekit.ffmpeg import locate_ffmpeg
from tests.robustness.rental.conftest import SECONDS, Renting

pytestmark = pytest.mark.timeout(SECONDS)


def film(path: Path, *encoder: str) -> Path:
    source = ["-f", "lavfi", "-i", "testsrc2=s=320x240:d=2:r=10"]
    command = [str(locate_ffmpeg()), "-v", "error", "-nostdin", *source, "-c:v", *encoder, str(path)]
    subprocess.run(command, check=True)
    return path


async def test_a_machine_is_rented_for_what_cannot_be_copied_and_for_nothing_else(
    renting: Renting, tmp_path: Path
) -> None:
    renting.settings(local_workers="1")
    deployment, market = renting.deployment, renting.market
    await deployment.start()
    async with renting.client() as client:
        copied = await client.transcode(film(tmp_path / "h264.mp4", "libx264", "-preset", "ultrafast"))
        assert (copied.state, [one.encoder for one in copied.attempts]) == (Job.STATE_SUCCEEDED, ["copy"])
        assert (market.creates, copied.cost.total_usd_micros) == (0, 0)

        encoded = await client.transcode(film(tmp_path / "mpeg4.mp4", "mpeg4"))
    looked, worked = encoded.attempts
    assert (looked.state, looked.failure.reason) == (Attempt.STATE_FAILED, "ENCODER_UNAVAILABLE")
    assert "copied" in looked.failure.message
    assert (worked.state, worked.encoder) == (Attempt.STATE_SUCCEEDED, "h264_nvenc")
    assert market.creates == 1
    await renting.nothing_is_left()
