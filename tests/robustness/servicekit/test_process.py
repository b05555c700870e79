"""Child processes: none survives its owner, and none can hold it up."""

import asyncio
import os
import resource
import shutil
import signal
import sys
from pathlib import Path

import pytest

from servicekit.errors import FailedPrecondition
from servicekit.process import PIPE, ChildProcess, query

# Starts a grandchild that ignores SIGTERM and keeps stderr open, and prints its pid.
_WITH_STUBBORN_GRANDCHILD = """
import subprocess, sys, time
code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
grandchild = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
grandchild.stdout.readline()
print(grandchild.pid, flush=True)
if "leave" not in sys.argv:
    time.sleep(600)
"""


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in {"Z", "X"}


async def ended(pid: int) -> None:
    async with asyncio.timeout(10):
        while is_running(pid):  # noqa: ASYNC110 - nobody announces the end of a process that is not our child
            await asyncio.sleep(0.01)


async def test_leaving_the_block_ends_grandchildren_too() -> None:
    async with ChildProcess([sys.executable, "-c", _WITH_STUBBORN_GRANDCHILD], stdout=PIPE, grace=0.2) as child:
        grandchild = int(await child.stdout.readline())
        assert is_running(grandchild)

    assert child.returncode == -signal.SIGTERM
    await ended(grandchild)


async def test_wait_returns_although_a_grandchild_holds_the_pipes() -> None:
    async with ChildProcess(
        [sys.executable, "-c", _WITH_STUBBORN_GRANDCHILD, "leave"], stdout=PIPE, grace=0.1
    ) as child:
        grandchild = int(await child.stdout.readline())
        assert await child.wait() == 0
        assert is_running(grandchild)

    await ended(grandchild)


async def test_a_cancelled_owner_still_ends_the_child() -> None:
    started: asyncio.Future[ChildProcess] = asyncio.get_running_loop().create_future()

    async def own() -> None:
        code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(600)"
        async with ChildProcess([sys.executable, "-c", code], stdout=PIPE, grace=600) as child:
            await child.stdout.readline()
            started.set_result(child)
            await child.wait()

    owner = asyncio.create_task(own(), name="owner")
    child = await started
    owner.cancel()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    owner.cancel()
    with pytest.raises(asyncio.CancelledError):
        await owner
    assert child.returncode == -signal.SIGKILL


# Owns a child for as long as it lives.
_PARENT = """
import asyncio
from servicekit.process import ChildProcess
async def main():
    async with ChildProcess(["sleep", "600"]) as child:
        print(child.pid, flush=True)
        await child.wait()
asyncio.run(main())
"""
# Begins only when the parent is gone, as on a machine that is too busy to run the child's first steps.
_LATE_SETPRIV = """#!/bin/sh
while kill -0 "$PPID" 2>/dev/null; do sleep 0.01; done
exec {setpriv} "$@"
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the parent-death signal is Linux's")
@pytest.mark.parametrize("late", [False, True])
async def test_the_child_dies_when_its_parent_is_killed_outright(tmp_path: Path, late: bool) -> None:
    """While it runs, and when the kill comes before it could ask the kernel for the signal."""
    setpriv = shutil.which("setpriv")
    assert setpriv is not None
    if late:
        shim = tmp_path / "setpriv"
        shim.write_text(_LATE_SETPRIV.format(setpriv=setpriv))
        shim.chmod(0o755)
    root = str(Path(__file__).parents[3])
    environment = os.environ | {"PYTHONPATH": root, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    async with ChildProcess([sys.executable, "-c", _PARENT], stdout=PIPE, env=environment) as parent:
        grandchild = int(await parent.stdout.readline())
        assert is_running(grandchild)
        os.kill(parent.pid, signal.SIGKILL)
        assert await parent.wait() == -signal.SIGKILL
        await ended(grandchild)


async def test_a_flood_on_stderr_neither_grows_memory_nor_blocks() -> None:
    line_bytes = 1000
    code = f"""
import sys
line = b"x" * {line_bytes - 1} + b"\\n"
for _ in range(100):
    sys.stderr.buffer.write(line * 1000)
sys.stderr.buffer.write(b"the last word\\rand the very last")
"""
    lines = 0

    def count(_line: str) -> None:
        nonlocal lines
        lines += 1

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    async with ChildProcess([sys.executable, "-c", code], on_stderr_line=count) as child:
        assert await child.wait() == 0
    growth_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before

    assert lines == 100_002
    assert child.stderr_lines[-2:] == ["the last word", "and the very last"]
    assert sum(map(len, child.stderr_lines)) <= 64 * 1024
    assert growth_kib < 16 * 1024


async def test_an_endless_line_is_handed_out_in_pieces() -> None:
    pieces: list[str] = []
    code = "import sys; sys.stderr.write('y' * 1_000_000)"
    async with ChildProcess([sys.executable, "-c", code], on_stderr_line=pieces.append) as child:
        await child.wait()

    assert sum(map(len, pieces)) == 1_000_000
    assert max(map(len, pieces)) <= 512 * 1024


async def test_stdin_and_stdout_carry_data() -> None:
    async with ChildProcess(["cat"], stdin=PIPE, stdout=PIPE) as child:
        child.stdin.write(b"through")
        child.stdin.close()
        assert await child.stdout.read() == b"through"
        assert await child.wait() == 0


async def test_a_missing_program_is_named() -> None:
    with pytest.raises(FailedPrecondition, match="no-such-program") as caught:
        async with ChildProcess(["no-such-program", "-version"]):
            pass
    assert caught.value.reason == "PROGRAM_NOT_FOUND"

    with pytest.raises(FailedPrecondition, match="no-such-program"):
        query(["no-such-program"])


def test_query_gives_up_on_a_program_that_hangs() -> None:
    with pytest.raises(FailedPrecondition) as caught:
        query(["sleep", "600"], timeout=0.1)
    assert caught.value.reason == "PROGRAM_FAILED"
