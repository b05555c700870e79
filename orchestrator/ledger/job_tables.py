"""The statements on jobs and what belongs to them; each function is a part of one transaction."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, bindparam, delete, func, insert, or_, select, update

from orchestrator import refusals
from orchestrator.jobs.job import Attempt, Job, JobState
from orchestrator.ledger.asset_tables import touch
from orchestrator.ledger.rows import attempt_from_row, attempt_values, job_from_row, job_values, new_job_values
from orchestrator.ledger.schema import ATTEMPTS, JOB_ASSETS, JOB_LABELS, JOBS, REQUESTS, micros
from orchestrator.ports import JobQuery

# Built once: to build a statement costs a third of what SQLite takes to run it.
_JOB = select(JOBS).where(JOBS.c.id == bindparam("job"))
_ATTEMPTS_OF = (
    select(ATTEMPTS)
    .where(ATTEMPTS.c.job_id.in_(bindparam("jobs", expanding=True)))
    .order_by(ATTEMPTS.c.job_id, ATTEMPTS.c.number)
)
_ATTEMPTS_ON = select(ATTEMPTS).where(ATTEMPTS.c.instance_id == bindparam("instance"))
_COUNT = select(func.count()).select_from(JOBS).where(JOBS.c.state.in_(bindparam("states", expanding=True)))
_BY_STATES = (
    select(JOBS).where(JOBS.c.state.in_(bindparam("states", expanding=True))).order_by(JOBS.c.create_time, JOBS.c.id)
)
_QUEUED = (
    select(JOBS)
    .where(JOBS.c.state == JobState.QUEUED.value)
    .order_by(JOBS.c.priority.desc(), JOBS.c.create_time, JOBS.c.id)
    .limit(bindparam("most", type_=JOBS.c.priority.type))
)
_EXPIRED = (
    select(JOBS)
    .where(JOBS.c.expire_time <= bindparam("now"))
    .order_by(JOBS.c.expire_time)
    .limit(bindparam("most", type_=JOBS.c.priority.type))
)
_OVERDUE = (
    select(JOBS)
    .where(JOBS.c.state == JobState.QUEUED.value, JOBS.c.queue_deadline <= bindparam("now"))
    .order_by(JOBS.c.queue_deadline)
    .limit(bindparam("most", type_=JOBS.c.priority.type))
)
_UPDATE = update(JOBS).where(JOBS.c.id == bindparam("job"))
_DELETE = delete(JOBS).where(JOBS.c.id == bindparam("job"))
_UPDATE_ATTEMPT = update(ATTEMPTS).where(
    ATTEMPTS.c.job_id == bindparam("job"), ATTEMPTS.c.number == bindparam("attempt")
)
_REQUEST = select(REQUESTS).where(REQUESTS.c.id == bindparam("request"))
_FORGET = delete(REQUESTS).where(REQUESTS.c.create_time < bindparam("before"))


def create(
    connection: Connection,
    job: Job,
    *,
    request_id: str,
    fingerprint: bytes,
    max_queued: int | None,
    assets_expire: datetime,
) -> tuple[Job, bool]:
    """Writes a new job, or returns the one of the same request."""
    if request_id:
        known = _of_request(connection, request_id, fingerprint)
        if known is not None:
            return known, False
    _admit(connection, job, max_queued)
    for asset in sorted(job.spec.assets):
        touch(connection, asset.removeprefix("assets/"), expire_time=assets_expire)
    created = replace(job, sequence=micros(job.create_time))
    _insert(connection, created)
    if request_id:
        values = {"id": request_id, "fingerprint": fingerprint, "job_id": job.id}
        connection.execute(insert(REQUESTS), values | {"create_time": micros(job.create_time)})
    return created, True


def get(connection: Connection, job_id: str) -> Job:
    """Returns a job."""
    row = connection.execute(_JOB, {"job": job_id}).one_or_none()
    if row is None:
        raise refusals.job_not_found(job_id)
    return _with_attempts(connection, [row])[0]


def find(connection: Connection, query: JobQuery) -> list[Job]:
    """Returns a page of jobs."""
    return _with_attempts(connection, connection.execute(_page(query)).all())


def queued(connection: Connection, limit: int) -> list[Job]:
    """Returns queued jobs in the order in which they are to run."""
    return _with_attempts(connection, connection.execute(_QUEUED, {"most": limit}).all())


def unfinished(connection: Connection) -> list[Job]:
    """Returns the jobs that are being worked on."""
    states = [JobState.RUNNING.value, JobState.CANCELLING.value]
    return _with_attempts(connection, connection.execute(_BY_STATES, {"states": states}).all())


def count(connection: Connection, states: frozenset[JobState]) -> int:
    """Counts the jobs in these states."""
    return int(connection.execute(_COUNT, {"states": [state.value for state in states]}).scalar_one())


def expired(connection: Connection, now: datetime, limit: int) -> list[Job]:
    """Returns jobs that are to be deleted."""
    return _with_attempts(connection, connection.execute(_EXPIRED, {"now": micros(now), "most": limit}).all())


def overdue(connection: Connection, now: datetime, limit: int) -> list[Job]:
    """Returns jobs that have waited too long."""
    return _with_attempts(connection, connection.execute(_OVERDUE, {"now": micros(now), "most": limit}).all())


def change(connection: Connection, job_id: str, transition: Callable[[Job], Job], now: datetime) -> Job:
    """Applies a transition."""
    before = get(connection, job_id)
    after = transition(before)
    if after == before:
        return before
    # The clock keeps it rising over a restart too, where what was only in memory is forgotten.
    after = replace(after, sequence=max(before.sequence + 1, micros(now)))
    connection.execute(_UPDATE, job_values(after) | {"job": job_id})
    _write_attempts(connection, before, after)
    return after


def remove(connection: Connection, job_id: str) -> Job:
    """Deletes a final job."""
    job = get(connection, job_id)
    if not job.state.final:
        raise refusals.job_not_finished(job)
    connection.execute(_DELETE, {"job": job_id})
    return job


def attempts_on(connection: Connection, instance_id: str) -> list[tuple[str, Attempt]]:
    """Returns the attempts on an instance with the ids of their jobs, by the time of their start."""
    found = [(row.job_id, attempt_from_row(row)) for row in connection.execute(_ATTEMPTS_ON, {"instance": instance_id})]
    return sorted(found, key=lambda one: one[1].start_time)


def forget_requests(connection: Connection, before: datetime) -> None:
    """Deletes old request ids."""
    connection.execute(_FORGET, {"before": micros(before)})


def _of_request(connection: Connection, request_id: str, fingerprint: bytes) -> Job | None:
    row = connection.execute(_REQUEST, {"request": request_id}).one_or_none()
    if row is None:
        return None
    if row.fingerprint != fingerprint:
        raise refusals.request_id_reused(request_id)
    made = connection.execute(_JOB, {"job": row.job_id}).one_or_none()
    # The id alone is not enough: after a deletion it may have been given to another job.
    if made is None or made.create_time != row.create_time:
        raise refusals.job_of_request_deleted(row.job_id)
    return _with_attempts(connection, [made])[0]


def _admit(connection: Connection, job: Job, max_queued: int | None) -> None:
    if connection.execute(_JOB, {"job": job.id}).one_or_none() is not None:
        raise refusals.job_exists(job.id)
    if max_queued is not None and count(connection, frozenset({JobState.QUEUED})) >= max_queued:
        raise refusals.queue_full(max_queued)


def _insert(connection: Connection, job: Job) -> None:
    connection.execute(insert(JOBS), new_job_values(job))
    labels = [{"job_id": job.id, "label": label, "value": value} for label, value in job.spec.labels.items()]
    assets = [{"job_id": job.id, "sha256": asset.removeprefix("assets/")} for asset in sorted(job.spec.assets)]
    if labels:
        connection.execute(insert(JOB_LABELS), labels)
    if assets:
        connection.execute(insert(JOB_ASSETS), assets)
    for attempt in job.attempts:
        connection.execute(insert(ATTEMPTS), attempt_values(job.id, attempt))


def _write_attempts(connection: Connection, before: Job, after: Job) -> None:
    for index, attempt in enumerate(after.attempts):
        if index >= len(before.attempts):
            connection.execute(insert(ATTEMPTS), attempt_values(after.id, attempt))
        elif attempt != before.attempts[index]:
            values = attempt_values(after.id, attempt)
            del values["job_id"], values["number"]
            connection.execute(_UPDATE_ATTEMPT, values | {"job": after.id, "attempt": attempt.number})


def _with_attempts(connection: Connection, rows: Sequence[Any]) -> list[Job]:
    if not rows:
        return []
    attempts: dict[str, list[Any]] = {row.id: [] for row in rows}
    for attempt in connection.execute(_ATTEMPTS_OF, {"jobs": list(attempts)}):
        attempts[attempt.job_id].append(attempt)
    return [job_from_row(row, attempts[row.id]) for row in rows]


def _page(query: JobQuery) -> Select[Any]:
    statement = select(JOBS)
    if query.states:
        statement = statement.where(JOBS.c.state.in_([state.value for state in query.states]))
    for label, value in (query.labels or {}).items():
        labelled = select(JOB_LABELS.c.job_id).where(JOB_LABELS.c.label == label)
        statement = statement.where(JOBS.c.id.in_(labelled.where(JOB_LABELS.c.value == value) if value else labelled))
    if query.after is not None:
        statement = statement.where(_behind(*query.after, ascending=query.ascending))
    order = (JOBS.c.create_time, JOBS.c.id)
    return statement.order_by(*(order if query.ascending else (one.desc() for one in order))).limit(query.limit)


def _behind(create_time: datetime, job_id: str, *, ascending: bool) -> Any:
    at = micros(create_time)
    if ascending:
        return or_(JOBS.c.create_time > at, (JOBS.c.create_time == at) & (JOBS.c.id > job_id))
    return or_(JOBS.c.create_time < at, (JOBS.c.create_time == at) & (JOBS.c.id < job_id))
