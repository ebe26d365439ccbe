"""What stands on the shelf has a weight."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("shelf", sa.Column("weight_g", sa.Integer, nullable=True))
