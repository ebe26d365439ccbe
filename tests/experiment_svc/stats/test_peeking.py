"""The whole rule, phases and sequence together, looked at again and again."""

from __future__ import annotations

import numpy as np

from experiment_svc.stats import difference, phases, sequence
from experiment_svc.stats.difference import Difference
from experiment_svc.stats.moments import Moments
from experiment_svc.stats.phases import Phase

ALPHA = 0.05
RUNS = 200
LOOKS_PER_PHASE = 15
BATCH = 100
RAMP = (0.1, 0.25, 0.5)
RHO2 = sequence.rho_squared(alpha=ALPHA, optimal_units=5_000)


def a_ramp(generator: np.random.Generator, effect: float) -> list[list[Phase]]:
    """What each look sees of a ramp on which the baseline rises steadily."""
    looks: list[list[Phase]] = []
    ended: list[Phase] = []
    for number, share in enumerate(RAMP):
        control, treatment = Moments(), Moments()
        for look in range(LOOKS_PER_PHASE):
            baseline = number + look / LOOKS_PER_PHASE
            treated = generator.random(BATCH) < share
            values = generator.normal(baseline, 1.0, BATCH) + effect * treated
            control += Moments.of(values[~treated])
            treatment += Moments.of(values[treated])
            looks.append([*ended, (control, treatment)])
        ended.append((control, treatment))
    return looks


def misses(found: object, effect: float) -> bool:
    """Whether the interval around `found` excludes the true effect."""
    assert isinstance(found, Difference)
    interval = sequence.interval(found, alpha=ALPHA, rho_squared=RHO2)
    assert isinstance(interval, sequence.Interval)
    return interval.excludes(effect)


def pooled(seen: list[Phase]) -> object:
    """The difference as if there had been no phases."""
    control = sum((phase[0] for phase in seen), Moments())
    treatment = sum((phase[1] for phase in seen), Moments())
    return difference.plain(control, treatment)


def test_a_ramp_without_an_effect_seldom_ever_shows_one_and_pooled_means_mostly_do() -> None:
    generator = np.random.default_rng(20_261_121)
    by_phase = by_pool = 0

    for _ in range(RUNS):
        looks = a_ramp(generator, effect=0.0)
        by_phase += any(misses(phases.combine(seen), 0.0) for seen in looks)
        by_pool += any(misses(pooled(seen), 0.0) for seen in looks)

    assert by_phase <= ALPHA * RUNS
    assert by_pool > 0.9 * RUNS


def test_the_true_effect_is_seldom_ever_outside_and_the_question_is_answered() -> None:
    generator = np.random.default_rng(20_261_122)
    outside = decided = 0

    for _ in range(RUNS):
        looks = a_ramp(generator, effect=0.3)
        outside += any(misses(phases.combine(seen), 0.3) for seen in looks)
        decided += misses(phases.combine(looks[-1]), 0.0)

    assert outside <= ALPHA * RUNS
    assert decided > 0.9 * RUNS
