"""What Istio matches a request by: its path, and one test of each header."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from algolink.audience import Condition, Equals, Prefix, Test
from mesh import names, table
from mesh.targets.kubernetes.conditions import Inexpressible, alike, pattern
from mesh.targets.rendering import Limitation

Json = dict[str, Any]


def exact(path: str) -> Json:
    """Matches one path."""
    return {"uri": {"exact": path}}


def with_header(match: Json, header: str, regex: str = ".+") -> Json:
    """`match`, for requests alone with a header that matches."""
    return {**match, "headers": {**match.get("headers", {}), header: {"regex": regex}}}


def in_audience(match: Json, conditions: Sequence[Condition]) -> Json | None:
    """`match`, for requests alone that fulfil all conditions; None if none does.

    Raises:
        Inexpressible: see `of_audiences`, which leaves such audiences out.
    """
    wanted = alike(conditions)
    if wanted is None:
        return None
    headers = {_header(name): _string(test) for name, test in wanted.tests.items()}
    without = {_header(name): _none_of(tests) for name, tests in wanted.vetoes.items()}
    return {
        **match,
        "headers": {**match.get("headers", {}), **headers},
        **({"withoutHeaders": without} if without else {}),
    }


def of_audiences(route: table.ModelRoute) -> Iterator[tuple[int, table.Audience]]:
    """The audiences that Istio can match, with their numbers from 1."""
    for number, each in enumerate(route.audiences, start=1):
        if _is_expressible(each):
            yield number, each


def limitations(route: table.ModelRoute) -> Iterator[Limitation]:
    """The audiences that Istio cannot match."""
    for number, each in enumerate(route.audiences, start=1):
        if not _is_expressible(each):
            yield Limitation(
                model=route.model,
                what=f"audience {number}, which asks for two patterns of one attribute",
                so="it is left out, and its requests are routed as if it were not there",
            )


def _is_expressible(each: table.Audience) -> bool:
    try:
        alike(each.conditions)
    except Inexpressible:
        return False
    return True


def _header(attribute: str) -> str:
    return names.ATTRIBUTE_HEADER_PREFIX + attribute


def _string(test: Test) -> Json:
    match test:
        case Equals():
            return {"exact": test.value}
        case Prefix():
            return {"prefix": test.value}
        case _:
            return {"regex": pattern(test)}


def _none_of(tests: Sequence[Test]) -> Json:
    if len(tests) == 1:
        return _string(tests[0])
    return {"regex": "|".join(f"(?:{pattern(test)})" for test in tests)}
