"""The core under the names of the public oracles (`run_oracles.py --adapter`).

Each entry reads a case's inputs, calls the core, and names what it answers.
"""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from experiment_svc.stats import (
    allocation,
    bayes,
    best_arm,
    chi_square,
    cuped,
    difference,
    miettinen_nurminen,
    multinomial,
    multiplicity,
    non_inferiority,
    one_sided,
    power,
    proportion_intervals,
    proportions,
    quantile,
    ratio,
    relative,
    sample_size,
    sequence,
    welch,
)
from experiment_svc.stats.fixed import Alternative, FixedTest, judge
from experiment_svc.stats.joint import JointMoments
from experiment_svc.stats.moments import Moments
from experiment_svc.stats.non_inferiority import Direction
from experiment_svc.stats.proportions import Proportion
from experiment_svc.stats.quantile import QuantileBounds
from experiment_svc.stats.sequence import Interval
from experiment_svc.stats.undefined import Undefined
from tests.experiment_svc.stats import statsmodels_defect

Inputs = Mapping[str, Any]
Answer = dict[str, Any]
Pair = tuple[Moments, Moments]
Known = TypeVar("Known")

ROWS = pathlib.Path(__file__).parents[4] / "shared" / "stats" / "rows.json"
ALPHA = 0.05
"""Error rate of cases that name none."""


def known(found: Known | Undefined) -> Known:
    assert not isinstance(found, Undefined), found.reason
    return found


def alpha_of(inputs: Inputs) -> float:
    return float(inputs.get("alpha", ALPHA))


# Arms, as the cases give them


def by_sums(inputs: Inputs) -> Pair:
    control, treatment = (
        Moments.of_sums(arm["n"], arm["sum"], arm["sum_squares"])
        for arm in (inputs["control"], inputs["treatment"])
    )
    return control, treatment


def by_deviations(inputs: Inputs) -> Pair:
    control, treatment = (
        Moments.of_deviation(arm["n"], arm["mean"], arm["sd"])
        for arm in (inputs["control"], inputs["treatment"])
    )
    return control, treatment


def by_covariances(inputs: Inputs, names: Sequence[str]) -> list[JointMoments]:
    def covariance(arm: Inputs, one: str, other: str) -> float:
        if one == other:
            return float(arm["var"][one])
        return float(arm["cov"]["|".join(sorted((one, other)))])

    return [
        JointMoments.of_covariances(
            arm["n"],
            [arm["mean"][name] for name in names],
            [[covariance(arm, one, other) for other in names] for one in names],
        )
        for arm in (inputs["control"], inputs["treatment"])
    ]


def by_two_sums(inputs: Inputs, one: str, other: str, cross: str) -> list[JointMoments]:
    return [
        JointMoments.of_sums(
            arm["n"],
            [arm[f"{one}_sum"], arm[f"{other}_sum"]],
            [
                [arm[f"{one}_sum_squares"], arm[cross]],
                [arm[cross], arm[f"{other}_sum_squares"]],
            ],
        )
        for arm in (inputs["control"], inputs["treatment"])
    ]


def outcome_and_covariate(inputs: Inputs) -> list[JointMoments]:
    return by_two_sums(inputs, "y", "x", "xy_sum")


def ratio_by_sums(inputs: Inputs) -> Pair:
    control, treatment = by_two_sums(inputs, "num", "den", "cross_sum")
    return known(ratio.linearised(control)), known(ratio.linearised(treatment))


def ratio_by_covariances(inputs: Inputs) -> Pair:
    control, treatment = by_covariances(inputs, (inputs["numer"], inputs["denom"]))
    return known(ratio.linearised(control)), known(ratio.linearised(treatment))


def shares(inputs: Inputs) -> tuple[Proportion, Proportion]:
    control, treatment = (
        Proportion(arm["n"], arm["successes"]) for arm in (inputs["control"], inputs["treatment"])
    )
    return control, treatment


def shares_as_means(inputs: Inputs) -> Pair:
    control, treatment = shares(inputs)
    return control.moments, treatment.moments


def quantiles(inputs: Inputs) -> Pair:
    control, treatment = (
        known(
            QuantileBounds(
                count=arm["n"],
                bounds_count=arm["n_star"],
                level=arm["nu"],
                estimate=arm["quantile_hat"],
                lower=arm["quantile_lower"],
                upper=arm["quantile_upper"],
            ).moments
        )
        for arm in (inputs["control"], inputs["treatment"])
    )
    return control, treatment


