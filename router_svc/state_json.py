"""The state as JSON, for the database."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from algolink.names import VersionName
from mesh import table
from router_svc.domain.state import Drain, State
from router_svc.domain.world import Artifact

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_micros(moment: datetime) -> int:
    """Microseconds since 1970."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def from_micros(micros: int) -> datetime:
    """The moment that `to_micros` wrote; UTC."""
    return _EPOCH + timedelta(microseconds=micros)


def dump_state(state: State) -> str:
    """`state` without its sequence; `load_state` is the inverse."""
    return json.dumps(
        {
            "snapshot": table.to_json(state.snapshot),
            "wanted": [
                [version.model, version.number, artifact.digest, artifact.size_bytes]
                for version, artifact in sorted(state.wanted.items())
            ],
            "drains": [
                [
                    version.model,
                    version.number,
                    drain.sequence,
                    None if drain.forgotten is None else to_micros(drain.forgotten),
                ]
                for version, drain in sorted(state.drains.items())
            ],
        },
        separators=(",", ":"),
    )


def load_state(sequence: int, content: str) -> State:
    """The state that `dump_state` wrote."""
    value: dict[str, Any] = json.loads(content)
    return State(
        sequence=sequence,
        snapshot=table.from_json(value["snapshot"]),
        wanted={
            VersionName(model, number): Artifact(digest, size_bytes)
            for model, number, digest, size_bytes in value["wanted"]
        },
        drains={
            VersionName(model, number): Drain(
                left, None if forgotten is None else from_micros(forgotten)
            )
            for model, number, left, forgotten in value["drains"]
        },
    )
