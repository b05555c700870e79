"""The whole worker over gRPC: tasks from start to end, every way a run can fail, and what remains of each."""

import asyncio
import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from spotreel.media.v1 import operation_pb2, source_pb2
from spotreel.worker.v1 import task_pb2
from spotreel.worker.v1 import worker_service_pb2 as messages

from servicekit.checksums import crc32c
from tests.service.worker.conftest import SUBTITLES, WELL, Caller, asset_of, calling, reason_of
from tests.simulators.disk import files_of_at_most
from tests.simulators.file_server import Faults, FileServer, Served

State = task_pb2.Task.State
Stage = task_pb2.TaskProgress.Stage


def milliseconds(count: int) -> Duration:
    return Duration(seconds=count // 1000, nanos=count % 1000 * 1_000_000)


async def read(caller: Caller, name: str, offset: int = 0) -> tuple[bytes, messages.ReadTaskOutputResponse]:
    """Reads to the end; returns the bytes, each chunk checked, and the last message."""
    content, message = b"", messages.ReadTaskOutputResponse()
    async for message in caller.stub.ReadTaskOutput(messages.ReadTaskOutputRequest(name=name, read_offset=offset)):
        assert message.offset == offset + len(content)
        assert message.crc32c == crc32c(message.data)
        content += message.data
    return content, message


async def refusal(call: Any) -> str:
    try:
        if hasattr(call, "__aiter__"):
            async for _ in call:
                pass
        else:
            await call
    except grpc.aio.AioRpcError as error:
        return reason_of(error)
    return "OK"


async def test_a_task_that_may_only_copy_says_that_it_needs_an_encoder_and_encodes_nothing(caller: Caller) -> None:
    request = await caller.request()
    request.copy_only = True
    started = await caller.stub.StartTask(request)
    task = await caller.end(started.task.name)

    assert task.state == State.STATE_FAILED
    assert (task.failure.reason, task.failure.metadata["needs_encoder"]) == ("ENCODER_UNAVAILABLE", "true")
    assert caller.done() == []


async def test_a_task_is_done_and_its_output_read_and_nothing_but_that_remains(caller: Caller) -> None:
    name = await caller.start()
    task = await caller.end(name)

    assert task.state == State.STATE_SUCCEEDED
    assert task.progress.fraction == 1.0
    assert task.progress.encoder == "libx264"
    assert task.output.size_bytes == len(caller.film)
    assert task.output.sha256 == hashlib.sha256(caller.film).digest()
    assert task.output.content_type == "video/mp4"
    assert task.output.media_info.streams[0].width == 160
    content, last = await read(caller, name)
    assert content == caller.film
    assert (last.last, last.sha256, last.size_bytes) == (True, task.output.sha256, len(content))
    assert not caller.leftovers("tasks")

    await caller.stub.DeleteTask(messages.DeleteTaskRequest(name=name))
    assert not caller.leftovers("outputs")
    assert await refusal(caller.stub.GetTask(messages.GetTaskRequest(name=name))) == "NOT_FOUND TASK_NOT_FOUND"


async def test_capabilities_are_those_that_were_tried(caller: Caller) -> None:
    found = (await caller.stub.GetCapabilities(messages.GetCapabilitiesRequest())).capabilities

    assert [encoder.name for encoder in found.encoders if encoder.usable] == ["libx264"]
    assert (found.slots, found.ffmpeg_version) == (1, "7.1-fake")
    assert found.disk_free_bytes > 0
    assert "DejaVu Sans" in found.fonts


async def test_starting_twice_is_starting_once(caller: Caller) -> None:
    caller.script({"hang": True})
    request = await caller.request()
    first = (await caller.stub.StartTask(request)).task
    again = (await caller.stub.StartTask(request)).task
    assert (again.name, again.create_time) == (first.name, first.create_time)

    request.output.video.quality = 30
    assert await refusal(caller.stub.StartTask(request)) == "ALREADY_EXISTS TASK_EXISTS"


async def test_the_output_is_read_while_it_grows_from_every_offset(caller: Caller) -> None:
    caller.script({"emit": 3000}, {"progress": 0.4}, {"wait_for": "go"}, *WELL)
    name = await caller.start()
    growing = caller.stub.ReadTaskOutput(messages.ReadTaskOutputRequest(name=name, read_limit=3000))
    assert b"".join([message.data async for message in growing]) == caller.film[:3000]

    async with asyncio.TaskGroup() as tasks:
        readers = {
            offset: tasks.create_task(read(caller, name, offset), name=f"read {offset}")
            for offset in (0, 1, 1500, 2999, 3000)
        }
        beyond = caller.stub.ReadTaskOutput(messages.ReadTaskOutputRequest(name=name, read_offset=3001))
        assert await refusal(beyond) == "OUT_OF_RANGE OFFSET_BEYOND_END"
        caller.open_gate("go")

    for offset, reader in readers.items():
        content, last = reader.result()
        assert content == caller.film[offset:]
        assert last.last


async def test_a_watch_goes_on_after_what_was_seen(caller: Caller) -> None:
    caller.script({"progress": 0.4}, {"wait_for": "go"}, *WELL)
    name = await caller.start()
    watch = caller.stub.WatchTask(messages.WatchTaskRequest(name=name))
    seen = [message async for message in _until(watch, lambda task: task.progress.frames == 10)]
    assert [one.sequence for one in seen] == sorted({one.sequence for one in seen})

    resumed = caller.stub.WatchTask(messages.WatchTaskRequest(name=name, after_sequence=seen[-1].sequence))
    caller.open_gate("go")
    later = [message async for message in resumed]
    assert later[0].sequence > seen[-1].sequence
    assert later[-1].task.state == State.STATE_SUCCEEDED
    fractions = [one.task.progress.fraction for one in (*seen, *later)]
    assert fractions == sorted(fractions)

    after_the_end = messages.WatchTaskRequest(name=name, after_sequence=later[-1].sequence)
    assert [one.sequence async for one in caller.stub.WatchTask(after_the_end)] == [later[-1].sequence]


async def _until(watch: Any, reached: Any) -> Any:
    async for message in watch:
        yield message
        if reached(message.task):
            return


async def test_cancelled_means_that_nothing_is_left(caller: Caller) -> None:
    caller.script({"ignore_sigterm": True}, {"emit": 1000}, {"progress": 0.1}, {"hang": True})
    name = await caller.start()
    reading = caller.stub.ReadTaskOutput(messages.ReadTaskOutputRequest(name=name))
    assert (await anext(aiter(reading))).data == caller.film[:1000]
    not_yet = messages.DeleteTaskRequest(name=name)
    assert await refusal(caller.stub.DeleteTask(not_yet)) == "FAILED_PRECONDITION TASK_NOT_FINISHED"

    cancelled = await caller.stub.CancelTask(messages.CancelTaskRequest(name=name))
    assert cancelled.task.state == State.STATE_CANCELLING
    task = await caller.end(name)

    assert task.state == State.STATE_CANCELLED
    assert [step for step in caller.done() if "hang" in step]
    with pytest.raises(ProcessLookupError):
        os.kill(caller.done()[0]["pid"], 0)
    assert not caller.leftovers("tasks") + caller.leftovers("outputs")
    assert await refusal(reading) == "FAILED_PRECONDITION TASK_CANCELLED"
    repeated = await caller.stub.CancelTask(messages.CancelTaskRequest(name=name))
    assert repeated.task.state == State.STATE_CANCELLED


async def test_a_task_waits_for_a_slot_and_may_be_cancelled_there(caller: Caller) -> None:
    caller.script({"wait_for": "go"}, *WELL)
    first = await caller.start("first")
    await caller.reach(first, State.STATE_RUNNING)
    waiting, second = await caller.start("waiting"), await caller.start("second")
    task = (await caller.stub.GetTask(messages.GetTaskRequest(name=second))).task
    assert (task.state, task.HasField("start_time")) == (State.STATE_ACCEPTED, False)

    await caller.stub.CancelTask(messages.CancelTaskRequest(name=waiting))
    assert (await caller.end(waiting)).state == State.STATE_CANCELLED
    caller.open_gate("go")
    assert (await caller.end(first)).state == State.STATE_SUCCEEDED
    assert (await caller.end(second)).state == State.STATE_SUCCEEDED

    pages = await caller.stub.ListTasks(messages.ListTasksRequest(page_size=2))
    rest = await caller.stub.ListTasks(messages.ListTasksRequest(page_size=2, page_token=pages.next_page_token))
    assert [one.name for one in (*pages.tasks, *rest.tasks)] == [first, waiting, second]
    assert not rest.next_page_token
    wrong = messages.ListTasksRequest(page_token="wrong")
    assert await refusal(caller.stub.ListTasks(wrong)) == "INVALID_ARGUMENT PAGE_TOKEN_INVALID"


@pytest.mark.parametrize(
    ("steps", "limits", "reason"),
    [
        ([{"emit": 1000}, {"hang": True}], {"stall_timeout": milliseconds(1000)}, "STALLED"),
        ([{"emit": 1000}, {"hang": True}], {"run_timeout": milliseconds(1500)}, "RUN_TIMEOUT"),
        ([{"stderr": "[error] Everything went wrong"}, {"exit": 1}], {}, "ENCODE_FAILED"),
        ([{"emit": 1000}, {"progress": 0.1}], {}, "OUTPUT_INVALID"),
        ([{"exit": 0}], {}, "OUTPUT_INVALID"),
    ],
)
async def test_a_run_that_fails_says_why_and_leaves_nothing(
    caller: Caller, steps: list[dict[str, Any]], limits: dict[str, Any], reason: str
) -> None:
    caller.script(*steps)
    name = await caller.start(**limits)
    task = await caller.end(name)

    assert (task.state, task.failure.reason) == (State.STATE_FAILED, reason)
    assert [{key: value for key, value in step.items() if key != "pid"} for step in caller.done()] == steps
    assert task.failure.message
    if reason == "ENCODE_FAILED":
        assert "Everything went wrong" in task.failure.ffmpeg_log_tail
    assert not caller.leftovers("tasks") + caller.leftovers("outputs")
    output = caller.stub.ReadTaskOutput(messages.ReadTaskOutputRequest(name=name))
    assert await refusal(output) == "FAILED_PRECONDITION TASK_FAILED"

    caller.script(*WELL)
    assert (await caller.end(await caller.start("next"))).state == State.STATE_SUCCEEDED


async def test_a_full_disk_fails_the_task_and_nothing_else(caller: Caller) -> None:
    caller.script({"emit": 1000}, {"wait_for": "go"}, *WELL)
    name = await caller.start()
    await caller.reach(name, State.STATE_RUNNING)
    with files_of_at_most(2000):
        caller.open_gate("go")
        task = await caller.end(name)

    assert (task.state, task.failure.reason) == (State.STATE_FAILED, "DISK_FULL")
    assert task.failure.retryable
    assert not caller.leftovers("outputs")


async def test_an_input_is_fetched_and_its_failure_is_the_tasks(caller: Caller) -> None:
    async with FileServer(Served(content=caller.film)) as server:
        request = await caller.request()
        request.operation.caption.video.uri = server.url()
        task = await caller.end((await caller.stub.StartTask(request)).task.name)
        assert (task.state, task.progress.input_bytes) == (State.STATE_SUCCEEDED, len(caller.film) + len(SUBTITLES))

        server.served.faults = Faults(status=404)
        request.task_id = "task-2"
        task = await caller.end((await caller.stub.StartTask(request)).task.name)

    assert server.acted["status"] == 1
    assert (task.state, task.failure.reason) == (State.STATE_FAILED, "INPUT_NOT_FOUND")
    assert task.failure.metadata["status"] == "404"
    assert not caller.leftovers("tasks")


async def test_an_upload_goes_on_after_a_break(caller: Caller) -> None:
    content = bytes(range(256)) * 5000
    status = messages.GetTaskInputRequest(asset=asset_of(content))
    assert (await caller.stub.GetTaskInput(status)).committed_bytes == 0
    assert await refusal(caller.upload(content, until=500_000)) == "INVALID_ARGUMENT UPLOAD_OUT_OF_ORDER"
    assert (await caller.stub.GetTaskInput(status)).committed_bytes == 500_000
    assert await refusal(caller.upload(content)) == "OUT_OF_RANGE OFFSET_MISMATCH"

    await caller.upload(content, offset=500_000)
    answer = await caller.stub.GetTaskInput(status)
    assert (answer.complete, answer.committed_bytes) == (True, len(content))
    # A second upload is over at once, wherever it wants to begin.
    await caller.upload(content, offset=17)


async def test_without_an_ffmpeg_everybody_is_told_what_is_missing(tmp_path: Path, film: Path) -> None:
    async with calling(tmp_path / "no-ffmpeg", film, tmp_path / "work") as caller:
        capabilities = caller.stub.GetCapabilities(messages.GetCapabilitiesRequest())
        assert await refusal(capabilities) == "FAILED_PRECONDITION FFMPEG_NOT_FOUND"
        task = await caller.end(await caller.start())

    assert (task.state, task.failure.reason) == (State.STATE_FAILED, "ENCODER_UNAVAILABLE")
    assert "no-ffmpeg" in task.failure.message


async def test_a_reader_that_goes_away_leaves_nothing_open(caller: Caller) -> None:
    caller.script({"emit": 1000}, {"wait_for": "go"}, *WELL)
    name = await caller.start()
    reading = caller.stub.ReadTaskOutput(messages.ReadTaskOutputRequest(name=name))
    await anext(aiter(reading))
    assert open_outputs(caller) == 2  # the writer's and the reader's
    reading.cancel()
    while open_outputs(caller) > 1:  # noqa: ASYNC110 - nobody is told when a descriptor is closed
        await asyncio.sleep(0)

    caller.open_gate("go")
    assert (await caller.end(name)).state == State.STATE_SUCCEEDED
    assert open_outputs(caller) == 0


def open_outputs(caller: Caller) -> int:
    """Counts the descriptors of this process, in which the worker runs, that belong to outputs."""
    (own,) = caller.work_dir.glob("worker-*")
    count = 0
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            count += entry.readlink().is_relative_to(own / "outputs")
    return count


async def test_wrong_requests_are_refused_with_their_fields(caller: Caller) -> None:
    missing = messages.StartTaskRequest(
        task_id="task-1",
        operation=operation_pb2.Operation(
            caption=operation_pb2.Caption(
                video=source_pb2.MediaSource(asset=asset_of(b"other")),
                subtitles=source_pb2.MediaSource(uri="http://example.com/a.srt"),
            )
        ),
    )
    assert await refusal(caller.stub.StartTask(missing)) == "FAILED_PRECONDITION INPUT_MISSING"

    part = messages.StartTaskRequest()
    part.CopyFrom(missing)
    part.range_start.CopyFrom(Duration(seconds=1))
    assert await refusal(caller.stub.StartTask(part)) == "INVALID_ARGUMENT INVALID_ARGUMENT"

    wrong = messages.StartTaskRequest(task_id="No!", limits=task_pb2.TaskLimits(max_input_bytes=-1))
    wrong.output.video.codec = 99  # type: ignore[assignment]
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await caller.stub.StartTask(wrong)
    assert reason_of(raised.value) == "INVALID_ARGUMENT INVALID_ARGUMENT"
    bad = messages.GetTaskInputRequest(asset="assets/../../etc/passwd")
    assert await refusal(caller.stub.GetTaskInput(bad)) == "INVALID_ARGUMENT INVALID_ARGUMENT"
    for name in ("tasks/nope", "tasks/", "nope", "tasks/../x"):
        watch = caller.stub.WatchTask(messages.WatchTaskRequest(name=name))
        assert await refusal(watch) == "NOT_FOUND TASK_NOT_FOUND"
