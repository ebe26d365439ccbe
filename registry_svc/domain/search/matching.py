"""Whether a value is what a filter asks for."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from registry_svc.domain.search import predicates as p
from registry_svc.domain.search.fields import WORDS_IN

Record = Mapping[str, Any]
"""Fields by name; a map field is a mapping by key."""

_COMPARE: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "=": lambda have, wanted: have == wanted,
    "!=": lambda have, wanted: have != wanted,
    "<": lambda have, wanted: have < wanted,
    "<=": lambda have, wanted: have <= wanted,
    ">": lambda have, wanted: have > wanted,
    ">=": lambda have, wanted: have >= wanted,
}


def matches(predicate: p.Predicate, record: Record) -> bool:
    """Whether `predicate` holds of `record`."""
    match predicate:
        case p.All(parts):
            return all(matches(part, record) for part in parts)
        case p.Any(parts):
            return any(matches(part, record) for part in parts)
        case p.Not(part):
            return not matches(part, record)
        case p.HasKey(field, key):
            return key in record[field.name]
        case p.Words(text):
            return any(_contains(record[name], text) for name in WORDS_IN if name in record)
        case p.Contains(field, key, text):
            have = _value(record, field.name, key)
            return have is not None and _contains(have, text)
        case p.Like(field, key, parts, is_negated):
            have = _value(record, field.name, key)
            return have is not None and _is_like(have, parts) is not is_negated
        case p.Compare(field, key, comparator, value):
            have = _value(record, field.name, key)
            return have is not None and _COMPARE[comparator](have, value)


def _value(record: Record, name: str, key: str) -> Any:
    return record[name].get(key) if key else record[name]


def _contains(text: str, part: str) -> bool:
    return _lower(part) in _lower(text)


def _is_like(text: str, parts: tuple[str, ...]) -> bool:
    return re.fullmatch(".*".join(re.escape(part) for part in parts), text, re.DOTALL) is not None


def _lower(text: str) -> str:
    """Lower case of ASCII letters only, as databases have it in their plain collation."""
    return text.translate(_ASCII_LOWER)


_ASCII_LOWER: Final = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
