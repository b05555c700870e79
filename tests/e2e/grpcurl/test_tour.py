"""The tour in clients/grpcurl works as it stands there: pasted block after block into one shell."""

import hashlib
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

import av
import pytest

ROOT = Path(__file__).parents[3]
STATED_PORT = "8000"
PATIENCE_SECONDS = 150.0
JOB = r"jobs/[0-9a-z]{26}"

# The tour is one session, made when the first test asks for it.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(PATIENCE_SECONDS + 30)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tour:
    """What the session printed under each heading, and what it left."""

    status: int
    said: dict[str, str]
    out: Path
    still_runs: dict[int, str]
    still_there: tuple[Path, ...]

    def under(self, heading: str) -> str:
        assert self.status == 0, self.said
        return self.said[heading]


@pytest.fixture(scope="module")
def tour(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tour]:
    clone = tmp_path_factory.mktemp("clone")
    temporary = tmp_path_factory.mktemp("temporary")
    files, server = free_ports(2)
    lay_out(clone, files_port=files)
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
            out=clone / "out",
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
    """All blocks as one script that ends at the first failure; those with grpcurl only where that is installed."""
    languages = {"sh", "console"} if shutil.which("grpcurl") else {"sh"}
    lines = ["set -euo pipefail"]
    for heading, language, code in re.findall(r"^## ([^\n]+)$|^```(\w+)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL):
        if heading:
            lines.append(f"echo '## {heading}'")
        elif language in languages:
            lines.append(code)
    return "\n".join(lines)


def by_heading(printed: str) -> dict[str, str]:
    _, *parts = re.split(r"^## (.+)\n", printed, flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def running(temporary: Path) -> dict[int, str]:
    """The command lines of all processes that have inherited our TMPDIR, workers in sessions of their own too."""
    mark = f"TMPDIR={temporary}".encode()
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if mark in (process / "environ").read_bytes().split(b"\0"):
                found[int(process.name)] = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    return found


def test_services_methods_and_a_message_are_shown(tour: Tour) -> None:
    said = tour.under("What is there")
    for shown in (
        "spotreel.orchestrator.v1.AssetService\n",
        "spotreel.orchestrator.v1.JobService/ReadJobOutput\n",
        '"status": "SERVING"',
        "optional double start_scale = 1;",
    ):
        assert shown in said


def test_a_quote_says_how_long_a_job_may_take(tour: Tour) -> None:
    assert '"explanation": "The job runs on workers beside this server' in tour.under("Create")


def test_a_repeat_gives_the_same_job(tour: Tour) -> None:
    created, repeated = re.search(rf"created: ((?:{JOB} ?){{3}})\n((?:{JOB}\n)+)", tour.under("Create")).groups()  # type: ignore[union-attr]
    jobs = created.split()
    assert len(set(jobs)) == 3
    assert set(repeated.split()) == {jobs[0]}


def test_each_watch_ends_with_success(tour: Tour) -> None:
    said = tour.under("Watch")
    states = re.findall(r'"state": "STATE_(\w+)"', said)
    assert states.count("SUCCEEDED") >= 3
    assert states[-1] == "SUCCEEDED"
    assert set(states) <= {"QUEUED", "RUNNING", "SUCCEEDED"}
    assert '"fraction": 1' in said


def test_the_list_has_the_three_that_succeeded(tour: Tour) -> None:
    listed = re.findall(rf'"name": "({JOB})",\n\s+"state": "STATE_SUCCEEDED"', tour.under("List"))
    assert len(set(listed)) == 3


@pytest.mark.parametrize(
    ("name", "size", "seconds"),
    [("captioned.mp4", (1280, 720), 5.3), ("zoom.mp4", (1280, 720), 4.0), ("with-audio.mp4", (1280, 720), 5.3)],
)
def test_what_was_read_agrees_and_plays(tour: Tour, name: str, size: tuple[int, int], seconds: float) -> None:
    said = tour.under("Read")
    file = tour.out / name
    assert f"{hashlib.sha256(file.read_bytes()).hexdigest()}  out/{name}\n" in said
    with av.open(file) as container:
        frames = list(container.decode(video=0))
        assert (frames[0].width, frames[0].height) == size
        assert frames[-1].time == pytest.approx(seconds, abs=0.2)


def test_a_cancelled_job_ends_as_such(tour: Tour) -> None:
    states = re.findall(r'"state": "STATE_(\w+)"', tour.under("Cancel"))
    assert states[0] in {"CANCELLING", "CANCELLED"}
    assert states[-1] == "CANCELLED"


def test_errors_name_every_field_and_the_missing_key(tour: Tour) -> None:
    wrong, keyless = tour.under("Get it wrong").split("exit status 24\n")
    for field in ("image_to_video.image", "image_to_video.duration"):
        assert f'"field": "spec.operation.{field}"' in wrong
    assert '"type": "google.rpc.BadRequest"' in wrong
    assert '"reason": "API_KEY_MISSING"' in keyless
    assert "exit status 128\n" in keyless


def test_nothing_stays_after_the_end(tour: Tour) -> None:
    assert tour.under("Stop") == ""
    assert tour.still_runs == {}
    assert tour.still_there == ()
