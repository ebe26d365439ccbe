"""False decisions of the combined rule when the ramp depends on the data.

Both arms are alike in every run, so each decision, for either arm, is a false one. Units come in
batches; after each batch the rule is asked, and the ramp may change the shares
on what the rule saw. Meanwhile the baseline drifts, as far as the metric allows.

    python -m benchmarks.stats.ramp_error [--runs 1000] [--seed 1]

prints, for each metric and ramp, the share of runs with any false decision and
the Clopper-Pearson bounds of it, and ends with status 1 if the lower 99.9 %
bound of any is above alpha.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special

from experiment_svc.stats import phases, sequence, standardised
from experiment_svc.stats.difference import Difference
from experiment_svc.stats.joint import JointMoments
from experiment_svc.stats.moments import Moments
from experiment_svc.stats.undefined import Undefined

ALPHA = 0.05
OPTIMAL_UNITS = 5_000
MIN_UNITS_PER_ARM = 100
BATCH = 100
BATCHES = 150
CONFIDENCE = 0.999

Values = npt.NDArray[np.float64]
Draw = Callable[[np.random.Generator, int, float], Values]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a ramp may look at.

    Attributes:
        share: of the treatment now.
        z: the combined effect so far over its standard error; 0 if undefined.
        age: batches in the present phase.
    """

    share: float
    z: float
    age: int


Ramp = Callable[[Seen], float]


def normal(generator: np.random.Generator, size: int, progress: float) -> Values:
    return generator.normal(3.0 * math.sin(5.0 * progress), 1.0, size)


def half(generator: np.random.Generator, size: int, progress: float) -> Values:
    return (generator.random(size) < 0.3 + 0.4 * progress).astype(np.float64)


def tenth(generator: np.random.Generator, size: int, progress: float) -> Values:
    return (generator.random(size) < 0.05 + 0.1 * progress).astype(np.float64)


def rare(generator: np.random.Generator, size: int, progress: float) -> Values:
    return (generator.random(size) < 0.002 + 0.002 * progress).astype(np.float64)


def skewed(generator: np.random.Generator, size: int, progress: float) -> Values:
    return generator.lognormal(progress, 1.5, size)


def clicks_per_visit(generator: np.random.Generator, size: int, progress: float) -> Values:
    """(clicks, visits): few visits of most units, many of some, and a rate of each unit's own."""
    visits = 1.0 + generator.negative_binomial(0.5, 0.2, size)
    rate = generator.beta(1.0 + 2.0 * progress, 9.0, size)
    return np.column_stack([generator.binomial(visits.astype(np.int64), rate), visits])


def with_history(generator: np.random.Generator, size: int, progress: float) -> Values:
    """(spend, spend before): skewed, and alike by 0.7 or so."""
    habit = generator.lognormal(0.0, 1.0, size)
    before = habit * generator.lognormal(0.0, 0.5, size)
    after = habit * generator.lognormal(progress, 0.5, size)
    return np.column_stack([after, before])


def ratio_with_history(generator: np.random.Generator, size: int, progress: float) -> Values:
    """(clicks, visits, clicks before, visits before): the same rate of the unit in both."""
    visits = 1.0 + generator.negative_binomial(0.5, 0.2, (2, size))
    rate = generator.beta(1.0 + 2.0 * progress, 9.0, size)
    clicks = generator.binomial(visits.astype(np.int64), rate)
    return np.column_stack([clicks[0], visits[0], clicks[1], visits[1]])


def steady(seen: Seen) -> float:
    """Never ramps: what the sequence does by itself."""
    return seen.share


def canary(seen: Seen) -> float:
    """The usual ramp: a step up while nothing looks bad, a step down when it does."""
    if seen.age < 10:
        return seen.share
    steps = (0.01, 0.05, 0.1, 0.25, 0.5)
    at = steps.index(seen.share)
    return steps[max(at - 1, 0)] if seen.z < -1.0 else steps[min(at + 1, len(steps) - 1)]


def restless(seen: Seen) -> float:
    """A new phase every few batches, small shares among them, by the sign so far."""
    if seen.age < 3:
        return seen.share
    return {0.01: 0.1, 0.1: 0.5, 0.5: 0.05, 0.05: 0.01}[seen.share] if seen.z > 0.0 else 0.01


def freeze_luck(seen: Seen) -> float:
    """Against the rule: starves the treatment while luck lasts, feeds it otherwise."""
    return 0.02 if abs(seen.z) > 1.5 else 0.5


def chase_luck(seen: Seen) -> float:
    """Against the rule: feeds the treatment while luck lasts, starves it otherwise."""
    return 0.5 if abs(seen.z) > 1.5 else 0.02


