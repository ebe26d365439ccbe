"""What is remembered beside the state: revisions of routes, and Envoys."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from mesh.table import ModelRoute, Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteRevision:
    """What a model's route became, and when.

    Attributes:
        sequence: of the first table that had it.
        route: the route; `None` where it went away.
        time: when it was composed; UTC.
    """

    model: str
    sequence: int
    route: ModelRoute | None
    time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Envoy:
    """An Envoy that has asked for tables.

    Attributes:
        id: its node id.
        acknowledged: sequence of the newest table that it has taken in whole; 0
            for none.
        seen: when it last said anything; UTC.
    """

    id: str
    acknowledged: int
    seen: datetime


def changed_routes(
    before: Snapshot, after: Snapshot, *, sequence: int, at: datetime
) -> Iterator[RouteRevision]:
    """Routes that differ between two tables."""
    if before.routes is after.routes:
        return
    changed = [m for m, route in after.routes.items() if before.routes.get(m) != route]
    for model in sorted([*changed, *(before.routes.keys() - after.routes.keys())]):
        route = after.routes.get(model)
        yield RouteRevision(model=model, sequence=sequence, route=route, time=at)
