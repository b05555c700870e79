"""What is said no with, in the same words wherever it is found out."""

from orchestrator.jobs.job import Job
from servicekit.errors import AlreadyExists, FailedPrecondition, NotFound, ResourceExhausted


def job_not_found(job_id: str) -> NotFound:
    """Returns the error for a job that does not exist."""
    return _not_found("Job", f"jobs/{job_id}", "JOB_NOT_FOUND", "it may have expired or been deleted")


def asset_not_found(sha256: str) -> NotFound:
    """Returns the error for an asset that does not exist."""
    return _not_found("Asset", f"assets/{sha256}", "ASSET_NOT_FOUND", "upload it (again)")


def upload_not_found(upload_id: str) -> NotFound:
    """Returns the error for an upload that does not exist."""
    return _not_found("Upload", upload_id, "UPLOAD_NOT_FOUND", "start it at 0")


def instance_not_found(instance_id: str) -> NotFound:
    """Returns the error for an instance that does not exist."""
    return _not_found("Instance", f"instances/{instance_id}", "INSTANCE_NOT_FOUND", "list the instances")


def request_id_reused(request_id: str) -> AlreadyExists:
    """Returns the error for a request id that belongs to another request."""
    return AlreadyExists(
        f"The request_id {request_id} was used for another request. Use a new one for each new request.",
        reason="REQUEST_ID_REUSED",
        metadata={"request_id": request_id},
    )


def job_of_request_deleted(job_id: str) -> NotFound:
    """Returns the error for a repeated request whose job is gone, even where its id names another job by now."""
    name = f"jobs/{job_id}"
    return NotFound(
        f"The job {name} that this request made was deleted. Use a new request_id to make it again.",
        reason="JOB_NOT_FOUND",
        resource_type="Job",
        resource_name=name,
        metadata={"name": name},
    )


def job_exists(job_id: str) -> AlreadyExists:
    """Returns the error for a job id that is taken."""
    return AlreadyExists(
        f"There is a job jobs/{job_id} already. Choose another job_id, or leave it empty.",
        reason="JOB_EXISTS",
        metadata={"job_id": job_id},
    )


def queue_full(max_queued: int) -> ResourceExhausted:
    """Returns the error for a queue that takes no more."""
    return ResourceExhausted(
        f"{max_queued} jobs wait already, which is the most that this server takes. Try again later.",
        reason="QUEUE_FULL",
        metadata={"max_queued_jobs": str(max_queued)},
    )


def job_not_finished(job: Job) -> FailedPrecondition:
    """Returns the error for deleting a job that is not final."""
    return FailedPrecondition(
        f"{job.name} is {job.state}. Cancel it, wait until it is final, and delete it then.",
        reason="JOB_NOT_FINISHED",
        subject=job.name,
        metadata={"name": job.name, "state": job.state},
    )


def asset_in_use(sha256: str) -> FailedPrecondition:
    """Returns the error for deleting an asset that an unfinished job reads."""
    name = f"assets/{sha256}"
    return FailedPrecondition(
        f"An unfinished job reads {name}. Delete it when that job is final.",
        reason="ASSET_IN_USE",
        subject=name,
        metadata={"name": name},
    )


def upload_id_reused(upload_id: str) -> AlreadyExists:
    """Returns the error for an upload id that belongs to other content."""
    return AlreadyExists(
        f"The upload_id {upload_id} belongs to an upload of another size or digest. Use a new one for each file.",
        reason="UPLOAD_ID_REUSED",
        metadata={"upload_id": upload_id},
    )


def _not_found(kind: str, name: str, reason: str, advice: str) -> NotFound:
    return NotFound(
        f"There is no {kind.lower()} {name}; {advice}.",
        reason=reason,
        resource_type=kind,
        resource_name=name,
        metadata={"name": name},
    )
