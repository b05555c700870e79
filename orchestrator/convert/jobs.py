"""Jobs, their parts, and assets."""

import hashlib
import re
from datetime import timedelta

from spotreel.media.v1 import media_info_pb2
from spotreel.orchestrator.v1 import asset_pb2, job_pb2, job_service_pb2

from orchestrator.assets.asset import Asset
from orchestrator.convert.times import duration, moment, optional_duration, optional_timestamp, timestamp
from orchestrator.jobs.job import (
    DEFAULT_MAX_ATTEMPTS,
    DEFAULT_MAX_INPUT_BYTES,
    DEFAULT_RUN_TIMEOUT,
    Attempt,
    AttemptCost,
    AttemptState,
    Failure,
    Job,
    JobLimits,
    JobOutput,
    JobSpec,
    KeptPart,
    Placement,
    Progress,
    SpooledOutput,
    Stage,
)
from orchestrator.jobs.quote import Quote
from orchestrator.money.price import Cost
from servicekit.errors import Internal
from servicekit.media.convert import (
    duration_from_proto,
    enum_from_proto,
    enum_to_proto,
    media_info_to_proto,
    operation_from_proto,
    operation_to_proto,
    output_from_proto,
    output_to_proto,
)
from servicekit.media.validation import Problems, check_media, has_control_characters
from servicekit.media_info import MediaInfo, StreamInfo, StreamType

MAX_DISPLAY_NAME_CHARACTERS = 200
MAX_LABELS = 64
MAX_LABEL_VALUE_CHARACTERS = 255
MAX_PRIORITY = 100
MAX_ATTEMPTS = 10
MAX_RUN_TIMEOUT = timedelta(hours=24)
MAX_QUEUE_TIMEOUT = timedelta(days=30)

_LABEL_KEY = re.compile(r"[a-z0-9._/-]{1,63}")
_INSTANCES = "instances/"


def spec_from_proto(message: job_pb2.JobSpec, *, path: str = "spec") -> JobSpec:
    """Reads a wish for a job, fills in every default and checks every rule of the contract.

    Raises InvalidArgument with all violations.
    """
    problems = Problems()
    spec = _read_spec(message, problems, path)
    if spec is not None:
        check_media(spec.operation, spec.output, problems, prefix=f"{path}.")
        _check_spec(spec, problems, path)
    problems.raise_if_any()
    assert spec is not None, "an operation that is missing is a violation"
    return spec


def stored_spec(data: bytes) -> JobSpec:
    """Reads a spec that was accepted before; today's rules do not apply to it.

    Raises Internal for what this version cannot read.
    """
    problems = Problems()
    spec = _read_spec(job_pb2.JobSpec.FromString(data), problems, "spec")
    _raise_if_unreadable(problems)
    assert spec is not None, "a stored job has an operation"
    return spec


def spec_to_proto(spec: JobSpec) -> job_pb2.JobSpec:
    """Writes a spec with every default spelled out."""
    message = job_pb2.JobSpec(
        display_name=spec.display_name,
        operation=operation_to_proto(spec.operation),
        output=output_to_proto(spec.output),
        priority=spec.priority,
        limits=job_pb2.JobLimits(
            max_attempts=spec.limits.max_attempts,
            max_cost_usd_micros=spec.limits.max_cost_usd_micros,
            max_input_bytes=spec.limits.max_input_bytes,
        ),
        labels=spec.labels,
    )
    enum_to_proto(message, "placement", spec.placement)
    message.limits.run_timeout.FromTimedelta(spec.limits.run_timeout)
    if spec.limits.queue_timeout is not None:
        message.limits.queue_timeout.FromTimedelta(spec.limits.queue_timeout)
    return message


def fingerprint(request: job_service_pb2.CreateJobRequest) -> bytes:
    """Returns a digest that is the same for the same request, whatever its request id."""
    bare = job_service_pb2.CreateJobRequest()
    bare.CopyFrom(request)
    bare.ClearField("request_id")
    return hashlib.sha256(bare.SerializeToString(deterministic=True)).digest()


