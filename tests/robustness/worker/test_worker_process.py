"""The worker as a process with the real FFmpeg: killed, stopped, left alone; nothing of it stays behind."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from spotreel.media.v1 import operation_pb2, source_pb2
from spotreel.worker.v1 import task_pb2
from spotreel.worker.v1 import worker_service_pb2 as messages
from spotreel.worker.v1.worker_service_pb2_grpc import WorkerServiceStub

from servicekit.ffmpeg import locate_ffmpeg
from servicekit.process import DEVNULL, PIPE, ChildProcess, query
from servicekit.session import SessionIdentity
from tests.simulators.file_server import FileServer, Served
from tests.simulators.instance_end import Asked, InstanceEnd

if TYPE_CHECKING:
    # Exists in the stubs only.
    from spotreel.worker.v1.worker_service_pb2_grpc import WorkerServiceAsyncStub

KEY = "a key of the tests"
METADATA = (("x-api-key", KEY),)
DEADLINE_SECONDS = 20.0
LOOPBACK: Mapping[str, str] = {"allowed_networks": "127.0.0.0/8"}
NONE: Mapping[str, str] = {}
SECRET = bytes(range(32))
SESSION = SessionIdentity(SECRET)
DEPLOYMENT_KEY = "the-key-of-the-deployment"
CONTAINER = {"CONTAINER_ID": "4242", "CONTAINER_API_KEY": "the-key-of-the-container"}
SESSION_SETTINGS = {"api_keys": "", "session_secret": SECRET.hex(), "deployment_key": DEPLOYMENT_KEY}
SESSION_METADATA = (("authorization", f"Bearer {SESSION.token}"), ("x-api-key", DEPLOYMENT_KEY))
ALL_SECRETS = (SECRET.hex(), SESSION.token, DEPLOYMENT_KEY, CONTAINER["CONTAINER_API_KEY"])
ENCODING = task_pb2.TaskProgress.Stage.STAGE_ENCODING


@dataclass
class Worker:
    """A worker process and how to reach it."""

    process: ChildProcess
    address: str
    work_dir: Path

    def own_folders(self) -> list[str]:
        return [path.name for path in self.work_dir.glob("worker-*")]

    async def ended(self) -> int:
        async with asyncio.timeout(DEADLINE_SECONDS):
            return await self.process.wait()


@asynccontextmanager
async def worker(
    work_dir: Path,
    *options: str,
    stdin: int = DEVNULL,
    settings: Mapping[str, str] = NONE,
    environment: Mapping[str, str] = NONE,
) -> AsyncIterator[Worker]:
    process = child(work_dir, *options, stdin=stdin, settings=settings, environment=environment)
    async with process, asyncio.timeout(DEADLINE_SECONDS):
        line = (await process.stdout.readline()).decode()
        assert line.startswith("listening on "), process.stderr_lines
        yield Worker(process=process, address=line.removeprefix("listening on ").strip(), work_dir=work_dir)


def child(
    work_dir: Path,
    *options: str,
    stdin: int = DEVNULL,
    settings: Mapping[str, str] = NONE,
    environment: Mapping[str, str] = NONE,
) -> ChildProcess:
    command = [sys.executable, "-m", "worker", "--listen", "127.0.0.1:0", "--work-dir", str(work_dir), *options]
    given = {f"SPOTREEL_WORKER_{name.upper()}": value for name, value in settings.items()}
    env = {
        "PATH": os.environ["PATH"],
        "XDG_CACHE_HOME": os.environ["XDG_CACHE_HOME"],
        "SPOTREEL_WORKER_API_KEYS": KEY,
        **given,
        **environment,
    }
    return ChildProcess(command, stdin=stdin, stdout=PIPE, env=env)


@pytest.fixture(scope="session")
def still(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("still") / "still.png"
    source = ["-f", "lavfi", "-i", "testsrc2=size=320x240", "-frames:v", "1"]
    query([locate_ffmpeg(), "-nostdin", "-loglevel", "error", *source, path], timeout=40)
    return path.read_bytes()


def connect(address: str) -> grpc.aio.Channel:
    """Connects as the orchestrator of the session."""
    return grpc.aio.secure_channel(address, SESSION.channel_credentials(), options=SESSION.channel_options)


async def start_endless_task(
    stub: "WorkerServiceAsyncStub", uri: str, *, metadata: tuple[tuple[str, str], ...] = METADATA
) -> str:
    """Starts to make an hour of film, and returns the task's name when FFmpeg works."""
    still = operation_pb2.ImageToVideo(image=source_pb2.MediaSource(uri=uri), duration=Duration(seconds=3600))
    request = messages.StartTaskRequest(task_id="endless", operation=operation_pb2.Operation(image_to_video=still))
    name = (await stub.StartTask(request, metadata=metadata)).task.name
    async for message in stub.WatchTask(messages.WatchTaskRequest(name=name), metadata=metadata):
        assert not message.task.HasField("failure"), message.task.failure
        if message.task.progress.stage == ENCODING and message.task.progress.frames:
            return name
    raise AssertionError("the task ended")


