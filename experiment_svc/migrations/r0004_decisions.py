"""Decisions of policies, the lease of who takes them, and which facts there were when."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "decisions",
        sa.Column("experiment", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("time_us", sa.BigInteger, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("waits", sa.SmallInteger, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("winner", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("evidence", sa.Text, nullable=False),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("token", sa.BigInteger, nullable=False),
        sa.Column("until_us", sa.BigInteger, nullable=False),
    )
    for table in ("exposures", "outcomes"):
        op.add_column(table, sa.Column("batch", sa.BigInteger, nullable=False, server_default="0"))
    # The collection of resource names, as policies have one too.
    op.execute("UPDATE definitions SET kind = 'metrics' WHERE kind = 'metric'")
