from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiment_svc.stats import bayes
from experiment_svc.stats.bayes import Posterior, Prior
from experiment_svc.stats.difference import Difference
from experiment_svc.stats.undefined import Undefined

measured = st.builds(
    Difference, effect=st.floats(-5.0, 5.0), standard_error=st.floats(0.05, 5.0), count=st.just(9)
)
priors = st.one_of(st.none(), st.builds(Prior, st.floats(-2.0, 2.0), st.floats(0.01, 10.0)))


def posterior(found: Difference, prior: Prior | None = None) -> Posterior:
    answer = bayes.posterior(found, alpha=0.05, prior=prior)
    assert isinstance(answer, Posterior)
    return answer


@given(measured, priors)
def test_it_is_likelihood_times_prior_integrated_numerically(
    found: Difference, prior: Prior | None
) -> None:
    answer = posterior(found, prior)
    x = np.linspace(answer.mean - 9 * answer.deviation, answer.mean + 9 * answer.deviation, 20_001)
    log_density = -0.5 * ((x - found.effect) / found.standard_error) ** 2
    if prior is not None:
        log_density -= 0.5 * (x - prior.mean) ** 2 / prior.variance
    weights = np.exp(log_density - log_density.max())
    weights /= weights.sum()

    step = float(x[1] - x[0])
    assert answer.mean == pytest.approx(float(weights @ x), abs=1e-6)
    assert answer.deviation**2 == pytest.approx(float(weights @ (x - answer.mean) ** 2), rel=1e-5)
    assert answer.chance_to_win == pytest.approx(float(weights[x > 0].sum()), abs=step / 0.05)
    assert answer.risk_control == pytest.approx(float(weights @ np.maximum(0, x)), abs=1e-5)
    assert answer.risk_treatment == pytest.approx(float(weights @ np.maximum(0, -x)), abs=1e-5)


@given(measured, priors)
def test_the_risks_differ_by_the_expected_effect(found: Difference, prior: Prior | None) -> None:
    answer = posterior(found, prior)

    assert answer.risk_control - answer.risk_treatment == pytest.approx(answer.mean, abs=1e-9)
    assert min(answer.risk_control, answer.risk_treatment) >= 0.0


@given(measured)
def test_a_prior_without_opinion_is_as_none(found: Difference) -> None:
    vague, flat = posterior(found, Prior(1.0, 1e12)), posterior(found)

    assert vague.mean == pytest.approx(flat.mean, abs=1e-6)
    assert vague.deviation == pytest.approx(flat.deviation)


@given(measured, st.floats(-2.0, 2.0))
def test_a_prior_without_doubt_is_not_moved(found: Difference, mean: float) -> None:
    assert posterior(found, Prior(mean, 1e-12)).mean == pytest.approx(mean, abs=1e-5)


def test_values_that_do_not_vary_give_no_posterior() -> None:
    assert isinstance(bayes.posterior(Difference(1.0, 0.0, 9), alpha=0.05), Undefined)


@pytest.mark.parametrize(("mean", "variance"), [(0.0, 0.0), (0.0, math.inf), (math.nan, 1.0)])
def test_a_prior_that_is_none_is_refused(mean: float, variance: float) -> None:
    with pytest.raises(ValueError, match="prior"):
        Prior(mean, variance)
