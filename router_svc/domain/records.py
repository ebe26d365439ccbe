"""What is remembered beside the state: revisions of routes, Envoys, who composes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from mesh.table import ModelRoute, Snapshot
from router_svc.domain.world import Replica


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
        router: id of the router that holds its stream; empty while none does.
        rejection: its words for what it refuses now; empty if it refuses nothing.
        refused: models whose routes it refuses.
        taken: sequence of the newest table of which it has all but what it refuses.
    """

    id: str
    acknowledged: int
    seen: datetime
    router: str = ""
    rejection: str = ""
    refused: frozenset[str] = frozenset()
    taken: int = 0


@dataclass(frozen=True, slots=True)
class Lease:
    """Who may compose tables.

    Attributes:
        router: its id; empty if nobody does.
        epoch: counts those who did; what is written under an older one is refused.
    """

    router: str = ""
    epoch: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What the composing router says about its table, for all routers to show.

    Attributes:
        pending: what is on the way, by model.
        undone: models for which people decided what is not routed yet.
        decided: number of the newest decision that the table follows.
        settling: whether replicas from before a start are still awaited.
        settled: whether what replicas shall hold is known in full.
    """

    pending: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    undone: frozenset[str] = frozenset()
    decided: int = 0
    settling: bool = True
    settled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnouncedReplica:
    """A replica as some router last wrote it down.

    Attributes:
        router: id of the router that holds its line.
        told: changes when the replica says something new.
    """

    replica: Replica
    router: str
    told: datetime


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
