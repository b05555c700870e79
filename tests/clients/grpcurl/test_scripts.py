"""The two scripts of the tour, given what they may be given."""

import base64
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[3] / "clients/grpcurl"
DATA = b"video"
WHOLE = {
    "data": base64.b64encode(DATA).decode(),
    "last": True,
    "sizeBytes": "5",
    "sha256": base64.b64encode(hashlib.sha256(DATA).digest()).decode(),
}


def run(script: str, said: str, *arguments: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPTS / script), *map(str, arguments)]
    return subprocess.run(command, input=said, capture_output=True, text=True, check=False)


def test_a_whole_output_gets_the_name(tmp_path: Path) -> None:
    done = run("save.py", json.dumps(WHOLE), tmp_path / "film.mp4")
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "film.mp4").read_bytes() == DATA
    assert not (tmp_path / "film.mp4.part").exists()


@pytest.mark.parametrize("said", ["", json.dumps(WHOLE)[:-10], json.dumps(WHOLE | {"sizeBytes": "6"})])
def test_anything_less_leaves_the_file_as_it_is(said: str, tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_text("good")
    done = run("save.py", said, tmp_path / "film.mp4")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert (tmp_path / "film.mp4").read_text() == "good"


def test_what_is_no_error_of_the_server_is_shown_as_it_is() -> None:
    done = run("details.py", "Failure: nobody is there\n")
    assert (done.returncode, done.stdout) == (0, "Failure: nobody is there\n")