# Answers, as the cases name them


def named(found: FixedTest) -> Answer:
    return {
        "effect": found.effect,
        "ci": [found.lower, found.upper],
        "ci_lower": found.lower,
        "ci_upper": found.upper,
        "p_value": found.p_value,
        "stderr": found.standard_error,
        "df": found.degrees,
        "z": found.statistic,
        "t_abs": abs(found.statistic),
        "z_squared": found.chi_square,
    }


def ends(interval: Interval | Undefined) -> Answer:
    found = known(interval)
    return {"ci": [found.lower, found.upper]}


def absolute(arms: Callable[[Inputs], Pair]) -> Callable[[Inputs], Answer]:
    return lambda inputs: named(known(welch.absolute(*arms(inputs), alpha=alpha_of(inputs))))


def greater(arms: Callable[[Inputs], Pair]) -> Callable[[Inputs], Answer]:
    def answer(inputs: Inputs) -> Answer:
        control, treatment = arms(inputs)
        side = Alternative.GREATER
        found = welch.absolute(control, treatment, alpha=alpha_of(inputs), alternative=side)
        return named(known(found))

    return answer


def by_taylor(arms: Callable[[Inputs], Pair]) -> Callable[[Inputs], Answer]:
    return lambda inputs: named(known(welch.taylor(*arms(inputs), alpha=alpha_of(inputs))))


def with_log_lift(control: Moments, treatment: Moments, alpha: float) -> Answer:
    lift = known(welch.logarithmic(control, treatment, alpha=alpha))
    return named(known(welch.absolute(control, treatment, alpha=alpha))) | {
        "rel_effect": lift.effect,
        "rel_ci": [lift.lower, lift.upper],
    }


def at_any_look(measured: difference.Difference | Undefined, inputs: Inputs) -> Answer:
    found = known(measured)
    rho_squared = sequence.mixing_variance(inputs["rho"])
    interval = sequence.interval(found, alpha=inputs["alpha"], rho_squared=rho_squared)
    p_value = sequence.p_value(found, rho_squared=rho_squared)
    return ends(interval) | {"effect": found.effect, "p_value": known(p_value)}


# Methods of more than one call


def welch_rows(inputs: Inputs) -> Answer:
    rows = json.loads(ROWS.read_text())
    values, treated = np.array(rows["y"]), np.array(rows["t"], dtype=bool)
    arms = Moments.of(values[~treated]), Moments.of(values[treated])
    return named(known(welch.absolute(*arms, alpha=alpha_of(inputs))))


def welch_moments(inputs: Inputs) -> Answer:
    control, treatment = by_covariances(inputs, [inputs["metric"]])
    return with_log_lift(control.moments(0), treatment.moments(0), inputs["alpha"])


def z_test_means(inputs: Inputs) -> Answer:
    measured = known(difference.plain(*by_sums(inputs)))
    return named(known(judge(measured, alpha=inputs["alpha"])))


def cuped_absolute(inputs: Inputs) -> Answer:
    adjusted = known(cuped.means(outcome_and_covariate(inputs)))
    found = welch.absolute(*adjusted.arms, alpha=inputs["alpha"])
    return named(known(found)) | {"theta": adjusted.theta}


def cuped_relative(inputs: Inputs) -> Answer:
    control, treatment = outcome_and_covariate(inputs)
    adjusted = known(cuped.means([control, treatment]))
    measured = known(relative.taylor_adjusted(control, treatment, theta=adjusted.theta))
    found = welch.judge(measured, *adjusted.arms, alpha=inputs["alpha"])
    return named(known(found)) | {"theta": adjusted.theta}


def cuped_moments(inputs: Inputs) -> Answer:
    arms = by_covariances(inputs, (inputs["metric"], inputs["covariate"]))
    control, treatment = known(cuped.means(arms)).arms
    return with_log_lift(control, treatment, inputs["alpha"])


def ratio_cuped(inputs: Inputs) -> Answer:
    names = [inputs[f"{part}{of}"] for of in ("", "_covariate") for part in ("numer", "denom")]
    control, treatment = known(cuped.ratios(by_covariances(inputs, names))).arms
    return with_log_lift(control, treatment, inputs["alpha"])


def cuped_at_any_look(inputs: Inputs) -> Answer:
    control, treatment = known(cuped.means(outcome_and_covariate(inputs))).arms
    return at_any_look(difference.plain(control, treatment), inputs)


