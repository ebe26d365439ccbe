"""The order of a list, and where in it a page begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

from algolink import names
from algolink.errors import InvalidArgument
from registry_svc.domain.search.fields import Field, Kind
from registry_svc.domain.search.matching import Record

MAX_KEYS = 4
"""Fields that a caller may order by."""

Place: TypeAlias = tuple[str | int | float | None, ...]
"""A record's values of the order's keys, as JSON has them; None for what it lacks."""


@dataclass(frozen=True, slots=True)
class Key:
    """A field to order by; records without the map's key come last, either way.

    Attributes:
        key: of a map; empty for a plain field.
    """

    field: Field
    key: str
    is_descending: bool


Order: TypeAlias = tuple[Key, ...]

MODELS: Final = "model"
VERSIONS: Final = "model, number desc"
"""The orders that break all ties, and are what a list has unasked."""


def read(text: str, fields: Mapping[str, Field], unasked: str) -> Order:
    """The order `metrics.accuracy desc, model` of a collection, made unambiguous.

    Args:
        unasked: the collection's own order, which follows what was asked.

    Raises:
        InvalidArgument: ORDER_BY_INVALID.
    """
    asked = _keys(text, fields)
    if len(asked) > MAX_KEYS:
        raise _invalid(f"order by at most {MAX_KEYS} fields, not {len(asked)}")
    known = [(key.field, key.key) for key in asked]
    if len(set(known)) != len(known):
        raise _invalid(f"{names.shown(text)} names a field twice")
    rest = (key for key in _keys(unasked, fields) if (key.field, key.key) not in known)
    return (*asked, *rest)


def place(record: Record, order: Order) -> Place:
    """Where `record` is in `order`."""
    return tuple(_plain(_value(record, key)) for key in order)


def of_place(value: str | int | float | None, key: Key) -> str | int | float | datetime | None:
    """A value of a place as its field has it."""
    if key.field.kind is Kind.TIME and isinstance(value, str):
        return datetime.fromisoformat(value)
    return value


def compared(a: Record, b: Record, order: Order) -> int:
    """Under 0 if `a` comes before `b`, over 0 if after."""
    differences = (_difference(_value(a, key), _value(b, key), key) for key in order)
    return next((difference for difference in differences if difference), 0)


def is_after(record: Record, where: Place, order: Order) -> bool:
    """Whether `record` comes after a place."""
    for key, value in zip(order, where, strict=True):
        difference = _difference(_value(record, key), of_place(value, key), key)
        if difference:
            return difference > 0
    return False


def _keys(text: str, fields: Mapping[str, Field]) -> list[Key]:
    return [_key(part, fields) for part in text.split(",")] if text.strip() else []


def _key(text: str, fields: Mapping[str, Field]) -> Key:
    path, _, direction = text.strip().partition(" ")
    if direction.strip() not in ("", "desc", "asc"):
        raise _invalid(f"{names.shown(text.strip())} is not FIELD, FIELD asc or FIELD desc")
    name, _, key = path.partition(".")
    field = fields.get(name)
    if field is None:
        raise _invalid(f"there is no field {names.shown(name)}: use one of {', '.join(fields)}")
    if field.is_map is not bool(key):
        raise _invalid(
            f"{name} is ordered by key: {name}.KEY"
            if field.is_map
            else f"{name} has no fields of its own"
        )
    return Key(field, key, is_descending=direction.strip() == "desc")


def _difference(a: object, b: object, key: Key) -> int:
    if a is None or b is None:
        return (a is None) - (b is None)
    # Both are of the field's kind.
    sign = 0 if a == b else 1 if a > b else -1  # type: ignore[operator]
    return -sign if key.is_descending else sign


def _value(record: Record, key: Key) -> object:
    value: object = record[key.field.name].get(key.key) if key.key else record[key.field.name]
    return value


def _plain(value: object) -> str | int | float | None:
    if isinstance(value, datetime):
        return value.isoformat()
    if value is None or isinstance(value, str | int | float):
        return value
    raise TypeError(f"{value!r} is in no order")


def _invalid(why: str) -> InvalidArgument:
    return InvalidArgument("ORDER_BY_INVALID", why)
