"""What a filter asks, bound to the fields of a collection: nothing in it can be wrong."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias

from algolink import names
from registry_svc.domain.search import syntax
from registry_svc.domain.search.fields import OF_VERSIONS, Field, Kind
from registry_svc.domain.search.tokens import refused

Value: TypeAlias = str | int | float | datetime

_INTEGER = re.compile(r"-?[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Compare:
    """A field, or a key's value in one, compared.

    What has no such key compares false, with `!=` too.

    Attributes:
        key: of a map; empty for a plain field.
        comparator: one of `= != < <= > >=`.
    """

    field: Field
    key: str
    comparator: str
    value: Value


@dataclass(frozen=True, slots=True)
class Like:
    """A text that is made of these parts, anything between them.

    Attributes:
        parts: at least two; the first begins the text and the last ends it.
        is_negated: whether it must not be.
    """

    field: Field
    key: str
    parts: tuple[str, ...]
    is_negated: bool


@dataclass(frozen=True, slots=True)
class HasKey:
    """A map that has a key."""

    field: Field
    key: str


@dataclass(frozen=True, slots=True)
class Contains:
    """A text that contains another, whatever the case of ASCII letters."""

    field: Field
    key: str
    text: str


@dataclass(frozen=True, slots=True)
class Words:
    """A text that any of `fields.WORDS_IN` contains."""

    text: str


@dataclass(frozen=True, slots=True)
class Not:
    """What must not hold."""

    part: Predicate


@dataclass(frozen=True, slots=True)
class All:
    """What must hold together; nothing always holds."""

    parts: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class Any:
    """Of which something must hold."""

    parts: tuple[Predicate, ...]


Predicate: TypeAlias = Compare | Like | HasKey | Contains | Words | Not | All | Any

EVERYTHING = All(())


def read(text: str, fields: Mapping[str, Field]) -> Predicate:
    """What a filter asks of a collection; an empty one asks nothing.

    Raises:
        InvalidArgument: FILTER_INVALID, with the position.
    """
    tree = syntax.parse(text)
    return EVERYTHING if tree is None else _bound(tree, fields)


def among_versions(predicate: Predicate, *, model: str | None, deleted: bool) -> Predicate:
    """What `predicate` asks, of one model's versions or of those that are not deleted.

    Args:
        model: whose; None for all models'.
        deleted: whether deleted ones are among them.
    """
    parts = [predicate]
    if model is not None:
        parts.append(Compare(OF_VERSIONS["model"], "", "=", model))
    if not deleted:
        parts.append(Compare(OF_VERSIONS["state"], "", "!=", "DELETED"))
    return All(tuple(parts))


def _bound(tree: syntax.Expression, fields: Mapping[str, Field]) -> Predicate:
    if isinstance(tree, syntax.Not):
        return Not(_bound(tree.part, fields))
    if isinstance(tree, syntax.All):
        return All(tuple(_bound(part, fields) for part in tree.parts))
    if isinstance(tree, syntax.Any):
        return Any(tuple(_bound(part, fields) for part in tree.parts))
    if not tree.comparator:
        return Words(tree.path[0])
    field, key = _field(tree, fields)
    if field.is_map and not key:
        if tree.comparator != ":":
            raise refused(
                tree.position,
                f"{field.name} is asked by key: {field.name}.KEY = VALUE, or {field.name}:KEY",
            )
        return HasKey(field, tree.value)
    if tree.comparator == ":" and field.kind is Kind.TEXT:
        return Contains(field, key, tree.value)
    comparator = "=" if tree.comparator == ":" else tree.comparator
    if field.kind is Kind.TEXT and comparator in ("=", "!=") and "*" in tree.value:
        return Like(field, key, tuple(tree.value.split("*")), is_negated=comparator == "!=")
    if field.kind is Kind.WORD and comparator not in ("=", "!="):
        raise refused(tree.position, f"{field.name} has no order: use = or !=")
    return Compare(field, key, comparator, _value(tree, field))


def _field(restriction: syntax.Restriction, fields: Mapping[str, Field]) -> tuple[Field, str]:
    name, *keys = restriction.path
    field = fields.get(name)
    if field is None:
        raise refused(
            restriction.position,
            f"there is no field {names.shown(name)}: use one of {', '.join(fields)}",
        )
    if keys and not field.is_map:
        raise refused(restriction.position, f"{name} has no fields of its own")
    return field, ".".join(keys)


def _value(restriction: syntax.Restriction, field: Field) -> Value:
    text = restriction.value
    value: Value | None
    if field.kind is Kind.TEXT:
        return text
    if field.kind is Kind.WORD:
        value, wanted = (text if text in field.words else None), f"one of {', '.join(field.words)}"
    elif field.kind is Kind.INTEGER:
        value = int(text) if _INTEGER.fullmatch(text) else None
        wanted = "a whole number of at most 18 digits"
    elif field.kind is Kind.NUMBER:
        value, wanted = _number(text), "a finite number"
    else:
        value, wanted = _time(text), 'a time with its zone, "2026-03-01T12:00:00Z" for example'
    if value is None:
        raise refused(restriction.value_position, f"{names.shown(text)} is not {wanted}")
    return value


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _time(text: str) -> datetime | None:
    try:
        time = datetime.fromisoformat(text)
        return None if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