def pooled_z(inputs: Inputs) -> Answer:
    control, treatment = shares(inputs)
    interval = known(proportions.wald(control, treatment, alpha=inputs["alpha"]))
    return named(known(proportions.pooled_z(control, treatment))) | {
        "ci": [interval.lower, interval.upper]
    }


def non_inferior_mean(inputs: Inputs) -> Answer:
    control, treatment = by_sums(inputs)
    margin = inputs["margin_relative"]
    direction = Direction(inputs["preferred_direction"])
    found = non_inferiority.z_test(
        control, treatment, margin=margin, direction=direction, alpha=inputs["alpha"]
    )
    null = non_inferiority.null_effect(control.mean, margin=margin, direction=direction)
    return named(known(found)) | {"null_hypothesis": null}


def non_inferior_share(inputs: Inputs) -> Answer:
    control, treatment = shares(inputs)
    found = proportions.non_inferiority(
        control, treatment, margin=inputs["margin_absolute"], alpha=alpha_of(inputs)
    )
    return named(known(found))


def quantile_ranks(inputs: Inputs) -> Answer:
    values = json.loads(ROWS.read_text())[inputs["data"].removeprefix("rows.json ")]
    level, alpha = inputs["quantile"], inputs["alpha"]
    found = quantile.ranks(inputs["n"], quantile=level, alpha=alpha)
    interval = quantile.interval(values, quantile=level, alpha=alpha)
    return ends(interval) | {"lower_rank": found.lower, "upper_rank": found.upper}


def gaussian_lift(inputs: Inputs) -> Answer:
    given = inputs["prior"]
    prior = None if given is None else bayes.Prior(given["mean"], given["variance"])
    measured = known(relative.taylor(*by_sums(inputs)))
    found = known(bayes.posterior(measured, alpha=inputs["alpha"], prior=prior))
    return ends(found.credible) | {
        "effect": found.mean,
        "chance_to_win": found.chance_to_win,
        "risk_control": found.risk_control,
        "risk_treatment": found.risk_treatment,
    }


def sample_ratio(inputs: Inputs) -> Answer:
    found = known(chi_square.sample_ratio(inputs["counts"], inputs["weights"]))
    return {"chi2": found.statistic, "p_value": found.p_value}


def sequential_sample_ratio(inputs: Inputs) -> Answer:
    looks = multinomial.looks(
        inputs["increments"], inputs["theta0"], k=inputs["dirichlet_concentration"]
    )
    return {
        "inverse_bayes_factor": [look.inverse_e for look in looks],
        "p_value_running_min": [look.p_value for look in looks],
    }


def false_discoveries(inputs: Inputs) -> Answer:
    p_values = inputs["p_values"]
    return {
        "adjusted": multiplicity.benjamini_hochberg(p_values),
        "n_rejected": multiplicity.discoveries(p_values, q=inputs.get("q", ALPHA)),
    }


