"""Artifacts that are folders."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in (
        sa.Column("folder_files", sa.Integer, nullable=False, server_default="0"),
        sa.Column("folder_bytes", sa.BigInteger, nullable=False, server_default="0"),
    ):
        op.add_column("versions", column)
    op.create_table(
        "artifact_files",
        sa.Column("artifact", sa.Text, primary_key=True),
        sa.Column("path", sa.Text, primary_key=True),
        sa.Column("digest", sa.Text, nullable=False, index=True),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
    )
