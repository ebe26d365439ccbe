"""Exposures that were lost before they could be counted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "losses",
        sa.Column("experiment", sa.Text, primary_key=True),
        sa.Column("node", sa.Text, primary_key=True),
        sa.Column("run", sa.Text, primary_key=True),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("exposures", sa.BigInteger, nullable=False),
        sa.Column("at_least", sa.Boolean, nullable=False),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("time_us", sa.BigInteger, nullable=False),
        sa.Column("acknowledged_us", sa.BigInteger, nullable=True),
        sa.Column("acknowledged_by", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
    )
