"""The state as JSON, for the database."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from algolink.names import VersionName
from mesh import table
from mesh.table import ModelRoute, Snapshot
from router_svc.domain.records import Outlook
from router_svc.domain.state import Drain, State
from router_svc.domain.world import Artifact

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_micros(moment: datetime) -> int:
    """Microseconds since 1970."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def from_micros(micros: int) -> datetime:
    """The moment that `to_micros` wrote; UTC."""
    return _EPOCH + timedelta(microseconds=micros)


def dump_rest(state: State) -> str:
    """What of `state` has no row of its own; `load_rest` is the inverse."""
    return json.dumps(
        {
            "pools": [table.pool_to_json(pool) for _, pool in sorted(state.snapshot.pools.items())],
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


def load_rest(
    sequence: int,
    content: str,
    *,
    routes: Mapping[str, ModelRoute],
    wanted: Mapping[VersionName, Artifact],
) -> State:
    """The state of which `dump_rest` wrote a part."""
    value: dict[str, Any] = json.loads(content)
    pools = map(table.pool_from_json, value["pools"])
    return State(
        sequence=sequence,
        snapshot=Snapshot(routes=routes, pools={pool.name: pool for pool in pools}),
        wanted=wanted,
        drains={
            VersionName(model, number): Drain(
                left, None if forgotten is None else from_micros(forgotten)
            )
            for model, number, left, forgotten in value["drains"]
        },
    )


def dump_outlook(outlook: Outlook) -> str:
    """`load_outlook` is the inverse."""
    return json.dumps(
        {
            "pending": {model: list(pending) for model, pending in outlook.pending.items()},
            "undone": sorted(outlook.undone),
            "decided": outlook.decided,
            "settling": outlook.settling,
            "settled": outlook.settled,
        },
        separators=(",", ":"),
    )


def load_outlook(content: str) -> Outlook:
    """The outlook that `dump_outlook` wrote; the first one where nothing was."""
    value: dict[str, Any] = json.loads(content)
    if not value:
        return Outlook()
    return Outlook(
        pending={model: tuple(pending) for model, pending in value["pending"].items()},
        undone=frozenset(value["undone"]),
        decided=value["decided"],
        settling=value["settling"],
        settled=value["settled"],
    )
