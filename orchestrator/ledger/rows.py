"""Between the ledger's rows and the domain's records."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from spotreel.orchestrator.v1 import instance_pb2, job_pb2
from sqlalchemy import Row

from orchestrator.assets.asset import Asset, Upload
from orchestrator.convert import instances, offers
from orchestrator.convert import jobs as convert
from orchestrator.fleet.instance import Instance, InstanceState
from orchestrator.jobs.job import Attempt, Job, JobState, KeptPart, SpooledOutput
from orchestrator.ledger.schema import micros, moment, optional_micros, optional_moment

AnyRow = Row[Any]
Values = dict[str, Any]

_MICROSECOND = timedelta(microseconds=1)


def job_values(job: Job) -> Values:
    """Returns the columns of a job that may change."""
    output = None if job.output is None else convert.output_of_job_to_proto(job.output).SerializeToString()
    return {
        "state": job.state.value,
        "update_time": micros(job.update_time),
        "start_time": optional_micros(job.start_time),
        "end_time": optional_micros(job.end_time),
        "expire_time": optional_micros(job.expire_time),
        "queue_deadline": _queue_deadline(job),
        "sequence": job.sequence,
        "progress": convert.progress_to_proto(job.progress).SerializeToString(),
        "output": output,
        "output_blob": None if job.output is None else job.output.blob,
        "failure": None if job.failure is None else convert.failure_to_proto(job.failure).SerializeToString(),
    }


def new_job_values(job: Job) -> Values:
    """Returns all columns of a job."""
    return job_values(job) | {
        "id": job.id,
        "priority": job.spec.priority,
        "create_time": micros(job.create_time),
        "spec": convert.spec_to_proto(job.spec).SerializeToString(),
    }


def job_from_row(row: AnyRow, attempts: Iterable[AnyRow]) -> Job:
    """Reads a job and its attempts, oldest first."""
    output = None
    if row.output is not None:
        output = convert.output_of_job_from_proto(job_pb2.JobOutput.FromString(row.output), blob=row.output_blob)
    failure = None
    if row.failure is not None:
        failure = convert.failure_from_proto(job_pb2.JobFailure.FromString(row.failure))
    return Job(
        id=row.id,
        spec=convert.stored_spec(row.spec),
        create_time=moment(row.create_time),
        update_time=moment(row.update_time),
        state=JobState(row.state),
        start_time=optional_moment(row.start_time),
        end_time=optional_moment(row.end_time),
        expire_time=optional_moment(row.expire_time),
        progress=convert.progress_from_proto(job_pb2.JobProgress.FromString(row.progress)),
        attempts=tuple(attempt_from_row(attempt) for attempt in attempts),
        output=output,
        failure=failure,
        sequence=row.sequence,
    )


def attempt_values(job_id: str, attempt: Attempt) -> Values:
    """Returns all columns of an attempt."""
    spooled, kept = attempt.spooled, attempt.kept
    return {
        "job_id": job_id,
        "number": attempt.number,
        "task_id": attempt.task_id,
        "instance_id": attempt.instance_id,
        "spooled_bytes": None if spooled is None else spooled.size_bytes,
        "spooled_sha256": None if spooled is None else spooled.sha256,
        "kept_bytes": None if kept is None else kept.size_bytes,
        "kept_sha256": None if kept is None else kept.sha256,
        "kept_frames": None if kept is None else kept.frames,
        "kept_end": None if kept is None else kept.end // _MICROSECOND,
        "kept_sound": None if kept is None else kept.sound,
        "message": convert.attempt_to_proto(attempt).SerializeToString(),
    }


def attempt_from_row(row: AnyRow) -> Attempt:
    """Reads an attempt."""
    spooled = None
    if row.spooled_bytes is not None:
        spooled = SpooledOutput(size_bytes=row.spooled_bytes, sha256=row.spooled_sha256)
    kept = None
    if row.kept_bytes is not None:
        kept = KeptPart(
            size_bytes=row.kept_bytes,
            sha256=row.kept_sha256,
            frames=row.kept_frames,
            end=row.kept_end * _MICROSECOND,
            sound=row.kept_sound,
        )
    message = job_pb2.Attempt.FromString(row.message)
    return convert.attempt_from_proto(message, task_id=row.task_id, spooled=spooled, kept=kept)


def asset_values(asset: Asset) -> Values:
    """Returns all columns of an asset."""
    return {
        "sha256": asset.sha256,
        "size_bytes": asset.size_bytes,
        "file_name": asset.file_name,
        "blob": asset.blob,
        "create_time": micros(asset.create_time),
        "expire_time": micros(asset.expire_time),
    }


def asset_from_row(row: AnyRow) -> Asset:
    """Reads an asset."""
    return Asset(
        sha256=row.sha256,
        size_bytes=row.size_bytes,
        file_name=row.file_name,
        blob=row.blob,
        create_time=moment(row.create_time),
        expire_time=moment(row.expire_time),
    )


def upload_values(upload: Upload) -> Values:
    """Returns all columns of an upload."""
    return {
        "id": upload.id,
        "sha256": upload.sha256,
        "size_bytes": upload.size_bytes,
        "file_name": upload.file_name,
        "create_time": micros(upload.create_time),
    }


def upload_from_row(row: AnyRow) -> Upload:
    """Reads an upload."""
    return Upload(
        id=row.id,
        sha256=row.sha256,
        size_bytes=row.size_bytes,
        file_name=row.file_name,
        create_time=moment(row.create_time),
    )


def instance_values(instance: Instance) -> Values:
    """Returns all columns of an instance."""
    failure, charged = instance.failure, instance.charged
    return {
        "id": instance.id,
        "cloud": instance.cloud,
        "label": instance.label,
        "secret": instance.secret,
        "state": instance.state.value,
        "provider_id": instance.provider_id,
        "address": instance.address,
        "create_time": micros(instance.create_time),
        "ready_time": optional_micros(instance.ready_time),
        "end_time": optional_micros(instance.end_time),
        "slots": instance.slots,
        "capabilities": instance.capabilities,
        "failure": None if failure is None else instances.failure_to_proto(failure).SerializeToString(),
        "offer": None if instance.offer is None else offers.offer_to_proto(instance.offer).SerializeToString(),
        "image": instance.image,
        "encoder": instance.encoder,
        "running_time": optional_micros(instance.running_time),
        "received_bytes": instance.received_bytes,
        "sent_bytes": instance.sent_bytes,
        "charged": None if charged is None else instances.cost_to_proto(charged, final=True).SerializeToString(),
    }


def instance_from_row(row: AnyRow) -> Instance:
    """Reads an instance."""
    message = instance_pb2
    return Instance(
        id=row.id,
        cloud=row.cloud,
        label=row.label,
        secret=row.secret,
        create_time=moment(row.create_time),
        state=InstanceState(row.state),
        provider_id=row.provider_id,
        offer=None if row.offer is None else offers.offer_from_proto(message.Offer.FromString(row.offer)),
        image=row.image,
        encoder=row.encoder,
        address=row.address,
        running_time=optional_moment(row.running_time),
        ready_time=optional_moment(row.ready_time),
        end_time=optional_moment(row.end_time),
        slots=row.slots,
        capabilities=row.capabilities,
        hardware_codecs=instances.hardware_codecs(row.capabilities),
        received_bytes=row.received_bytes,
        sent_bytes=row.sent_bytes,
        charged=None
        if row.charged is None
        else instances.cost_from_proto(message.InstanceCost.FromString(row.charged)),
        failure=(
            None
            if row.failure is None
            else instances.failure_from_proto(message.InstanceFailure.FromString(row.failure))
        ),
    )


def _queue_deadline(job: Job) -> int | None:
    wait = job.spec.limits.queue_timeout
    return None if wait is None or job.tries else micros(job.create_time + wait)
