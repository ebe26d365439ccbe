"""Conditions of audiences where a header can be matched once, by text.

Istio and the Gateway API match a header by one test, and know no numbers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from algolink import audience
from algolink.audience import Condition, Equals, In, Prefix, Range, Regex, Test
from mesh.targets.kubernetes import integers

_SPECIAL = re.compile(r"([^A-Za-z0-9_])")

ANY = Regex(".+")
"""Passes wherever the attribute is usable."""


class Inexpressible(ValueError):
    """That a mesh has no words for two tests of one attribute at once."""


@dataclass(frozen=True, slots=True)
class Alike:
    """One test per attribute, and what must not pass.

    Attributes:
        tests: what the value of each attribute must pass, by its name.
        vetoes: what the value of an attribute that `tests` names must not pass.
    """

    tests: dict[str, Test]
    vetoes: dict[str, tuple[Test, ...]]


def alike(conditions: Sequence[Condition]) -> Alike | None:
    """`conditions` with one test per attribute; None if no request fulfils them.

    Raises:
        Inexpressible: if one attribute must pass two tests that no single one says.
    """
    tests: dict[str, Test] = {}
    vetoes: dict[str, tuple[Test, ...]] = {}
    for condition in conditions:
        name = condition.attribute
        if condition.negated:
            vetoes[name] = (*vetoes.get(name, ()), condition.test)
        test = ANY if condition.negated else condition.test
        joined = both(tests.get(name, ANY), test)
        if joined is None:
            return None
        tests[name] = joined
    return Alike(tests, vetoes)


@lru_cache(maxsize=4_096)
def both(one: Test, other: Test) -> Test | None:
    """The test that passes where both do; None if it never would.

    Raises:
        Inexpressible: if there is none of a kind that we know.

    >>> both(Prefix("user-"), Prefix("us"))
    Prefix(value='user-')
    >>> both(In(("FR", "BE")), Regex("F.")), both(Equals("FR"), Equals("BE"))
    (Equals(value='FR'), None)
    """
    if one in (other, ANY):
        return other
    if other == ANY:
        return one
    for test, by in ((one, other), (other, one)):
        if isinstance(test, Equals | In):
            values = test.values if isinstance(test, In) else (test.value,)
            left = tuple(value for value in values if passes(by, value))
            return None if not left else In(left) if len(left) > 1 else Equals(left[0])
    if isinstance(one, Prefix) and isinstance(other, Prefix):
        shorter, longer = sorted((one, other), key=lambda prefix: len(prefix.value))
        return longer if longer.value.startswith(shorter.value) else None
    if isinstance(one, Range) and isinstance(other, Range):
        start, end = max(one.start, other.start), min(one.end, other.end)
        return Range(start, end) if start < end else None
    raise Inexpressible("two patterns of one attribute cannot be asked for at once")


def implies(test: Test, other: Test) -> bool:
    """Whether `other` passes wherever `test` does, as far as that is told without searching."""
    try:
        return both(test, other) == test
    except Inexpressible:
        return False


def passes(test: Test, value: str) -> bool:
    """Whether a usable value passes."""
    return Condition(attribute="value", test=test).holds({"value": [value]})


def pattern(test: audience.Test) -> str:
    r"""A regular expression of RE2 whose full matches are the values that pass.

    >>> pattern(In(("a.b", "c"))), pattern(Prefix("a+"))
    ('a\\.b|c', 'a\\+.*')
    """
    match test:
        case Equals():
            return _escaped(test.value)
        case In():
            return "|".join(map(_escaped, test.values))
        case Prefix():
            return f"{_escaped(test.value)}.*"
        case Regex():
            return test.pattern
        case Range():
            return integers.between(test.start, test.end)


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)
