"""docs/clients/python.md holds: what it installs, and each of its programs, against a real service."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from clients.conformance.certificate import write_certificate
from clients.conformance.service import Service
from servicekit.ffmpeg import locate_ffmpeg
from servicekit.process import query

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "clients/python/examples/caption.py"
PAGE = (ROOT / "docs/clients/python.md").read_text()
_PARTS = re.compile(r"^## ([^\n]+)$|^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# A program that uses the client as its users do; mypy --strict has to find nothing, and the wrong line.
TYPED = """
from spotreel import AsyncClient, Client, Progress
from spotreel.orchestrator.v1.job_pb2 import Job

def show(progress: Progress) -> None:
    if progress.job is not None:
        print(progress.step.value, progress.fraction, progress.job.progress.encoder)

def blocking(client: Client) -> Job:
    return client.caption("talk.mp4", "talk.srt", to="captioned.mp4", on_progress=show, labels={"team": "news"})

async def with_asyncio(client: AsyncClient) -> list[str]:
    return [job.name async for job in client.list_jobs(states=[Job.STATE_RUNNING])]
"""
MISTYPED = "\nclient = Client()\nclient.caption('talk.mp4', 'talk.srt', priority='high')\n"

# Everything is done once, when the first test asks for it.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@dataclass(frozen=True, slots=True)
class Program:
    """One block of Python on the page, and the output that is shown below it."""

    title: str
    code: str
    shown: str | None


def programs() -> list[Program]:
    """All programs of the page in their order, each called after its heading."""
    found: list[Program] = []
    heading = ""
    for title, language, code in _PARTS.findall(PAGE):
        heading = title or heading
        if language == "python":
            number = 1 + sum(program.title.startswith(f"{heading} ") for program in found)
            found.append(Program(f"{heading} {number}", code, None))
        elif language == "text":
            found[-1] = Program(found[-1].title, found[-1].code, code)
    return found


@dataclass(frozen=True, slots=True)
class Environment:
    """An environment with the package as the page installs it, its dependencies, and no work tree."""

    python: Path
    packages: Path

    def run(
        self, *arguments: str | Path, cwd: Path, variables: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Runs a Python program there to its end."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("SPOTREEL_", "PYTHONPATH"))}
        return subprocess.run(
            [self.python, *arguments],
            cwd=cwd,
            env=kept | dict(variables or {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    # Its .pth files count only in its own environment, so this brings the dependencies and not the work tree.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    (command,) = (code for _, language, code in _PARTS.findall(PAGE) if language == "sh")
    offline = {"PIP_NO_DEPS": "1", "PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_TARGET": str(packages)}
    path = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    subprocess.run(["bash", "-ec", command], cwd=ROOT, env=os.environ | offline | path, check=True, timeout=120)
    return Environment(folder / "bin/python", packages)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service.running(tmp_path_factory.mktemp("service")) as service:
        yield service


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the page speaks of; the film has 2 s, and `broken.srt` no captions."""
    folder = tmp_path_factory.mktemp("desk")
    film = ["-f", "lavfi", "-i", "testsrc2=size=320x240:rate=10:duration=2", "-c:v", "libx264", "-pix_fmt", "yuv420p"]
    query([locate_ffmpeg(), "-nostdin", "-loglevel", "error", *film, folder / "talk.mp4"], timeout=30)
    (folder / "talk.srt").write_text("1\n00:00:00,100 --> 00:00:01,900\nHello\n")
    (folder / "broken.srt").write_text("no captions\n")
    return folder


