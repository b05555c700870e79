"""What is kept of an attempt whose machine was lost, for the next one to go on behind.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the columns; of attempts from before nothing is kept."""
    with op.batch_alter_table("attempts") as table:
        table.add_column(sa.Column("kept_bytes", sa.BigInteger()))
        table.add_column(sa.Column("kept_sha256", sa.LargeBinary()))
        table.add_column(sa.Column("kept_frames", sa.BigInteger()))
        table.add_column(sa.Column("kept_end", sa.BigInteger()))
        table.add_column(sa.Column("kept_sound", sa.Boolean()))