def processes_in(folder: Path) -> dict[int, str]:
    """Returns who works inside a folder, as process id → name."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "cwd").readlink().is_relative_to(folder):
                found[int(entry.name)] = (entry / "comm").read_text().strip()
        except OSError:
            continue
    return found


async def gone(pid: int) -> None:
    """Returns when a process has ended."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(descriptor, ended.set)
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


async def test_after_a_kill_nothing_runs_and_the_next_start_cleans_up(tmp_path: Path, still: bytes) -> None:
    work_dir = tmp_path / "work"
    async with (
        FileServer(Served(content=still)) as server,
        worker(work_dir, settings=LOOPBACK) as first,
        grpc.aio.insecure_channel(first.address) as channel,
    ):
        await start_endless_task(WorkerServiceStub(channel), server.url("still.png"))
        left = processes_in(work_dir)
        assert any(name.startswith("ffmpeg") for name in left.values())
        os.kill(first.process.pid, signal.SIGKILL)
        assert await first.ended() == -signal.SIGKILL
        for pid in left:
            await gone(pid)

    (remains,) = first.own_folders()
    async with worker(work_dir) as second:
        assert remains not in second.own_folders()
        assert len(second.own_folders()) == 1
    assert not second.own_folders()


async def test_a_stopped_worker_ends_what_runs_and_says_so(tmp_path: Path, still: bytes) -> None:
    async with (
        FileServer(Served(content=still)) as server,
        worker(tmp_path, settings={**LOOPBACK, "shutdown_grace": "1"}) as running,
        grpc.aio.insecure_channel(running.address) as channel,
    ):
        stub = WorkerServiceStub(channel)
        name = await start_endless_task(stub, server.url("still.png"))
        left = processes_in(tmp_path)
        watch = stub.WatchTask(messages.WatchTaskRequest(name=name), metadata=METADATA)
        messages_left = aiter(watch)
        await anext(messages_left)
        os.kill(running.process.pid, signal.SIGTERM)
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            async for _ in messages_left:
                pass
        assert await running.ended() == 0

    assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
    assert len(left) >= 2
    for pid in left:
        await gone(pid)
    assert not running.own_folders()


async def test_a_worker_ends_with_its_parents_pipe(tmp_path: Path) -> None:
    async with worker(tmp_path, "--exit-with-stdin", stdin=PIPE) as running:
        running.process.stdin.close()
        assert await running.ended() == 0
    assert not running.own_folders()


async def test_a_worker_that_nobody_speaks_to_ends(tmp_path: Path) -> None:
    async with worker(tmp_path, settings={"dead_man_timeout": "0.5"}) as running:
        assert await running.ended() == 0
        assert any("nobody_speaks_to_this_worker" in line for line in running.process.stderr_lines)


async def test_silence_on_a_rented_machine_destroys_the_instance(tmp_path: Path) -> None:
    async with InstanceEnd() as end:
        settings = {**SESSION_SETTINGS, "dead_man_timeout": "0.5", "marketplace_url": end.url}
        async with worker(tmp_path, settings=settings, environment=CONTAINER) as running:
            assert await running.ended() == 0
    assert end.asked == [Asked("DELETE", "/api/v0/instances/4242/", f"Bearer {CONTAINER['CONTAINER_API_KEY']}", {})]
    log = "\n".join(running.process.stderr_lines)
    assert "instance_destroyed" in log
    assert not [secret for secret in ALL_SECRETS if secret in log]


@pytest.mark.parametrize(
    ("settings", "environment", "event"),
    [
        ({}, CONTAINER, "rented_without_dead_mans_switch"),
        ({"dead_man_timeout": "60"}, {"CONTAINER_ID": "4242"}, "instance_cannot_be_destroyed_from_here"),
        ({"session_secret": "", "deployment_key": ""}, CONTAINER, "rented_without_session"),
    ],
)
async def test_what_makes_a_rented_machine_a_loss_is_said_at_the_start(
    tmp_path: Path, settings: dict[str, str], environment: dict[str, str], event: str
) -> None:
    settings = {**SESSION_SETTINGS, **settings}
    async with worker(tmp_path, settings=settings, environment=environment) as running:
        pass
    warnings = [json.loads(line) for line in running.process.stderr_lines if '"warning"' in line]
    assert event in [line["event"] for line in warnings]


