"""The audit; it begins here, for nothing tells who changed what before."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_entries",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("caller", sa.Text, nullable=False),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("resource", sa.Text, nullable=False),
        sa.Column("before_digest", sa.Text, nullable=False),
        sa.Column("after_digest", sa.Text, nullable=False),
    )
    op.create_table(
        "audit_seals",
        sa.Column(
            "number",
            sa.BigInteger,
            sa.ForeignKey("audit_entries.number"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
    )
