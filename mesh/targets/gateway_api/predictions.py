"""Who a prediction goes to: a model's audiences, its split, its champion."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, TypeAlias

from algolink import audience
from algolink.audience import Equals, In, Regex, Test
from mesh import table
from mesh.targets.gateway_api.specific import Item, Rule, most_specific
from mesh.targets.kubernetes import assigned, protocol
from mesh.targets.kubernetes.conditions import Inexpressible, alike, pattern
from mesh.targets.rendering import Limitation

Json = dict[str, Any]
Target: TypeAlias = dict[str, str] | table.Split
"""Headers of an assignment, or the split that chooses among arms."""

UNIT_HEADER = "x-algolink-unit"
MAX_RULES = 15
"""Rules for predictions: with the one for all else they are what one route holds."""

_MAX_VALUE = 4_096
_UNIT = Regex(protocol.UNIT_PATTERN)


def predictions(route: table.ModelRoute) -> list[Rule[Target]]:
    """Rules for predictions that name no version, but for what is left out."""
    selected, _ = _expressible(route)
    return _rules(route, selected)


def limitations(route: table.ModelRoute) -> Iterator[Limitation]:
    """What is left out, and how the rest differs."""
    selected, left_out = _expressible(route)
    for what in left_out:
        yield Limitation(
            model=route.model,
            what=f"{what}, for which gateway-api's matches have no words beside what comes before",
            so="it is left out, and its requests are routed as if it were not there",
        )
    if selected:
        yield Limitation(
            model=route.model,
            what="units and attributes sent twice, attributes of more than 256 characters",
            so="overrides and audiences may hold them, where they should hold nobody",
        )


def matched(headers: dict[str, Test]) -> list[Json]:
    """Tests of headers as the Gateway API has them."""
    return [
        {"type": "Exact", "name": name, "value": test.value}
        if isinstance(test, Equals)
        else {"type": "RegularExpression", "name": name, "value": _anchored(test)}
        for name, test in headers.items()
    ]


def _expressible(route: table.ModelRoute) -> tuple[list[Item[Target]], list[str]]:
    """What comes before the split, if there are words for it, and what there are none for."""
    selected: list[Item[Target]] = []
    left_out: list[str] = []
    for what, items in _selections(route):
        try:
            together = [*selected, *items()]
            _rules(route, together)
        except Inexpressible:
            left_out.append(what)
        else:
            selected = together
    return selected, left_out


def _selections(
    route: table.ModelRoute,
) -> Iterator[tuple[str, Callable[[], Iterable[Item[Target]]]]]:
    """What overrides and audiences are called, and what makes their items."""
    for version in sorted(set(route.overrides.values())):
        yield f"overrides to version {version}", partial(_of_overrides, route, version)
    for number, each in enumerate(route.audiences, start=1):
        yield f"audience {number}", partial(_of_audience, route, each)


def _of_overrides(route: table.ModelRoute, version: int) -> Iterator[Item[Target]]:
    units = tuple(sorted(unit for unit, to in route.overrides.items() if to == version))
    to = assigned.explicit(route, route.unkilled(version))
    yield Item(headers={UNIT_HEADER: In(units)}, target=to)


def _of_audience(route: table.ModelRoute, each: table.Audience) -> Iterator[Item[Target]]:
    meant = alike(each.conditions)
    if meant is None:
        return
    headers = {audience.HEADER_PREFIX + name: test for name, test in meant.tests.items()}
    vetoes = [
        (audience.HEADER_PREFIX + name, test)
        for name, tests in meant.vetoes.items()
        for test in tests
    ]
    if each.version is not None:
        to = assigned.explicit(route, route.unkilled(each.version))
        yield Item(headers=headers, vetoes=vetoes, target=to)
    else:
        yield from _onward(route, headers, vetoes)


def _rules(route: table.ModelRoute, selected: Sequence[Item[Target]]) -> list[Rule[Target]]:
    rules = most_specific([*selected, *_onward(route, {}, [])])
    values = (entry["value"] for rule in rules for entry in matched(dict(rule.headers)))
    if len(rules) > MAX_RULES or any(len(value) > _MAX_VALUE for value in values):
        raise Inexpressible("there are too many rules, or one is too long")
    return rules


def _onward(
    route: table.ModelRoute, headers: dict[str, Test], vetoes: list[tuple[str, Test]]
) -> Iterator[Item[Target]]:
    """The split, then the champion."""
    if route.split is not None:
        unit: dict[str, Test] = {} if route.split.per_request else {UNIT_HEADER: _UNIT}
        yield Item(headers=unit | headers, vetoes=vetoes, target=route.split)
    yield Item(headers=headers, vetoes=vetoes, target=assigned.champion(route))


def _anchored(test: Test) -> str:
    text = pattern(test)
    return f"^(?:{text})$" if "|" in text else f"^{text}$"
