from __future__ import annotations

import itertools
import math
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiment_svc.stats.multinomial import (
    RARE_EVENT_CONCENTRATION,
    combined_log_e_value,
    log_e_value,
    looks,
    sequential_p,
)
from tests.experiment_svc.stats import strategies


def urn(arms: list[int], theta: list[float], k: float) -> float:
    """The same evidence, unit by unit: Polya's urn against the fixed shares."""
    seen, log_e = [0] * len(theta), 0.0
    for arm in arms:
        predicted = (k * theta[arm] + seen[arm]) / (k + sum(seen))
        log_e += math.log(predicted / theta[arm])
        seen[arm] += 1
    return log_e


@given(strategies.shares, st.floats(0.5, 1e4), st.data())
def test_the_closed_form_equals_the_urn_in_any_order(
    theta: list[float], k: float, data: st.DataObject
) -> None:
    arms = data.draw(st.lists(st.integers(0, len(theta) - 1), max_size=60))
    counts = [arms.count(arm) for arm in range(len(theta))]

    assert log_e_value(counts, theta, k=k) == pytest.approx(urn(arms, theta, k), abs=1e-7)
    assert log_e_value(counts, theta, k=k) == pytest.approx(urn(arms[::-1], theta, k), abs=1e-7)


@given(strategies.shares, st.floats(1.0, 1e4), st.data())
def test_under_the_expected_shares_the_next_unit_changes_the_evidence_by_nothing_on_average(
    theta: list[float], k: float, data: st.DataObject
) -> None:
    counts = data.draw(st.lists(st.integers(0, 10_000), min_size=len(theta), max_size=len(theta)))
    before = log_e_value(counts, theta, k=k)

    expected = 0.0
    for arm, share in enumerate(theta):
        after = [count + (arm == other) for other, count in enumerate(counts)]
        expected += share * math.exp(log_e_value(after, theta, k=k) - before)

    assert expected == pytest.approx(1.0, rel=1e-6)


def test_the_chance_of_ever_alarming_is_at_most_alpha_counted_exactly() -> None:
    alpha, theta, k = 0.3, [0.5, 0.5], 10.0
    alarming = 0.0
    for arms in itertools.product((0, 1), repeat=12):
        prefixes = (arms[:end] for end in range(1, 13))
        p = min(
            sequential_p(log_e_value([prefix.count(0), prefix.count(1)], theta, k=k))
            for prefix in prefixes
        )
        alarming += 0.5**12 * (p <= alpha)

    assert 0.0 < alarming <= alpha


def test_units_where_the_weights_say_raise_no_alarm_and_lost_ones_do() -> None:
    assert sequential_p(log_e_value([90_150, 9_850], [0.9, 0.1])) == 1.0
    assert sequential_p(log_e_value([90_150, 9_000], [0.9, 0.1])) < 1e-9


def test_a_published_stream_gives_the_published_values() -> None:
    # savvi 0.3.1, Multinomial, concentration 100
    stream = np.cumsum([[60, 40], [55, 45], [58, 42], [61, 39]], axis=0)
    published = [0.51742441729455, 0.38420705184543, 0.14050576972097, 0.02147235447798]

    found = [math.exp(-log_e_value([int(a), int(b)], [0.5, 0.5], k=100)) for a, b in stream]

    assert found == pytest.approx(published, rel=1e-9)


def test_phases_multiply_each_with_its_own_shares() -> None:
    first, second = ([90, 10], [0.9, 0.1]), ([40, 60], [0.5, 0.5])

    assert combined_log_e_value([first, second]) == pytest.approx(
        log_e_value(*first) + log_e_value(*second)
    )


def test_a_ramp_is_no_mismatch_though_its_total_fits_no_single_weights() -> None:
    phases = [([9_000, 1_000], [0.9, 0.1]), ([5_000, 5_000], [0.5, 0.5])]

    assert sequential_p(combined_log_e_value(phases)) == 1.0
    assert sequential_p(log_e_value([14_000, 6_000], [0.5, 0.5])) < 1e-9


def test_an_arm_without_a_share_is_left_out() -> None:
    assert log_e_value([60, 40, 0], [0.5, 0.5, 0.0]) == log_e_value([60, 40], [0.5, 0.5])


def test_a_unit_in_an_arm_without_a_share_is_a_mismatch_at_once() -> None:
    phases = [([0, 10, 0], [0.5, 0.5, 0.0]), ([5, 5, 1], [0.5, 0.5, 0.0])]

    assert sequential_p(combined_log_e_value(phases)) == 0.0


@pytest.mark.parametrize("theta", [[0.5, 0.5], [1.0]])
def test_no_units_are_no_evidence(theta: list[float]) -> None:
    assert log_e_value([0] * len(theta), theta) == 0.0
    assert combined_log_e_value([]) == 0.0


def test_one_arm_with_all_the_traffic_is_no_evidence() -> None:
    assert log_e_value([12_345, 0], [1.0, 0.0]) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize(
    ("counts", "theta", "k"),
    [
        ([1, 2], [1.0], 100.0),
        ([-1, 2], [0.5, 0.5], 100.0),
        ([1, 2], [1.5, -0.5], 100.0),
        ([1, 2], [0.5, 0.4999], 100.0),
        ([1, 2], [math.nan, 0.5], 100.0),
        ([1, 2], [0.5, 0.5], 0.0),
        ([1, 2], [0.5, 0.5], math.inf),
    ],
)
def test_what_is_no_question_is_refused(counts: list[int], theta: list[float], k: float) -> None:
    with pytest.raises(ValueError, match=r"shares|k must"):
        log_e_value(counts, theta, k=k)


@given(strategies.shares, st.data())
def test_the_looks_are_those_at_the_running_totals(theta: list[float], data: st.DataObject) -> None:
    size = len(theta)
    batch = st.lists(st.integers(0, 1_000), min_size=size, max_size=size)
    batches = data.draw(st.lists(batch, min_size=1, max_size=10))

    found = looks(batches, theta)

    totals = np.cumsum(batches, axis=0).tolist()
    assert [look.log_e for look in found] == [log_e_value(total, theta) for total in totals]
    least = itertools.accumulate((sequential_p(look.log_e) for look in found), min)
    assert [look.p_value for look in found] == list(least)
    for look in found:
        # Below the smallest normal number a float has fewer digits than are compared.
        if sys.float_info.min <= look.inverse_e < math.inf:
            assert math.log(look.inverse_e) == pytest.approx(-look.log_e, abs=1e-9, rel=1e-9)


def test_evidence_past_the_range_of_floats_is_zero_or_infinite_and_no_error() -> None:
    (sure,) = looks([[10_000, 0]], [0.5, 0.5])
    (contrary,) = looks([[0, 5]], [1.0, 0.0])
    (none,) = looks([[9**6] * 4], [0.25] * 4, k=1e-300)

    assert (none.inverse_e, none.p_value) == (math.inf, 1.0)
    assert (sure.inverse_e, sure.p_value) == (0.0, 0.0)
    assert (contrary.inverse_e, contrary.p_value) == (0.0, 0.0)


def test_a_canary_that_fails_ten_times_as_often_is_seen_within_few_errors() -> None:
    found = looks([[18, 20]], [0.9, 0.1], k=RARE_EVENT_CONCENTRATION)

    assert found[0].p_value < 1e-6
