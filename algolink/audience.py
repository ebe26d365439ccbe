"""Audiences: who is meant, by the attributes that a request carries.

An attribute is a header `x-algolink-attr-<name>`. Its value is usable if it was
sent exactly once and is 1 to 256 printable ASCII characters; any other fails
every condition, a negated one too. Envoy evaluates the same conditions by header
matchers (`mesh.matchers`); one table of test vectors runs against both.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

import re2

from algolink import names
from algolink.errors import InvalidArgument

HEADER_PREFIX = "x-algolink-attr-"
MAX_VALUE_LENGTH = 256
MAX_CONDITIONS = 16
MAX_CHOICES_LENGTH = 2_000
"""All choices of one condition together, in characters."""

MAX_PROGRAM_SIZE = 100
"""Of a regular expression, as RE2 counts it."""

_ATTRIBUTE = re.compile(r"[a-z0-9-]{1,32}")
_VALUE = re.compile(r"[\x20-\x7e]{1,256}")
_INTEGER = re.compile(r"[+-]?[0-9]+")
_BLANKS = " "
_INT64 = range(-(2**63), 2**63)


@dataclass(frozen=True, slots=True)
class Equals:
    """The value is this one."""

    value: str


@dataclass(frozen=True, slots=True)
class In:
    """The value is one of these."""

    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Prefix:
    """The value begins with this."""

    value: str


@dataclass(frozen=True, slots=True)
class Regex:
    """The whole value matches this regular expression of RE2."""

    pattern: str


@dataclass(frozen=True, slots=True)
class Range:
    """The value is an integer in `[start, end)`; both fit 64 bits."""

    start: int
    end: int


Test: TypeAlias = Equals | In | Prefix | Regex | Range


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What one attribute must be.

    Attributes:
        attribute: its name, 1 to 32 of `a-z0-9-`.
        negated: whether the test must fail; the attribute must be usable still.
    """

    attribute: str
    test: Test
    negated: bool = False

    def __post_init__(self) -> None:
        """Checks the condition.

        Raises:
            InvalidArgument: CONDITION_INVALID, saying why.
        """
        if _ATTRIBUTE.fullmatch(self.attribute) is None:
            raise _invalid(f"{names.shown(self.attribute)} is no attribute: 1 to 32 of a-z0-9-")
        why = _why_invalid(self.test)
        if why is not None:
            raise _invalid(f"attribute {self.attribute}: {why}")

    def holds(self, attributes: Mapping[str, Sequence[str]]) -> bool:
        """Whether a request with these attributes fulfils it.

        Args:
            attributes: all values of each attribute that was sent, by its name.

        >>> adult = Condition(attribute="age", test=Range(18, 130))
        >>> adult.holds({"age": ["42"]}), adult.holds({"age": ["42", "43"]}), adult.holds({})
        (True, False, False)
        """
        value = usable(attributes.get(self.attribute, ()))
        return value is not None and _passes(self.test, value) != self.negated


def usable(values: Sequence[str]) -> str | None:
    """The value of an attribute, if it was sent once and well-formed."""
    if len(values) != 1 or _VALUE.fullmatch(values[0]) is None:
        return None
    return values[0]


def check_attribute(name: str, value: str) -> None:
    """Checks what somebody is about to send.

    Raises:
        InvalidArgument: ATTRIBUTE_INVALID.
    """
    why = None
    if _ATTRIBUTE.fullmatch(name) is None:
        why = f"{names.shown(name)} is no name of an attribute: 1 to 32 of a-z0-9-"
    elif usable([value]) is None:
        why = f"attribute {name}: {_why_not_a_value(value)}"
    if why is not None:
        raise InvalidArgument("ATTRIBUTE_INVALID", why, attribute=names.shown(name))


def matches(conditions: Sequence[Condition], attributes: Mapping[str, Sequence[str]]) -> bool:
    """Whether all conditions hold."""
    return all(condition.holds(attributes) for condition in conditions)


def in_words(condition: Condition) -> str:
    """`condition` for people.

    >>> in_words(Condition(attribute="country", test=In(("FR", "BE")), negated=True))
    'not country in FR, BE'
    """
    test = condition.test
    match test:
        case Equals():
            said = f"= {test.value}"
        case In():
            said = f"in {', '.join(test.values)}"
        case Prefix():
            said = f"begins with {test.value}"
        case Regex():
            said = f"matches {test.pattern}"
        case Range():
            said = f"in [{test.start}, {test.end})"
    return f"{'not ' if condition.negated else ''}{condition.attribute} {said}"


