"""First tables.

Revision ID: 0001
Revises: none
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Creates every table of the first version; written out, since a migration must not follow later changes."""
    _create_jobs()
    _create_parts_of_jobs()
    _create_requests()
    _create_assets()
    _create_instances()


def _create_jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(63), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("create_time", sa.BigInteger(), nullable=False),
        sa.Column("update_time", sa.BigInteger(), nullable=False),
        sa.Column("start_time", sa.BigInteger()),
        sa.Column("end_time", sa.BigInteger()),
        sa.Column("expire_time", sa.BigInteger()),
        sa.Column("queue_deadline", sa.BigInteger()),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("spec", sa.LargeBinary(), nullable=False),
        sa.Column("progress", sa.LargeBinary(), nullable=False),
        sa.Column("output", sa.LargeBinary()),
        sa.Column("output_blob", sa.String(512)),
        sa.Column("failure", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
    )
    op.create_index("ix_jobs_create_time_id", "jobs", ["create_time", "id"])
    op.create_index("ix_jobs_state_priority_create_time_id", "jobs", ["state", "priority", "create_time", "id"])
    op.create_index("ix_jobs_state_queue_deadline", "jobs", ["state", "queue_deadline"])
    op.create_index("ix_jobs_expire_time", "jobs", ["expire_time"])


def _create_parts_of_jobs() -> None:
    op.create_table(
        "attempts",
        sa.Column("job_id", sa.String(63), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("task_id", sa.String(80), nullable=False),
        sa.Column("spooled_bytes", sa.BigInteger()),
        sa.Column("spooled_sha256", sa.LargeBinary()),
        sa.Column("message", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_attempts_job_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "number", name="pk_attempts"),
    )
    op.create_table(
        "job_labels",
        sa.Column("job_id", sa.String(63), nullable=False),
        sa.Column("label", sa.String(63), nullable=False),
        sa.Column("value", sa.String(255), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_job_labels_job_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "label", name="pk_job_labels"),
    )
    op.create_index("ix_job_labels_label_value", "job_labels", ["label", "value"])
    op.create_table(
        "job_assets",
        sa.Column("job_id", sa.String(63), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_job_assets_job_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "sha256", name="pk_job_assets"),
    )
    op.create_index("ix_job_assets_sha256", "job_assets", ["sha256"])


def _create_requests() -> None:
    op.create_table(
        "requests",
        sa.Column("id", sa.String(63), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("job_id", sa.String(63), nullable=False),
        sa.Column("create_time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_requests"),
    )
    op.create_index("ix_requests_create_time", "requests", ["create_time"])


def _create_assets() -> None:
    op.create_table(
        "assets",
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("file_name", sa.String(255), nullable=False),
        sa.Column("blob", sa.String(512), nullable=False),
        sa.Column("create_time", sa.BigInteger(), nullable=False),
        sa.Column("expire_time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name="pk_assets"),
    )
    op.create_index("ix_assets_create_time_sha256", "assets", ["create_time", "sha256"])
    op.create_index("ix_assets_expire_time", "assets", ["expire_time"])
    op.create_table(
        "uploads",
        sa.Column("id", sa.String(63), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("file_name", sa.String(255), nullable=False),
        sa.Column("create_time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_uploads"),
    )
    op.create_index("ix_uploads_create_time", "uploads", ["create_time"])


def _create_instances() -> None:
    op.create_table(
        "instances",
        sa.Column("id", sa.String(63), nullable=False),
        sa.Column("cloud", sa.String(32), nullable=False),
        sa.Column("label", sa.String(255), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("provider_id", sa.String(255), nullable=False),
        sa.Column("address", sa.String(255), nullable=False),
        sa.Column("create_time", sa.BigInteger(), nullable=False),
        sa.Column("ready_time", sa.BigInteger()),
        sa.Column("end_time", sa.BigInteger()),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.Column("capabilities", sa.LargeBinary(), nullable=False),
        sa.Column("failure", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("id", name="pk_instances"),
    )
    op.create_index("ix_instances_create_time_id", "instances", ["create_time", "id"])
    op.create_index("ix_instances_state", "instances", ["state"])
