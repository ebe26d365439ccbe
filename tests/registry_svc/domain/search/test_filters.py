"""Filters: what their words mean, and where they are wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from algolink.errors import AlgoLinkError, InvalidArgument
from registry_svc.domain.search import fields, predicates
from registry_svc.domain.search.matching import matches

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
RECORD: dict[str, Any] = {
    "model": "iris",
    "number": 7,
    "state": "READY",
    "digest": "ab" * 32,
    "size_bytes": 1_000,
    "description": "Trained on March's petals (100%)",
    "pusher": "ann",
    "create_time": NOON,
    "state_time": NOON + timedelta(hours=1),
    "tags": {"team": "vision", "data/set": "petals-3", "run.id": "r_7"},
    "metrics": {"accuracy": 0.94, "loss": -0.5},
    "aliases": {"champion": 7},
    "datasets": {"s3://bucket/petals.csv": "ab" * 32},
    "parents": {"models/iris/versions/6": "fine-tuned from"},
}


def holds(text: str) -> bool:
    return matches(predicates.read(text, fields.OF_VERSIONS), RECORD)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "model = iris",
        'model = "iris"',
        "model = 'iris'",
        "model=iris number=7",
        "number >= 7 AND number <= 7 AND number < 8 AND number > -1 AND number != 8",
        "state = READY",
        "state:READY",
        "NOT state = ARCHIVED",
        "-state = ARCHIVED",
        "- state = ARCHIVED",
        "-(state = ARCHIVED)",
        "tags.team = vision",
        "tags:team",
        'tags."data/set" = "petals-3"',
        "tags.data/set = petals-3",
        "tags.run.id = r_7",
        "-tags:owner",
        "NOT tags.owner = ann",
        "metrics.accuracy > 0.9",
        "metrics.loss = -0.5",
        "metrics.loss < -4e-1",
        "aliases:champion",
        'datasets:"s3://bucket/petals.csv"',
        'datasets."s3://bucket/petals.csv" = ab*',
        'parents."models/iris/versions/6" = "fine-tuned from"',
        "aliases.champion = 7",
        "-aliases:challenger",
        'create_time = "2026-03-01T12:00:00Z"',
        'create_time >= "2026-03-01T13:00:00+01:00"',
        "model = i*s",
        "model = *",
        "model = iri*",
        'description = "*(100%)"',
        "description != train*",
        "tags.run.id = r_*",
        "tags.team != sound",
        "description:petals",
        "description:PETALS",
        "march",
        "iris petals",
        '"on march"',
        'description:"March\'s"',
        # OR binds closer than AND.
        "number = 7 OR number = 8 AND model = iris",
        "model = other OR model = iris AND number = 7",
        "(model = other AND number = 1) OR number = 7",
    ],
)
def test_what_it_says_holds(text: str) -> None:
    assert holds(text)


@pytest.mark.parametrize(
    "text",
    [
        "model = ir",
        "model = IRIS",
        "model = IR*",
        "model = iris AND number = 8",
        "number = 7 AND (model = other OR number = 8)",
        "tags.owner = ann",
        # What lacks a key compares false, whatever with.
        "tags.owner != ann",
        "metrics.f1 < 1",
        "tags:Team",
        "-tags:team",
        "tags.run.id = rx*",
        "lily",
        "iris lily",
        "aliases:challenger",
        'create_time > "2026-03-01T12:00:00Z"',
    ],
)
def test_what_it_says_does_not_hold(text: str) -> None:
    assert not holds(text)


@pytest.mark.parametrize(
    ("text", "position", "says"),
    [
        ("color = red", 1, "there is no field 'color': use one of model, number"),
        ("model = iris AND", 17, "the filter ends"),
        ("model =", 8, "here should be a value"),
        ("model = iris)", 13, "')'"),
        ("(model = iris", 1, "not closed"),
        ('model = "iris', 9, "a string that does not end"),
        ("AND model = iris", 1, "'AND'"),
        ("model = iris OR", 16, "the filter ends"),
        ("NOT", 4, "the filter ends"),
        ("number = seven", 10, "'seven' is not a whole number"),
        ("number = 7.5", 10, "'7.5' is not a whole number"),
        ("number = 1234567890123456789", 10, "whole number of at most 18 digits"),
        ("metrics.accuracy > nan", 20, "'nan' is not a finite number"),
        ("metrics.accuracy > 1e999", 20, "not a finite number"),
        ("metrics = 3", 1, "metrics is asked by key"),
        ("model.x = 3", 1, "model has no fields of its own"),
        ("state = ready", 9, "'ready' is not one of READY"),
        ("state > READY", 1, "state has no order"),
        ("create_time > 2026-03-01T12:00:00Z", 28, "quote a value that has signs"),
        ('create_time > "2026-03-01"', 15, "not a time with its zone"),
        ('create_time > "2026-03-01T12:00:00"', 15, "not a time with its zone"),
        ("tags. = 3", 7, "what follows the dot"),
        ("model ~ iris, digits", 13, "',' means nothing here"),
        ("(" * 21 + "x" + ")" * 21, 21, "at most 20 brackets"),
        (" ".join(["x"] * 51), 101, "at most 50 conditions"),
        ("x" * 4_001, 4_001, "at most 4000 characters"),
    ],
)
def test_what_is_wrong_is_shown_where_it_is(text: str, position: int, says: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        holds(text)

    assert caught.value.reason == "FILTER_INVALID"
    assert caught.value.metadata["position"] == str(position)
    assert f"position {position}: " in caught.value.message
    assert says in caught.value.message


def refusal_of(text: str) -> AlgoLinkError | None:
    try:
        holds(text)
    except AlgoLinkError as error:
        return error
    return None


WORDS = ["model", "number", "tags.a", "metrics.b", "AND", "OR", "NOT", "-", "(", ")", "=", "!="]
WORDS += ["<", ":", "7", '"x"', "x*", ".", "'", '"', "\\", ",", "é", "state", "READY", "\0", "*"]


@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(WORDS)).map(" ".join)))
def test_any_text_is_read_or_refused(text: str) -> None:
    refusal = refusal_of(text)

    assert refusal is None or refusal.reason == "FILTER_INVALID"
    assert refusal is None or 1 <= int(refusal.metadata["position"]) <= len(text) + 1


@given(st.text(max_size=40))
def test_any_value_can_be_quoted(value: str) -> None:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')

    found = predicates.read(f'description:"{escaped}"', fields.OF_VERSIONS)

    assert found == predicates.Contains(fields.OF_VERSIONS["description"], "", value)
