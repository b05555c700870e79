"""Rented instances: what was rented, when it began to cost, what was charged, and which attempts pay for it.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the columns; instances from before cost nothing."""
    with op.batch_alter_table("attempts") as table:
        table.add_column(sa.Column("instance_id", sa.String(63), nullable=False, server_default=""))
        table.create_index("ix_attempts_instance_id", ["instance_id"])
    with op.batch_alter_table("instances") as table:
        table.add_column(sa.Column("offer", sa.LargeBinary()))
        table.add_column(sa.Column("image", sa.String(1024), nullable=False, server_default=""))
        table.add_column(sa.Column("encoder", sa.String(16), nullable=False, server_default=""))
        table.add_column(sa.Column("running_time", sa.BigInteger()))
        table.add_column(sa.Column("received_bytes", sa.BigInteger(), nullable=False, server_default="0"))
        table.add_column(sa.Column("sent_bytes", sa.BigInteger(), nullable=False, server_default="0"))
        table.add_column(sa.Column("charged", sa.LargeBinary()))
        table.create_index("ix_instances_cloud_end_time", ["cloud", "end_time"])
