"""The order in which an Envoy learns of a change.

Clusters and their endpoints first, and only when it has taken both the routes to
them; what goes away goes in the reverse order. A route that arrives before its
cluster is warm loses requests.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from mesh.resources import CDS, EDS, RDS, SRDS, Resource, Resources
from router_svc.ads.subscription import Batch, Subscription

TYPES = (CDS, EDS, RDS, SRDS)


class Progress(enum.Enum):
    """Where an Envoy stands when there is nothing to send."""

    WAITING = "waiting"
    """It has to answer, or to ask for what it needs."""

    REFUSED = "refused"
    """It refused something and keeps what it has."""

    COMPLETE = "complete"
    """It has taken everything."""


@dataclass(frozen=True, slots=True)
class Response:
    """What to send now."""

    type_url: str
    batch: Batch


@dataclass(frozen=True, slots=True)
class _Stage:
    """Types that may be sent together.

    Attributes:
        remove: whether what is gone is taken away.
        needs: type whose resources must all have been taken before the next
            stage, except those of whose `owner` the namesake was refused.
    """

    types: tuple[str, ...]
    remove: bool = False
    needs: str | None = None
    owner: str | None = None


_ADDING = (
    _Stage((CDS, EDS), needs=EDS, owner=CDS),
    # Routes that the Envoy knows already come before scopes; of a new scope's
    # routes it learns by the scope, and asks for them then.
    _Stage((RDS,)),
    _Stage((SRDS,), remove=True),
    _Stage((RDS,), needs=RDS, owner=SRDS),
)
_REMOVING = (
    _Stage((RDS,), remove=True),
    _Stage((CDS,), remove=True),
    _Stage((EDS,), remove=True),
)

_TAKES_WILDCARD = {CDS, SRDS}


def subscriptions() -> dict[str, Subscription]:
    """State of a new stream."""
    return {
        type_url: Subscription(takes_wildcard=type_url in _TAKES_WILDCARD) for type_url in TYPES
    }


def next_step(held: Mapping[str, Subscription], target: Resources) -> Response | Progress:
    """What to do now to bring an Envoy to `target`.

    It is asked again after everything that happens, and begins anew each time:
    the stages follow from what the Envoy holds, so a target may change at any
    moment.
    """
    for stage in _ADDING:
        step = _step(stage, held, target)
        if step is not None:
            return step
    if any(refuses(held[type_url], target.by_type[type_url]) for type_url in TYPES):
        # What it still holds may route to what would be removed.
        return Progress.REFUSED
    for stage in _REMOVING:
        step = _step(stage, held, target)
        if step is not None:
            return step
    return Progress.COMPLETE


def _step(
    stage: _Stage, held: Mapping[str, Subscription], target: Resources
) -> Response | Progress | None:
    for type_url in stage.types:
        subscription = held[type_url]
        if subscription.is_waiting:
            continue
        batch = subscription.next_batch(target.by_type[type_url], remove=stage.remove)
        if batch:
            return Response(type_url, batch)
    if any(held[type_url].is_waiting for type_url in stage.types):
        return Progress.WAITING
    if stage.needs is not None:
        # What names a resource and was refused never asks for it.
        refused = held[stage.owner].refused if stage.owner is not None else {}
        if held[stage.needs].lacks_any(target.by_type[stage.needs], but=refused):
            return Progress.WAITING
    return None


def rejections(held: Mapping[str, Subscription], target: Resources) -> str:
    """The Envoy's words for what it refuses of `target`; empty if nothing."""
    return "; ".join(
        subscription.rejection
        for type_url, subscription in held.items()
        if refuses(subscription, target.by_type[type_url])
    )


def refused_models(held: Mapping[str, Subscription], target: Resources) -> set[str]:
    """Models whose scope or routes in `target` the Envoy refuses."""
    return {
        name
        for type_url in (SRDS, RDS)
        for name, version in held[type_url].refused.items()
        if name in target.by_type[type_url] and target.by_type[type_url][name].version == version
    }


def refuses(subscription: Subscription, target: Mapping[str, Resource]) -> bool:
    """Whether something of `target` was refused as it is."""
    return any(
        name in target and target[name].version == version
        for name, version in subscription.refused.items()
    )
