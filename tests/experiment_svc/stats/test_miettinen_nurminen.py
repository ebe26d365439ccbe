from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiment_svc.stats import miettinen_nurminen
from experiment_svc.stats.miettinen_nurminen import likeliest_share
from experiment_svc.stats.proportions import NO_UNITS, Proportion
from experiment_svc.stats.sequence import Interval
from tests.experiment_svc.stats import statsmodels_defect, strategies

some_events = st.integers(2, 5_000).flatmap(
    lambda count: st.integers(1, count - 1).map(lambda successes: Proportion(count, successes))
)


def an_interval(control: Proportion, treatment: Proportion, alpha: float) -> Interval:
    found = miettinen_nurminen.interval(control, treatment, alpha=alpha)
    assert isinstance(found, Interval)
    return found


@given(some_events, some_events, st.floats(-0.9, 0.9))
def test_the_likeliest_share_is_the_root_of_the_papers_cubic(
    control: Proportion, treatment: Proportion, gap: float
) -> None:
    found = likeliest_share(control, treatment, gap)

    cubic = statsmodels_defect.correct_share(control, treatment, gap)
    assert found == pytest.approx(cubic, abs=1e-6)


@given(some_events, some_events, st.floats(-0.9, 0.9))
def test_no_other_share_is_likelier(control: Proportion, treatment: Proportion, gap: float) -> None:
    def log_likelihood(share: float) -> float:
        return sum(
            arm.successes * math.log(p) + (arm.count - arm.successes) * math.log1p(-p)
            for arm, p in ((control, share), (treatment, share + gap))
        )

    found = likeliest_share(control, treatment, gap)

    low, high = max(0.0, -gap), min(1.0, 1.0 - gap)
    inside = np.linspace(low, high, 203)[1:-1]
    best = max(log_likelihood(float(share)) for share in inside)
    if low < found < high and 0.0 < found + gap < 1.0:
        assert log_likelihood(found) >= best - 1e-6


@given(strategies.proportions, strategies.proportions, strategies.alphas)
def test_the_interval_mirrors_and_holds_what_was_observed(
    control: Proportion, treatment: Proportion, alpha: float
) -> None:
    forth = an_interval(control, treatment, alpha)
    back = an_interval(treatment, control, alpha)

    observed = treatment.successes / treatment.count - control.successes / control.count
    assert -1.0 <= forth.lower <= observed + 1e-12
    assert observed - 1e-12 <= forth.upper <= 1.0
    assert (forth.lower, forth.upper) == pytest.approx((-back.upper, -back.lower), abs=1e-7)


def test_the_published_interval_comes_out() -> None:
    # Fagerland, Lydersen and Laake, Statistical Methods in Medical Research 2011, 7/34 and 1/34:
    # (0.028, 0.34) without the factor N / (N - 1), which moves the ends by under 0.002
    found = an_interval(Proportion(34, 1), Proportion(34, 7), 0.05)

    assert found.lower == pytest.approx(0.028, abs=2e-3)
    assert found.upper == pytest.approx(0.34, abs=6e-3)


@pytest.mark.parametrize(
    ("rates", "units"),
    [((0.01, 0.01), (400, 60)), ((0.2, 0.5), (30, 20)), ((0.05, 0.1), (100, 100))],
)
def test_it_covers_about_as_often_as_it_says_with_few_events(
    rates: tuple[float, float], units: tuple[int, int]
) -> None:
    generator = np.random.default_rng(4)
    runs, missed = 300, 0

    for _ in range(runs):
        control, treatment = (
            Proportion(count, int(generator.binomial(count, rate)))
            for count, rate in zip(units, rates, strict=True)
        )
        missed += an_interval(control, treatment, 0.05).excludes(rates[1] - rates[0])

    assert missed / runs < 0.08


@pytest.mark.parametrize("events", [(0, 0), (0, 5), (5, 0), (5, 5)])
def test_none_or_all_with_the_event_still_have_an_interval(events: tuple[int, int]) -> None:
    found = an_interval(Proportion(5, events[0]), Proportion(5, events[1]), 0.05)

    observed = (events[1] - events[0]) / 5
    assert found.lower <= observed <= found.upper
    assert found.upper - found.lower > 0.3


def test_without_units_there_is_no_interval() -> None:
    some = Proportion(5, 1)

    assert miettinen_nurminen.interval(Proportion(), some, alpha=0.05) == NO_UNITS
    assert miettinen_nurminen.interval(some, Proportion(), alpha=0.05) == NO_UNITS


def test_an_error_rate_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="alpha"):
        miettinen_nurminen.interval(Proportion(5, 1), Proportion(5, 1), alpha=0.0)


@given(some_events, some_events)
def test_the_interval_is_the_one_by_the_papers_cubic(
    control: Proportion, treatment: Proportion
) -> None:
    found = an_interval(control, treatment, 0.05)

    by_cubic = miettinen_nurminen.interval(
        control, treatment, alpha=0.05, likeliest=statsmodels_defect.correct_share
    )
    assert isinstance(by_cubic, Interval)
    assert (found.lower, found.upper) == pytest.approx((by_cubic.lower, by_cubic.upper), abs=1e-6)


def test_the_defect_of_the_oracles_is_small_but_there() -> None:
    control, treatment = Proportion(34, 1), Proportion(34, 7)

    found = an_interval(control, treatment, 0.05)
    theirs = miettinen_nurminen.interval(
        control, treatment, alpha=0.05, likeliest=statsmodels_defect.likeliest_share
    )

    assert isinstance(theirs, Interval)
    assert 1e-4 < abs(found.upper - theirs.upper) < 1e-2
