"""Which decisions have been announced."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Those from before are old news."""
    op.add_column(
        "decisions", sa.Column("announced", sa.SmallInteger, nullable=False, server_default="0")
    )
    op.execute("UPDATE decisions SET announced = 1")
    unannounced = sa.text("announced = 0")
    op.create_index(
        "decisions_to_announce",
        "decisions",
        ["time_us"],
        sqlite_where=unannounced,
        postgresql_where=unannounced,
    )
