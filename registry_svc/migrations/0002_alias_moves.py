"""The ledger of aliases; where each alias points is its first entry."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "alias_moves",
        sa.Column("model", sa.Text, sa.ForeignKey("models.model"), primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True),
        sa.Column("alias", sa.Text, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=True),
        sa.Column("previous_version", sa.BigInteger, nullable=True),
        sa.Column("commit_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("mover", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("experiment", sa.Text, nullable=True),
        sa.Column("verdict_digest", sa.Text, nullable=True),
        sa.Column("restores", sa.BigInteger, nullable=True),
    )
    op.create_index("alias_moves_of_alias", "alias_moves", ["model", "alias", "number"])
    # Who moved them, and from where, was not written down before.
    op.execute(
        """
        INSERT INTO alias_moves (model, number, alias, version, commit_time, mover, reason,
                                 experiment, verdict_digest)
        SELECT model, row_number() OVER (PARTITION BY model ORDER BY update_time, alias),
               alias, version, update_time, '', reason, experiment, verdict_digest
        FROM aliases
        """
    )