@pytest.fixture(scope="module")
def told(
    installed: Environment, service: Service, desk: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, subprocess.CompletedProcess[str]]:
    """What became of each program, run in the order of the page: some go on with what others made."""
    certificate, key = write_certificate(tmp_path_factory.mktemp("certificate"), "server")
    shutil.copy(certificate, desk / "ca.pem")
    settings = {"tls_certificate": str(certificate), "tls_key": str(key), "local_workers": "0"}
    with Service.running(tmp_path_factory.mktemp("elsewhere"), **settings) as elsewhere:

        def run(program: Program) -> subprocess.CompletedProcess[str]:
            code = program.code.replace("127.0.0.1:50051", service.address)
            code = code.replace("the server's key", service.api_key)
            code = code.replace("video.example.com:8443", elsewhere.address)
            used = elsewhere if code != program.code and elsewhere.address in code else service
            variables = {"SPOTREEL_SERVER": used.address, "SPOTREEL_API_KEY": used.api_key}
            return installed.run("-W", "error", "-c", code, cwd=desk, variables=variables)

        return {program.title: run(program) for program in programs()}


@pytest.mark.parametrize("program", programs(), ids=lambda program: program.title)
def test_a_program_of_the_page_runs(told: dict[str, subprocess.CompletedProcess[str]], program: Program) -> None:
    done = told[program.title]
    assert (done.returncode, done.stderr) == (0, "")
    if program.shown is not None:
        assert done.stdout == program.shown


@pytest.mark.usefixtures("told")
def test_the_programs_leave_what_the_page_says(desk: Path) -> None:
    names = {file.name for file in desk.iterdir()} - {"talk.mp4", "talk.srt", "broken.srt", "ca.pem"}
    (news,) = (name for name in names if re.fullmatch(r"[0-9a-z]{26}\.mp4", name))
    assert names == {
        *("captioned.mp4", "part.mp4", "poster.jpg", "sprites.zip", "first.jpg", "copy.mp4", "in-time.mp4"),
        news,
    }
    assert (desk / "copy.mp4").read_bytes() == (desk / news).read_bytes() == (desk / "part.mp4").read_bytes()


def test_programs_use_the_installed_package(installed: Environment, tmp_path: Path) -> None:
    done = installed.run("-c", "import spotreel; print(spotreel.__file__)", cwd=tmp_path)
    assert done.stdout == f"{installed.packages / 'spotreel/__init__.py'}\n"


def test_the_wheel_is_marked_as_typed(installed: Environment, tmp_path: Path) -> None:
    assert (installed.packages / "spotreel/py.typed").exists()
    program = tmp_path / "program.py"
    program.write_text(TYPED)
    mypy = ("-m", "mypy", "--strict", "--no-error-summary", "--cache-dir", str(tmp_path / "cache"))
    done = installed.run(*mypy, program, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "")

    program.write_text(TYPED + MISTYPED)
    done = installed.run(*mypy, program, cwd=tmp_path)
    assert done.returncode == 1
    assert 'Argument "priority"' in done.stdout


def test_the_example_captions_a_file_and_shows_how_far_it_is(
    installed: Environment, service: Service, desk: Path, tmp_path: Path
) -> None:
    variables = {"SPOTREEL_SERVER": service.address, "SPOTREEL_API_KEY": service.api_key}
    files = (desk / "talk.mp4", desk / "talk.srt")
    done = installed.run(EXAMPLE, *files, tmp_path / "out.mp4", cwd=tmp_path, variables=variables)
    assert done.returncode == 0, done.stderr
    assert "done ━━" in done.stderr
    assert done.stdout == f"{tmp_path / 'out.mp4'}\n"

    again = installed.run(EXAMPLE, *files, tmp_path / "out.mp4", cwd=tmp_path, variables=variables)
    assert again.returncode == 1
    assert "(FILE_EXISTS)" in again.stderr


def test_the_example_says_why_a_job_failed(
    installed: Environment, service: Service, desk: Path, tmp_path: Path
) -> None:
    variables = {"SPOTREEL_SERVER": service.address, "SPOTREEL_API_KEY": service.api_key}
    files = (desk / "talk.mp4", desk / "broken.srt")
    done = installed.run(EXAMPLE, *files, tmp_path / "out.mp4", cwd=tmp_path, variables=variables)
    assert done.returncode == 1
    assert re.search(r"jobs/\w+ failed: ", done.stderr)
    assert not (tmp_path / "out.mp4").exists()
