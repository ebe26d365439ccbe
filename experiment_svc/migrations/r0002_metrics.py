"""Versioned definitions; when outcomes came in; exposures by unit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "definitions",
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    taken = sa.text("experiment != ''")
    op.create_index(
        "exposures_by_unit",
        "exposures",
        ["experiment", "unit"],
        sqlite_where=taken,
        postgresql_where=taken,
    )
    _received()


def _received() -> None:
    """An outcome from before is taken to have come in when it happened."""
    op.drop_index("outcomes_by_unit", "outcomes")
    op.add_column(
        "outcomes", sa.Column("received_us", sa.BigInteger, nullable=False, server_default="0")
    )
    op.execute("UPDATE outcomes SET received_us = time_us")
    op.create_index(
        "outcomes_by_unit", "outcomes", ["metric", "unit", "time_us", "value", "received_us"]
    )
