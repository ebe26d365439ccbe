from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from experiment_svc.stats import multiplicity

p_lists = st.lists(st.floats(0.0, 1.0), max_size=8)


def closed_testing(p_values: list[float]) -> list[float]:
    """Holm's procedure by its principle: each hypothesis in all its company, by Bonferroni."""
    count = len(p_values)
    groups = [
        group
        for size in range(1, count + 1)
        for group in itertools.combinations(range(count), size)
    ]
    return [
        max(
            min(1.0, len(group) * min(p_values[i] for i in group))
            for group in groups
            if at in group
        )
        for at in range(count)
    ]


@given(st.lists(st.floats(0.0, 1.0), max_size=6))
def test_holm_is_bonferroni_on_every_group_that_a_hypothesis_is_in(p_values: list[float]) -> None:
    assert multiplicity.holm(p_values) == pytest.approx(closed_testing(p_values))


@given(p_lists)
def test_benjamini_hochberg_agrees_with_scipy(p_values: list[float]) -> None:
    expected: list[float] = list(stats.false_discovery_control(p_values)) if p_values else []

    assert multiplicity.benjamini_hochberg(p_values) == pytest.approx(expected)


def test_the_published_example_has_four_discoveries() -> None:
    # Benjamini and Hochberg 1995, section 3.2: Bonferroni finds 3, theirs 4
    p_values = [
        0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344,
        0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.000,
    ]  # fmt: skip

    assert multiplicity.discoveries(p_values, q=0.05) == 4
    assert sum(p <= 0.05 for p in multiplicity.bonferroni(p_values)) == 3


@given(p_lists)
def test_the_order_of_the_hypotheses_does_not_matter(p_values: list[float]) -> None:
    order = list(np.random.default_rng(len(p_values)).permutation(len(p_values)))

    for adjust in (multiplicity.holm, multiplicity.bonferroni, multiplicity.benjamini_hochberg):
        shuffled = adjust([p_values[i] for i in order])
        assert shuffled == pytest.approx([adjust(p_values)[i] for i in order])


@given(p_lists)
def test_each_adjustment_is_at_least_the_p_value_and_they_are_ordered(
    p_values: list[float],
) -> None:
    rows = zip(
        p_values,
        multiplicity.benjamini_hochberg(p_values),
        multiplicity.holm(p_values),
        multiplicity.bonferroni(p_values),
        strict=True,
    )

    for p, discovery, holm, bonferroni in rows:
        assert p <= discovery + 1e-12
        assert discovery <= holm + 1e-12
        assert holm <= bonferroni + 1e-12 <= 1.0 + 1e-9


@given(p_lists, st.floats(0.001, 1.0))
def test_e_values_that_are_inverse_p_values_reject_what_benjamini_hochberg_does(
    p_values: list[float], q: float
) -> None:
    adjusted = multiplicity.benjamini_hochberg(p_values)
    e_values = [1.0 / p if p > 0.0 else math.inf for p in p_values]

    found = multiplicity.e_discoveries(e_values, q=q)

    for rejected, p in zip(found, adjusted, strict=True):
        if not math.isclose(p, q, rel_tol=1e-9):
            assert rejected == (p <= q)


def test_nothing_tested_is_nothing_found() -> None:
    assert multiplicity.holm([]) == multiplicity.benjamini_hochberg([]) == []
    assert multiplicity.e_discoveries([], q=0.05) == []
    assert multiplicity.discoveries([], q=0.05) == 0


@pytest.mark.parametrize("wrong", [[-0.1], [1.1], [math.nan]])
def test_what_is_no_p_value_is_refused(wrong: list[float]) -> None:
    for adjust in (multiplicity.holm, multiplicity.bonferroni, multiplicity.benjamini_hochberg):
        with pytest.raises(ValueError, match="p-values"):
            adjust(wrong)


def test_a_rate_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="q must"):
        multiplicity.discoveries([0.5], q=1.5)
    with pytest.raises(ValueError, match="q must"):
        multiplicity.e_discoveries([1.0], q=0.0)
    with pytest.raises(ValueError, match="negative"):
        multiplicity.e_discoveries([-1.0], q=0.1)
