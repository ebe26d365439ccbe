"""The core's rules as functions of plain dictionaries, as the black-box checks call them.

Arms come as raw sums. What the core leaves undefined decides nothing: an interval without
ends and a p-value of 1.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence

from experiment_svc.stats import (
    allocation,
    chi_square,
    cuped,
    difference,
    multinomial,
    ratio,
    sequence,
    welch,
)
from experiment_svc.stats.chi_square import ChiSquare
from experiment_svc.stats.difference import Difference
from experiment_svc.stats.fixed import FixedTest
from experiment_svc.stats.joint import JointMoments
from experiment_svc.stats.moments import Moments
from experiment_svc.stats.proportions import Proportion
from experiment_svc.stats.undefined import Undefined

Arm = Mapping[str, float]
Answer = dict[str, float]
Analyze = Callable[[Arm, Arm, float], Answer]
Counts = Callable[[Sequence[int], Sequence[float]], float]
Measure = Callable[[Moments, Moments], Difference | Undefined]

FLOOR = 0.01
NOTHING = {"ci_lower": -math.inf, "ci_upper": math.inf, "p_value": 1.0}


def mean(arm: Arm) -> Moments:
    return Moments.of_sums(int(arm["n"]), arm["sum"], arm["sum_squares"])


def welch_test(control: Arm, treatment: Arm, alpha: float) -> Answer:
    """Welch's test, which is for one look and is looked at again and again here."""
    return _fixed(welch.absolute(mean(control), mean(treatment), alpha=alpha))


@functools.cache
def _rho_squared(alpha: float, optimal_units: int) -> float:
    return sequence.rho_squared(alpha=alpha, optimal_units=optimal_units)


def confidence_sequence(optimal_units: int, measure: Measure = difference.plain) -> Analyze:
    """The confidence sequence; on `difference.cautious`, the one that decides."""

    def analyze(control: Arm, treatment: Arm, alpha: float) -> Answer:
        found = measure(mean(control), mean(treatment))
        if isinstance(found, Undefined):
            return NOTHING
        rho2 = _rho_squared(alpha, optimal_units)
        interval = sequence.interval(found, alpha=alpha, rho_squared=rho2)
        p_value = sequence.p_value(found, rho_squared=rho2)
        if isinstance(interval, Undefined) or isinstance(p_value, Undefined):
            return NOTHING
        return {"ci_lower": interval.lower, "ci_upper": interval.upper, "p_value": p_value}

    return analyze


def cuped_test(control: Arm, treatment: Arm, alpha: float) -> Answer:
    arms = [
        JointMoments.of_sums(
            int(arm["n"]),
            [arm["y_sum"], arm["x_sum"]],
            [[arm["y_sum_squares"], arm["xy_sum"]], [arm["xy_sum"], arm["x_sum_squares"]]],
        )
        for arm in (control, treatment)
    ]
    found = cuped.means(arms)
    return (
        NOTHING
        if isinstance(found, Undefined)
        else _fixed(welch.absolute(*found.arms, alpha=alpha))
    )


def ratio_test(control: Arm, treatment: Arm, alpha: float) -> Answer:
    arms = []
    for arm in (control, treatment):
        found = ratio.linearised(
            JointMoments.of_sums(
                int(arm["n"]),
                [arm["num_sum"], arm["den_sum"]],
                [
                    [arm["num_sum_squares"], arm["cross_sum"]],
                    [arm["cross_sum"], arm["den_sum_squares"]],
                ],
            )
        )
        if isinstance(found, Undefined):
            return NOTHING
        arms.append(found)
    return _fixed(welch.absolute(arms[0], arms[1], alpha=alpha))


def sample_ratio(k: float) -> Counts:
    """The sequential multinomial test of the counts of units."""
    return lambda counts, weights: multinomial.sequential_p(
        multinomial.log_e_value(counts, weights, k=k)
    )


def peeked_chi_square(counts: Sequence[int], weights: Sequence[float]) -> float:
    found = chi_square.sample_ratio(counts, weights)
    return found.p_value if isinstance(found, ChiSquare) else 1.0


def rare_events(events: Sequence[int], units: Sequence[int], weights: Sequence[float]) -> float:
    """The sequential multinomial test of the events, against the traffic's shares."""
    del units  # the shares of the traffic are what events are compared with
    k = multinomial.RARE_EVENT_CONCENTRATION
    return multinomial.sequential_p(multinomial.log_e_value(events, weights, k=k))


def rare_events_by_sequence(measure: Measure) -> Callable[..., float]:
    """The confidence sequence of the difference of the rates."""
    analyze = confidence_sequence(50_000, measure)

    def test(events: Sequence[int], units: Sequence[int], weights: Sequence[float]) -> float:
        del weights
        control, treatment = (
            {"n": float(n), "sum": float(k), "sum_squares": float(k)}
            for n, k in zip(units, events, strict=True)
        )
        return analyze(control, treatment, 0.05)["p_value"]

    return test


def thompson(arms: Sequence[Arm]) -> list[float]:
    seen = [Proportion(int(arm["n"]), int(arm["sum"])) for arm in arms]
    return allocation.thompson_rates(seen, floor=FLOOR)


def _fixed(found: FixedTest | Undefined) -> Answer:
    if isinstance(found, Undefined):
        return NOTHING
    return {"ci_lower": found.lower, "ci_upper": found.upper, "p_value": found.p_value}
