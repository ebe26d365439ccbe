from __future__ import annotations

import math

import pytest

from algolink.errors import InvalidArgument
from registry_svc.domain import notes


def reason_of(caught: pytest.ExceptionInfo[InvalidArgument]) -> str:
    return caught.value.reason


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({f"k{n}": "" for n in range(10_000)}, "TOO_MANY_TAGS"),
        ({"blob": "x" * 1_000_000}, "TAG_INVALID"),
        ({"x" * 1_000_000: ""}, "TAG_INVALID"),
        ({"": ""}, "TAG_INVALID"),
        ({"Team": ""}, "TAG_INVALID"),
        ({"team": "a\nb"}, "TAG_INVALID"),
    ],
    ids=["10,000 tags", "a tag of 1 MB", "a key of 1 MB", "no key", "upper case", "two lines"],
)
def test_tags_that_cannot_be_are_refused_in_a_short_sentence(
    tags: dict[str, str], reason: str
) -> None:
    with pytest.raises(InvalidArgument) as caught:
        notes.check_tags(tags)

    assert reason_of(caught) == reason
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_metric_is_a_finite_number(value: float) -> None:
    with pytest.raises(InvalidArgument) as caught:
        notes.check_metrics({"auc": value})

    assert reason_of(caught) == "METRIC_NOT_FINITE"


def test_metrics_have_names_and_a_limit() -> None:
    with pytest.raises(InvalidArgument) as caught:
        notes.check_metrics({"A U C": 0.9})
    assert reason_of(caught) == "METRIC_INVALID"

    with pytest.raises(InvalidArgument) as caught:
        notes.check_metrics({f"m{n}": 0.0 for n in range(notes.MAX_METRICS + 1)})
    assert reason_of(caught) == "TOO_MANY_METRICS"


def test_what_is_within_the_limits_is_taken() -> None:
    tags = {f"team.example/k-{n}": "größer" * 40 for n in range(notes.MAX_TAGS)}

    assert notes.check_tags(tags) == tags
