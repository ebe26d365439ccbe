"""Rules of a model's requests as YAML files: `EXAMPLE` shows all keys.

Every key may be left out, and what is left out is as without rules. Whoever
writes another key is told so, with its line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, TypeVar

from algolink import audience
from algolink.audience import Condition
from algolink.client.rules import (
    Audience,
    Holdout,
    Limits,
    Retries,
    Rules,
    Shadow,
    Timeouts,
)
from algolink.errors import AlgoLinkError, InvalidArgument
from cli import sections, shares
from cli.sections import Section

EXAMPLE = """\
overrides:                     # these units, whatever else is said
  tester-1: 2
audiences:                     # by attributes; the first whose conditions all hold
  - name: staff                # left to holdout, experiment, shift and champion
    when: [{attribute: staff, equals: "yes"}]
    continue: true
  - name: adults-in-france
    when:
      - {attribute: country, in: [FR, MC]}
      - {attribute: age, range: [18, 130]}     # 18 and more, less than 130
      - {attribute: client, regex: "beta/[0-9]+", not: true}
    version: 2
holdout: {share: 5%}           # units that no experiment and no shift gets
shadow: {version: 2, share: 10%}
fallback: champion             # for candidates that fail: champion, none or a version
timeouts: {request: 10s, attempt: 2s}
retries:                       # on another replica
  number: 2
  failures: [connect-failure, refused-stream, reset, unavailable]
  backoff: 5ms
  max_backoff: 50ms
limits: {requests: 64, pending: 64}    # at once, to each version but the champion
"""

T = TypeVar("T")

_REASON = "RULES_FILE_INVALID"
_TESTS = ("equals", "in", "prefix", "regex", "range")
_OVERRIDE = re.compile(r"overrides\[(\d+)\](?:\.\w+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesFile:
    """A file, read.

    Attributes:
        lines: line of every path in it.
    """

    rules: Rules
    source: str
    lines: Mapping[str, int]

    def located(self, error: AlgoLinkError) -> AlgoLinkError:
        """`error` of the router with the line of what it is about, if it says what."""
        path = self._path(error.metadata.get("field", ""))
        while path and path not in self.lines:
            path = path.rpartition(".")[0]
        if not path:
            return error
        where = f"{self.source}: line {self.lines[path]}"
        return type(error)(error.reason, f"{where}: {error.message}", **error.metadata)

    def _path(self, field: str) -> str:
        """Where in the file the message's `field` is."""
        override = _OVERRIDE.fullmatch(field)
        if override is not None:
            return f"overrides.{list(self.rules.overrides)[int(override[1])]}"
        return field.replace(".conditions[", ".when[")


def parse(text: str, source: str) -> RulesFile:
    """Reads a file.

    Args:
        text: YAML.
        source: what to call it in messages.

    Raises:
        InvalidArgument: RULES_FILE_INVALID, naming line and key.
    """
    top = sections.read(text, source, _REASON)
    rules = Rules(
        overrides=_overrides(top) if top.has("overrides") else {},
        audiences=[_audience(each) for each in top.sections("audiences")]
        if top.has("audiences")
        else (),
        holdout=_optional(top, "holdout", _holdout),
        shadow=_optional(top, "shadow", _shadow),
        fallback=_fallback(top),
        timeouts=_optional(top, "timeouts", _timeouts),
        retries=_optional(top, "retries", _retries),
        limits=_optional(top, "limits", _limits),
    )
    top.finish()
    return RulesFile(rules=rules, source=source, lines=top.lines)


def _optional(top: Section, key: str, read: Callable[[Section], T]) -> T | None:
    if not top.has(key):
        return None
    section = top.section(key)
    value = read(section)
    section.finish()
    return value


def _overrides(top: Section) -> dict[str, int]:
    units = top.section("overrides")
    overrides = {unit: units.integer(unit) for unit in units.values}
    units.finish()
    return overrides


def _audience(section: Section) -> Audience:
    when = [_condition(each) for each in section.sections("when")]
    goes_on = section.flag("continue", False)
    if section.has("version") == goes_on:
        raise section.error("version", "give either a version, or continue: true")
    each = Audience(
        when=when,
        version=None if goes_on else section.integer("version"),
        name=section.text("name", ""),
    )
    section.finish()
    return each


def _condition(section: Section) -> Condition:
    attribute = section.text("attribute")
    negated = section.flag("not", False)
    given = [key for key in _TESTS if section.has(key)]
    if len(given) != 1:
        raise section.error("attribute", f"give one test of {', '.join(_TESTS)}")
    [kind] = given
    section.finish()
    try:
        return Condition(attribute=attribute, test=_test(section, kind), negated=negated)
    except InvalidArgument as error:
        if error.reason == _REASON:
            raise
        raise section.error(kind, error.message) from error


def _test(section: Section, kind: str) -> audience.Test:
    match kind:
        case "in":
            return audience.In(tuple(_texts(section, kind)))
        case "range":
            bounds = section.values[kind]
            if not isinstance(bounds, list) or not _are_integers(bounds) or len(bounds) != 2:
                raise section.error(kind, "give the first integer and one past the last: [18, 65]")
            return audience.Range(*bounds)
        case "prefix":
            return audience.Prefix(section.text(kind))
        case "regex":
            return audience.Regex(section.text(kind))
    return audience.Equals(section.text(kind))


def _texts(section: Section, key: str) -> list[str]:
    values = section.values[key]
    if not isinstance(values, list):
        raise section.error(key, "must be a list")
    for value in values:
        if not isinstance(value, str):
            raise section.error(key, f"{value!r} must be text (quote it)")
    return values


def _are_integers(values: list[Any]) -> bool:
    return all(isinstance(value, int) and not isinstance(value, bool) for value in values)


def _holdout(section: Section) -> Holdout:
    return Holdout(share_bp=_share_bp(section), layer=section.text("layer", ""))


def _shadow(section: Section) -> Shadow:
    return Shadow(version=section.integer("version"), share_bp=_share_bp(section))


def _share_bp(section: Section) -> int:
    try:
        return shares.basis_points(section.text("share"))
    except InvalidArgument as error:
        if error.reason == _REASON:
            raise
        raise section.error("share", error.message) from error


def _fallback(top: Section) -> int | Literal["champion", "none"]:
    if not top.has("fallback"):
        return "champion"
    value = top.values["fallback"]
    if value == "champion":
        return "champion"
    if value == "none":
        return "none"
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise top.error("fallback", f"{value!r} must be champion, none or a version")


def _timeouts(section: Section) -> Timeouts:
    return Timeouts(request_ms=_ms(section, "request"), attempt_ms=_ms(section, "attempt"))


def _retries(section: Section) -> Retries:
    return Retries(
        number=section.integer("number"),
        on=_texts(section, "failures") if section.has("failures") else (),
        backoff_ms=_ms(section, "backoff"),
        max_backoff_ms=_ms(section, "max_backoff"),
    )


def _limits(section: Section) -> Limits:
    return Limits(requests=section.integer("requests", 0), pending=section.integer("pending", 0))


def _ms(section: Section, key: str) -> int:
    if not section.has(key):
        return 0
    span = section.span(key)
    if span <= timedelta(0):
        raise section.error(key, "must be longer than nothing")
    return span // timedelta(milliseconds=1)