def job_to_proto(job: Job) -> job_pb2.Job:
    """Writes a job as clients see it."""
    message = job_pb2.Job(
        name=job.name,
        spec=spec_to_proto(job.spec),
        create_time=timestamp(job.create_time),
        update_time=timestamp(job.update_time),
        start_time=optional_timestamp(job.start_time),
        end_time=optional_timestamp(job.end_time),
        expire_time=optional_timestamp(job.expire_time),
        progress=progress_to_proto(job.progress),
        attempts=[attempt_to_proto(attempt) for attempt in job.attempts],
        output=None if job.output is None else output_of_job_to_proto(job.output),
        failure=None if job.failure is None else failure_to_proto(job.failure),
        cost=cost_to_proto(job.cost),
    )
    enum_to_proto(message, "state", job.state)
    return message


def progress_to_proto(progress: Progress) -> job_pb2.JobProgress:
    """Writes how far a job is."""
    message = job_pb2.JobProgress(
        fraction=progress.fraction,
        frames=progress.frames,
        frames_per_second=progress.frames_per_second,
        speed=progress.speed,
        media_time=duration(progress.media_time),
        media_duration=optional_duration(progress.media_duration),
        eta=optional_duration(progress.eta),
        output_bytes=progress.output_bytes,
        encoder=progress.encoder,
        instance=_INSTANCES + progress.instance_id if progress.instance_id else "",
        cost_usd_micros=progress.cost_usd_micros,
        detail=progress.detail,
    )
    enum_to_proto(message, "stage", progress.stage)
    return message


def progress_from_proto(message: job_pb2.JobProgress) -> Progress:
    """Reads what `progress_to_proto` wrote; raises Internal for a stage that is not known."""
    problems = Problems()
    stage = enum_from_proto(message, "stage", Stage.WAITING, problems, "")
    _raise_if_unreadable(problems)
    return Progress(
        stage=stage,
        fraction=message.fraction,
        frames=message.frames,
        frames_per_second=message.frames_per_second,
        speed=message.speed,
        media_time=message.media_time.ToTimedelta(),
        media_duration=message.media_duration.ToTimedelta() if message.HasField("media_duration") else None,
        eta=message.eta.ToTimedelta() if message.HasField("eta") else None,
        output_bytes=message.output_bytes,
        encoder=message.encoder,
        instance_id=message.instance.removeprefix(_INSTANCES),
        cost_usd_micros=message.cost_usd_micros,
        detail=message.detail,
    )


def attempt_to_proto(attempt: Attempt) -> job_pb2.Attempt:
    """Writes one try at a job."""
    message = job_pb2.Attempt(
        number=attempt.number,
        instance=_INSTANCES + attempt.instance_id,
        start_time=timestamp(attempt.start_time),
        end_time=optional_timestamp(attempt.end_time),
        encoder=attempt.encoder,
        failure=None if attempt.failure is None else failure_to_proto(attempt.failure),
        cost=None if attempt.cost is None else cost_to_proto(attempt.cost),
        range_start=optional_duration(attempt.range_start),
    )
    enum_to_proto(message, "state", attempt.state)
    return message


def attempt_from_proto(
    message: job_pb2.Attempt, *, task_id: str, spooled: SpooledOutput | None, kept: KeptPart | None
) -> Attempt:
    """Reads an attempt; what clients do not see of it is given beside the message.

    Raises Internal for a state that is not known.
    """
    problems = Problems()
    state = enum_from_proto(message, "state", AttemptState.RUNNING, problems, "")
    _raise_if_unreadable(problems)
    return Attempt(
        number=message.number,
        instance_id=message.instance.removeprefix(_INSTANCES),
        task_id=task_id,
        start_time=moment(message.start_time),
        state=state,
        end_time=moment(message.end_time) if message.HasField("end_time") else None,
        encoder=message.encoder,
        failure=failure_from_proto(message.failure) if message.HasField("failure") else None,
        spooled=spooled,
        cost=cost_from_proto(message.cost) if message.HasField("cost") else None,
        range_start=message.range_start.ToTimedelta() if message.HasField("range_start") else None,
        kept=kept,
    )


