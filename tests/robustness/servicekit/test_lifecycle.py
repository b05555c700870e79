"""Real processes that are told to stop."""

import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from servicekit.process import PIPE, ChildProcess

_SERVICE = """
import asyncio, sys
from servicekit.clock import SystemClock
from servicekit.lifecycle import stop_signal
from servicekit.logs import configure_logging
configure_logging("test")
class Leaping(SystemClock):
    # A second passes between any two looks at it.
    looks = 0
    def monotonic(self):
        self.looks += 1
        return float(self.looks)
async def main():
    clock = Leaping() if "later" in sys.argv else None
    async with stop_signal(on_stdin_end="stdin" in sys.argv, clock=clock) as stop:
        print("ready", flush=True)
        await stop.wait()
        print("stopping", flush=True)
        if "hang" in sys.argv:
            await asyncio.sleep(600)
        if "linger" in sys.argv:
            await asyncio.to_thread(sys.stdin.read)
asyncio.run(main())
"""


@asynccontextmanager
async def running_service(*arguments: str) -> AsyncIterator[ChildProcess]:
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    command = [sys.executable, "-c", _SERVICE, *arguments]
    async with ChildProcess(command, stdin=PIPE, stdout=PIPE, env=environment) as service:
        assert await service.stdout.readline() == b"ready\n"
        yield service


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_first_signal_stops_in_order(number: signal.Signals) -> None:
    async with running_service() as service:
        os.kill(service.pid, number)
        assert await service.stdout.readline() == b"stopping\n"
        assert await service.wait() == 0


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
async def test_the_second_signal_exits_at_once(number: signal.Signals, status: int) -> None:
    async with running_service("hang", "later") as service:
        os.kill(service.pid, number)
        assert await service.stdout.readline() == b"stopping\n"
        os.kill(service.pid, number)
        assert await service.wait() == status


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_that_comes_twice_is_one_wish(number: signal.Signals) -> None:
    async with running_service("linger") as service:
        os.kill(service.pid, number)
        assert await service.stdout.readline() == b"stopping\n"
        os.kill(service.pid, number)
        service.stdin.close()
        assert await service.wait() == 0


async def test_the_end_of_stdin_stops_an_embedded_service() -> None:
    async with running_service("stdin") as service:
        service.stdin.close()
        assert await service.stdout.readline() == b"stopping\n"
        assert await service.wait() == 0


async def test_a_process_is_prepared_before_grpc_is_imported() -> None:
    code = """
import os, sys
from servicekit.runtime import prepare_process
assert "grpc" not in sys.modules
prepare_process()
import grpc
print(os.environ["GRPC_ENABLE_FORK_SUPPORT"])
try:
    prepare_process()
except RuntimeError as error:
    print(error)
"""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GRPC_")}
    environment["PYTHONPATH"] = str(Path(__file__).parents[3])
    async with ChildProcess([sys.executable, "-c", code], stdout=PIPE, env=environment) as child:
        assert await child.stdout.readline() == b"0\n"
        assert b"before grpc" in await child.stdout.readline()
        assert await child.wait() == 0
