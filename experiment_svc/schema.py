"""Tables. Times are microseconds since 1970 UTC; digests are 16 bytes."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

instance = sa.Table(
    "instance",
    metadata,
    sa.Column("id", sa.SmallInteger, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),  # random; resume tokens are of this database
    sa.Column("change", sa.BigInteger, nullable=False),  # counts writes to experiments
)
"""One row. Locking it puts the writes to experiments in the order of their changes."""

experiments = sa.Table(
    "experiments",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("created_us", sa.BigInteger, nullable=False),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("change", sa.BigInteger, nullable=False),
    sa.Column("body", sa.Text, nullable=False),  # see `records`
    sa.Column("evidence", sa.Text, nullable=False),  # of the verdict; apart, since it is large
)
sa.Index("experiments_by_change", experiments.c.change, unique=True)
sa.Index("experiments_by_age", experiments.c.created_us, experiments.c.id)
_ROUTED = experiments.c.state.in_(["RUNNING", "CONCLUDING"])
sa.Index(
    "one_routed_experiment_per_model",
    experiments.c.model,
    unique=True,
    sqlite_where=_ROUTED,
    postgresql_where=_ROUTED,
)

lowest_p_values = sa.Table(
    "lowest_p_values",
    metadata,
    sa.Column("experiment", sa.Text, primary_key=True),
    sa.Column("comparison", sa.Text, primary_key=True),
    sa.Column("p_value", sa.Double, nullable=False),
    sqlite_with_rowid=False,
)

definitions = sa.Table(
    "definitions",
    metadata,
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("body", sa.Text, nullable=False),  # canonical JSON
    sa.Column("created_us", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""Never updated."""

decisions = sa.Table(
    "decisions",
    metadata,
    sa.Column("experiment", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("time_us", sa.BigInteger, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("waits", sa.SmallInteger, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("winner", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("evidence", sa.Text, nullable=False),
    sa.Column("announced", sa.SmallInteger, nullable=False, server_default="0"),  # 0 or 1
)
_UNANNOUNCED = decisions.c.announced == 0
sa.Index(
    "decisions_to_announce",
    decisions.c.time_us,
    sqlite_where=_UNANNOUNCED,
    postgresql_where=_UNANNOUNCED,
)
"""What policies did, or wait with. Nothing but `announced` is ever updated."""

leases = sa.Table(
    "leases",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("token", sa.BigInteger, nullable=False),  # grows with every new holder
    sa.Column("until_us", sa.BigInteger, nullable=False),
)

exposures = sa.Table(
    "exposures",
    metadata,
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
    sa.Column("batch", sa.BigInteger, nullable=False, server_default="0"),
)
"""Every line that was accepted, also of requests that no experiment took: they
count nothing, and are kept whole so that a re-delivery of one is known too."""

_TAKEN = exposures.c.experiment != ""
sa.Index(
    "exposures_by_unit",
    exposures.c.experiment,
    exposures.c.unit,
    sqlite_where=_TAKEN,
    postgresql_where=_TAKEN,
)

outcomes = sa.Table(
    "outcomes",
    metadata,
    sa.Column("event_id", sa.Text, primary_key=True),
    sa.Column("digest", sa.LargeBinary(16), nullable=False),
    sa.Column("unit", sa.Text, nullable=False),
    sa.Column("metric", sa.Text, nullable=False),
    sa.Column("value", sa.Double, nullable=False),
    sa.Column("time_us", sa.BigInteger, nullable=False),
    sa.Column("received_us", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("batch", sa.BigInteger, nullable=False, server_default="0"),
)
"""`batch`, of both kinds of facts, is the number of facts in the database once theirs
was in: so the facts of any moment can be read again."""
# With the value in it the index alone answers what a unit's outcomes are.
sa.Index(
    "outcomes_by_unit",
    outcomes.c.metric,
    outcomes.c.unit,
    outcomes.c.time_us,
    outcomes.c.value,
    outcomes.c.received_us,
)

unit_states = sa.Table(
    "unit_states",
    metadata,
    sa.Column("experiment", sa.Text, primary_key=True),
    sa.Column("unit", sa.Text, primary_key=True),
    sa.Column("first_us", sa.BigInteger, nullable=False),
    sa.Column("phase", sa.Integer, nullable=False),
    sa.Column("arm", sa.Text, nullable=False),
    sa.Column("crossed", sa.SmallInteger, nullable=False),  # 0 or 1, so that it sums up
    sqlite_with_rowid=False,
)

request_counts = sa.Table(
    "request_counts",
    metadata,
    sa.Column("experiment", sa.Text, primary_key=True),
    sa.Column("arm", sa.Text, primary_key=True),
    sa.Column("phase", sa.Integer, primary_key=True),
    sa.Column("requests", sa.BigInteger, nullable=False),
    sa.Column("failures", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

latency_counts = sa.Table(
    "latency_counts",
    metadata,
    sa.Column("experiment", sa.Text, primary_key=True),
    sa.Column("arm", sa.Text, primary_key=True),
    sa.Column("bucket", sa.Integer, primary_key=True),
    sa.Column("requests", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

fact_counts = sa.Table(
    "fact_counts",
    metadata,
    sa.Column("id", sa.SmallInteger, primary_key=True),
    sa.Column("accepted", sa.BigInteger, nullable=False),
    sa.Column("redelivered", sa.BigInteger, nullable=False),
    sa.Column("conflicts", sa.BigInteger, nullable=False),
)
"""One row. Locking it lets one batch of facts in at a time."""

result_points = sa.Table(
    "result_points",
    metadata,
    sa.Column("experiment", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("time_us", sa.BigInteger, nullable=False),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("changed", sa.Boolean, nullable=False),
    sa.Column("final", sa.Boolean, nullable=False),
    sa.Column("body", sa.Text, nullable=False),  # see `convert_series`
)
"""Results over time. Never updated; old ones are thinned out."""

open_series = sa.Table("open_series", metadata, sa.Column("experiment", sa.Text, primary_key=True))
"""Experiments whose series has no final point yet."""

losses = sa.Table(
    "losses",
    metadata,
    sa.Column("experiment", sa.Text, primary_key=True),
    sa.Column("node", sa.Text, primary_key=True),
    sa.Column("run", sa.Text, primary_key=True),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("exposures", sa.BigInteger, nullable=False),
    sa.Column("at_least", sa.Boolean, nullable=False),
    sa.Column("cause", sa.Text, nullable=False),
    sa.Column("time_us", sa.BigInteger, nullable=False),
    sa.Column("acknowledged_us", sa.BigInteger, nullable=True),
    sa.Column("acknowledged_by", sa.Text, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
)
"""What each run of an Envoy lost of each experiment, as reported last."""
