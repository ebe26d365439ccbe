"""Who a prediction goes to: a model's audiences, its split, its champion."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from algolink import audience
from algolink.audience import Equals, Regex, Test
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
    """Rules for predictions that name no version, but for audiences that are left out."""
    return _rules(route, _expressible(route))


def limitations(route: table.ModelRoute) -> Iterator[Limitation]:
    """Audiences that are left out, and how the others differ."""
    expressible = _expressible(route)
    for number, each in enumerate(route.audiences, start=1):
        if each not in expressible:
            yield Limitation(
                model=route.model,
                what=f"audience {number}, for which gateway-api's matches have no words beside "
                "the audiences before it",
                so="it is left out, and its requests are routed as if it were not there",
            )
    if expressible:
        yield Limitation(
            model=route.model,
            what="attributes sent twice, or of more than 256 characters",
            so="audiences may hold them, where they should fail every condition",
        )


def matched(headers: dict[str, Test]) -> list[Json]:
    """Tests of headers as the Gateway API has them."""
    return [
        {"type": "Exact", "name": name, "value": test.value}
        if isinstance(test, Equals)
        else {"type": "RegularExpression", "name": name, "value": _anchored(test)}
        for name, test in headers.items()
    ]


def _expressible(route: table.ModelRoute) -> list[table.Audience]:
    """Audiences that there are words for, each beside those before it."""
    kept: list[table.Audience] = []
    for each in route.audiences:
        try:
            _rules(route, [*kept, each])
        except Inexpressible:
            continue
        kept.append(each)
    return kept


def _rules(route: table.ModelRoute, audiences: Sequence[table.Audience]) -> list[Rule[Target]]:
    rules = most_specific(list(_items(route, audiences)))
    values = (entry["value"] for rule in rules for entry in matched(dict(rule.headers)))
    if audiences and (len(rules) > MAX_RULES or any(len(v) > _MAX_VALUE for v in values)):
        raise Inexpressible("there are too many rules, or one is too long")
    return rules


def _items(route: table.ModelRoute, audiences: Sequence[table.Audience]) -> Iterator[Item[Target]]:
    for each in audiences:
        meant = alike(each.conditions)
        if meant is None:
            continue
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
    yield from _onward(route, {}, [])


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
