"""The ledger's tables.

Moments are microseconds since 1970 in UTC: exact, ordered, and the same in every database. What is only read and
written as a whole is kept as the serialised message of the contract; what is searched or sorted by is a column.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, MetaData, String, Table

# The newest migration. The ledger compares it with what the database says, so that nothing of Alembic is loaded into
# a server whose database is up to date (about 25 MB).
REVISION: Final = "0003"

METADATA: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

JOBS: Final = Table(
    "jobs",
    METADATA,
    Column("id", String(63), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("create_time", BigInteger, nullable=False),
    Column("update_time", BigInteger, nullable=False),
    Column("start_time", BigInteger),
    Column("end_time", BigInteger),
    Column("expire_time", BigInteger),
    # When a job that never ran has waited too long; empty from its first try on.
    Column("queue_deadline", BigInteger),
    Column("sequence", BigInteger, nullable=False),
    Column("spec", LargeBinary, nullable=False),
    Column("progress", LargeBinary, nullable=False),
    Column("output", LargeBinary),
    Column("output_blob", String(512)),
    Column("failure", LargeBinary),
    Index(None, "create_time", "id"),
    Index(None, "state", "priority", "create_time", "id"),
    Index(None, "state", "queue_deadline"),
    Index(None, "expire_time"),
)

ATTEMPTS: Final = Table(
    "attempts",
    METADATA,
    Column("job_id", String(63), ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("task_id", String(80), nullable=False),
    # Empty for attempts from before it was kept, which cost nothing.
    Column("instance_id", String(63), nullable=False, server_default=""),
    Column("spooled_bytes", BigInteger),
    Column("spooled_sha256", LargeBinary),
    # What is kept of a lost attempt at home, for the next one to go on behind; its end in microseconds.
    Column("kept_bytes", BigInteger),
    Column("kept_sha256", LargeBinary),
    Column("kept_frames", BigInteger),
    Column("kept_end", BigInteger),
    Column("kept_sound", Boolean),
    Column("message", LargeBinary, nullable=False),
    Index(None, "instance_id"),
)

JOB_LABELS: Final = Table(
    "job_labels",
    METADATA,
    Column("job_id", String(63), ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("label", String(63), primary_key=True),
    Column("value", String(255), nullable=False),
    Index(None, "label", "value"),
)

JOB_ASSETS: Final = Table(
    "job_assets",
    METADATA,
    Column("job_id", String(63), ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("sha256", String(64), primary_key=True),
    Index(None, "sha256"),
)

# Outlives its job on purpose: a late repeat of a request must not make the job a second time.
REQUESTS: Final = Table(
    "requests",
    METADATA,
    Column("id", String(63), primary_key=True),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("job_id", String(63), nullable=False),
    Column("create_time", BigInteger, nullable=False),
    Index(None, "create_time"),
)

ASSETS: Final = Table(
    "assets",
    METADATA,
    Column("sha256", String(64), primary_key=True),
    Column("size_bytes", BigInteger, nullable=False),
    Column("file_name", String(255), nullable=False),
    Column("blob", String(512), nullable=False),
    Column("create_time", BigInteger, nullable=False),
    Column("expire_time", BigInteger, nullable=False),
    Index(None, "create_time", "sha256"),
    Index(None, "expire_time"),
)

UPLOADS: Final = Table(
    "uploads",
    METADATA,
    Column("id", String(63), primary_key=True),
    Column("sha256", String(64), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("file_name", String(255), nullable=False),
    Column("create_time", BigInteger, nullable=False),
    Index(None, "create_time"),
)

INSTANCES: Final = Table(
    "instances",
    METADATA,
    Column("id", String(63), primary_key=True),
    Column("cloud", String(32), nullable=False),
    Column("label", String(255), nullable=False),
    Column("secret", LargeBinary, nullable=False),
    Column("state", String(16), nullable=False),
    Column("provider_id", String(255), nullable=False),
    Column("address", String(255), nullable=False),
    Column("create_time", BigInteger, nullable=False),
    Column("ready_time", BigInteger),
    Column("end_time", BigInteger),
    Column("slots", Integer, nullable=False),
    Column("capabilities", LargeBinary, nullable=False),
    Column("failure", LargeBinary),
    # What was rented, as the contract's Offer; empty where nothing was.
    Column("offer", LargeBinary),
    Column("image", String(1024), nullable=False, server_default=""),
    Column("encoder", String(16), nullable=False, server_default=""),
    Column("running_time", BigInteger),
    Column("received_bytes", BigInteger, nullable=False, server_default="0"),
    Column("sent_bytes", BigInteger, nullable=False, server_default="0"),
    # What the marketplace charged in the end, as the contract's InstanceCost.
    Column("charged", LargeBinary),
    Index(None, "create_time", "id"),
    Index(None, "state"),
    Index(None, "cloud", "end_time"),
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def micros(moment: datetime) -> int:
    """Returns a moment as the tables keep it."""
    return (moment - _EPOCH) // _MICROSECOND


def optional_micros(moment: datetime | None) -> int | None:
    """Returns a moment that may be missing as the tables keep it."""
    return None if moment is None else micros(moment)


def moment(value: int) -> datetime:
    """Returns the moment that a table keeps."""
    return _EPOCH + value * _MICROSECOND


def optional_moment(value: int | None) -> datetime | None:
    """Returns the moment that a table keeps, if any."""
    return None if value is None else moment(value)
