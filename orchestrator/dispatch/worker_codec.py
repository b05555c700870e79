"""Between `spotreel.worker.v1` messages and what the orchestrator's seams speak of."""

from datetime import timedelta

from google.protobuf.message import Message
from spotreel.worker.v1 import task_pb2, worker_service_pb2

from orchestrator.jobs.job import Failure
from orchestrator.ports import OutputChunk, TaskProgress, TaskRequest, TaskState, TaskStatus
from servicekit.media.convert import duration_to_proto, enum_to_proto, operation_to_proto, output_to_proto

_STATES = {
    task_pb2.Task.STATE_ACCEPTED: TaskState.ACCEPTED,
    task_pb2.Task.STATE_RUNNING: TaskState.RUNNING,
    task_pb2.Task.STATE_CANCELLING: TaskState.CANCELLING,
    task_pb2.Task.STATE_SUCCEEDED: TaskState.SUCCEEDED,
    task_pb2.Task.STATE_FAILED: TaskState.FAILED,
    task_pb2.Task.STATE_CANCELLED: TaskState.CANCELLED,
}
_STAGE_PREFIX = "STAGE_"


def task_name(task_id: str) -> str:
    """Returns the resource name of a task."""
    return f"tasks/{task_id}"


def start_request(request: TaskRequest) -> worker_service_pb2.StartTaskRequest:
    """Writes the request that starts a task; the same request gives the same message."""
    limits = task_pb2.TaskLimits(
        run_timeout=duration_to_proto(request.run_timeout),
        stall_timeout=duration_to_proto(request.stall_timeout),
        max_input_bytes=request.max_input_bytes,
        fetch_idle_timeout=duration_to_proto(request.fetch_idle_timeout),
    )
    message = worker_service_pb2.StartTaskRequest(
        task_id=request.task_id,
        operation=operation_to_proto(request.operation),
        output=output_to_proto(request.output),
        limits=limits,
        copy_only=request.copy_only,
    )
    enum_to_proto(message, "tracks", request.tracks)
    if request.range_start is not None:
        message.range_start.FromTimedelta(request.range_start)
    return message


def task_status(task: task_pb2.Task) -> TaskStatus:
    """Reads a task; a state of a newer worker that is not known here counts as RUNNING."""
    return TaskStatus(
        task_id=task.name.removeprefix("tasks/"),
        state=_STATES.get(task.state, TaskState.RUNNING),
        progress=_progress(task.progress),
        failure=_failure(task.failure) if task.HasField("failure") else None,
        size_bytes=task.output.size_bytes,
        sha256=task.output.sha256,
    )


def output_chunk(message: worker_service_pb2.ReadTaskOutputResponse) -> OutputChunk:
    """Reads a piece of output whose checksum was found to agree."""
    return OutputChunk(
        offset=message.offset,
        data=message.data,
        last=message.last,
        size_bytes=message.size_bytes,
        sha256=message.sha256,
    )


def _progress(progress: task_pb2.TaskProgress) -> TaskProgress:
    return TaskProgress(
        stage=_stage(progress.stage),
        fraction=progress.fraction,
        frames=progress.frames,
        frames_per_second=progress.frames_per_second,
        speed=progress.speed,
        media_time=_duration(progress, "media_time") or timedelta(),
        media_duration=_duration(progress, "media_duration"),
        eta=_duration(progress, "eta"),
        output_bytes=progress.output_bytes,
        input_bytes=progress.input_bytes,
        encoder=progress.encoder,
        detail=progress.detail,
    )


def _stage(number: int) -> str:
    known = task_pb2.TaskProgress.Stage.values()
    return task_pb2.TaskProgress.Stage.Name(number).removeprefix(_STAGE_PREFIX) if number in known else ""  # type: ignore[arg-type]  # the number is one of them


def _duration(message: Message, field: str) -> timedelta | None:
    if not message.HasField(field):
        return None
    value: timedelta = getattr(message, field).ToTimedelta()
    return value


def _failure(failure: task_pb2.TaskFailure) -> Failure:
    return Failure(
        reason=failure.reason or "INTERNAL",
        message=failure.message,
        retryable=failure.retryable,
        metadata=dict(failure.metadata),
        log_tail=failure.ffmpeg_log_tail,
    )
