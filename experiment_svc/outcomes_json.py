"""Outcomes as JSON: one in each line, or an array of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final, NoReturn

from algolink.errors import AlgoLinkError, InvalidArgument, ResourceExhausted
from algolink.experiment.v1 import facts_pb2 as pb
from algolink.names import shown
from experiment_svc import convert_facts
from experiment_svc.domain.fact_checks import MAX_BATCH
from experiment_svc.domain.facts import Outcome

_TEXTS: Final = ("event_id", "unit", "metric")
_FIELDS: Final = frozenset({*_TEXTS, "value", "time"})


class _Bad(Exception):
    """A value that is no outcome, and why."""


def parse(body: bytes, *, received: datetime) -> list[Outcome]:
    """A batch of outcomes; one without a time happened when it was received.

    What it says is the same fact as the same outcome by rpc.

    Args:
        body: UTF-8; empty lines are left out.

    Raises:
        InvalidArgument: FACT_INVALID, with the line of the first bad one, from 1.
        ResourceExhausted: BATCH_TOO_LARGE.
    """
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise _invalid(line, "it is not UTF-8") from error
    values = _array(text) if text.lstrip()[:1] == "[" else _lines(text)
    lines: list[int] = []
    messages: list[pb.Outcome] = []
    for line, value in values:
        if len(messages) == MAX_BATCH:
            raise ResourceExhausted(
                "BATCH_TOO_LARGE",
                f"line {line}: more than {MAX_BATCH} outcomes at once",
                limit=MAX_BATCH,
            )
        try:
            messages.append(_message(value))
        except _Bad as error:
            raise _invalid(line, error) from error
        lines.append(line)
    try:
        return convert_facts.outcomes_from_proto(messages, received=received)
    except InvalidArgument as error:
        cause = error.metadata["cause"]
        raise _invalid(lines[int(error.metadata["index"])], cause) from error


def _lines(text: str) -> Iterator[tuple[int, Any]]:
    """Each value with its line."""
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            yield number, _DECODER.decode(line.strip())
        except (ValueError, RecursionError) as error:
            raise _invalid(number, _syntax(error)) from error


def _array(text: str) -> Iterator[tuple[int, Any]]:
    """Each value with the line that it begins in."""
    at = _past_space(text, text.index("[") + 1)
    line, counted = 1, 0
    if text[at : at + 1] == "]":
        _end(text, at + 1)
        return
    while True:
        line, counted = line + text.count("\n", counted, at), at
        try:
            value, at = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            raise _invalid(line, _syntax(error)) from error
        yield line, value
        at = _past_space(text, at)
        mark = text[at : at + 1]
        at = _past_space(text, at + 1)
        if mark == "]":
            return _end(text, at)
        if mark != ",":
            where = text.count("\n", 0, at) + 1
            raise _invalid(where, "after an outcome there must be a comma, or ] at the end")


def _end(text: str, at: int) -> None:
    at = _past_space(text, at)
    if at < len(text):
        raise _invalid(text.count("\n", 0, at) + 1, "there is something behind the array")


def _past_space(text: str, at: int) -> int:
    while text[at : at + 1] in (" ", "\t", "\r", "\n"):
        at += 1
    return at


def _message(value: Any) -> pb.Outcome:
    if not isinstance(value, dict):
        raise _Bad("it is no JSON object with event_id, unit, metric, value and time")
    if unknown := sorted(value.keys() - _FIELDS):
        raise _Bad(f"{shown(unknown[0])} is no field of an outcome")
    message = pb.Outcome(value=_number(value.get("value")))
    for name in _TEXTS:
        text = value.get(name, "")
        if not isinstance(text, str):
            raise _Bad(f"{name} is {shown(json.dumps(text))}: it must be a string")
        try:
            setattr(message, name, text)
        except ValueError:  # half of a surrogate pair
            raise _Bad(f"{name} is {shown(text)}: it is no text") from None
    if value.get("time") is not None:
        message.time.FromDatetime(_time(value["time"]))
    return message


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _Bad(f"value is {shown(json.dumps(value))}: it must be a number")
    try:
        return float(value)
    except OverflowError:
        raise _Bad("value is too large a number") from None


def _time(value: Any) -> datetime:
    try:
        time = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        time = None
    if time is None or time.tzinfo is None:
        raise _Bad(
            f"time is {shown(json.dumps(value))}: it must be like 2026-03-03T12:00:00Z, with a zone"
        )
    return time


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON and no value")


def _syntax(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"it is not JSON: {error.msg} at column {error.colno}"
    if isinstance(error, RecursionError):
        return "it is not JSON that anybody needs: too deep"
    return str(error)


def _invalid(line: int, why: object) -> AlgoLinkError:
    return InvalidArgument("FACT_INVALID", f"line {line}: {why}", line=line)


_DECODER: Final = json.JSONDecoder(parse_constant=_refuse_constant)
