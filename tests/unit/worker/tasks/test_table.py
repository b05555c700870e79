"""The table on a clock that stands still: watching, heartbeats, expiry, and runners that die of anything."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from servicekit.errors import FailedPrecondition, NotFound, ResourceExhausted, Unavailable
from servicekit.media.operations import Caption, UriSource
from servicekit.media.outputs import OutputSpec
from servicekit.media_info import MediaInfo
from tests.simulators.clock import FakeClock
from worker.spool.inputs import InputStore
from worker.spool.output import OutputSpool
from worker.tasks import table as tables
from worker.tasks.housekeeping import keep_house
from worker.tasks.run import TaskBoard
from worker.tasks.table import TaskTable
from worker.tasks.task import Task, TaskLimits, TaskOutput, TaskRequest, TaskState

SOURCE = UriSource(uri="http://example.com/a")


def request(task_id: str = "task-1") -> TaskRequest:
    return TaskRequest(
        task_id=task_id,
        operation=Caption(video=SOURCE, subtitles=SOURCE),
        output=OutputSpec(),
        limits=TaskLimits(),
    )


class ScriptedRunner:
    """Does with each task what the test says, by its board."""

    def __init__(self) -> None:
        self.boards: dict[str, TaskBoard] = {}
        self.began = asyncio.Event()
        self.ends: dict[str, asyncio.Future[TaskOutput]] = {}

    async def complete(self, request: TaskRequest, *, spool: OutputSpool, board: TaskBoard) -> TaskOutput:
        self.boards[request.task_id] = board
        self.ends[request.task_id] = asyncio.get_running_loop().create_future()
        self.began.set()
        board.started()
        return await self.ends[request.task_id]


@pytest.fixture
def runner() -> ScriptedRunner:
    return ScriptedRunner()


@pytest.fixture
def inputs(tmp_path: Path, clock: FakeClock) -> InputStore:
    return InputStore(tmp_path, clock=clock)


@pytest.fixture
async def table(
    runner: ScriptedRunner, inputs: InputStore, tmp_path: Path, clock: FakeClock
) -> AsyncIterator[TaskTable]:
    async with TaskTable(runner=runner, inputs=inputs, outputs=tmp_path, clock=clock) as table:
        yield table


def made() -> TaskOutput:
    return TaskOutput(
        size_bytes=0, sha256=bytes(32), content_type="video/mp4", media_info=MediaInfo(format="mp4", size_bytes=0)
    )


async def test_changes_are_told_four_times_a_second_and_the_end_at_once(
    table: TaskTable, runner: ScriptedRunner, clock: FakeClock
) -> None:
    table.start(request())
    await runner.began.wait()
    seen: list[tuple[float, int]] = []

    async def watch() -> None:
        async for task in table.watch("task-1", after_sequence=0):
            seen.append((clock.monotonic(), task.progress.frames))  # noqa: PERF401 - the moment counts

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(watch(), name="watch")
        for frames in range(1, 11):
            await clock.advance(0.1)
            runner.boards["task-1"].update(frames=frames)
        runner.ends["task-1"].set_result(made())

    assert len(seen) <= 6
    assert [later - earlier >= 0.25 for (earlier, _), (later, _) in pairwise(seen[:-1])]
    assert seen[-1] == (clock.monotonic(), 10)


async def test_a_quiet_watch_beats_every_ten_seconds(
    table: TaskTable, runner: ScriptedRunner, clock: FakeClock
) -> None:
    table.start(request())
    await runner.began.wait()
    seen: list[tuple[float, Task]] = []

    async def watch() -> None:
        sequence = table.get("task-1").sequence
        async for task in table.watch("task-1", after_sequence=sequence):
            seen.append((clock.monotonic(), task))  # noqa: PERF401 - the moment counts

    watching = asyncio.ensure_future(watch())
    await clock.advance(25)
    assert [moment for moment, _ in seen] == [10, 20]
    assert len({task.sequence for _, task in seen}) == 1
    runner.ends["task-1"].set_result(made())
    await watching


async def test_a_runner_that_dies_of_anything_costs_its_task_only(table: TaskTable, runner: ScriptedRunner) -> None:
    table.start(request())
    await runner.began.wait()
    runner.ends["task-1"].set_exception(ZeroDivisionError("secret detail"))
    last = [task async for task in table.watch("task-1", after_sequence=0)][-1]

    assert last.state is TaskState.FAILED
    assert last.failure is not None
    assert (last.failure.reason, last.failure.retryable) == ("INTERNAL", True)
    assert "secret detail" not in last.failure.message
    runner.began.clear()
    table.start(request("task-2"))
    await runner.began.wait()


async def test_a_task_cancelled_before_its_first_step_is_cancelled(table: TaskTable) -> None:
    table.start(request())
    assert table.cancel("task-1").state is TaskState.CANCELLING
    states = [task.state async for task in table.watch("task-1", after_sequence=0)]
    assert states[-1] is TaskState.CANCELLED


async def test_too_many_tasks_are_refused(
    table: TaskTable, monkeypatch: pytest.MonkeyPatch, runner: ScriptedRunner
) -> None:
    monkeypatch.setattr(tables, "MAX_TASKS", 1)
    table.start(request())
    with pytest.raises(ResourceExhausted) as raised:
        table.start(request("task-2"))
    assert (raised.value.reason, raised.value.retry_delay) == ("TOO_MANY_TASKS", timedelta(seconds=10))


async def test_leaving_ends_what_runs_and_refuses_what_comes(
    runner: ScriptedRunner, inputs: InputStore, tmp_path: Path, clock: FakeClock
) -> None:
    async with TaskTable(runner=runner, inputs=inputs, outputs=tmp_path, clock=clock) as table:
        table.start(request())
        await runner.began.wait()
    assert table.get("task-1").state is TaskState.CANCELLED
    assert runner.ends["task-1"].cancelled()
    with pytest.raises(Unavailable):
        table.start(request("task-2"))


async def test_what_nobody_fetches_is_removed_after_a_day(
    table: TaskTable, runner: ScriptedRunner, inputs: InputStore, tmp_path: Path, clock: FakeClock
) -> None:
    table.start(request())
    await runner.began.wait()
    runner.ends["task-1"].set_result(made())
    async for _ in table.watch("task-1", after_sequence=0):
        pass
    house = asyncio.ensure_future(keep_house(table=table, inputs=inputs, clock=clock))
    await clock.advance(23 * 3600)
    assert table.get("task-1").state is TaskState.SUCCEEDED
    # The file is removed in a thread, which a clock that stands still does not wait for.
    await clock.advance(3600)
    with pytest.raises(NotFound):
        table.get("task-1")
    house.cancel()


async def test_an_output_may_be_read_the_moment_its_task_was_accepted(table: TaskTable, runner: ScriptedRunner) -> None:
    made_of = b"bytes"
    spools: list[OutputSpool] = []
    complete = runner.complete

    async def write(request: TaskRequest, *, spool: OutputSpool, board: TaskBoard) -> TaskOutput:
        spools.append(spool)
        spool.write(made_of)
        return await complete(request, spool=spool, board=board)

    runner.complete = write  # type: ignore[method-assign]
    table.start(request())
    reading = table.read("task-1", offset=0, limit=len(made_of))
    async with asyncio.timeout(5):
        assert [chunk.data async for chunk in reading] == [made_of]
    assert spools


@pytest.mark.parametrize("turns", range(12))
async def test_who_reads_while_a_task_fails_hears_that_it_failed(
    table: TaskTable, runner: ScriptedRunner, turns: int
) -> None:
    table.start(request())
    await runner.began.wait()
    runner.ends["task-1"].set_exception(RuntimeError("broken"))
    for _ in range(turns):
        await asyncio.sleep(0)
    reading = table.read("task-1", offset=0, limit=0)
    with pytest.raises(FailedPrecondition, match="failed"):
        async with asyncio.timeout(5):
            await anext(reading)
