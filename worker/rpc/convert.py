"""Between `spotreel.worker.v1` messages and the domain types of tasks and capabilities."""

import base64
import binascii
import re
from datetime import datetime, timedelta

from google.protobuf.timestamp_pb2 import Timestamp
from spotreel.worker.v1 import capabilities_pb2, task_pb2, worker_service_pb2

from servicekit.errors import FieldViolation, InvalidArgument, NotFound
from servicekit.media.convert import (
    duration_from_proto,
    duration_to_proto,
    enum_from_proto,
    enum_to_proto,
    media_info_to_proto,
    operation_from_proto,
    output_from_proto,
)
from servicekit.media.validation import Problems, check_media
from worker.hardware.capabilities import Capabilities, Decoder, Encoder
from worker.media.part import Part, Tracks
from worker.spool.output import OutputChunk
from worker.tasks.task import Task, TaskFailure, TaskLimits, TaskOutput, TaskProgress, TaskRequest

_TASK_ID = re.compile(r"[a-z0-9][a-z0-9-]{3,62}")
_ASSET = re.compile(r"assets/([0-9a-f]{64})")
_LONGEST = timedelta(days=7)


def request_from_proto(message: worker_service_pb2.StartTaskRequest) -> TaskRequest:
    """Reads and checks what is asked for; raises InvalidArgument with every violation."""
    problems = Problems()
    if not _TASK_ID.fullmatch(message.task_id):
        problems.add("task_id", "must be 4 to 63 characters out of a-z 0-9 -, the first a letter or digit")
    operation = operation_from_proto(message.operation, problems, path="operation")
    output = output_from_proto(message.output, operation, problems, path="output")
    limits = _read_limits(message.limits, problems)
    part = _read_part(message, problems)
    if operation is not None:
        check_media(operation, output, problems)
    problems.raise_if_any()
    if operation is None:
        raise InvalidArgument("operation is required.")
    return TaskRequest(
        task_id=message.task_id,
        operation=operation,
        output=output,
        limits=limits,
        copy_only=message.copy_only,
        part=part,
    )


def task_to_proto(task: Task) -> task_pb2.Task:
    """Writes a task."""
    message = task_pb2.Task(
        name=task.name,
        progress=_write_progress(task.progress),
        create_time=_timestamp(task.create_time),
        output=_write_output(task.output) if task.output is not None else None,
        failure=_write_failure(task.failure) if task.failure is not None else None,
        start_time=_timestamp(task.start_time) if task.start_time is not None else None,
        end_time=_timestamp(task.end_time) if task.end_time is not None else None,
    )
    enum_to_proto(message, "state", task.state)
    return message


def capabilities_to_proto(found: Capabilities) -> capabilities_pb2.Capabilities:
    """Writes capabilities."""
    message = capabilities_pb2.Capabilities(
        gpus=[
            capabilities_pb2.Capabilities.Gpu(
                name=gpu.name,
                driver_version=gpu.driver_version,
                memory_bytes=gpu.memory_bytes,
                compute_capability=gpu.compute_capability,
                nvenc_engines=gpu.nvenc_engines,
            )
            for gpu in found.gpus
        ],
        encoders=[_write_encoder(encoder) for encoder in found.encoders],
        decoders=[decoder.codec for decoder in found.hardware_decoders if decoder.usable],
        hardware_decoders=[_write_decoder(decoder) for decoder in found.hardware_decoders],
        filters=found.filters,
        cpu_count=found.cpu_count,
        memory_bytes=found.memory_bytes,
        disk_free_bytes=found.disk_free_bytes,
        slots=found.slots,
        ffmpeg_version=found.ffmpeg_version,
        nvenc_driver_floor=found.nvenc_driver_floor,
        fonts=found.fonts,
        build=found.build,
    )
    enum_to_proto(message, "diagnosis", found.diagnosis)
    return message


def chunk_to_proto(chunk: OutputChunk, content_type: str) -> worker_service_pb2.ReadTaskOutputResponse:
    """Writes a part of the output."""
    return worker_service_pb2.ReadTaskOutputResponse(
        offset=chunk.offset,
        data=chunk.data,
        crc32c=chunk.crc32c,
        last=chunk.last,
        size_bytes=chunk.size_bytes,
        sha256=chunk.sha256,
        content_type=content_type,
    )


def task_id_from_name(name: str) -> str:
    """Returns the last part of `tasks/{task}`; raises NotFound (TASK_NOT_FOUND) for what can be no task's name."""
    prefix, _, task_id = name.partition("/")
    if prefix != "tasks" or not _TASK_ID.fullmatch(task_id):
        raise NotFound(
            f"{name[:100]!r} is no task's name; names are tasks/{{task}}.",
            reason="TASK_NOT_FOUND",
            resource_type="spotreel.worker.v1/Task",
            resource_name=name[:100],
            metadata={"task": name[:100]},
        )
    return task_id


