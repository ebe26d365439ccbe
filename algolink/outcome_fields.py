"""What an outcome must be, wherever it comes from: an rpc, JSON, a row of a table."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NoReturn

from algolink import names
from algolink.errors import AlgoLinkError

MAX_MAGNITUDE: Final = 1e100
"""Values beyond this are refused: their squares would not fit a float."""

MAX_EVENT_ID: Final = 128

_TEXTS: Final = ("event_id", "unit", "metric")
FIELDS: Final = (*_TEXTS, "value", "time")


class BadOutcome(ValueError):
    """Why something is no outcome."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """What was said of an outcome, not checked yet.

    Attributes:
        event_id: empty if it was left out.
        time: aware; None if it was left out.
    """

    event_id: str
    unit: str
    metric: str
    value: float
    time: datetime | None


def check(*, event_id: str, unit: str, metric: str, value: float) -> None:
    """Checks what an outcome says.

    Raises:
        BadOutcome: with what is wrong.
    """
    if not event_id:
        raise BadOutcome("event_id is empty")
    if len(event_id) > MAX_EVENT_ID or not (event_id.isascii() and event_id.isprintable()):
        raise BadOutcome(
            f"event_id is {names.shown(event_id)}: "
            f"at most {MAX_EVENT_ID} printable ASCII characters"
        )
    if not names.is_unit(unit):
        raise BadOutcome(f"unit is {names.shown(unit)}: it must match {names.UNIT_PATTERN}")
    check_value(metric, value)


def check_value(metric: str, value: float) -> None:
    """Checks a value, and the name that it has.

    Raises:
        BadOutcome: with what is wrong.
    """
    try:
        names.check_metric_name(metric)
    except AlgoLinkError as error:
        raise BadOutcome(f"metric: {error.message}") from error
    if not math.isfinite(value):
        raise BadOutcome(f"value is {value}: it must be finite")
    if abs(value) > MAX_MAGNITUDE:
        raise BadOutcome(f"value is {value}: at most {MAX_MAGNITUDE} in magnitude")


def loads(text: str) -> Fields:
    """An outcome as one JSON object.

    Raises:
        BadOutcome: if it is something else.
    """
    try:
        return of_json(DECODER.decode(text.strip()))
    except BadOutcome:
        raise
    except (ValueError, RecursionError) as error:
        raise BadOutcome(syntax(error)) from error


def of_json(value: Any) -> Fields:
    """An outcome from a JSON value.

    Raises:
        BadOutcome: if a field is missing, of another type, or unknown.
    """
    if not isinstance(value, dict):
        raise BadOutcome("it is no JSON object with event_id, unit, metric, value and time")
    if unknown := sorted(value.keys() - set(FIELDS)):
        raise BadOutcome(f"{names.shown(unknown[0])} is no field of an outcome")
    texts = {name: value.get(name, "") for name in _TEXTS}
    for name, text in texts.items():
        if not isinstance(text, str):
            raise BadOutcome(f"{name} is {names.shown(json.dumps(text))}: it must be a string")
    time = value.get("time")
    return Fields(
        **texts, value=_number(value.get("value")), time=None if time is None else _time(time)
    )


def of_row(row: Mapping[str, str]) -> Fields:
    """An outcome from a row of a table; an empty time is none.

    Raises:
        BadOutcome: if value or time cannot be read.
    """
    try:
        # Python would take 1_000 for a thousand.
        value = float(row["value"].replace("_", "?"))
    except ValueError:
        raise BadOutcome(f"value is {names.shown(row['value'])}: it must be a number") from None
    time = row.get("time", "")
    return Fields(
        event_id=row.get("event_id", ""),
        unit=row["unit"],
        metric=row["metric"],
        value=value,
        time=_time(time) if time else None,
    )


def syntax(error: Exception) -> str:
    """Why text is no JSON."""
    if isinstance(error, json.JSONDecodeError):
        return f"it is not JSON: {error.msg} at column {error.colno}"
    if isinstance(error, RecursionError):
        return "it is not JSON that anybody needs: too deep"
    return str(error)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadOutcome(f"value is {names.shown(json.dumps(value))}: it must be a number")
    try:
        return float(value)
    except OverflowError:
        raise BadOutcome("value is too large a number") from None


def _time(value: Any) -> datetime:
    try:
        time = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        time = None
    if time is None or time.tzinfo is None:
        raise BadOutcome(
            f"time is {names.shown(json.dumps(value))}: "
            "it must be like 2026-03-03T12:00:00Z, with a zone"
        )
    return time


def _refuse_constant(name: str) -> NoReturn:
    raise BadOutcome(f"{name} is no JSON and no value")


DECODER: Final = json.JSONDecoder(parse_constant=_refuse_constant)
"""Reads JSON, and neither NaN nor Infinity, which are none."""
