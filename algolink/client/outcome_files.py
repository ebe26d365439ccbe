"""Outcomes in files: JSON lines, or CSV with a header.

A file may be recorded again, after whatever went wrong: an outcome without an
`event_id` has one derived from the file's content and its line.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import BinaryIO, Final

from algolink import outcome_fields
from algolink.client.outcomes import Outcome
from algolink.errors import InvalidArgument
from algolink.names import shown
from algolink.outcome_fields import BadOutcome

LINE_LIMIT_BYTES: Final = 64 * 1024
_NEEDED: Final = ("unit", "metric", "value")


class Form(StrEnum):
    """How outcomes are written down."""

    JSONL = "jsonl"
    CSV = "csv"

    @classmethod
    def of(cls, name: str) -> Form:
        """By the end of a file's name: CSV for `.csv`, otherwise JSON lines."""
        return cls.CSV if name.lower().endswith(".csv") else cls.JSONL


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a file.

    Attributes:
        number: from 1; of a CSV row over several lines, the first.
        outcome: None if it is bad.
        why: what is wrong with it; empty if nothing is.
    """

    number: int
    outcome: Outcome | None
    why: str = ""


def digest(file: BinaryIO) -> str:
    """Identifies the content of a file, which is read from its start: 32 hex digits."""
    file.seek(0)
    found = hashlib.sha256()
    while piece := file.read(1 << 20):
        found.update(piece)
    return found.hexdigest()[:32]


def read(file: BinaryIO, form: Form, *, digest: str) -> Iterator[Line]:
    """All lines that are not empty, from the file's start.

    Args:
        digest: of the file, for the ids that are derived: `{digest}-{line}`.

    Raises:
        InvalidArgument: HEADER_INVALID, of a CSV file.
    """
    file.seek(0)
    rows = _csv(file) if form is Form.CSV else _jsonl(file)
    for number, fields in rows:
        if isinstance(fields, BadOutcome):
            yield Line(number, None, str(fields))
            continue
        known = fields if fields.event_id else replace(fields, event_id=f"{digest}-{number}")
        try:
            outcome_fields.check(
                event_id=known.event_id, unit=known.unit, metric=known.metric, value=known.value
            )
        except BadOutcome as bad:
            yield Line(number, None, str(bad))
            continue
        outcome = Outcome(
            event_id=known.event_id,
            unit=known.unit,
            metric=known.metric,
            value=known.value,
            time=known.time,
        )
        yield Line(number, outcome)


_Read = tuple[int, outcome_fields.Fields | BadOutcome]


def _jsonl(file: BinaryIO) -> Iterator[_Read]:
    number = 0
    while line := file.readline(LINE_LIMIT_BYTES):
        number += 1
        whole = line.endswith(b"\n") or len(line) < LINE_LIMIT_BYTES
        if not whole:
            while (rest := file.readline(LINE_LIMIT_BYTES)) and not rest.endswith(b"\n"):
                pass
            yield number, BadOutcome(f"it is longer than {LINE_LIMIT_BYTES} bytes")
        elif line.strip():
            try:
                yield number, outcome_fields.loads(line.decode())
            except UnicodeDecodeError:
                yield number, BadOutcome("it is not UTF-8")
            except BadOutcome as bad:
                yield number, bad


def _csv(file: BinaryIO) -> Iterator[_Read]:
    # Bytes that are no UTF-8 become characters that no field may have.
    text = io.TextIOWrapper(file, "utf-8-sig", errors="surrogateescape", newline="")
    try:
        rows = csv.reader(text, strict=True)
        header = _header(next(rows, []))
        while True:
            number = rows.line_num + 1
            try:
                row = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                yield number, BadOutcome(f"it is no CSV: {error}")
                continue
            if row:
                try:
                    yield number, _row(header, row)
                except BadOutcome as bad:
                    yield number, bad
    finally:
        text.detach()


def _row(header: list[str], row: list[str]) -> outcome_fields.Fields:
    if len(row) != len(header):
        raise BadOutcome(f"it has {len(row)} fields: the header has {len(header)}")
    return outcome_fields.of_row(dict(zip(header, row, strict=True)))


def _header(columns: list[str]) -> list[str]:
    for column in columns:
        if column not in outcome_fields.FIELDS or columns.count(column) > 1:
            raise _bad_header(f"column {shown(column)} is unknown, or there twice")
    for needed in _NEEDED:
        if needed not in columns:
            raise _bad_header(f"column {needed} is missing")
    return columns


def _bad_header(why: str) -> InvalidArgument:
    return InvalidArgument(
        "HEADER_INVALID",
        f"line 1: {why}: the first line must name unit, metric and value, "
        "and may name event_id and time",
    )
