"""Answers of other people's programs, and of publications, to the same questions.

The shared collection lies beside the repository, where there is one. The published cases
here, and the modules' own tests, need nothing.
"""

from __future__ import annotations

import json
import math
import os
import pathlib
import subprocess
import sys
from typing import Any

import pytest

from tests.experiment_svc.stats import oracle_adapter

ROOT = pathlib.Path(__file__).parents[3]
SHARED = ROOT.parent / "shared" / "stats"
COLLECTION = SHARED / "oracles_public.json"
needs_collection = pytest.mark.skipif(
    not COLLECTION.exists(), reason=f"the shared oracles are not there: {COLLECTION}"
)

ASPIRIN = {
    "control": {"n": 11_037, "successes": 104},
    "treatment": {"n": 11_034, "successes": 189},
    "alpha": 0.05,
}
PUBLISHED: dict[str, tuple[str, dict[str, Any], dict[str, Any], float]] = {
    "NIST e-Handbook 1.3.5.3, cars of two countries": (
        "welch_from_moments",
        {
            "control": {"n": 249, "mean": 20.14458, "sd": 6.4147},
            "treatment": {"n": 79, "mean": 30.48101, "sd": 6.10771},
        },
        {"t_abs": 12.94627, "df": 136.875},
        2e-3,
    ),
    "Agresti, Categorical Data Analysis 2.1.1, aspirin": (
        "two_proportion_z_unpooled",
        ASPIRIN,
        {"effect": 0.0077, "ci": [0.005, 0.011]},
        5e-4,
    ),
    "Agresti, the same by the pooled score": (
        "two_proportion_z_pooled",
        ASPIRIN,
        {"z": 5.00, "z_squared": 25.01},
        5e-3,
    ),
    "Newcombe 1998, table II, 56/70 and 48/80": (
        "two_proportion_ci_newcombe",
        {
            "control": {"n": 80, "successes": 48},
            "treatment": {"n": 70, "successes": 56},
            "alpha": 0.05,
        },
        {"ci": [0.0524, 0.3339]},
        5e-5,
    ),
    "Cohen 1988, table 2.4.1, d = 0.5": (
        "sample_size_mean_per_arm",
        {"mde_absolute": 0.5, "sd": 1.0, "alpha": 0.05, "power": 0.8},
        {"n_per_arm": 64.0},
        1.0,
    ),
    "Benjamini and Hochberg 1995, section 3.2": (
        "benjamini_hochberg",
        {
            "p_values": [
                0.0001,
                0.0004,
                0.0019,
                0.0095,
                0.0201,
                0.0278,
                0.0298,
                0.0344,
                0.0459,
                0.3240,
                0.4262,
                0.5719,
                0.6528,
                0.7590,
                1.0000,
            ],
            "q": 0.05,
        },
        {"n_rejected": 4},
        0.0,
    ),
    "two uniform and skewed beliefs, by hand": (
        "thompson_best_arm_beta",
        {"posteriors": [[1, 1], [2, 1]]},
        {"best_arm_probabilities": [1.0 / 3.0, 2.0 / 3.0]},
        5e-5,
    ),
}


def cases() -> list[Any]:
    collected = json.loads(COLLECTION.read_text()) if COLLECTION.exists() else []
    covered = [case for case in collected if case["method"] in oracle_adapter.METHODS]
    if not covered:
        return [pytest.param(None, marks=needs_collection, id="no collection")]
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


@pytest.mark.parametrize("source", PUBLISHED)
def test_the_core_answers_as_published(source: str) -> None:
    method, inputs, expected, tolerance = PUBLISHED[source]

    found = oracle_adapter.METHODS[method](inputs)

    assert_same(expected, found, {"abs": tolerance, "rel": None})


@pytest.mark.parametrize("case", cases())
def test_the_core_answers_as_others_do(case: dict[str, Any]) -> None:
    found = oracle_adapter.METHODS[case["method"]](case["inputs"])

    assert_same(case["expected"], found, case["tolerance"])


@needs_collection
def test_every_method_of_the_adapter_has_a_case() -> None:
    collected = {case["method"] for case in json.loads(COLLECTION.read_text())}

    assert oracle_adapter.METHODS.keys() <= collected


@needs_collection
def test_the_collections_own_program_finds_nothing_wrong_and_nothing_missing() -> None:
    folders = os.pathsep.join([str(ROOT), str(pathlib.Path(__file__).parent)])

    program = [sys.executable, str(SHARED / "run_oracles.py")]
    run = subprocess.run(
        [*program, "--adapter", "oracle_adapter", "--file", str(COLLECTION)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": folders},
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stdout + run.stderr
    assert "FAIL" not in run.stdout
    assert "unmapped methods: []" in run.stdout
