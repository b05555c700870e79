"""The command as people run it: a process, its two outputs and its exit status."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
from spotreel.orchestrator.v1.job_pb2 import Job, JobFailure

from tests.simulators.orchestrator import SimulatedOrchestrator


@pytest.fixture
async def server() -> AsyncIterator[SimulatedOrchestrator]:
    async with SimulatedOrchestrator(api_key="right") as server:
        yield server


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "a talk.mp4"
    path.write_bytes(b"video")
    return path


async def start(server: str, *arguments: str | Path, key: str = "right") -> Process:
    environment = os.environ | {"SPOTREEL_SERVER": server, "SPOTREEL_API_KEY": key, "NO_COLOR": "1"}
    command = [sys.executable, "-m", "spotreel.cli", *map(str, arguments)]
    return await asyncio.create_subprocess_exec(*command, env=environment, stdout=PIPE, stderr=PIPE)


async def run(server: str, *arguments: str | Path, key: str = "right") -> tuple[int, str, str]:
    process = await start(server, *arguments, key=key)
    async with asyncio.timeout(30):
        out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def test_an_operation_writes_the_file_and_keeps_the_outputs_apart(
    server: SimulatedOrchestrator, video: Path, tmp_path: Path
) -> None:
    target = tmp_path / "out.mkv"
    status, out, err = await run(
        server.address, "image-to-video", video, "-o", target, "--duration", "2.5", "--zoom-to", "2",
        "--focus", "0.25,1", "--easing", "ease-in-out", "--fit", "contain", "--size", "1280x720",
        "--border", "blur", "--pan-to", "0.75,0", "--background", "#123456", "--quality", "20", "--timeout", "30",
    )  # fmt: skip

    assert (status, target.read_bytes()) == (0, server.output), err
    assert out.startswith(f"{target}  5.0 kB")
    assert "encoding  50%  120 fps  4.8×  ETA 2.0 s  libx264" in err
    spec = server.only_job.current.spec
    operation = spec.operation.image_to_video
    assert operation.duration.ToNanoseconds() == 2_500_000_000
    assert (operation.zoom.end_scale, operation.zoom.focus_x, operation.zoom.focus_y) == (2.0, 0.25, 1.0)
    assert (operation.zoom.end_focus_x, operation.zoom.end_focus_y) == (0.75, 0.0)
    assert (operation.zoom.easing, operation.fit, operation.border) == (4, 2, 2)
    assert operation.background_color == "#123456"
    assert (spec.output.container, spec.output.video.quality, spec.output.video.size.width) == (3, 20, 1280)
    assert spec.limits.run_timeout.seconds == 30


async def test_json_is_all_that_stdout_has(server: SimulatedOrchestrator, video: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    status, out, err = await run(server.address, "add-audio", video, video, "-o", target, "--json", "--gain", "-3")

    events = [json.loads(line) for line in out.splitlines()]
    assert (status, err) == (0, "")
    assert {event["event"] for event in events} == {"progress", "done"}
    assert events[-1]["output"] == str(target)
    assert events[-1]["size_bytes"] == len(server.output)
    assert server.only_job.current.spec.operation.add_audio.audio_gain_db == -3


async def test_a_failed_job_exits_with_1(server: SimulatedOrchestrator, video: Path, tmp_path: Path) -> None:
    server.failure = JobFailure(reason="INPUT_INVALID", message="It is no video.")
    status, out, err = await run(server.address, "transcode", video, "-o", tmp_path / "out.mp4")

    assert (status, out) == (1, "")
    assert "error: It is no video. [INPUT_INVALID]" in err
    assert not (tmp_path / "out.mp4").exists()


async def test_wrong_usage_exits_with_2_before_anything_is_sent(server: SimulatedOrchestrator, tmp_path: Path) -> None:
    status, out, _err = await run(
        server.address, "transcode", tmp_path / "none.mp4", "-o", tmp_path / "out.mp4", "--json"
    )

    assert status == 2
    assert json.loads(out)["reason"] == "INPUT_MISSING"
    assert not server.calls


async def test_a_bitrate_and_a_quality_exclude_each_other(
    server: SimulatedOrchestrator, video: Path, tmp_path: Path
) -> None:
    wishes = ("--bitrate", "100000", "--quality", "20")
    status, _out, err = await run(server.address, "transcode", video, "-o", tmp_path / "out.mp4", *wishes)
    assert status == 2
    assert "--bitrate and --quality exclude each other" in err


async def test_an_input_is_not_overwritten_by_its_output(server: SimulatedOrchestrator, video: Path) -> None:
    before = video.read_bytes()
    status, _out, err = await run(server.address, "transcode", video, "-o", video, "--overwrite")
    assert status != 0
    assert "is an input of the work" in err
    assert video.read_bytes() == before


async def test_what_the_server_refuses_is_not_uploaded(
    server: SimulatedOrchestrator, video: Path, tmp_path: Path
) -> None:
    server.rejection = (grpc.StatusCode.UNIMPLEMENTED, "Not yet.", [])
    status, _out, err = await run(server.address, "transcode", video, "-o", tmp_path / "out.mp4")

    assert (status, dict(server.calls)) == (1, {"QuoteJob": 1})
    assert "error: Not yet." in err


async def test_a_server_that_is_not_there_exits_with_3(video: Path, tmp_path: Path) -> None:
    async with SimulatedOrchestrator() as server:
        pass
    status, _out, err = await run(server.address, "transcode", video, "-o", tmp_path / "out.mp4")

    assert status == 3
    assert f"error: {server.address} does not answer" in err


async def test_a_wrong_key_exits_with_1_and_says_so(server: SimulatedOrchestrator) -> None:
    status, _out, err = await run(server.address, "jobs", "list", key="wrong")

    assert status == 1
    assert "[API_KEY_INVALID]" in err
    assert "hint: check SPOTREEL_API_KEY" in err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_ctrl_c_cancels_the_job_and_says_so(
    server: SimulatedOrchestrator, video: Path, tmp_path: Path, number: signal.Signals
) -> None:
    server.hangs = True
    # What this process ignores its children ignore too; under nohup that is SIGHUP.
    ours = signal.signal(number, signal.SIG_DFL)
    try:
        process = await start(server.address, "transcode", video, "-o", tmp_path / "out.mp4")
    finally:
        signal.signal(number, ours)
    assert process.stderr is not None
    async with asyncio.timeout(30):
        while b"encoding" not in (line := await process.stderr.readline()):
            assert line
        process.send_signal(number)
        _out, err = await process.communicate()

    assert process.returncode == 130
    assert f"Cancelled {server.only_job.current.name}." in err.decode()
    assert server.only_job.current.state == Job.STATE_CANCELLED
    assert [path.name for path in tmp_path.iterdir()] == [video.name]


async def test_jobs_can_be_listed_fetched_watched_and_deleted(server: SimulatedOrchestrator, tmp_path: Path) -> None:
    server.finish("jobs/one")
    target = tmp_path / "one.mp4"

    assert (await run(server.address, "jobs", "list"))[1].count("jobs/one") == 1
    assert json.loads((await run(server.address, "jobs", "get", "one"))[1])["state"] == "STATE_SUCCEEDED"
    assert await run(server.address, "jobs", "watch", "one") == (0, "jobs/one SUCCEEDED\n", "")
    assert (await run(server.address, "jobs", "download", "one", "-o", target))[0] == 0
    assert target.read_bytes() == server.output
    assert (await run(server.address, "jobs", "delete", "one"))[0] == 0
    assert (await run(server.address, "jobs", "get", "one"))[0] == 1


async def test_the_doctor_asks_the_server(server: SimulatedOrchestrator) -> None:
    well = await run(server.address, "doctor", "--json")
    ill = await run(server.address, "doctor", "--json", key="wrong")

    assert well[0] == 0
    assert ill[0] == 1
    findings = {finding["what"]: finding for finding in map(json.loads, ill[1].splitlines())}
    assert findings["server"]["ok"]
    assert not findings["API key"]["ok"]
