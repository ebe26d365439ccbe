"""State, history of routes, replicas, Envoys."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "router_state",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
    )
    op.create_table(
        "route_revisions",
        sa.Column("model", sa.Text, primary_key=True),
        sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("revision", sa.Text, nullable=False),
        sa.Column("content", sa.Text),
        sa.Column("time_us", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "replicas",
        sa.Column("pool", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("grpc_address", sa.Text, nullable=False),
        sa.Column("http_address", sa.Text, nullable=False),
        sa.Column("renewed_us", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "envoys",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("acknowledged", sa.BigInteger, nullable=False),
        sa.Column("seen_us", sa.BigInteger, nullable=False),
    )
