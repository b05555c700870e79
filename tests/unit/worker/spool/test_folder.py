"""A worker cleans up after dead ones and leaves living ones alone."""

import subprocess
import sys
from pathlib import Path

import pytest

from servicekit.clock import SystemClock
from servicekit.errors import FailedPrecondition
from worker.spool.folder import open_work_folder

CLOCK = SystemClock()


def leave_behind(root: Path) -> Path:
    """Makes what a killed worker leaves: its folder, with nobody who holds the lock."""
    folder = root / "worker-999999-gone"
    (folder / "tasks" / "one").mkdir(parents=True)
    (folder / "tasks" / "one" / "frame.raw").write_bytes(bytes(1000))
    return folder


def test_what_a_dead_worker_left_is_removed_with_its_processes(tmp_path: Path) -> None:
    folder = leave_behind(tmp_path)
    sleep = [sys.executable, "-c", "import time; print(flush=True); time.sleep(60)"]
    with (
        subprocess.Popen(sleep, cwd=folder / "tasks" / "one", stdout=subprocess.PIPE) as left,
        subprocess.Popen(sleep, cwd=tmp_path, stdout=subprocess.PIPE) as stranger,
    ):
        for process in (left, stranger):
            assert process.stdout is not None
            process.stdout.readline()
        with open_work_folder(tmp_path, clock=CLOCK) as own:
            assert left.wait(timeout=10) == -9
            assert not folder.exists()
            assert own.path.exists()
            assert stranger.poll() is None
        stranger.kill()


def test_two_workers_share_a_root(tmp_path: Path) -> None:
    with open_work_folder(tmp_path, clock=CLOCK) as first:
        with open_work_folder(tmp_path, clock=CLOCK) as second:
            assert first.path != second.path
            assert first.outputs.is_dir()
        assert first.outputs.is_dir()
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(FailedPrecondition, match="SPOTREEL_WORKER_WORK_DIR"),
        open_work_folder(tmp_path / "file", clock=CLOCK),
    ):
        pass


async def test_a_task_folder_goes_with_all_in_it(tmp_path: Path) -> None:
    with open_work_folder(tmp_path, clock=CLOCK) as own:
        async with own.task("one") as folder:
            (folder / "deep").mkdir()
            (folder / "deep" / "file").write_text("x")
        assert not folder.exists()
