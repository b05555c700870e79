"""The tour in clients/grpcurl works as it stands there: pasted block after block into one shell."""

import hashlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import pytest

from tests.clients.grpcurl.shapes import Shapes

ROOT = Path(__file__).parents[3]
STATED_PORT = "8000"
PATIENCE_SECONDS = 150.0
OPERATIONS = ("caption", "image-to-video", "add-audio", "transcode", "concat", "thumbnails")
RECORDED: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("answers.json").read_text())
SHAPES = Shapes(RECORDED["messages"])
# What the tour finds as grpcurl: the real one, and a copy of what each method answered.
KEEPING_ANSWERS = """#!/bin/bash
set -o pipefail
case ${!#} in
  */*) "%(grpcurl)s" "$@" | tee -a "%(answers)s/$(basename "${!#}")" ;;
  *) exec "%(grpcurl)s" "$@" ;;
esac
"""

# The tour is one session, made when the first test asks for it.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(PATIENCE_SECONDS + 30)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tour:
    """What the session printed under each heading, what each method answered to grpcurl, and what it left."""

    status: int
    said: dict[str, str]
    answered: dict[str, list[dict[str, Any]]]
    out: Path
    still_runs: dict[int, str]
    still_there: tuple[Path, ...]

    def under(self, heading: str) -> str:
        assert self.status == 0, self.said
        return self.said[heading]


