"""The statements on assets and uploads; each function is a part of one transaction."""

from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, exists, insert, or_, select, update

from orchestrator import refusals
from orchestrator.assets.asset import Asset, Upload
from orchestrator.jobs.job import JobState
from orchestrator.ledger.rows import asset_from_row, asset_values, upload_from_row, upload_values
from orchestrator.ledger.schema import ASSETS, JOB_ASSETS, JOBS, UPLOADS, micros

_UNFINISHED = [state.value for state in JobState if not state.final]

_ASSET = select(ASSETS).where(ASSETS.c.sha256 == bindparam("digest"))
_MOVE_EXPIRY = update(ASSETS).where(ASSETS.c.sha256 == bindparam("digest"))
_DELETE_ASSET = delete(ASSETS).where(ASSETS.c.sha256 == bindparam("digest"))
_READERS = (
    select(JOB_ASSETS.c.job_id)
    .join(JOBS, JOBS.c.id == JOB_ASSETS.c.job_id)
    .where(JOB_ASSETS.c.sha256 == bindparam("digest"), JOBS.c.state.in_(_UNFINISHED))
    .limit(1)
)
_EXPIRED = (
    select(ASSETS)
    .where(
        ASSETS.c.expire_time <= bindparam("now"),
        ~exists(
            select(JOB_ASSETS.c.job_id)
            .join(JOBS, JOBS.c.id == JOB_ASSETS.c.job_id)
            .where(JOB_ASSETS.c.sha256 == ASSETS.c.sha256, JOBS.c.state.in_(_UNFINISHED))
            .correlate(ASSETS)
        ),
    )
    .order_by(ASSETS.c.expire_time)
)
_UPLOAD = select(UPLOADS).where(UPLOADS.c.id == bindparam("upload"))
_DELETE_UPLOAD = delete(UPLOADS).where(UPLOADS.c.id == bindparam("upload"))
_UPLOADS_BEFORE = select(UPLOADS).where(UPLOADS.c.create_time < bindparam("before")).order_by(UPLOADS.c.create_time)


def add(connection: Connection, asset: Asset) -> Asset:
    """Writes an asset, or renews the one that is there."""
    if connection.execute(_ASSET, {"digest": asset.sha256}).one_or_none() is not None:
        return touch(connection, asset.sha256, expire_time=asset.expire_time)
    connection.execute(insert(ASSETS), asset_values(asset))
    return asset


def get(connection: Connection, sha256: str) -> Asset:
    """Returns an asset."""
    row = connection.execute(_ASSET, {"digest": sha256}).one_or_none()
    if row is None:
        raise refusals.asset_not_found(sha256)
    return asset_from_row(row)


def touch(connection: Connection, sha256: str, *, expire_time: datetime) -> Asset:
    """Moves the expiry of an asset later."""
    asset = get(connection, sha256)
    if expire_time <= asset.expire_time:
        return asset
    connection.execute(_MOVE_EXPIRY, {"digest": sha256, "expire_time": micros(expire_time)})
    return get(connection, sha256)


def find(connection: Connection, *, limit: int, after: tuple[datetime, str] | None) -> list[Asset]:
    """Returns a page of assets, the newest first."""
    statement = select(ASSETS).order_by(ASSETS.c.create_time.desc(), ASSETS.c.sha256.desc()).limit(limit)
    if after is not None:
        at, digest = micros(after[0]), after[1]
        statement = statement.where(
            or_(ASSETS.c.create_time < at, (ASSETS.c.create_time == at) & (ASSETS.c.sha256 < digest))
        )
    return [asset_from_row(row) for row in connection.execute(statement)]


def remove(connection: Connection, sha256: str) -> Asset:
    """Deletes an asset that no unfinished job reads."""
    asset = get(connection, sha256)
    if connection.execute(_READERS, {"digest": sha256}).first() is not None:
        raise refusals.asset_in_use(sha256)
    connection.execute(_DELETE_ASSET, {"digest": sha256})
    return asset


def expired(connection: Connection, now: datetime, limit: int) -> list[Asset]:
    """Returns assets that are to be deleted."""
    return [asset_from_row(row) for row in connection.execute(_EXPIRED.limit(limit), {"now": micros(now)})]


def begin_upload(connection: Connection, upload: Upload) -> Upload:
    """Writes an upload, or returns the one with the same id."""
    row = connection.execute(_UPLOAD, {"upload": upload.id}).one_or_none()
    if row is None:
        connection.execute(insert(UPLOADS), upload_values(upload))
        return upload
    if (row.sha256, row.size_bytes) != (upload.sha256, upload.size_bytes):
        raise refusals.upload_id_reused(upload.id)
    return upload_from_row(row)


def get_upload(connection: Connection, upload_id: str) -> Upload:
    """Returns an upload."""
    row = connection.execute(_UPLOAD, {"upload": upload_id}).one_or_none()
    if row is None:
        raise refusals.upload_not_found(upload_id)
    return upload_from_row(row)


def delete_upload(connection: Connection, upload_id: str) -> None:
    """Deletes an upload if it is there."""
    connection.execute(_DELETE_UPLOAD, {"upload": upload_id})


def uploads_before(connection: Connection, before: datetime) -> list[Upload]:
    """Returns uploads that were begun before a moment."""
    return [upload_from_row(row) for row in connection.execute(_UPLOADS_BEFORE, {"before": micros(before)})]
