"""Tables of the router's database. Times are microseconds since 1970, UTC."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

router_state = sa.Table(
    "router_state",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("content", sa.Text, nullable=False),
    sa.Column("epoch", sa.BigInteger, nullable=False),
    sa.Column("router", sa.Text, nullable=False),
    sa.Column("saves", sa.BigInteger, nullable=False),
    sa.Column("wanted_saved", sa.BigInteger, nullable=False),
    sa.Column("outlook", sa.Text, nullable=False),
)
"""One row: what of the served state has no row of its own, and who may write it.

`epoch` counts the routers that composed, `router` is the one that does. `saves`
counts the writes; `wanted_saved` is the one that last changed `wanted_versions`.
"""

routers = sa.Table(
    "routers",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("beats", sa.BigInteger, nullable=False),
)
"""A router lives while it goes on counting its beats; nobody compares clocks."""

counters = sa.Table(
    "counters",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.BigInteger, nullable=False),
)
"""Raised within a write, which so waits for the one before: numbers become visible in order."""

routes = sa.Table(
    "routes",
    metadata,
    sa.Column("model", sa.Text, primary_key=True),
    sa.Column("sequence", sa.BigInteger, nullable=False, index=True),
    sa.Column("revision", sa.Text, nullable=False),
    sa.Column("content", sa.Text),
    sa.Column("time_us", sa.BigInteger, nullable=False),
)
"""The last revision of every route; content is null where it went away."""

wanted_versions = sa.Table(
    "wanted_versions",
    metadata,
    sa.Column("model", sa.Text, primary_key=True),
    sa.Column("version", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
)
"""What replicas shall hold."""

route_revisions = sa.Table(
    "route_revisions",
    metadata,
    sa.Column("model", sa.Text, primary_key=True),
    sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("revision", sa.Text, nullable=False),
    sa.Column("content", sa.Text),
    sa.Column("time_us", sa.BigInteger, nullable=False),
)
"""Every revision that a route had; content is null where it went away."""

replicas = sa.Table(
    "replicas",
    metadata,
    sa.Column("pool", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("grpc_address", sa.Text, nullable=False),
    sa.Column("http_address", sa.Text, nullable=False),
    sa.Column("renewed_us", sa.BigInteger, nullable=False),
    sa.Column("router", sa.Text, nullable=False),
    sa.Column("content", sa.Text, nullable=False),
    sa.Column("told_us", sa.BigInteger, nullable=False),
)
"""`router` holds the replica's line; `told_us` is when `content` last changed."""

envoys = sa.Table(
    "envoys",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("acknowledged", sa.BigInteger, nullable=False),
    sa.Column("seen_us", sa.BigInteger, nullable=False),
    sa.Column("router", sa.Text, nullable=False),
    sa.Column("rejection", sa.Text, nullable=False),
    sa.Column("refused", sa.Text, nullable=False),
    sa.Column("taken", sa.BigInteger, nullable=False),
)
"""`router` holds the Envoy's stream, empty for none; `refused` names models."""

traffic_decisions = sa.Table(
    "traffic_decisions",
    metadata,
    sa.Column("model", sa.Text, primary_key=True),
    sa.Column("revision", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("caller", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("content", sa.Text, nullable=False),
    sa.Column("time_us", sa.BigInteger, nullable=False),
    sa.Column("number", sa.BigInteger, nullable=False, index=True),
)
"""Every decision about traffic, with what held from then on; the last one holds."""
