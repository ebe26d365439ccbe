"""Tables of the registry's database."""

from __future__ import annotations

import sqlalchemy as sa

from chassis.columns import UtcDateTime

metadata = sa.MetaData()

_CODE_POINTS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
"""Ordered by code points everywhere, so that a list's order is its index's."""

database = sa.Table(
    "registry",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("instance", sa.Text, nullable=False),
    sa.Column("page_key", sa.LargeBinary, nullable=False),
    sa.Column("head", sa.BigInteger, nullable=False),
)
"""One row: whose changes these are, how many there have been, what signs page tokens."""

models = sa.Table(
    "models",
    metadata,
    sa.Column("model", _CODE_POINTS, primary_key=True),
    sa.Column("latest_version", sa.BigInteger, nullable=False),
    sa.Column("create_time", UtcDateTime, nullable=False),
    sa.Column("update_time", UtcDateTime, nullable=False),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("change", sa.BigInteger, nullable=False, unique=True),
)

aliases = sa.Table(
    "aliases",
    metadata,
    sa.Column("model", _CODE_POINTS, sa.ForeignKey("models.model"), primary_key=True),
    sa.Column("alias", sa.Text, primary_key=True),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("update_time", UtcDateTime, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("experiment", sa.Text, nullable=True),
    sa.Column("verdict_digest", sa.Text, nullable=True),
)

versions = sa.Table(
    "versions",
    metadata,
    sa.Column("model", _CODE_POINTS, sa.ForeignKey("models.model"), primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True),
    sa.Column("digest", sa.Text, nullable=False, index=True),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("signature", sa.JSON, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("create_time", UtcDateTime, nullable=False, index=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("state_time", UtcDateTime, nullable=False),
    sa.Column("state_reason", sa.Text, nullable=False),
    sa.Column("purge_time", UtcDateTime, nullable=True),
    sa.Column("pusher", sa.Text, nullable=False),
    sa.Column("tags", sa.JSON, nullable=False),
    sa.Column("metrics", sa.JSON, nullable=False),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("folder_files", sa.Integer, nullable=False),
    sa.Column("folder_bytes", sa.BigInteger, nullable=False),
)

artifact_files = sa.Table(
    "artifact_files",
    metadata,
    sa.Column("artifact", sa.Text, primary_key=True),
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("digest", sa.Text, nullable=False, index=True),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
)
"""What is in the folders; rows are added and never changed."""

version_tags = sa.Table(
    "version_tags",
    metadata,
    sa.Column("model", _CODE_POINTS, primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("value", _CODE_POINTS, nullable=False),
    sa.ForeignKeyConstraint(["model", "number"], ["versions.model", "versions.number"]),
    sa.Index("version_tags_by_value", "key", "value", "model", "number"),
)
"""What `versions.tags` says, to search by."""

version_metrics = sa.Table(
    "version_metrics",
    metadata,
    sa.Column("model", _CODE_POINTS, primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Double, nullable=False),
    sa.ForeignKeyConstraint(["model", "number"], ["versions.model", "versions.number"]),
    sa.Index("version_metrics_by_value", "name", "value", "model", "number"),
)
"""What `versions.metrics` says, to search by."""

lineages = sa.Table(
    "lineages",
    metadata,
    sa.Column("model", _CODE_POINTS, primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True),
    sa.Column("datasets", sa.JSON, nullable=False),
    sa.Column("code", sa.JSON(none_as_null=True), nullable=True),
    sa.Column("run", sa.JSON(none_as_null=True), nullable=True),
    sa.Column("parents", sa.JSON, nullable=False),
    sa.Column("environment_digest", sa.Text, nullable=False),
    sa.Column("recorder", sa.Text, nullable=False),
    sa.Column("record_time", UtcDateTime, nullable=False),
    sa.ForeignKeyConstraint(["model", "number"], ["versions.model", "versions.number"]),
)
"""Rows are added and never changed."""

lineage_parents = sa.Table(
    "lineage_parents",
    metadata,
    sa.Column("model", _CODE_POINTS, primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True),
    sa.Column("parent", sa.Text, primary_key=True, index=True),
    sa.Column("relation", sa.Text, nullable=False),
    sa.ForeignKeyConstraint(["model", "number"], ["versions.model", "versions.number"]),
)
"""What `lineages.parents` says, to follow downstream and to search by."""

lineage_datasets = sa.Table(
    "lineage_datasets",
    metadata,
    sa.Column("model", _CODE_POINTS, primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True),
    sa.Column("uri", sa.Text, primary_key=True),
    sa.Column("digest", sa.Text, primary_key=True),
    sa.ForeignKeyConstraint(["model", "number"], ["versions.model", "versions.number"]),
    sa.Index("lineage_datasets_by_uri", "uri", "digest"),
)
"""What `lineages.datasets` says, to follow downstream and to search by."""

pushes = sa.Table(
    "pushes",
    metadata,
    sa.Column("request_id", sa.Text, primary_key=True),
    sa.Column("model", _CODE_POINTS, nullable=False),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.ForeignKeyConstraint(["model", "number"], ["versions.model", "versions.number"]),
)

alias_moves = sa.Table(
    "alias_moves",
    metadata,
    sa.Column("model", _CODE_POINTS, sa.ForeignKey("models.model"), primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True),
    sa.Column("alias", sa.Text, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=True),
    sa.Column("previous_version", sa.BigInteger, nullable=True),
    sa.Column("commit_time", UtcDateTime, nullable=False),
    sa.Column("mover", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("experiment", sa.Text, nullable=True),
    sa.Column("verdict_digest", sa.Text, nullable=True),
    sa.Column("restores", sa.BigInteger, nullable=True),
    sa.Index("alias_moves_of_alias", "model", "alias", "number"),
)
"""Rows are added and never changed."""

audit_entries = sa.Table(
    "audit_entries",
    metadata,
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("time", UtcDateTime, nullable=False),
    sa.Column("caller", sa.Text, nullable=False),
    sa.Column("request_id", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("resource", sa.Text, nullable=False),
    sa.Column("before_digest", sa.Text, nullable=False),
    sa.Column("after_digest", sa.Text, nullable=False),
)
"""Rows are added and never changed."""

audit_seals = sa.Table(
    "audit_seals",
    metadata,
    sa.Column(
        "number",
        sa.BigInteger,
        sa.ForeignKey("audit_entries.number"),
        primary_key=True,
        autoincrement=False,
    ),
    sa.Column("hash", sa.Text, nullable=False),
    sa.Column("time", UtcDateTime, nullable=False),
)
"""Rows are added and never changed."""
