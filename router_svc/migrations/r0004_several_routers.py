"""Several routers: who composes, who holds which line, and the order of decisions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "routers",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("beats", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "counters",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.BigInteger, nullable=False),
    )
    for name in ("epoch", "saves", "wanted_saved"):
        op.add_column(
            "router_state", sa.Column(name, sa.BigInteger, nullable=False, server_default="0")
        )
    for name, default in (("router", ""), ("outlook", "{}")):
        op.add_column(
            "router_state", sa.Column(name, sa.Text, nullable=False, server_default=default)
        )
    op.add_column("replicas", sa.Column("router", sa.Text, nullable=False, server_default=""))
    op.add_column("replicas", sa.Column("content", sa.Text, nullable=False, server_default="{}"))
    op.add_column(
        "replicas", sa.Column("told_us", sa.BigInteger, nullable=False, server_default="0")
    )
    for name in ("router", "rejection", "refused"):
        op.add_column("envoys", sa.Column(name, sa.Text, nullable=False, server_default=""))
    op.add_column("envoys", sa.Column("taken", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column(
        "traffic_decisions", sa.Column("number", sa.BigInteger, nullable=False, server_default="0")
    )
    op.create_index("traffic_decisions_number", "traffic_decisions", ["number"])
    connection = op.get_bind()
    state = connection.execute(sa.text("SELECT id FROM router_state")).one_or_none()
    if state is None:
        content = '{"pools":[],"drains":[]}'
        connection.execute(
            sa.text("INSERT INTO router_state (id, sequence, content) VALUES (1, 0, :content)"),
            {"content": content},
        )
    decided = connection.execute(
        sa.text("SELECT model, revision FROM traffic_decisions ORDER BY time_us, model, revision")
    ).all()
    for number, row in enumerate(decided, start=1):
        connection.execute(
            sa.text(
                "UPDATE traffic_decisions SET number = :number "
                "WHERE model = :model AND revision = :revision"
            ),
            {"number": number, "model": row.model, "revision": row.revision},
        )
    connection.execute(
        sa.text("INSERT INTO counters (name, value) VALUES ('decisions', :value)"),
        {"value": len(decided)},
    )