METRICS: dict[str, Draw] = {
    "normal": normal,
    "half": half,
    "tenth": tenth,
    "rare": rare,
    "skewed": skewed,
    "ratio": clicks_per_visit,
    "cuped": with_history,
    "cuped ratio": ratio_with_history,
}
RATIOS = frozenset({"ratio", "cuped ratio"})
ADJUSTED = frozenset({"cuped", "cuped ratio"})

RAMPS: dict[str, tuple[float, Ramp]] = {
    "steady 50 %": (0.5, steady),
    "steady 10 %": (0.1, steady),
    "canary": (0.01, canary),
    "restless": (0.01, restless),
    "freeze luck": (0.5, freeze_luck),
    "chase luck": (0.02, chase_luck),
}
"""First share of the treatment, and what follows."""


@dataclass(frozen=True, slots=True)
class Job:
    """Runs of one metric under one ramp."""

    metric: str
    ramp: str
    runs: int
    seed: int


def decides_falsely(generator: np.random.Generator, metric: str, first: float, ramp: Ramp) -> bool:
    """Whether one experiment without an effect ever finds one."""
    rho2 = sequence.rho_squared(alpha=ALPHA, optimal_units=OPTIMAL_UNITS)
    share, age = first, 0
    summarise = JointMoments.of if metric in RATIOS | ADJUSTED else Moments.of
    run: list[Any] = []
    for batch in range(BATCHES):
        values = METRICS[metric](generator, BATCH, batch / BATCHES)
        treated = generator.random(BATCH) < share
        arrived = (summarise(values[~treated]), summarise(values[treated]))
        if age == 0:
            run.append(arrived)
        else:
            run[-1] = (run[-1][0] + arrived[0], run[-1][1] + arrived[1])
        age += 1
        found = _measured(run, metric)
        z = 0.0
        if isinstance(found, Difference) and found.standard_error > 0.0:
            z = found.effect / found.standard_error
            p = sequence.p_value(found, rho_squared=rho2)
            enough = min(sum(phase[arm].count for phase in run) for arm in (0, 1))
            if enough >= MIN_UNITS_PER_ARM and not isinstance(p, Undefined) and p <= ALPHA:
                return True
        following = ramp(Seen(share, z, age))
        if following != share:
            share, age = following, 0
    return False


def _measured(run: list[Any], metric: str) -> Difference | Undefined:
    if metric not in RATIOS | ADJUSTED:
        return phases.combine(run)
    means = standardised.means(run, ratio=metric in RATIOS, covariate=metric in ADJUSTED)
    return means if isinstance(means, Undefined) else phases.combine(means)


def count_false(job: Job) -> int:
    """Runs of `job` that decide."""
    generator = np.random.default_rng([job.seed, *job.metric.encode(), *job.ramp.encode()])
    first, ramp = RAMPS[job.ramp]
    return sum(decides_falsely(generator, job.metric, first, ramp) for _ in range(job.runs))


def bounds(hits: int, runs: int) -> tuple[float, float]:
    """Two-sided Clopper-Pearson bounds at level `CONFIDENCE`."""
    tail = (1.0 - CONFIDENCE) / 2.0
    lower = float(special.betaincinv(hits, runs - hits + 1, tail)) if hits else 0.0
    upper = float(special.betaincinv(hits + 1, runs - hits, 1.0 - tail)) if hits < runs else 1.0
    return lower, upper


def _runs(metric: str, runs: int) -> int:
    """Fewer where a run takes long."""
    return max(1, runs // 4) if metric in RATIOS | ADJUSTED else runs


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=1_000, help="runs per metric and ramp")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--metric", choices=list(METRICS), action="append", help="only these")
    arguments = parser.parse_args()
    jobs = [
        Job(metric, ramp, arguments.runs, arguments.seed)
        for ramp in RAMPS
        for metric in arguments.metric or METRICS
    ]

    began = time.monotonic()
    failed = False
    print(f"alpha {ALPHA:.1%}, {BATCHES} looks, {BATCH * BATCHES:,} units, {arguments.runs:,} runs")
    with multiprocessing.Pool(arguments.processes) as pool:
        for job, hits in zip(jobs, pool.imap(count_false, jobs), strict=True):
            lower, upper = bounds(hits, job.runs)
            failed |= lower > ALPHA
            print(
                f"{job.ramp:12} {job.metric:11} {hits / job.runs:7.2%}"
                f"   {CONFIDENCE:.1%} bounds {lower:.2%} to {upper:.2%}"
            )
    print(f"{'INVALID' if failed else 'valid'} ({time.monotonic() - began:.0f} s)")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
