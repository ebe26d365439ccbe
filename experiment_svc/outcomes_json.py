"""Outcomes as JSON: one in each line, or an array of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from algolink import outcome_fields
from algolink.errors import AlgoLinkError, InvalidArgument, ResourceExhausted
from algolink.experiment.v1 import facts_pb2 as pb
from algolink.outcome_fields import BadOutcome
from experiment_svc import convert_facts
from experiment_svc.domain.fact_checks import MAX_BATCH
from experiment_svc.domain.facts import Outcome


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
        except BadOutcome as error:
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
            yield number, outcome_fields.DECODER.decode(line.strip())
        except (ValueError, RecursionError) as error:
            raise _invalid(number, outcome_fields.syntax(error)) from error


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
            value, at = outcome_fields.DECODER.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            raise _invalid(line, outcome_fields.syntax(error)) from error
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
    fields = outcome_fields.of_json(value)
    try:
        message = pb.Outcome(
            event_id=fields.event_id, unit=fields.unit, metric=fields.metric, value=fields.value
        )
    except ValueError:  # half of a surrogate pair, which JSON can spell
        raise BadOutcome("event_id, unit or metric is no text") from None
    if fields.time is not None:
        message.time.FromDatetime(fields.time)
    return message


def _invalid(line: int, why: object) -> AlgoLinkError:
    return InvalidArgument("FACT_INVALID", f"line {line}: {why}", line=line)
