"""What a program cannot do behind `confined`, tried by a program that wants to."""

import os
import socket
import sys
from pathlib import Path

import pytest

from servicekit.confined import Bounds, confined, landlock_version
from servicekit.process import PIPE, ChildProcess

needs_landlock = pytest.mark.skipif(landlock_version() < 1, reason="this kernel has no Landlock")
needs_tcp_rules = pytest.mark.skipif(landlock_version() < 4, reason="this kernel's Landlock knows no TCP")
PYTHON = (sys.prefix, sys.base_prefix)


async def attempt(code: str, bounds: Bounds) -> str:
    """Returns what the code prints, or the last line of what ended it."""
    async with ChildProcess(confined([sys.executable, "-I", "-c", code], bounds), stdout=PIPE) as process:
        said = (await process.stdout.read()).decode().strip()
        await process.wait()
        return said or process.stderr_lines[-1]


@needs_landlock
async def test_only_named_files_are_opened_and_only_named_folders_written(tmp_path: Path) -> None:
    named, secret, folder = tmp_path / "named", tmp_path / "secret", tmp_path / "folder"
    for path in (named, secret):
        path.write_text("content")
    folder.mkdir()
    bounds = Bounds(readable=(*PYTHON, str(named)), writable=(str(folder),))
    assert await attempt(f"print(open({str(named)!r}).read())", bounds) == "content"
    assert await attempt(f"print(open({str(folder / 'new')!r}, 'w').write('12'))", bounds) == "2"
    for code in (
        f"open({str(secret)!r})",
        f"open({str(named)!r}, 'a')",
        f"open({str(tmp_path / 'new')!r}, 'w')",
        f"import os; os.symlink({str(secret)!r}, {str(folder / 'link')!r}); open({str(folder / 'link')!r})",
        "open('/etc/passwd')",
        "import os; os.listdir('/home')",
    ):
        assert "Permission" in await attempt(code, bounds), code


@needs_landlock
async def test_nothing_of_another_process_is_seen_or_ended() -> None:
    for code in (
        f"open('/proc/{os.getpid()}/environ').read()",
        f"open('/proc/{os.getpid()}/mem')",
        f"import os; os.kill({os.getpid()}, 0)" if landlock_version() >= 6 else "open('/etc/shadow')",
    ):
        said = await attempt(code, Bounds(readable=PYTHON))
        assert "ermi" in said, said


@needs_tcp_rules
async def test_no_connection_is_made() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        code = f"import socket; socket.create_connection(('127.0.0.1', {server.getsockname()[1]}))"
        assert "Permission" in await attempt(code, Bounds(readable=PYTHON))
        code = "import socket; socket.create_server(('127.0.0.1', 0))"
        assert "Permission" in await attempt(code, Bounds(readable=PYTHON))


async def test_no_right_is_gained_and_root_has_next_to_none() -> None:
    status = await attempt("print(open('/proc/self/status').read())", Bounds(any_file=True))
    fields = dict(line.split(":\t") for line in status.splitlines() if ":\t" in line)
    assert fields["NoNewPrivs"].strip() == "1"
    # CAP_DAC_OVERRIDE alone.
    assert int(fields["CapEff"], 16) | int(fields["CapPrm"], 16) in (0, 1 << 1)


@pytest.mark.parametrize(
    ("code", "bounds"),
    [
        ("bytearray(1 << 30)", Bounds(any_file=True, address_space=512 << 20)),
        ("f = open('big', 'wb', 0); [f.write(bytes(5000)) for _ in range(3)]", Bounds(any_file=True, file_size=4096)),
        ("import os; [os.dup(0) for _ in range(100)]", Bounds(any_file=True, open_files=50)),
        ("while True: pass", Bounds(any_file=True, cpu_seconds=1)),
    ],
)
async def test_limits_end_what_breaks_them(tmp_path: Path, code: str, bounds: Bounds) -> None:
    program = confined([sys.executable, "-I", "-c", f"{code}\nprint('done')"], bounds)
    async with ChildProcess(program, stdout=PIPE, cwd=tmp_path) as process:
        assert await process.stdout.read() == b""
        assert await process.wait() != 0
    assert not list(tmp_path.glob("core*"))


async def test_a_pipe_that_closes_ends_a_program_as_ever() -> None:
    """Python ignores SIGPIPE, and whatever it starts would inherit that."""
    async with ChildProcess(confined(["/usr/bin/yes"], Bounds()), stdout=PIPE) as process:
        await process.stdout.read(10)
        process._started._transport.get_pipe_transport(1).close()  # type: ignore[attr-defined]
        assert await process.wait() == -13
