"""Who is meant, as matchers of the headers that route.lua makes of units and attributes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from envoy.config.route.v3 import route_components_pb2 as components
from envoy.type.matcher.v3 import regex_pb2, string_pb2
from envoy.type.v3 import range_pb2

from algolink import audience
from algolink.audience import Condition
from mesh import names

_SPECIAL = re.compile(r"([^A-Za-z0-9_])")


def overridden(
    overrides: Mapping[str, int],
) -> Iterator[tuple[components.HeaderMatcher, int]]:
    """Matchers of units, and the version that those are sent to."""
    for version in sorted(set(overrides.values())):
        units = sorted(unit for unit, to in overrides.items() if to == version)
        for together in _in_one_expression(units):
            string = _regex(_one_of(together))
            yield components.HeaderMatcher(name=names.UNIT_HEADER, string_match=string), version


def attributes(conditions: Sequence[Condition]) -> Iterator[components.HeaderMatcher]:
    """Matchers that all match where all conditions hold."""
    for condition in conditions:
        header = names.ATTRIBUTE_HEADER_PREFIX + condition.attribute
        if condition.negated:
            # An attribute that is not usable has no header, and fails this too.
            yield components.HeaderMatcher(name=header, present_match=True)
        matcher = _matcher(header, condition.test)
        matcher.invert_match = condition.negated
        yield matcher


def _matcher(header: str, test: audience.Test) -> components.HeaderMatcher:
    match test:
        case audience.Range():
            bounds = range_pb2.Int64Range(start=test.start, end=test.end)
            return components.HeaderMatcher(name=header, range_match=bounds)
        case audience.Equals():
            string = string_pb2.StringMatcher(exact=test.value)
        case audience.Prefix():
            string = string_pb2.StringMatcher(prefix=test.value)
        case audience.Regex():
            string = _regex(test.pattern)
        case audience.In():
            string = _regex(_one_of(test.values))
    return components.HeaderMatcher(name=header, string_match=string)


def _in_one_expression(units: Sequence[str]) -> Iterator[list[str]]:
    """Units in groups that Envoy takes as one expression."""
    group: list[str] = []
    for unit in units:
        if group and sum(map(len, group)) + len(unit) > audience.MAX_CHOICES_LENGTH:
            yield group
            group = []
        group.append(unit)
    if group:
        yield group


def _one_of(values: Sequence[str]) -> str:
    return "|".join(_SPECIAL.sub(r"\\\1", value) for value in values)


def _regex(pattern: str) -> string_pb2.StringMatcher:
    return string_pb2.StringMatcher(safe_regex=regex_pb2.RegexMatcher(regex=pattern))
