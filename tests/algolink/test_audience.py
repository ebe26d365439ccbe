"""Conditions by the table of vectors that Envoy is held to as well."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from algolink import audience
from algolink.audience import Condition, Equals, In, Prefix, Range, Regex
from algolink.errors import InvalidArgument

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "audiences.json").read_text())


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: json.dumps(v["conditions"])[:60])
def test_conditions_hold_as_the_vectors_say(vector: dict[str, Any]) -> None:
    conditions = [audience.from_json(condition) for condition in vector["conditions"]]

    assert audience.matches(conditions, vector["attributes"]) == vector["holds"]
    assert [audience.to_json(condition) for condition in conditions] == vector["conditions"]


@pytest.mark.parametrize("value", ["ü", "tab\tbed", "a\x00b", "x" * 257, ""])
@pytest.mark.parametrize("negated", [False, True])
def test_a_value_that_is_not_printable_ascii_fails_everything(value: str, negated: bool) -> None:
    condition = Condition(attribute="x", test=Regex("(?s).*"), negated=negated)

    assert not condition.holds({"x": [value]})


@pytest.mark.parametrize(
    ("test", "why"),
    [
        (Equals(""), "'' is not 1 to 256 printable ASCII characters"),
        (Equals("ü"), "is not 1 to 256 printable ASCII"),
        (Prefix("x" * 257), "is not 1 to 256 printable ASCII"),
        (In(()), "none of no values can be meant"),
        (In(("FR", "")), "'' is not 1 to 256"),
        (In(tuple(f"user-{i}" for i in range(1_000))), "more than 2000 characters"),
        (Regex("(?=a)"), r"not a regular expression of RE2: invalid perl operator: \(\?="),
        (Regex("("), "not a regular expression of RE2"),
        (Regex("[a-z]{1,200}"), "program size [0-9]+, over 100"),
        (Range(5, 5), r"no integer is in \[5, 5\)"),
        (Range(6, 5), "no integer is in"),
        (Range(0, 2**63), "fit 64 bits"),
        (Range(-(2**63) - 1, 0), "fit 64 bits"),
    ],
    ids=str,
)
def test_a_condition_that_cannot_be_meant_is_refused(test: audience.Test, why: str) -> None:
    with pytest.raises(InvalidArgument, match=why) as caught:
        Condition(attribute="x", test=test)

    assert caught.value.reason == "CONDITION_INVALID"


@pytest.mark.parametrize("attribute", ["", "x" * 33, "Country", "a_b", "a b", "ü", "a\n"])
def test_an_attribute_is_named_by_few_characters(attribute: str) -> None:
    with pytest.raises(InvalidArgument, match="is no attribute"):
        Condition(attribute=attribute, test=Equals("v"))


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"attribute": "x"},
        {"equals": "v"},
        {"attribute": "x", "equals": "v", "prefix": "v"},
        {"attribute": "x", "like": "v"},
        {"attribute": "x", "range": [1]},
        {"attribute": "x", "range": ["1", "2"]},
        {"attribute": "x", "in": 7},
        {"attribute": "x", "equals": 7},
    ],
    ids=str,
)
def test_json_that_is_no_condition_is_refused(value: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument) as caught:
        audience.from_json(value)

    assert caught.value.reason == "CONDITION_INVALID"