async def test_a_session_is_served_everywhere_and_its_secrets_stay_in_the_worker(tmp_path: Path, still: bytes) -> None:
    settings = {**LOOPBACK, **SESSION_SETTINGS, "dead_man_timeout": "60"}
    async with (
        FileServer(Served(content=still)) as server,
        worker(tmp_path, "--listen", "0.0.0.0:0", settings=settings, environment=CONTAINER) as running,
        connect(f"127.0.0.1:{running.address.rpartition(':')[2]}") as channel,
    ):
        await start_endless_task(WorkerServiceStub(channel), server.url("still.png"), metadata=SESSION_METADATA)
        environments = [Path(f"/proc/{pid}/environ").read_text() for pid in processes_in(tmp_path)]

    assert len(environments) >= 2
    seen = "\n".join([*environments, *running.process.stderr_lines])
    assert not [secret for secret in ALL_SECRETS if secret in seen]


async def test_an_idle_worker_is_small_and_announces_itself(tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    async with (
        worker(tmp_path / "work", "--ready-file", str(ready)) as running,
        grpc.aio.insecure_channel(running.address) as channel,
    ):
        pid = running.process.pid
        await WorkerServiceStub(channel).GetCapabilities(messages.GetCapabilitiesRequest(), metadata=METADATA)
        status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        maps = Path(f"/proc/{pid}/maps").read_text()

    assert json.loads(ready.read_text()) == {"address": running.address, "pid": pid}
    assert int(status["VmRSS"].split()[0]) <= 150 * 1024
    assert not [module for module in ("/cv2/", "/numpy/", "/av/") if module in maps]


async def test_a_call_without_the_key_is_refused(tmp_path: Path) -> None:
    async with worker(tmp_path) as running, grpc.aio.insecure_channel(running.address) as channel:
        for metadata in ((), (("authorization", "Bearer wrong"),)):
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await WorkerServiceStub(channel).ListTasks(messages.ListTasksRequest(), metadata=metadata)
            assert raised.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert KEY not in "\n".join(running.process.stderr_lines)


@pytest.mark.parametrize(
    ("listen", "settings", "status", "words"),
    [
        ("0.0.0.0:0", {}, 1, "INSECURE_LISTEN"),
        ("taken", {}, 1, "ADDRESS_IN_USE"),
        ("127.0.0.1:0", {"allowed_networks": "10.0.0.0/99"}, 2, "SPOTREEL_WORKER_ALLOWED_NETWORKS"),
        ("127.0.0.1", {}, 1, "LISTEN_INVALID"),
        ("127.0.0.1:0", {"slots": "many"}, 2, "SPOTREEL_WORKER_SLOTS"),
        ("0.0.0.0:0", {"api_keys": ""}, 1, "INSECURE_LISTEN"),
        ("[::]:0", {"api_keys": "", "session_secret": ""}, 1, "INSECURE_LISTEN"),
        ("0.0.0.0:0", {"session_secret": SECRET.hex()}, 1, "SESSION_AMBIGUOUS"),
        ("127.0.0.1:0", {"deployment_key": DEPLOYMENT_KEY}, 1, "SESSION_MISSING"),
        (
            "0.0.0.0:0",
            {"api_keys": "", "session_secret": SECRET.hex()[1:]},
            2,
            "SESSION_SECRET: Value error, must be 64",
        ),
        ("127.0.0.1:0", {"allowed_callers": "10.0.0.0/99"}, 2, "SPOTREEL_WORKER_ALLOWED_CALLERS"),
        ("127.0.0.1:0", {"marketplace_url": "http://example.com"}, 2, "SPOTREEL_WORKER_MARKETPLACE_URL"),
        ("taken", SESSION_SETTINGS, 1, "ADDRESS_IN_USE"),
    ],
)
async def test_what_cannot_work_is_said_at_once(
    tmp_path: Path, listen: str, settings: dict[str, str], status: int, words: str
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        if listen == "taken":
            listen = f"127.0.0.1:{taken.getsockname()[1]}"
        async with child(tmp_path, "--listen", listen, settings=settings) as process, asyncio.timeout(DEADLINE_SECONDS):
            assert await process.wait() == status
    said = "\n".join(process.stderr_lines)
    assert words in process.stderr_lines[-1]
    assert "Traceback" not in said
    assert not [secret for secret in (SECRET.hex()[1:], DEPLOYMENT_KEY) if secret in said]
