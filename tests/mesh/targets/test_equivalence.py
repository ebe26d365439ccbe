"""Whatever a target can express goes where the table says; the rest is in its report."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from algolink.audience import Condition, Equals, Prefix, Regex
from mesh import table
from mesh.targets import gateway_api, istio
from mesh.targets.kubernetes.parameters import KubernetesParameters
from mesh.targets.kubernetes.problems import problems
from mesh.targets.rendering import Rendering
from tests.mesh import builders
from tests.mesh.targets import gateway_meaning, istio_meaning
from tests.mesh.targets.requests import Goal, Request, goals, requests, routes

PARAMETERS = KubernetesParameters()
_AUDIENCE = re.compile(r"audience (\d+)\b")
_OVERRIDES = re.compile(r"overrides to version \d+")


def objects(rendered: Rendering) -> list[dict[str, Any]]:
    return [value for held in rendered.files.values() for value in held]


def left_out(rendered: Rendering) -> set[int | str]:
    """What the report says is not there: audiences by number, overrides, the holdout."""
    found: set[int | str] = set()
    for limit in rendered.limitations:
        if match := _AUDIENCE.match(limit.what):
            found.add(int(match[1]))
        elif match := _OVERRIDES.match(limit.what):
            found.add(match[0])
        elif limit.what.startswith("the holdout of layer"):
            found.add("holdout")
    return found


def normalised(weights: Mapping[Goal, int]) -> dict[Goal, float]:
    total = sum(weights.values())
    return {goal: weight / total for goal, weight in weights.items() if weight}


@settings(max_examples=100, deadline=None)
@given(route=routes(), asked=st.lists(requests(), min_size=5, max_size=25))
def test_istio_sends_each_request_where_the_table_does(
    route: table.ModelRoute, asked: list[Request]
) -> None:
    rendered = istio.render(builders.a_snapshot(route), PARAMETERS)
    held = objects(rendered)

    assert list(problems(held)) == []
    for request in asked:
        expected = goals(route, request, left_out(rendered))
        assert normalised(istio_meaning.goals(held, request)) == normalised(expected), request


@settings(max_examples=60, deadline=None)
@given(route=routes(), asked=st.lists(requests(), min_size=5, max_size=10))
def test_istio_copies_predictions_that_name_no_version_and_no_others(
    route: table.ModelRoute, asked: list[Request]
) -> None:
    held = objects(istio.render(builders.a_snapshot(route), PARAMETERS))
    shadow = route.shadow

    for request in asked:
        named = request.call == "http" and request.version is not None
        copied = shadow is not None and shadow.version not in route.killed
        copied = copied and request.predicts and not named and request.call != "stream"
        expected = [(str(shadow.version), shadow.share_bp / 10_000)] if shadow and copied else []
        assert istio_meaning.copies(held, request) == expected, request


@settings(max_examples=100, deadline=None)
@given(route=routes(), asked=st.lists(requests(odd=False), min_size=5, max_size=25))
def test_the_gateway_api_sends_each_request_where_the_table_does(
    route: table.ModelRoute, asked: list[Request]
) -> None:
    rendered = gateway_api.render(builders.a_snapshot(route), PARAMETERS)
    held, host = objects(rendered), PARAMETERS.host("digits")

    assert list(problems(held)) == []
    for request in asked:
        expected = goals(route, request, left_out(rendered), sticky=False)
        if expected == {Goal(status=412): 1}:
            assert any("which is killed" in limit.what for limit in rendered.limitations)
            expected = {Goal(status=404): 1}
        told = gateway_meaning.goals(held, host, request)
        assert normalised(told) == normalised(expected), request


@settings(max_examples=40, deadline=None)
@given(route=routes())
def test_what_is_not_rendered_is_in_the_report(route: table.ModelRoute) -> None:
    assume(route.split is not None and not route.split.per_request)
    assert route.split is not None
    rendered = gateway_api.render(builders.a_snapshot(route), PARAMETERS)
    told = " ".join(limit.what for limit in rendered.limitations)

    if len(route.split.table.segments) > 1:
        assert "units that keep their arm" in told
    if route.shadow is not None and route.shadow.version not in route.killed:
        assert "the shadow" in told
    for version in route.killed:
        assert f"version {version}, which is killed" in told


def audiences(*conditions: Condition) -> table.ModelRoute:
    """A route with one audience per condition, of versions from 2."""
    return builders.a_route(
        versions=tuple(range(1, len(conditions) + 2)),
        audiences=tuple(
            table.Audience(conditions=(condition,), version=number)
            for number, condition in enumerate(conditions, start=2)
        ),
    )


@pytest.mark.parametrize("render", [istio.render, gateway_api.render])
def test_two_patterns_of_one_attribute_at_once_are_told_and_left_out(render: Any) -> None:
    user = Condition(attribute="user", test=Prefix("a"))
    also = Condition(attribute="user", test=Regex(".*z"))
    route = builders.a_route(
        versions=(1, 2, 3),
        audiences=(
            table.Audience(conditions=(user, also), version=2),
            table.Audience(conditions=(user,), version=3),
        ),
    )

    rendered = render(builders.a_snapshot(route), PARAMETERS)

    assert left_out(rendered) == {1}


def test_the_gateway_api_is_told_who_is_first_where_two_audiences_meet() -> None:
    route = audiences(
        Condition(attribute="country", test=Equals("FR")),
        Condition(attribute="user", test=Prefix("tester-"), negated=True),
    )

    rendered = gateway_api.render(builders.a_snapshot(route), PARAMETERS)

    assert left_out(rendered) == set()
    french_tester = Request(attributes={"country": ["FR"], "user": ["tester-1"]})
    german = Request(attributes={"country": ["DE"], "user": ["anna"]})
    host = PARAMETERS.host("digits")
    assert gateway_meaning.goals(objects(rendered), host, french_tester) == {Goal(2): 1}
    assert gateway_meaning.goals(objects(rendered), host, german) == {Goal(3): 1}
