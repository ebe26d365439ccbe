"""Tags and metrics by their values, to search by, and the key that signs page tokens."""

from __future__ import annotations

import secrets
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_BATCH = 1_000
_NAMED = ("models", "aliases", "versions", "pushes", "alias_moves")


def upgrade() -> None:
    _order_models_by_code_points()
    tags = _values_table("version_tags", "key", _code_points())
    metrics = _values_table("version_metrics", "name", sa.Double())
    op.create_index("ix_versions_create_time", "versions", ["create_time"])
    _copy("tags", tags, "key")
    _copy("metrics", metrics, "name")
    with op.batch_alter_table("registry") as table:
        table.add_column(sa.Column("page_key", sa.LargeBinary, nullable=True))
    registry = sa.table("registry", sa.column("page_key", sa.LargeBinary))
    op.execute(registry.update().values(page_key=secrets.token_bytes(32)))
    with op.batch_alter_table("registry") as table:
        table.alter_column("page_key", existing_type=sa.LargeBinary, nullable=False)


def _order_models_by_code_points() -> None:
    """So that lists come in one order everywhere, and their indexes are in it."""
    if op.get_bind().dialect.name == "postgresql":
        for table in _NAMED:
            op.execute(f'ALTER TABLE {table} ALTER COLUMN model TYPE text COLLATE "C"')


def _values_table(name: str, key: str, value: Any) -> sa.Table:
    table = op.create_table(
        name,
        sa.Column("model", _code_points(), primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True),
        sa.Column(key, sa.Text, primary_key=True),
        sa.Column("value", value, nullable=False),
        sa.ForeignKeyConstraint(["model", "number"], ["versions.model", "versions.number"]),
    )
    op.create_index(f"{name}_by_value", name, [key, "value", "model", "number"])
    return table


def _code_points() -> sa.types.TypeEngine[str]:
    return sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _copy(column: str, to: sa.Table, key: str) -> None:
    versions = sa.table(
        "versions",
        sa.column("model", sa.Text),
        sa.column("number", sa.BigInteger),
        sa.column(column, sa.JSON),
    )
    connection = op.get_bind()
    rows: list[dict[str, object]] = []
    for row in connection.execute(sa.select(versions)).all():
        own = {"model": row.model, "number": row.number}
        rows += [{**own, key: name, "value": value} for name, value in row[2].items()]
    for start in range(0, len(rows), _BATCH):
        connection.execute(to.insert(), rows[start : start + _BATCH])
