"""Models, versions, aliases and pushes."""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    database = op.create_table(
        "registry",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("instance", sa.Text, nullable=False),
        sa.Column("head", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(database, [{"id": 1, "instance": uuid.uuid4().hex, "head": 0}])
    op.create_table(
        "models",
        sa.Column("model", sa.Text, primary_key=True),
        sa.Column("latest_version", sa.BigInteger, nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("change", sa.BigInteger, nullable=False, unique=True),
    )
    op.create_table(
        "aliases",
        sa.Column("model", sa.Text, sa.ForeignKey("models.model"), primary_key=True),
        sa.Column("alias", sa.Text, primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("experiment", sa.Text, nullable=True),
        sa.Column("verdict_digest", sa.Text, nullable=True),
    )
    op.create_table(
        "versions",
        sa.Column("model", sa.Text, sa.ForeignKey("models.model"), primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True),
        sa.Column("digest", sa.Text, nullable=False, index=True),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("signature", sa.JSON, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "pushes",
        sa.Column("request_id", sa.Text, primary_key=True),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(["model", "number"], ["versions.model", "versions.number"]),
    )