def cost_to_proto(cost: AttemptCost) -> job_pb2.JobCost:
    """Writes what an attempt, or a job, cost."""
    return job_pb2.JobCost(
        total_usd_micros=cost.total_usd_micros,
        gpu_usd_micros=cost.own.gpu_usd_micros,
        storage_usd_micros=cost.own.storage_usd_micros,
        transfer_usd_micros=cost.own.transfer_usd_micros,
        overhead_usd_micros=cost.overhead_usd_micros,
        final=cost.final,
    )


def cost_from_proto(message: job_pb2.JobCost) -> AttemptCost:
    """Reads what an attempt cost."""
    return AttemptCost(
        own=Cost(
            gpu_usd_micros=message.gpu_usd_micros,
            storage_usd_micros=message.storage_usd_micros,
            transfer_usd_micros=message.transfer_usd_micros,
        ),
        overhead_usd_micros=message.overhead_usd_micros,
        final=message.final,
    )


def failure_to_proto(failure: Failure) -> job_pb2.JobFailure:
    """Writes why the work failed."""
    return job_pb2.JobFailure(
        reason=failure.reason,
        message=failure.message,
        retryable=failure.retryable,
        metadata=failure.metadata,
        ffmpeg_log_tail=failure.log_tail,
    )


def failure_from_proto(message: job_pb2.JobFailure) -> Failure:
    """Reads why the work failed."""
    return Failure(
        reason=message.reason,
        message=message.message,
        retryable=message.retryable,
        metadata=dict(message.metadata),
        log_tail=message.ffmpeg_log_tail,
    )


def output_of_job_to_proto(output: JobOutput) -> job_pb2.JobOutput:
    """Writes what a job made."""
    return job_pb2.JobOutput(
        size_bytes=output.size_bytes,
        sha256=output.sha256,
        content_type=output.content_type,
        media_info=media_info_to_proto(output.media_info),
        file_name=output.file_name,
    )


def output_of_job_from_proto(message: job_pb2.JobOutput, *, blob: str) -> JobOutput:
    """Reads what a job made; where it is stored is given beside the message."""
    return JobOutput(
        blob=blob,
        size_bytes=message.size_bytes,
        sha256=message.sha256,
        content_type=message.content_type,
        media_info=media_info_from_proto(message.media_info),
        file_name=message.file_name,
    )


def media_info_from_proto(message: media_info_pb2.MediaInfo) -> MediaInfo:
    """Reads what a probe found, as far as the message tells it."""
    types = media_info_pb2.MediaInfo.Stream.Type
    return MediaInfo(
        format=message.format,
        size_bytes=message.size_bytes,
        duration=message.duration.ToTimedelta() if message.HasField("duration") else None,
        bit_rate_bps=message.bit_rate_bps,
        streams=tuple(
            StreamInfo(
                index=index,
                type=StreamType(types.Name(stream.type).removeprefix("TYPE_").lower()),
                codec=stream.codec,
                language=stream.language,
                width=stream.width,
                height=stream.height,
                frame_rate=stream.frame_rate,
                pixel_format=stream.pixel_format,
                channels=stream.channels,
                sample_rate_hz=stream.sample_rate_hz,
            )
            for index, stream in enumerate(message.streams)
        ),
    )


def quote_to_proto(quote: Quote) -> job_pb2.JobQuote:
    """Writes what a job is expected to take."""
    return job_pb2.JobQuote(
        expected_usd_micros=quote.expected_usd_micros,
        maximum_usd_micros=quote.maximum_usd_micros,
        expected_duration=optional_duration(quote.expected_duration),
        explanation=quote.explanation,
    )


