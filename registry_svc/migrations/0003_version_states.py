"""What happens to a version after its push."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in (
        sa.Column("state", sa.Text, nullable=False, server_default="READY"),
        sa.Column(
            "state_time",
            sa.DateTime(timezone=True),
            nullable=False,
            server_default="1970-01-01 00:00:00",
        ),
        sa.Column("state_reason", sa.Text, nullable=False, server_default=""),
        sa.Column("purge_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("pusher", sa.Text, nullable=False, server_default=""),
        sa.Column("tags", sa.JSON, nullable=False, server_default="{}"),
        sa.Column("metrics", sa.JSON, nullable=False, server_default="{}"),
        sa.Column("revision", sa.BigInteger, nullable=False, server_default="1"),
    ):
        op.add_column("versions", column)
    op.execute("UPDATE versions SET state_time = create_time")
