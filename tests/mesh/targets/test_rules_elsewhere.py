"""What rules say is done by a target, told to be missing, or refused: never left out in silence."""

from __future__ import annotations

from types import ModuleType

import pytest

from algolink.audience import Condition, Equals
from algolink.errors import FailedPrecondition
from mesh import attempts, table
from mesh.targets import gateway_api, istio
from mesh.targets.kubernetes.parameters import KubernetesParameters
from tests.mesh import builders

FRENCH = Condition(attribute="country", test=Equals("FR"))

PLAIN = builders.a_route(versions=(1, 2, 3), split=builders.a_split(fallback=None))
WITH_RULES = {
    "overrides": builders.a_route(
        versions=(1, 2, 3), split=builders.a_split(fallback=None), overrides={"ann": 3}
    ),
    "audiences": builders.a_route(
        versions=(1, 2, 3),
        split=builders.a_split(fallback=None),
        audiences=(table.Audience(conditions=(FRENCH,), version=3),),
    ),
    "holdout": builders.a_route(
        versions=(1, 2, 3),
        split=builders.a_split(fallback=None),
        holdout=table.Holdout(layer="layer", share_bp=500),
    ),
    "shadow": builders.a_route(
        versions=(1, 2, 3),
        split=builders.a_split(fallback=None),
        shadow=table.Shadow(version=3, share_bp=500),
    ),
    "timeouts": builders.a_route(
        versions=(1, 2, 3),
        split=builders.a_split(fallback=None),
        handling=attempts.Handling(timeout_ms=1_000, attempt_timeout_ms=100),
    ),
    "retries": builders.a_route(
        versions=(1, 2, 3),
        split=builders.a_split(fallback=None),
        handling=attempts.Handling(retries=attempts.Retries(number=5)),
    ),
    "limits": builders.a_route(
        versions=(1, 2, 3),
        split=builders.a_split(fallback=None),
        handling=attempts.Handling(limits=attempts.Limits(requests=3)),
    ),
}


@pytest.mark.parametrize("name", WITH_RULES)
@pytest.mark.parametrize("target", [istio, gateway_api], ids=["istio", "gateway-api"])
def test_a_rule_is_not_left_out_in_silence(target: ModuleType, name: str) -> None:
    said = outcome(target, WITH_RULES[name])

    assert said != outcome(target, PLAIN)


def outcome(target: ModuleType, route: table.ModelRoute) -> str:
    """What is rendered and what is missing, but for the route's revision; or the refusal."""
    try:
        rendering = target.render(builders.a_snapshot(route), KubernetesParameters())
    except FailedPrecondition as refused:
        return refused.reason
    return f"{rendering.files} {rendering.limitations}".replace(route.revision, "")