def asset_to_proto(asset: Asset) -> asset_pb2.Asset:
    """Writes an asset."""
    return asset_pb2.Asset(
        name=asset.name,
        size_bytes=asset.size_bytes,
        sha256=bytes.fromhex(asset.sha256),
        file_name=asset.file_name,
        create_time=timestamp(asset.create_time),
        expire_time=timestamp(asset.expire_time),
    )


def _read_spec(message: job_pb2.JobSpec, problems: Problems, path: str) -> JobSpec | None:
    operation = operation_from_proto(message.operation, problems, path=f"{path}.operation")
    output = output_from_proto(message.output, operation, problems, path=f"{path}.output")
    limits = _read_limits(message.limits, problems, f"{path}.limits")
    placement = enum_from_proto(message, "placement", Placement.CHEAPEST, problems, path)
    if operation is None:
        return None
    return JobSpec(
        operation=operation,
        output=output,
        display_name=message.display_name,
        placement=placement,
        priority=message.priority,
        limits=limits,
        labels=dict(message.labels),
    )


def _read_limits(message: job_pb2.JobLimits, problems: Problems, path: str) -> JobLimits:
    wait = duration_from_proto(message, "queue_timeout", timedelta(), problems, path)
    return JobLimits(
        run_timeout=duration_from_proto(message, "run_timeout", DEFAULT_RUN_TIMEOUT, problems, path),
        queue_timeout=wait if message.HasField("queue_timeout") else None,
        max_attempts=message.max_attempts or DEFAULT_MAX_ATTEMPTS,
        max_cost_usd_micros=message.max_cost_usd_micros,
        max_input_bytes=message.max_input_bytes or DEFAULT_MAX_INPUT_BYTES,
    )


def _raise_if_unreadable(problems: Problems) -> None:
    # A default in its place would be acted upon, and written back over what was there.
    for problem in problems.violations:
        raise Internal(
            f"The ledger holds a record that this version cannot read ({problem.field}: {problem.description}). "
            "Run the version that wrote it.",
            metadata={"field": problem.field},
        )


def _check_spec(spec: JobSpec, problems: Problems, path: str) -> None:
    if len(spec.display_name) > MAX_DISPLAY_NAME_CHARACTERS:
        problems.add(f"{path}.display_name", f"must have at most {MAX_DISPLAY_NAME_CHARACTERS} characters")
    if has_control_characters(spec.display_name):
        problems.add(f"{path}.display_name", "must not contain control characters")
    problems.within(f"{path}.priority", spec.priority, -MAX_PRIORITY, MAX_PRIORITY)
    _check_limits(spec.limits, problems, f"{path}.limits")
    if len(spec.labels) > MAX_LABELS:
        problems.add(f"{path}.labels", f"must have at most {MAX_LABELS} entries, not {len(spec.labels)}")
    for key, value in spec.labels.items():
        if not _LABEL_KEY.fullmatch(key):
            problems.add(f"{path}.labels", f"{key[:80]!r} must have 1 to 63 characters out of a-z 0-9 . _ / -")
        if len(value) > MAX_LABEL_VALUE_CHARACTERS:
            problems.add(f"{path}.labels", f"{key!r} must have at most {MAX_LABEL_VALUE_CHARACTERS} characters")
        if has_control_characters(value):
            problems.add(f"{path}.labels", f"{key[:80]!r} must not have control characters in its value")


def _check_limits(limits: JobLimits, problems: Problems, path: str) -> None:
    run = limits.run_timeout.total_seconds()
    problems.within(f"{path}.run_timeout", run, 1, MAX_RUN_TIMEOUT.total_seconds(), " s")
    if limits.queue_timeout is not None:
        wait = limits.queue_timeout.total_seconds()
        problems.within(f"{path}.queue_timeout", wait, 1, MAX_QUEUE_TIMEOUT.total_seconds(), " s")
    problems.within(f"{path}.max_attempts", limits.max_attempts, 1, MAX_ATTEMPTS)
    for field in ("max_cost_usd_micros", "max_input_bytes"):
        if getattr(limits, field) < 0:
            problems.add(f"{path}.{field}", "must not be negative")