def sha256_from_asset(asset: str) -> str:
    """Returns the digest in `assets/{sha256 in hex}`; raises InvalidArgument."""
    match = _ASSET.fullmatch(asset)
    if match is None:
        rule = "must be assets/ and 64 lower-case hex digits"
        raise InvalidArgument(f"asset: {rule}", violations=[FieldViolation("asset", rule)])
    return match[1]


def page_token(number: int) -> str:
    """Writes a position in the list of tasks as an opaque text."""
    return base64.urlsafe_b64encode(f"after:{number}".encode()).decode()


def position_from_token(token: str) -> int:
    """Reads it back, 0 for an empty one; raises InvalidArgument (PAGE_TOKEN_INVALID)."""
    if not token:
        return 0
    try:
        word, _, number = base64.urlsafe_b64decode(token.encode()).decode("ascii").partition(":")
        if word == "after" and number.isdecimal():
            return int(number)
    except (binascii.Error, UnicodeError, ValueError):
        pass
    raise InvalidArgument("page_token is not one of this list; start with an empty one.", reason="PAGE_TOKEN_INVALID")


def _read_limits(message: task_pb2.TaskLimits, problems: Problems) -> TaskLimits:
    base = TaskLimits()

    def duration(field: str, default: timedelta) -> timedelta:
        value = duration_from_proto(message, field, default, problems, "limits")
        if not timedelta() < value <= _LONGEST:
            problems.add(f"limits.{field}", f"must be more than 0 and at most {_LONGEST.days} days")
            return default
        return value

    if message.max_input_bytes < 0:
        problems.add("limits.max_input_bytes", f"must not be negative, not {message.max_input_bytes}")
    return TaskLimits(
        run_timeout=duration("run_timeout", base.run_timeout),
        stall_timeout=duration("stall_timeout", base.stall_timeout),
        max_input_bytes=message.max_input_bytes or base.max_input_bytes,
        fetch_idle_timeout=duration("fetch_idle_timeout", base.fetch_idle_timeout),
    )


def _read_part(message: worker_service_pb2.StartTaskRequest, problems: Problems) -> Part:
    nothing = timedelta()
    end = duration_from_proto(message, "range_end", nothing, problems, "") if message.HasField("range_end") else None
    part = Part(
        tracks=enum_from_proto(message, "tracks", Tracks.ALL, problems, ""),
        start=duration_from_proto(message, "range_start", nothing, problems, ""),
        end=end,
    )
    if part.start < nothing:
        problems.add("range_start", "must not be negative")
    if end is not None and end <= part.start:
        problems.add("range_end", "must be later than range_start")
    if part.is_range and part.tracks is not Tracks.PICTURE:
        problems.add("tracks", "must be TRACKS_PICTURE with a range: sound has no parts")
    return part


def _write_progress(progress: TaskProgress) -> task_pb2.TaskProgress:
    message = task_pb2.TaskProgress(
        fraction=progress.fraction,
        frames=progress.frames,
        frames_per_second=progress.frames_per_second,
        speed=progress.speed,
        media_time=duration_to_proto(progress.media_time),
        media_duration=duration_to_proto(progress.media_duration) if progress.media_duration is not None else None,
        eta=duration_to_proto(progress.eta) if progress.eta is not None else None,
        output_bytes=progress.output_bytes,
        encoder=progress.encoder,
        input_bytes=progress.input_bytes,
        detail=progress.detail,
    )
    enum_to_proto(message, "stage", progress.stage)
    return message


def _write_output(output: TaskOutput) -> task_pb2.TaskOutput:
    return task_pb2.TaskOutput(
        size_bytes=output.size_bytes,
        sha256=output.sha256,
        content_type=output.content_type,
        media_info=media_info_to_proto(output.media_info),
    )


def _write_failure(failure: TaskFailure) -> task_pb2.TaskFailure:
    return task_pb2.TaskFailure(
        reason=failure.reason.value,
        message=failure.message,
        retryable=failure.retryable,
        metadata=failure.metadata,
        ffmpeg_log_tail=failure.ffmpeg_log_tail,
    )


def _timestamp(moment: datetime) -> Timestamp:
    message = Timestamp()
    message.FromDatetime(moment)
    return message


def _write_encoder(encoder: Encoder) -> capabilities_pb2.Capabilities.Encoder:
    message = capabilities_pb2.Capabilities.Encoder(
        name=encoder.name,
        codec=encoder.codec.value.lower(),
        hardware=encoder.hardware,
        usable=encoder.usable,
        reason=encoder.reason,
        frames_per_second=encoder.frames_per_second,
    )
    enum_to_proto(message, "diagnosis", encoder.diagnosis)
    return message


def _write_decoder(decoder: Decoder) -> capabilities_pb2.Capabilities.Decoder:
    message = capabilities_pb2.Capabilities.Decoder(codec=decoder.codec, usable=decoder.usable, reason=decoder.reason)
    enum_to_proto(message, "diagnosis", decoder.diagnosis)
    return message
