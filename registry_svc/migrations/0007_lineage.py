"""Where versions came from; nothing tells of those that are there already."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "lineages",
        *_version(),
        sa.Column("datasets", sa.JSON, nullable=False),
        sa.Column("code", sa.JSON, nullable=True),
        sa.Column("run", sa.JSON, nullable=True),
        sa.Column("parents", sa.JSON, nullable=False),
        sa.Column("environment_digest", sa.Text, nullable=False),
        sa.Column("recorder", sa.Text, nullable=False),
        sa.Column("record_time", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "lineage_parents",
        *_version(),
        sa.Column("parent", sa.Text, primary_key=True, index=True),
        sa.Column("relation", sa.Text, nullable=False),
    )
    op.create_table(
        "lineage_datasets",
        *_version(),
        sa.Column("uri", sa.Text, primary_key=True),
        sa.Column("digest", sa.Text, primary_key=True),
    )
    op.create_index("lineage_datasets_by_uri", "lineage_datasets", ["uri", "digest"])


def _version() -> tuple[sa.schema.SchemaItem, ...]:
    code_points = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    return (
        sa.Column("model", code_points, primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True),
        sa.ForeignKeyConstraint(["model", "number"], ["versions.model", "versions.number"]),
    )
