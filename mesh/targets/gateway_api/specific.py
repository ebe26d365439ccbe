"""Rules of which the first wins, as rules of which the most specific wins.

The Gateway API gives a request to the match with the most headers; the order of
rules decides between equals alone. So where a rule that comes first has fewer
headers than a later one, a third rule takes the requests that both match: it asks
for the headers of both, and leads where the first does. Negation, which the
Gateway API lacks, is alike: a rule for what must not pass leads to whoever is next.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from algolink.audience import Test
from mesh.targets.kubernetes.conditions import ANY, Inexpressible, both, implies

Target = TypeVar("Target")
Headers = Mapping[str, Test]
"""What the value of each header must pass, by its name."""

_MAX_KINDS = 512
"""Kinds of requests that are told apart at most."""

MAX_HEADERS = 16
"""Headers of one match that the Gateway API allows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item(Generic[Target]):
    """A rule of a list, of which the first that a request fulfils decides.

    Attributes:
        headers: all of which must pass.
        vetoes: none of which may pass; of headers that `headers` names.
        target: where its requests go.
    """

    headers: Headers
    vetoes: Sequence[tuple[str, Test]] = ()
    target: Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule(Generic[Target]):
    """A rule of a set, of which the one with the most headers decides, then the first."""

    headers: Headers
    target: Target


@dataclass(frozen=True, slots=True)
class _Kind:
    """Requests that match the same elements.

    Attributes:
        headers: what just these elements ask for together.
        matched: their numbers.
    """

    headers: Headers
    matched: frozenset[int]

    @property
    def precedence(self) -> tuple[int, int]:
        return len(self.headers), len(self.matched)


def most_specific(items: Sequence[Item[Target]]) -> list[Rule[Target]]:
    """Rules that give every request to the item that decides about it.

    Args:
        items: the last of which takes every request.

    Raises:
        Inexpressible: if some would ask for two patterns of one header, for more
            than 16 headers, or if there are too many kinds of requests.
    """
    elements = list(_elements(items))
    kept: list[tuple[_Kind, Target]] = []
    for kind in sorted(_kinds(elements), key=lambda kind: len(kind.matched)):
        target = _decided(items, elements, kind)
        present = [(k, t) for k, t in kept if k.matched <= kind.matched]
        best = max(present, key=lambda held: held[0].precedence, default=None)
        if best is None or best[1] != target:
            kept.append((kind, target))
    kept.sort(key=lambda held: held[0].precedence, reverse=True)
    return [Rule(headers=kind.headers, target=target) for kind, target in kept]


def _elements(items: Sequence[Item[Target]]) -> Iterator[Headers]:
    """What it depends on where a request goes: rules, and what they must not match."""
    seen: list[Headers] = []
    for item in items:
        vetoed = [_joined(item.headers, {name: test}) for name, test in item.vetoes]
        for headers in (item.headers, *vetoed):
            if headers is not None and headers not in seen:
                seen.append(headers)
                yield headers


def _kinds(elements: Sequence[Headers]) -> Iterator[_Kind]:
    """All kinds of requests that there may be."""
    known: set[frozenset[int]] = set()
    left = [_kind({}, elements)]
    while left:
        kind = left.pop()
        if kind.matched in known:
            continue
        known.add(kind.matched)
        if len(known) > _MAX_KINDS or len(kind.headers) > MAX_HEADERS:
            raise Inexpressible("there are too many kinds of requests")
        yield kind
        for number, element in enumerate(elements):
            if number not in kind.matched:
                joined = _joined(kind.headers, element)
                if joined is not None:
                    left.append(_kind(joined, elements))


def _kind(headers: Headers, elements: Sequence[Headers]) -> _Kind:
    matched = (
        number
        for number, element in enumerate(elements)
        if all(name in headers and implies(headers[name], test) for name, test in element.items())
    )
    return _Kind(headers, frozenset(matched))


def _joined(one: Headers, other: Headers) -> Headers | None:
    joined = dict(one)
    for name, test in other.items():
        together = both(joined.get(name, ANY), test)
        if together is None:
            return None
        joined[name] = together
    return joined


def _decided(items: Sequence[Item[Target]], elements: Sequence[Headers], kind: _Kind) -> Target:
    matched = [elements[number] for number in kind.matched]
    for item in items:
        if item.headers in matched and not any(
            _joined(item.headers, {name: test}) in matched for name, test in item.vetoes
        ):
            return item.target
    raise ValueError("some requests match no item")
