"""Numbers and names as people read them."""

from typing import Any

from spotreel.orchestrator.v1.instance_pb2 import Instance
from spotreel.orchestrator.v1.job_pb2 import Job, JobProgress
from spotreel.worker.v1.capabilities_pb2 import Capabilities


def size(count: int) -> str:
    """Bytes in decimal units: `12.3 MB`."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def seconds(value: float) -> str:
    """A time: `4.2 s`, `3:07 min`, `1:02:03 h`."""
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02} h" if hours else f"{minutes}:{rest:02} min"


def state(job: Job) -> str:
    """The state without its prefix; the number for one of a newer server."""
    return _bare(Job.State, job.state, "STATE_")


def instance_state(instance: Instance) -> str:
    """The state without its prefix."""
    return _bare(Instance.State, instance.state, "STATE_")


def trouble(instance: Instance) -> str:
    """Why an instance is not what it should be: why it was given up, or why its GPU does not encode."""
    if instance.failure.reason:
        return instance.failure.reason
    found = instance.capabilities
    if not found.gpus or found.diagnosis == Capabilities.DIAGNOSIS_UNSPECIFIED:
        return ""
    return f"NVENC: {_bare(Capabilities.Diagnosis, found.diagnosis, 'DIAGNOSIS_')}"


def stage(progress: JobProgress) -> str:
    """The stage without its prefix."""
    return _bare(JobProgress.Stage, progress.stage, "STAGE_")


def money(micros: int) -> str:
    """Micro US dollars: `$0.0012`."""
    return f"${micros / 1e6:.4f}"


def run_seconds(job: Job) -> float:
    """How long the job ran, from its first attempt to its end."""
    return (job.end_time.ToNanoseconds() - job.start_time.ToNanoseconds()) / 1e9 if job.HasField("end_time") else 0.0


def _bare(enum: Any, number: int, prefix: str) -> str:
    return str(enum.Name(number)).removeprefix(prefix) if number in enum.values() else str(number)
