"""What a router shows of the table, whoever composed it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from router_svc.domain.records import Outlook, RouteRevision
from router_svc.domain.state import State
from router_svc.domain.traffic import Decision, Traffic


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What the router shows and replicas are told.

    Attributes:
        routes: present revision of each route, by model.
        outlook: what the router that composes says about it.
        traffic: what people had decided, by model.
    """

    state: State
    routes: Mapping[str, RouteRevision]
    outlook: Outlook
    traffic: Mapping[str, Traffic] = field(default_factory=dict)

    @property
    def pending(self) -> Mapping[str, tuple[str, ...]]:
        """What is on the way, by model."""
        return self.outlook.pending

    @property
    def settling(self) -> bool:
        """Whether replicas from before a start are still awaited."""
        return self.outlook.settling

    @property
    def settled(self) -> bool:
        """Whether `state.wanted` is the whole set."""
        return self.outlook.settled

    def frozen(self, model: str) -> bool:
        """Whether the model's route stays as it is."""
        return model in self.traffic and self.traffic[model].frozen

    def is_foreign(self, model: str) -> bool:
        """Whether the model's replicas are servers that are not ours."""
        route, pools = self.state.snapshot.routes.get(model), self.state.snapshot.pools
        return route is not None and pools[route.pool].foreign

    def does(self, model: str, decision: Decision | None) -> bool:
        """Whether the table is what the last decision about a model says, or a later one."""
        decided = decision is None or decision.number <= self.outlook.decided
        return decided and model not in self.outlook.undone
