"""What the router keeps on disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from router_svc.domain.records import Envoy, RouteRevision
from router_svc.domain.state import State
from router_svc.domain.traffic import Decision
from router_svc.domain.world import Replica


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """All that a starting router reads.

    Attributes:
        routes: latest revision of each route by model, those gone included.
        replicas: as last announced, none of them heard yet.
        decisions: last one about each model's traffic, by model.
    """

    state: State = field(default_factory=State)
    routes: Mapping[str, RouteRevision] = field(default_factory=dict)
    replicas: tuple[Replica, ...] = ()
    envoys: tuple[Envoy, ...] = ()
    decisions: Mapping[str, Decision] = field(default_factory=dict)


class Store(Protocol):
    """Each method is one transaction: on disk when it returns."""

    async def load(self) -> Stored:
        """Everything as last written."""
        ...

    async def save(self, before: State, after: State, revisions: Sequence[RouteRevision]) -> None:
        """Writes the step from one state to the next.

        Args:
            before: the state that was written last.
            revisions: of every route on which the two differ.
        """
        ...

    async def history(self, model: str, *, limit: int) -> list[RouteRevision]:
        """Revisions of a model's route, newest first."""
        ...

    async def route_at(self, model: str, at: datetime) -> RouteRevision | None:
        """The revision of a model's route that held at `at`, if there was one."""
        ...

    async def add_decision(self, decision: Decision) -> None:
        """Writes a decision that follows on the last one about the model.

        Raises:
            Aborted: ETAG_MISMATCH, if another one was written meanwhile.
        """
        ...

    async def decisions(self, model: str, *, limit: int) -> list[Decision]:
        """Decisions about a model's traffic, newest first."""
        ...

    async def decision_at(self, model: str, at: datetime) -> Decision | None:
        """The last decision about a model's traffic up to `at`, if there was one."""
        ...

    async def put_replica(self, replica: Replica) -> None:
        """Remembers a replica, its addresses and its lease."""
        ...

    async def delete_replica(self, pool: str, replica_id: str) -> None:
        """Forgets a replica; one that is unknown is no error."""
        ...

    async def put_envoy(self, envoy: Envoy) -> None:
        """Remembers how far an Envoy is."""
        ...

    async def delete_envoy(self, envoy_id: str) -> None:
        """Forgets an Envoy; one that is unknown is no error."""
        ...
