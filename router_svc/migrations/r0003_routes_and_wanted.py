"""Routes and wanted versions by row, so that a change writes what it changes."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "routes",
        sa.Column("model", sa.Text, primary_key=True),
        sa.Column("sequence", sa.BigInteger, nullable=False, index=True),
        sa.Column("revision", sa.Text, nullable=False),
        sa.Column("content", sa.Text),
        sa.Column("time_us", sa.BigInteger, nullable=False),
    )
    wanted = op.create_table(
        "wanted_versions",
        sa.Column("model", sa.Text, primary_key=True),
        sa.Column("version", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
    )
    op.execute(
        sa.text(
            "INSERT INTO routes (model, sequence, revision, content, time_us) "
            "SELECT r.model, r.sequence, r.revision, r.content, r.time_us FROM route_revisions r "
            "JOIN (SELECT model, MAX(sequence) AS sequence FROM route_revisions GROUP BY model) l "
            "ON r.model = l.model AND r.sequence = l.sequence"
        )
    )
    connection = op.get_bind()
    row = connection.execute(sa.text("SELECT content FROM router_state WHERE id = 1")).one_or_none()
    if row is None:
        return
    state: dict[str, Any] = json.loads(row.content)
    if state["wanted"]:
        op.bulk_insert(
            wanted,
            [
                {"model": model, "version": number, "digest": digest, "size_bytes": size_bytes}
                for model, number, digest, size_bytes in state["wanted"]
            ],
        )
    content = json.dumps({"pools": state["snapshot"]["pools"], "drains": state["drains"]})
    connection.execute(
        sa.text("UPDATE router_state SET content = :content WHERE id = 1"), {"content": content}
    )
