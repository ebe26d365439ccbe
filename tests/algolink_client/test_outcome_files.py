"""Outcomes in files: what is read, and which lines are bad."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from algolink.client import Outcome
from algolink.client.outcome_files import LINE_LIMIT_BYTES, Form, Line, digest, read
from algolink.errors import InvalidArgument

GOOD = {"event_id": "e-1", "unit": "alice", "metric": "revenue", "value": 9.5}
HEADER = b"event_id,unit,metric,value,time\n"


def lines(content: bytes, form: Form = Form.JSONL) -> list[Line]:
    return list(read(io.BytesIO(content), form, digest="d"))


def test_both_forms_say_the_same() -> None:
    noon = datetime(2026, 3, 3, 12, tzinfo=UTC)
    expected = Outcome(unit="alice", metric="revenue", value=9.5, event_id="e-1", time=noon)
    timed = GOOD | {"time": "2026-03-03T12:00:00Z"}

    from_json = lines(b"\n" + json.dumps(timed).encode())
    from_csv = lines(
        b"\xef\xbb\xbf" + HEADER + b'e-1,"alice",revenue,9.5,2026-03-03T12:00:00Z\r\n', Form.CSV
    )

    assert from_json == [Line(2, expected)]
    assert from_csv == [Line(2, expected)]


def test_ids_that_are_left_out_are_those_of_the_file_and_the_line() -> None:
    content = b"unit,metric,value\nalice,revenue,1\n\nalice,revenue,1\n"
    file = io.BytesIO(content)
    name = digest(file)

    ids = [line.outcome.event_id for line in read(file, Form.CSV, digest=name) if line.outcome]

    assert ids == [f"{name}-2", f"{name}-4"]
    assert digest(io.BytesIO(content)) == name != digest(io.BytesIO(content + b"\n"))


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"7",
        b"[" * 60_000,
        b"\xff",
        b"{" + b" " * (2 * LINE_LIMIT_BYTES) + b"}",
        b'{"value": ' + b"9" * 5_000 + b"}",
        json.dumps(GOOD | {"value": "1"}).encode(),
        json.dumps(GOOD | {"value": float("nan")}).encode(),
        json.dumps(GOOD | {"value": float("inf")}).encode(),
        json.dumps(GOOD | {"value": 1e300}).encode(),
        json.dumps(GOOD | {"unit": "two words"}).encode(),
        json.dumps(GOOD | {"unit": "\ud800"}).encode(),
        json.dumps(GOOD | {"event_id": "é"}).encode(),
        json.dumps(GOOD | {"event_id": "e" * 129}).encode(),
        json.dumps(GOOD | {"metric": ""}).encode(),
        json.dumps(GOOD | {"time": "2026-03-03"}).encode(),
        json.dumps(GOOD | {"extra": 1}).encode(),
    ],
)
def test_a_bad_line_is_told_and_those_around_it_are_read(line: bytes) -> None:
    good = json.dumps(GOOD).encode()

    first, bad, last = lines(b"\n".join([good, line, good]))

    assert (first.outcome, bad.outcome, bool(last.outcome)) == (last.outcome, None, True)
    assert (bad.number, bool(bad.why)) == (2, True)


@pytest.mark.parametrize(
    "row",
    [
        b"e,alice,revenue,many,",
        b"e,alice,revenue,,",
        b"e,alice,revenue,1_000,",
        b"e,alice,revenue,nan,",
        b"e,alice,revenue,1e300,",
        b"e,alice,revenue,1,noon",
        b"e,alice,revenue,1",
        b"e,alice,revenue,1,,",
        b"e,al\xffice,revenue,1,",
        b'e,"alice"x,revenue,1,',
        b"e,a\x00lice,revenue,1,",
    ],
)
def test_a_bad_row_is_told_and_those_around_it_are_read(row: bytes) -> None:
    good = b"e,alice,revenue,1,"

    found = lines(HEADER + b"\n".join([good, row, good]), Form.CSV)

    assert [(line.number, line.outcome is None) for line in found] == [
        (2, False),
        (3, True),
        (4, False),
    ]


@pytest.mark.parametrize(
    "header", [b"", b"unit,value\n", b"unit,metric,value,price\n", b"unit,metric,value,unit\n"]
)
def test_a_header_says_what_the_columns_are(header: bytes) -> None:
    with pytest.raises(InvalidArgument) as caught:
        lines(header + b"a,b,1\n", Form.CSV)

    assert caught.value.reason == "HEADER_INVALID"


@given(content=st.binary(max_size=300), form=st.sampled_from(Form))
def test_whatever_a_file_holds_each_line_is_an_outcome_or_bad(content: bytes, form: Form) -> None:
    prefix = HEADER if form is Form.CSV else b""

    found = lines(prefix + content, form)

    assert all((line.outcome is None) == bool(line.why) for line in found)
    assert len({line.number for line in found}) == len(found)


@pytest.mark.parametrize(
    ("name", "form"), [("a.CSV", Form.CSV), ("a.jsonl", Form.JSONL), ("-", Form.JSONL)]
)
def test_the_form_is_told_by_the_name(name: str, form: Form) -> None:
    assert Form.of(name) is form