@pytest.fixture(scope="module")
def tour(tmp_path_factory: pytest.TempPathFactory, grpcurl: Path) -> Iterator[Tour]:
    clone = tmp_path_factory.mktemp("clone")
    temporary = tmp_path_factory.mktemp("temporary")
    answers = tmp_path_factory.mktemp("answers")
    files, server = free_ports(2)
    lay_out(clone, files_port=files)
    found = clone / "out/clients/bin/grpcurl"
    found.parent.mkdir(parents=True)
    found.write_text(KEEPING_ANSWERS % {"grpcurl": grpcurl, "answers": answers})
    found.chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SPOTREEL_")}
    environment |= {"TMPDIR": str(temporary), "SPOTREEL_SERVER": f"127.0.0.1:{server}", "NO_COLOR": "1"}
    script = session((clone / "clients/grpcurl/README.md").read_text())
    shell = subprocess.Popen(
        ["bash", "-c", script],
        cwd=clone,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        printed, _ = shell.communicate(timeout=PATIENCE_SECONDS)
        yield Tour(
            status=shell.returncode,
            said=by_heading(printed),
            answered={file.name: list(objects(file.read_text())) for file in answers.iterdir()},
            out=clone / "out/tour",
            still_runs=running(temporary),
            still_there=tuple(temporary.iterdir()),
        )
    finally:
        with suppress(ProcessLookupError):
            os.killpg(shell.pid, signal.SIGKILL)
        shell.wait()
        # Where the session broke off, a worker goes on without its server, as it should.
        for left in running(temporary):
            with suppress(ProcessLookupError):
                os.kill(left, signal.SIGKILL)


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [opened.getsockname()[1] for opened in sockets]
    for opened in sockets:
        opened.close()
    return ports


def lay_out(clone: Path, *, files_port: int) -> None:
    """Makes what the tour sees of a clone, with another port for the file server, which the requests name too."""
    (clone / "clients").mkdir()
    (clone / "clients/python").symlink_to(ROOT / "clients/python")
    (clone / "protos").symlink_to(ROOT / "protos")
    (clone / ".venv").symlink_to(sys.prefix)
    shutil.copytree(ROOT / "clients/grpcurl", clone / "clients/grpcurl")
    for file in (clone / "clients/grpcurl").rglob("*"):
        if file.suffix in {".md", ".json"}:
            file.write_text(file.read_text().replace(STATED_PORT, str(files_port)))


def session(page: str) -> str:
    """All blocks as one script that ends at the first failure."""
    lines = ["set -euo pipefail"]
    for heading, code in re.findall(r"^## ([^\n]+)$|^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL):
        lines.append(f"echo '## {heading}'" if heading else code)
    return "\n".join(lines)


def by_heading(printed: str) -> dict[str, str]:
    _, *parts = re.split(r"^## (.+)\n", printed, flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def objects(text: str) -> Iterator[dict[str, Any]]:
    """Yields the JSON objects in a text, whatever else is between them."""
    decoder, start = json.JSONDecoder(), 0
    while (start := text.find("{", start)) >= 0:
        found, start = decoder.raw_decode(text, start)
        yield found


def running(temporary: Path) -> dict[int, str]:
    """The command lines of all processes that have inherited our TMPDIR, workers in sessions of their own too."""
    mark = f"TMPDIR={temporary}".encode()
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if mark in (process / "environ").read_bytes().split(b"\0"):
                found[int(process.name)] = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    return found


@pytest.mark.parametrize("method", RECORDED["methods"])
def test_answers_have_the_recorded_shape(tour: Tour, method: str) -> None:
    assert tour.status == 0, tour.said
    assert [
        found for answer in tour.answered[method] for found in SHAPES.differences(answer, RECORDED["methods"][method])
    ] == []


def test_every_method_that_answered_is_recorded(tour: Tour) -> None:
    assert {name for name, answers in tour.answered.items() if answers} == RECORDED["methods"].keys()


def test_details_of_errors_have_the_recorded_shape(tour: Tour) -> None:
    details = list(objects(tour.under("Get it wrong")))
    kinds = [detail.pop("@type").removeprefix("type.googleapis.com/") for detail in details]
    assert set(kinds) == RECORDED["details"].keys()
    for kind, detail in zip(kinds, details, strict=True):
        assert list(SHAPES.differences(detail, RECORDED["details"][kind])) == []


def test_services_and_methods_are_listed(tour: Tour) -> None:
    said = tour.under("List")
    assert "spotreel.orchestrator.v1.AssetService\n" in said
    assert "spotreel.orchestrator.v1.JobService.ReadJobOutput\n" in said


def test_a_method_and_a_message_are_described(tour: Tour) -> None:
    said = tour.under("Describe")
    assert "rpc CreateJob ( .spotreel.orchestrator.v1.CreateJobRequest )" in said
    assert "  optional double start_scale = 1;\n" in said


def test_the_service_is_healthy(tour: Tour) -> None:
    assert list(objects(tour.under("Health"))) == [{"status": "SERVING"}]


def test_a_quote_says_how_long_a_job_may_take(tour: Tour) -> None:
    assert '"explanation": "The job runs on workers beside this server' in tour.under("Create")


def test_each_operation_makes_a_job_and_a_repeat_the_same(tour: Tour) -> None:
    created = re.findall(r'"name": "jobs/tour-([a-z-]+)"', tour.under("Create"))
    assert created == [*OPERATIONS, "caption"]


def test_each_watch_ends_with_success(tour: Tour) -> None:
    answers = tour.answered["WatchJob"]
    ended = {answer["job"]["name"]: answer["job"]["state"] for answer in answers}
    assert ended.pop("jobs/tour-long") == "STATE_CANCELLED"
    assert ended == {f"jobs/tour-{operation}": "STATE_SUCCEEDED" for operation in OPERATIONS}
    assert '"fraction": 1' in tour.under("Watch")


def test_the_list_has_all_that_succeeded(tour: Tour) -> None:
    (answer,) = tour.answered["ListJobs"]
    assert {job["name"] for job in answer["jobs"]} == {f"jobs/tour-{operation}" for operation in OPERATIONS}


@pytest.mark.parametrize(
    ("name", "size", "seconds"),
    [
        ("caption.mp4", (640, 360), 5.3),
        ("image-to-video.mp4", (640, 360), 3.0),
        ("add-audio.mp4", (1280, 720), 5.3),
        ("transcode.mp4", (320, 180), 2.5),
        ("concat.mp4", (1280, 720), 10.6),
    ],
)
def test_what_was_read_agrees_and_plays(tour: Tour, name: str, size: tuple[int, int], seconds: float) -> None:
    assert digest_line(tour.out / name) in tour.under("Read")
    with av.open(tour.out / name) as container:
        frames = list(container.decode(video=0))
        assert (frames[0].width, frames[0].height) == size
        assert frames[-1].time == pytest.approx(seconds, abs=0.2)


def test_a_poster_was_read_with_both_tools(tour: Tour) -> None:
    assert digest_line(tour.out / "poster.jpg") in tour.under("Read")
    assert digest_line(tour.out / "poster-again.jpg") in tour.under("Without Go")
    with av.open(tour.out / "poster.jpg") as picture:
        assert next(picture.decode(video=0)).width == 640


def digest_line(file: Path) -> str:
    return f"{hashlib.sha256(file.read_bytes()).hexdigest()}  out/tour/{file.name}\n"


def test_a_cancelled_job_ends_as_such(tour: Tour) -> None:
    _, cancelling, *_, last = re.findall(r'"state": "STATE_(\w+)"', tour.under("Cancel"))
    assert cancelling in {"CANCELLING", "CANCELLED"}
    assert last == "CANCELLED"


def test_errors_name_every_field_the_missing_key_and_the_missing_job(tour: Tour) -> None:
    wrong, rest = tour.under("Get it wrong").split("exit status 67\n")
    keyless, missing = rest.split("exit status 80\n")
    for field in ("image_to_video.image", "image_to_video.duration"):
        assert f'"field": "spec.operation.{field}"' in wrong
    assert '"reason": "API_KEY_MISSING"' in keyless
    assert '"reason": "JOB_NOT_FOUND"' in missing
    assert "exit status 69\n" in missing


def test_buf_curl_does_the_same(tour: Tour) -> None:
    said = tour.under("Without Go")
    assert "spotreel.orchestrator.v1.JobService/ReadJobOutput\n" in said
    assert re.search(r'"name": "jobs/tour-caption",\n\s+"state": "STATE_SUCCEEDED"', said)
    (error,) = (found for found in objects(said) if "code" in found)
    assert error["code"] == "invalid_argument"
    bad_request = next(detail for detail in error["details"] if detail["type"] == "google.rpc.BadRequest")
    assert len(bad_request["fieldViolations"]) == 2
    assert "exit status 24\n" in said


def test_nothing_stays_after_the_end(tour: Tour) -> None:
    assert tour.under("Stop") == ""
    assert tour.still_runs == {}
    assert tour.still_there == ()
