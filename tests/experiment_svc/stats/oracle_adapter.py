"""The core under the names of the public oracles (`run_oracles.py --adapter`).

Each entry reads a case's inputs, calls the core once, and names what it answers.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from experiment_svc.stats import difference, multinomial, sequence
from experiment_svc.stats.moments import Moments

Inputs = Mapping[str, Any]
Answer = dict[str, Any]


def _moments(sums: Inputs) -> Moments:
    mean = sums["sum"] / sums["n"]
    return Moments(sums["n"], mean, sums["sum_squares"] - sums["n"] * mean**2)


def _tuning(inputs: Inputs) -> Answer:
    rho2 = sequence.rho_squared(alpha=inputs["alpha"], optimal_units=inputs["n_opt"])
    return {"rho2": rho2}


def _half_width(inputs: Inputs) -> Answer:
    radius = sequence.half_width(
        variance=inputs["variance"],
        count=inputs["n"],
        alpha=inputs["alpha"],
        rho_squared=inputs["rho"] ** 2,
    )
    return {"halfwidth": radius}


def _two_samples(inputs: Inputs) -> Answer:
    found = difference.plain(_moments(inputs["control"]), _moments(inputs["treatment"]))
    assert isinstance(found, difference.Difference)
    rho2 = inputs["rho"] ** 2
    interval = sequence.interval(found, alpha=inputs["alpha"], rho_squared=rho2)
    assert isinstance(interval, sequence.Interval)
    return {
        "effect": found.effect,
        "ci": [interval.lower, interval.upper],
        "p_value": sequence.p_value(found, rho_squared=rho2),
    }


def _sample_ratio(inputs: Inputs) -> Answer:
    log_e = [
        multinomial.log_e_value(
            counts.tolist(), inputs["theta0"], k=inputs["dirichlet_concentration"]
        )
        for counts in np.cumsum(inputs["increments"], axis=0)
    ]
    return {
        "inverse_bayes_factor": [math.exp(-one) for one in log_e],
        "p_value_running_min": list(
            itertools.accumulate(map(multinomial.sequential_p, log_e), min)
        ),
    }


METHODS: dict[str, Callable[[Inputs], Answer]] = {
    "asymp_cs_rho2_exact": _tuning,
    "asymp_cs_halfwidth": _half_width,
    "asymp_cs_two_sample_absolute": _two_samples,
    "srm_sequential_dirichlet_multinomial": _sample_ratio,
}
