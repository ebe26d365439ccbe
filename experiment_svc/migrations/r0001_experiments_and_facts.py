"""Experiments, facts and what is counted from them."""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    _experiments()
    _facts()
    _counters()


def _experiments() -> None:
    instance = op.create_table(
        "instance",
        sa.Column("id", sa.SmallInteger, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("change", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(instance, [{"id": 1, "name": uuid.uuid4().hex, "change": 0}])
    op.create_table(
        "experiments",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("change", sa.BigInteger, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("evidence", sa.Text, nullable=False),
    )
    op.create_index("experiments_by_change", "experiments", ["change"], unique=True)
    op.create_index("experiments_by_age", "experiments", ["created_us", "id"])
    routed = sa.text("state IN ('RUNNING', 'CONCLUDING')")
    op.create_index(
        "one_routed_experiment_per_model",
        "experiments",
        ["model"],
        unique=True,
        sqlite_where=routed,
        postgresql_where=routed,
    )
    op.create_table(
        "lowest_p_values",
        sa.Column("experiment", sa.Text, primary_key=True),
        sa.Column("comparison", sa.Text, primary_key=True),
        sa.Column("p_value", sa.Double, nullable=False),
        sqlite_with_rowid=False,
    )


def _facts() -> None:
    op.create_table(
        "exposures",
        sa.Column("request_id", sa.Text, primary_key=True),
        sa.Column("kind", sa.SmallInteger, primary_key=True),
        sa.Column("attempt", sa.Integer, primary_key=True),
        sa.Column("digest", sa.LargeBinary(16), nullable=False),
        sa.Column("time_us", sa.BigInteger, nullable=False),
        sa.Column("node", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("experiment", sa.Text, nullable=False),
        sa.Column("phase", sa.Integer, nullable=False),
        sa.Column("table_revision", sa.Text, nullable=False),
        sa.Column("arm", sa.Text, nullable=False),
        sa.Column("assigned_version", sa.BigInteger, nullable=False),
        sa.Column("answered_version", sa.BigInteger, nullable=False),
        sa.Column("unit", sa.Text, nullable=False),
        sa.Column("http_status", sa.Integer, nullable=False),
        sa.Column("grpc_status", sa.Integer, nullable=True),
        sa.Column("response_flags", sa.Text, nullable=False),
        sa.Column("duration_us", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "outcomes",
        sa.Column("event_id", sa.Text, primary_key=True),
        sa.Column("digest", sa.LargeBinary(16), nullable=False),
        sa.Column("unit", sa.Text, nullable=False),
        sa.Column("metric", sa.Text, nullable=False),
        sa.Column("value", sa.Double, nullable=False),
        sa.Column("time_us", sa.BigInteger, nullable=False),
    )
    op.create_index("outcomes_by_unit", "outcomes", ["metric", "unit", "time_us", "value"])


def _counters() -> None:
    op.create_table(
        "unit_states",
        sa.Column("experiment", sa.Text, primary_key=True),
        sa.Column("unit", sa.Text, primary_key=True),
        sa.Column("first_us", sa.BigInteger, nullable=False),
        sa.Column("phase", sa.Integer, nullable=False),
        sa.Column("arm", sa.Text, nullable=False),
        sa.Column("crossed", sa.SmallInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "request_counts",
        sa.Column("experiment", sa.Text, primary_key=True),
        sa.Column("arm", sa.Text, primary_key=True),
        sa.Column("phase", sa.Integer, primary_key=True),
        sa.Column("requests", sa.BigInteger, nullable=False),
        sa.Column("failures", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "latency_counts",
        sa.Column("experiment", sa.Text, primary_key=True),
        sa.Column("arm", sa.Text, primary_key=True),
        sa.Column("bucket", sa.Integer, primary_key=True),
        sa.Column("requests", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    counts = op.create_table(
        "fact_counts",
        sa.Column("id", sa.SmallInteger, primary_key=True),
        sa.Column("accepted", sa.BigInteger, nullable=False),
        sa.Column("redelivered", sa.BigInteger, nullable=False),
        sa.Column("conflicts", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(counts, [{"id": 1, "accepted": 0, "redelivered": 0, "conflicts": 0}])