METHODS: dict[str, Callable[[Inputs], Answer]] = {
    "asymp_cs_cuped_absolute": cuped_at_any_look,
    "asymp_cs_halfwidth": lambda inputs: {
        "halfwidth": sequence.half_width(
            variance=inputs["variance"],
            count=inputs["n"],
            alpha=inputs["alpha"],
            rho_squared=sequence.mixing_variance(inputs["rho"]),
        )
    },
    "asymp_cs_halfwidth_one_sided": lambda inputs: {
        "halfwidth": one_sided.half_width(
            variance=inputs["variance"],
            count=inputs["n"],
            alpha=inputs["alpha"],
            rho_squared=sequence.mixing_variance(inputs["rho"]),
        )
    },
    "asymp_cs_ratio_absolute": lambda inputs: at_any_look(
        difference.plain(*ratio_by_sums(inputs)), inputs
    ),
    "asymp_cs_rho2_exact": lambda inputs: {
        "rho2": sequence.rho_squared(alpha=inputs["alpha"], optimal_units=inputs["n_opt"])
    },
    "asymp_cs_two_sample_absolute": lambda inputs: at_any_look(
        difference.plain(*by_sums(inputs)), inputs
    ),
    "asymp_cs_two_sample_relative": lambda inputs: at_any_look(
        relative.taylor(*by_sums(inputs)), inputs
    ),
    "bayes_gaussian_lift": gaussian_lift,
    "benjamini_hochberg": false_discoveries,
    "cuped_absolute": cuped_absolute,
    "cuped_moments": cuped_moments,
    "cuped_relative": cuped_relative,
    "holm": lambda inputs: {"adjusted": multiplicity.holm(inputs["p_values"])},
    "mde_mean": lambda inputs: {
        "mde": power.detectable_mean(
            deviation=inputs["sd"],
            units_per_arm=inputs["n_per_arm"],
            alpha=inputs["alpha"],
            power=inputs["power"],
        )
    },
    "min_allocation_floor_additive": lambda inputs: {
        "weights": allocation.with_floor(inputs["weights"], floor=inputs["floor"])
    },
    "non_inferiority_z": non_inferior_mean,
    "power_mean": lambda inputs: {
        "power": power.of_mean(
            mde=inputs["mde_absolute"],
            deviation=inputs["sd"],
            units_per_arm=inputs["n_per_arm"],
            alpha=inputs["alpha"],
        )
    },
    "proportion_non_inferiority_wald": non_inferior_share,
    "proportion_relative_welch": by_taylor(shares_as_means),
    "quantile_absolute": absolute(quantiles),
    "quantile_ci_order_statistic": quantile_ranks,
    "quantile_relative": by_taylor(quantiles),
    "ratio_cuped_delta_moments": ratio_cuped,
    "ratio_delta_absolute": absolute(ratio_by_sums),
    "ratio_delta_moments": lambda inputs: with_log_lift(
        *ratio_by_covariances(inputs), inputs["alpha"]
    ),
    "ratio_delta_moments_greater": greater(ratio_by_covariances),
    "ratio_delta_relative": by_taylor(ratio_by_sums),
    "sample_size_mean_per_arm": lambda inputs: {
        "n_per_arm": sample_size.mean_by_t(
            mde=inputs["mde_absolute"],
            deviation=inputs["sd"],
            alpha=inputs["alpha"],
            power=inputs["power"],
        )
    },
    "sample_size_mean_total": lambda inputs: {
        "n_total": sample_size.mean_total(
            variance=inputs["variance"],
            mde=inputs["mde_absolute"],
            alpha=inputs["alpha"],
            power=inputs["power"],
            two_sided=inputs.get("two_sided", True),
        )
    },
    "sample_size_mean_unequal": lambda inputs: {
        "n_control": sample_size.mean_by_t(
            mde=inputs["mde_absolute"],
            deviation=inputs["sd"],
            alpha=inputs["alpha"],
            power=inputs["power"],
            ratio=inputs["ratio_treat_to_control"],
        )
    },
    "sample_size_proportion_per_arm": lambda inputs: {
        "n_per_arm": sample_size.share_per_arm(
            baseline=inputs["baseline"],
            mde=inputs["mde_absolute"],
            alpha=inputs["alpha"],
            power=inputs["power"],
            two_sided=inputs.get("two_sided", True),
        )
    },
    "sample_size_proportion_total": lambda inputs: {
        "n_total": sample_size.share_total(
            baseline=inputs["baseline"],
            mde=inputs["mde_absolute"],
            alpha=inputs["alpha"],
            power=inputs["power"],
            two_sided=inputs.get("two_sided", True),
        )
    },
    "srm_chi2": sample_ratio,
    "srm_sequential_dirichlet_multinomial": sequential_sample_ratio,
    "thompson_best_arm_beta": lambda inputs: {
        "best_arm_probabilities": best_arm.of_betas(inputs["posteriors"])
    },
    "thompson_best_arm_normal": lambda inputs: {
        "best_arm_probabilities": best_arm.of_normals(inputs["means"], inputs["sds"])
    },
    "two_proportion_ci_miettinen_nurminen": lambda inputs: ends(
        miettinen_nurminen.interval(
            *shares(inputs),
            alpha=inputs["alpha"],
            likeliest=statsmodels_defect.likeliest_share,
        )
    ),
    "two_proportion_ci_newcombe": lambda inputs: ends(
        proportion_intervals.newcombe(*shares(inputs), alpha=inputs["alpha"])
    ),
    "two_proportion_z_pooled": pooled_z,
    "two_proportion_z_unpooled": lambda inputs: named(
        known(proportions.wald(*shares(inputs), alpha=inputs["alpha"]))
    ),
    "welch_absolute": absolute(by_sums),
    "welch_absolute_greater": greater(by_sums),
    "welch_absolute_rows": welch_rows,
    "welch_from_moments": absolute(by_deviations),
    "welch_moments": welch_moments,
    "welch_relative": by_taylor(by_sums),
    "z_test_means": z_test_means,
}
