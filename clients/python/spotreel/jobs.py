"""What a job's state means to somebody who waits for it."""

from spotreel.errors import JobCancelled, JobFailed
from spotreel.orchestrator.v1.job_pb2 import Job, JobProgress
from spotreel.progress import Progress, Step

FINAL_STATES = frozenset({Job.STATE_SUCCEEDED, Job.STATE_FAILED, Job.STATE_CANCELLED})

_STEPS = {
    JobProgress.STAGE_PROVISIONING: Step.PROVISIONING,
    JobProgress.STAGE_PULLING_IMAGE: Step.PULLING_IMAGE,
    JobProgress.STAGE_FETCHING_INPUT: Step.FETCHING_INPUT,
    JobProgress.STAGE_ENCODING: Step.ENCODING,
    JobProgress.STAGE_TRANSFERRING: Step.TRANSFERRING,
    JobProgress.STAGE_VERIFYING: Step.VERIFYING,
}
# Whose length nobody knows before.
_OPEN_ENDED = frozenset({Step.WAITING, Step.PROVISIONING, Step.PULLING_IMAGE, Step.CANCELLING})


def progress_of(job: Job) -> Progress:
    """Makes what callers are shown out of what the server says; a stage of a newer server counts as waiting."""
    if job.state in FINAL_STATES:
        return Progress(step=Step.DONE, fraction=1.0 if job.state == Job.STATE_SUCCEEDED else None, job=job)
    if job.state == Job.STATE_CANCELLING:
        return Progress(step=Step.CANCELLING, job=job)
    step = _STEPS.get(job.progress.stage, Step.WAITING)
    return Progress(step=step, fraction=None if step in _OPEN_ENDED else job.progress.fraction, job=job)


def succeeded(job: Job) -> Job:
    """Returns the job if it SUCCEEDED; raises JobFailed or JobCancelled otherwise."""
    if job.state == Job.STATE_FAILED:
        raise JobFailed(job)
    if job.state == Job.STATE_CANCELLED:
        raise JobCancelled(job)
    return job
