"""Answers of other people's programs to the same questions.

The shared collection lies beside the repository, where there is one; the
modules' own tests hold cases that need nothing.
"""

from __future__ import annotations

import json
import math
import pathlib
from typing import Any

import pytest

from tests.experiment_svc.stats import oracle_adapter

COLLECTION = pathlib.Path(__file__).parents[4] / "shared" / "stats" / "oracles_public.json"


def cases() -> list[Any]:
    collected = json.loads(COLLECTION.read_text()) if COLLECTION.exists() else []
    covered = [case for case in collected if case["method"] in oracle_adapter.METHODS]
    return [pytest.param(case, id=case["id"]) for case in covered]


def assert_same(expected: Any, found: Any, tolerance: dict[str, float | None]) -> None:
    if isinstance(expected, dict):
        for key, value in expected.items():
            assert_same(value, found[key], tolerance)
    elif isinstance(expected, list):
        for one, other in zip(expected, found, strict=True):
            assert_same(one, other, tolerance)
    else:
        allowed = max(tolerance["abs"] or 0.0, (tolerance["rel"] or 0.0) * abs(expected), 1e-12)
        assert math.isclose(expected, found, rel_tol=0.0, abs_tol=allowed), f"{found=}"


@pytest.mark.parametrize("case", cases())
def test_the_core_answers_as_others_do(case: dict[str, Any]) -> None:
    found = oracle_adapter.METHODS[case["method"]](case["inputs"])

    assert_same(case["expected"], found, case["tolerance"])


@pytest.mark.skipif(not COLLECTION.exists(), reason="the shared oracles are not beside the clone")
def test_every_method_of_the_adapter_has_a_case() -> None:
    collected = {case["method"] for case in json.loads(COLLECTION.read_text())}

    assert oracle_adapter.METHODS.keys() <= collected