def to_json(condition: Condition) -> dict[str, Any]:
    """`condition` as JSON values; `from_json` is its inverse.

    >>> to_json(Condition(attribute="country", test=In(("FR", "BE")), negated=True))
    {'attribute': 'country', 'in': ['FR', 'BE'], 'not': True}
    """
    test = condition.test
    value: dict[str, Any] = {"attribute": condition.attribute}
    match test:
        case Equals():
            value["equals"] = test.value
        case In():
            value["in"] = list(test.values)
        case Prefix():
            value["prefix"] = test.value
        case Regex():
            value["regex"] = test.pattern
        case Range():
            value["range"] = [test.start, test.end]
    return value | ({"not": True} if condition.negated else {})


def from_json(value: Mapping[str, Any]) -> Condition:
    """The condition that `to_json` wrote.

    Raises:
        InvalidArgument: CONDITION_INVALID, saying why.
    """
    kinds = value.keys() - {"attribute", "not"}
    if len(kinds) != 1 or not kinds <= _READERS.keys() or "attribute" not in value:
        raise _invalid(f"a condition has an attribute and one of {', '.join(_READERS)}")
    [kind] = kinds
    try:
        test = _READERS[kind](value[kind])
    except (TypeError, ValueError) as error:
        raise _invalid(f"{kind}: {error}") from error
    return Condition(attribute=value["attribute"], test=test, negated=value.get("not", False))


_READERS: dict[str, Callable[[Any], Test]] = {
    "equals": Equals,
    "in": lambda values: In(tuple(values)),
    "prefix": Prefix,
    "regex": Regex,
    "range": lambda bounds: Range(*bounds),
}


def _passes(test: Test, value: str) -> bool:
    match test:
        case Equals():
            return value == test.value
        case In():
            return value in test.values
        case Prefix():
            return value.startswith(test.value)
        case Regex():
            return _compiled(test.pattern).fullmatch(value) is not None
        case Range():
            number = value.strip(_BLANKS)
            return _INTEGER.fullmatch(number) is not None and (
                int(number) in range(test.start, test.end)
            )


def _why_invalid(test: Test) -> str | None:
    match test:
        case Equals() | Prefix():
            return _why_not_a_value(test.value)
        case In():
            if not test.values:
                return "none of no values can be meant"
            if sum(map(len, test.values)) > MAX_CHOICES_LENGTH:
                return f"the values have more than {MAX_CHOICES_LENGTH} characters"
            return next(filter(None, map(_why_not_a_value, test.values)), None)
        case Range():
            if not all(isinstance(bound, int) for bound in (test.start, test.end)):
                return "the bounds of a range are integers"
            if test.start not in _INT64 or test.end not in _INT64:
                return "the bounds of a range fit 64 bits"
            if test.start >= test.end:
                return f"no integer is in [{test.start}, {test.end})"
            return None
        case Regex():
            return _why_not_a_pattern(test.pattern)


def _why_not_a_value(value: str) -> str | None:
    if isinstance(value, str) and _VALUE.fullmatch(value):
        return None
    return f"{names.shown(str(value))} is not 1 to {MAX_VALUE_LENGTH} printable ASCII characters"


def _why_not_a_pattern(pattern: str) -> str | None:
    why = _why_not_a_value(pattern)
    if why is not None:
        return why
    try:
        size = _compiled(pattern).programsize
    except re2.error as error:
        return f"{names.shown(pattern)} is not a regular expression of RE2: {_text(error)}"
    if size > MAX_PROGRAM_SIZE:
        return f"{names.shown(pattern)} has program size {size}, over {MAX_PROGRAM_SIZE}"
    return None


@lru_cache(maxsize=1_024)
def _compiled(pattern: str) -> Any:  # the library has no types
    options = re2.Options()
    options.log_errors = False
    return re2.compile(pattern, options)


def _text(error: Exception) -> str:
    [text] = error.args or ("",)
    return text.decode() if isinstance(text, bytes) else str(text)


def _invalid(why: str) -> InvalidArgument:
    return InvalidArgument("CONDITION_INVALID", why, cause=why)
