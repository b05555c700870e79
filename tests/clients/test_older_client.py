"""The first client, recorded, works with the present server, and what it does not know does not disturb it."""

import base64
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from spotreel import Client, operations
from spotreel.orchestrator.v1.job_pb2 import Job, JobSpec

from clients.conformance.service import Service
from servicekit.ffmpeg import locate_ffmpeg
from servicekit.process import query

OLDER_CLIENT = Path(__file__).parents[1] / "fixtures/clients/spotreel-0.1.0.zip"
PROGRAM = Path(__file__).with_name("older_program.py")

# The program runs once, when the first test asks for what it saw.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What the older client saw, the folder it worked in, and the jobs of the newer one as that sees them."""

    seen: dict[str, Any]
    folder: Path
    newer: tuple[Job, ...]


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    folder = tmp_path_factory.mktemp("older")
    film = ["-f", "lavfi", "-i", "testsrc2=size=320x240:rate=10:duration=1", "-c:v", "libx264", "-pix_fmt", "yuv420p"]
    query([locate_ffmpeg(), "-nostdin", "-loglevel", "error", *film, folder / "talk.mp4"], timeout=30)
    (folder / "talk.srt").write_text("1\n00:00:00,100 --> 00:00:00,900\nHello\n")
    (folder / "broken.srt").write_text("no captions\n")
    with (
        Service.running(tmp_path_factory.mktemp("service")) as service,
        Client(service.address, api_key=service.api_key) as client,
    ):
        video = client.source(folder / "talk.mp4")
        names = [
            client.create_job(JobSpec(operation=operation)).name
            for operation in (operations.concat([video, video]), operations.thumbnails(video))
        ]
        seen = told(service, folder, *names)
        yield Session(seen=seen, folder=folder, newer=tuple(client.get_job(name) for name in names))


def told(service: Service, folder: Path, *jobs: str) -> dict[str, Any]:
    """What the program printed, run with the recorded client in place of the present one."""
    variables = {
        "PYTHONPATH": str(OLDER_CLIENT),
        "SPOTREEL_SERVER": service.address,
        "SPOTREEL_API_KEY": service.api_key,
    }
    done = subprocess.run(
        [sys.executable, "-W", "error", PROGRAM, folder, *jobs],
        env=os.environ | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_it_is_the_recorded_client(session: Session) -> None:
    assert session.seen["package"] == f"{OLDER_CLIENT}/spotreel/__init__.py"


def test_it_captions_a_file_from_end_to_end(session: Session) -> None:
    captioned = (session.folder / "captioned.mp4").read_bytes()
    assert captioned[4:8] == b"ftyp"
    assert hashlib.sha256(captioned).hexdigest() == session.seen["captioned"]
    steps = session.seen["steps"]
    assert (steps[0], steps[-2:]) == ("uploading", ["downloading", "done"])


def test_it_lists_jobs_of_operations_that_it_does_not_know(session: Session) -> None:
    assert {job.name for job in session.newer} < set(session.seen["listed"])
    assert len(session.seen["listed"]) == len(session.newer) + 1


def test_it_follows_them_to_their_end_and_downloads_what_they_made(session: Session) -> None:
    for job in session.newer:
        assert job.state == session.seen["watched"][job.name][-1] == Job.STATE_SUCCEEDED
        output = (session.folder / job.name.removeprefix("jobs/")).read_bytes()
        assert hashlib.sha256(output).digest() == job.output.sha256


def test_it_keeps_the_fields_that_it_does_not_know(session: Session) -> None:
    assert session.seen["operation"] is None
    kept = Job.FromString(base64.b64decode(session.seen["whole"]))
    assert json_format.MessageToDict(kept) == json_format.MessageToDict(session.newer[0])
    assert len(kept.spec.operation.concat.videos) == 2


def test_it_says_why_a_job_failed_and_a_call_was_refused(session: Session) -> None:
    reason, message = session.seen["failed"]
    assert reason == "SUBTITLES_INVALID"
    assert message.startswith("The subtitle file has no cue")
    assert session.seen["missing"] == ["JOB_NOT_FOUND", {"name": "jobs/none-such"}]
    assert session.seen["wrong"] == ["spec.operation.image_to_video.duration"]
