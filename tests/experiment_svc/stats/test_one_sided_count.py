from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from experiment_svc.stats import multinomial, one_sided_count


@pytest.mark.parametrize(
    ("events", "others", "bound"), [(0, 7, 0.5), (9, 3, 0.1), (40, 60, 0.35), (3, 90, 0.08)]
)
def test_it_is_the_integral_over_the_cut_prior(events: int, others: int, bound: float) -> None:
    prior = stats.beta(20.0 * bound, 20.0 * (1.0 - bound))

    def ratio(theta: float) -> float:
        return float(
            prior.pdf(theta) * (theta / bound) ** events * ((1 - theta) / (1 - bound)) ** others
        )

    mass, _ = integrate.quad(ratio, bound, 1.0, epsabs=1e-14, epsrel=1e-10)

    found = one_sided_count.log_e_value(events, others, bound=bound)

    assert found == pytest.approx(math.log(mass / prior.sf(bound)), rel=1e-6)


@given(total=st.integers(0, 12), theta=st.floats(0.0, 1.0), bound=st.floats(0.05, 0.95))
def test_its_mean_is_at_most_1_as_long_as_the_bound_holds(
    total: int, theta: float, bound: float
) -> None:
    """Exactly, summed over all outcomes, and exactly 1 at the bound itself."""
    at = min(theta, bound)

    def mean(at: float) -> float:
        return sum(
            float(stats.binom.pmf(events, total, at))
            * math.exp(one_sided_count.log_e_value(events, total - events, bound=bound))
            for events in range(total + 1)
        )

    assert mean(at) <= 1.0 + 1e-9
    assert mean(bound) == pytest.approx(1.0, rel=1e-9)


def test_peeking_at_every_event_raises_few_false_alarms() -> None:
    generator = np.random.default_rng(7)
    alarms = 0
    for _ in range(300):
        events = np.cumsum(generator.random(300) < 0.1)
        alarms += any(
            one_sided_count.log_e_value(int(seen), at + 1 - int(seen), bound=0.1) >= math.log(20.0)
            for at, seen in enumerate(events)
        )

    assert stats.binomtest(alarms, 300, 0.05, alternative="greater").pvalue > 0.001


def test_it_is_sooner_sure_than_the_two_sided_test() -> None:
    one = one_sided_count.log_e_value(20, 80, bound=0.1)
    two = multinomial.log_e_value([80, 20], [0.9, 0.1], k=20.0)

    assert one > two > 0.0


def test_fewer_events_than_expected_are_no_evidence() -> None:
    assert one_sided_count.log_e_value(1, 500, bound=0.1) < 0.0
    assert one_sided_count.log_e_value(0, 10**6, bound=0.5) == one_sided_count.LEAST


@pytest.mark.parametrize(
    ("events", "others", "bound"), [(-1, 0, 0.5), (0, -1, 0.5), (1, 1, 0.0), (1, 1, 1.0)]
)
def test_what_is_out_of_range_is_refused(events: int, others: int, bound: float) -> None:
    with pytest.raises(ValueError, match="out of range"):
        one_sided_count.log_e_value(events, others, bound=bound)
