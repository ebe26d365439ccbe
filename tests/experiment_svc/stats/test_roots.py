from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiment_svc.stats import roots


@given(st.floats(-100.0, 100.0))
def test_a_root_between_the_ends_is_found_to_the_last_bits(root: float) -> None:
    assert roots.rising(lambda x: (x - root) ** 3, -101.0, 102.0) == pytest.approx(root, abs=1e-12)
    assert roots.falling(lambda x: root - x, -101.0, 102.0) == pytest.approx(root, abs=1e-12)


def test_without_a_root_the_nearer_end_is_the_answer() -> None:
    assert roots.falling(lambda _: -1.0, 2.0, 3.0) == 2.0
    assert roots.falling(lambda _: 1.0, 2.0, 3.0) == 3.0
    assert roots.falling(lambda _: 1.0, 2.0, 2.0) == 2.0


def test_a_function_that_is_infinite_at_its_ends_has_its_root() -> None:
    def log_odds(x: float) -> float:
        if x in (0.0, 1.0):
            return math.inf if x == 0.0 else -math.inf
        return math.log((1.0 - x) / x)

    assert roots.falling(log_odds, 0.0, 1.0) == pytest.approx(0.5)
