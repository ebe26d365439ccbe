"""What the routers of an installation keep on disk, together."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from router_svc.domain.records import AnnouncedReplica, Envoy, Lease, Outlook, RouteRevision
from router_svc.domain.state import State
from router_svc.domain.traffic import Decision
from router_svc.domain.world import Replica


class News(enum.StrEnum):
    """What another router may have written."""

    STATE = "state"
    DECISIONS = "decisions"
    REGISTER = "register"


class SupersededError(Exception):
    """Another router composes now; nothing was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """All that a starting router reads.

    Attributes:
        saves: counts the writes of the state.
        routes: latest revision of each route by model, those gone included.
        replicas: as last announced, none of them heard yet.
        decisions: last one about each model's traffic, by model.
    """

    state: State = field(default_factory=State)
    saves: int = 0
    outlook: Outlook = field(default_factory=Outlook)
    routes: Mapping[str, RouteRevision] = field(default_factory=dict)
    replicas: tuple[Replica, ...] = ()
    envoys: tuple[Envoy, ...] = ()
    decisions: Mapping[str, Decision] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """The state as another router wrote it, and what it differs by from an older one.

    Attributes:
        changed: routes of later tables than the older state's.
    """

    state: State
    saves: int
    outlook: Outlook
    changed: tuple[RouteRevision, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """Who is there, whichever router each is connected to.

    Attributes:
        routers: beats so far, by id.
    """

    lease: Lease = field(default_factory=Lease)
    routers: Mapping[str, int] = field(default_factory=dict)
    replicas: tuple[AnnouncedReplica, ...] = ()
    envoys: tuple[Envoy, ...] = ()


class Tables(Protocol):
    """The table that is served; each method is one transaction, on disk when it returns."""

    async def load(self) -> Stored:
        """Everything as last written."""
        ...

    async def save(
        self,
        before: State,
        after: State,
        revisions: Sequence[RouteRevision],
        outlook: Outlook,
        *,
        epoch: int,
    ) -> None:
        """Writes the step from one state to the next.

        Args:
            before: the state that was written last.
            revisions: of every route on which the two differ.
            epoch: under which the caller composes.

        Raises:
            SupersededError: if another router composes since.
        """
        ...

    async def newer(self, known: State, saves: int) -> Saved | None:
        """The state if it was written since; `None` if not.

        Args:
            known: the state as of write number `saves`.
        """
        ...

    async def history(self, model: str, *, limit: int) -> list[RouteRevision]:
        """Revisions of a model's route, newest first."""
        ...

    async def route_at(self, model: str, at: datetime) -> RouteRevision | None:
        """The revision of a model's route that held at `at`, if there was one."""
        ...


class DecisionLog(Protocol):
    """What people decided; each method is one transaction, on disk when it returns."""

    async def add_decision(self, decision: Decision) -> Decision:
        """Writes a decision that follows on the last one about the model; gives it its number.

        Raises:
            Aborted: ETAG_MISMATCH, if another one was written meanwhile.
        """
        ...

    async def decisions_since(self, number: int) -> list[Decision]:
        """Decisions about any model after this number, oldest first."""
        ...

    async def decisions(self, model: str, *, limit: int) -> list[Decision]:
        """Decisions about a model's traffic, newest first."""
        ...

    async def decision_at(self, model: str, at: datetime) -> Decision | None:
        """The last decision about a model's traffic up to `at`, if there was one."""
        ...


class Register(Protocol):
    """Routers, replicas and Envoys; each method is one transaction, on disk when it returns."""

    async def beat(self, router: str) -> None:
        """Shows that a router lives."""
        ...

    async def forget_router(self, router: str) -> None:
        """Forgets a router; one that is unknown is no error."""
        ...

    async def take_lease(self, router: str, seen: Lease) -> Lease | None:
        """Makes a router the one that composes; `None` if `seen` holds no more."""
        ...

    async def give_lease(self, lease: Lease) -> None:
        """Lets others compose, if the lease still holds."""
        ...

    async def registered(self, known: Mapping[tuple[str, str], AnnouncedReplica]) -> Registered:
        """Everybody.

        Args:
            known: replicas as read before, by pool and id; of one that told nothing
                new since, what it holds is taken from here.
        """
        ...

    async def put_replica(self, announced: AnnouncedReplica) -> None:
        """Remembers a replica and what it holds."""
        ...

    async def renew_replica(self, announced: AnnouncedReplica) -> bool:
        """Remembers that a replica lives; False if this router does not hold its line."""
        ...

    async def delete_replica(self, pool: str, replica_id: str, *, router: str) -> None:
        """Forgets a replica whose line this router holds; another's is left alone."""
        ...

    async def register_envoy(self, envoy_id: str, *, router: str, seen: datetime) -> int:
        """Notes that a router holds an Envoy's stream; sequence that the Envoy has acknowledged."""
        ...

    async def put_envoy(self, envoy: Envoy, *, router: str) -> None:
        """Remembers how far an Envoy is, if this router held its stream last."""
        ...

    async def delete_envoy(self, envoy_id: str) -> bool:
        """Forgets an Envoy; False if it was unknown."""
        ...


class Store(Tables, DecisionLog, Register, Protocol):
    """All of it, and news of what other routers write."""

    async def follow(self, notify: Callable[[News], None]) -> None:
        """Calls `notify` when another router may have written; never ends by itself.

        News may be missing, where a connection breaks for example: whoever
        follows also looks by himself now and then.
        """
        ...
