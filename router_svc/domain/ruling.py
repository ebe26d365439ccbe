"""Decisions about rules."""

from __future__ import annotations

from dataclasses import replace

from algolink.errors import FailedPrecondition, NotFound
from router_svc.domain import traffic as deciding
from router_svc.domain.rules import Rules
from router_svc.domain.traffic import Standing, Traffic


def set_rules(traffic: Traffic, wanted: Rules, standing: Standing) -> Traffic:
    """Sets rules in place of all that were there.

    Raises:
        NotFound: VERSION_NOT_FOUND.
        FailedPrecondition: TRAFFIC_FROZEN, VERSION_ARCHIVED or VERSION_KILLED. What
            is wrong with a version says in which `field` it is named.
    """
    deciding.check_not_frozen(traffic)
    for field, version in wanted.named():
        try:
            deciding.check_nameable(traffic, version, standing)
        except (NotFound, FailedPrecondition) as error:
            raise type(error)(
                error.reason, f"{field}: {error.message}", **error.metadata, field=field
            ) from error
    before = traffic.rules
    if before is not None and replace(wanted, revision=before.revision) == before:
        return traffic
    revision = traffic.revision + 1
    return replace(traffic, revision=revision, rules=replace(wanted, revision=revision))


def layer_of(traffic: Traffic) -> str:
    """Layer of a holdout that names none: the one that there is, or the model's own."""
    holdout = traffic.rules.holdout if traffic.rules is not None else None
    return holdout.layer if holdout is not None else f"holdout-{traffic.model}"


def clear_rules(traffic: Traffic) -> Traffic:
    """Ends all rules.

    Raises:
        FailedPrecondition: TRAFFIC_FROZEN.
    """
    deciding.check_not_frozen(traffic)
    if traffic.rules is None:
        return traffic
    return replace(traffic, revision=traffic.revision + 1, rules=None)
