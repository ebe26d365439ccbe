from __future__ import annotations

import math
from datetime import timedelta

import pytest

from algolink.errors import InvalidArgument
from experiment_svc.domain import design
from experiment_svc.domain.design import Analysis, Arm, Rule
from tests.experiment_svc.builders import a_metric


@pytest.mark.parametrize("alpha", [0.0, -0.1, 0.51, math.nan, math.inf])
def test_alpha_is_over_0_and_at_most_a_half(alpha: float) -> None:
    with pytest.raises(InvalidArgument) as caught:
        Analysis(alpha=alpha)

    assert caught.value.reason == "ANALYSIS_INVALID"


@pytest.mark.parametrize("srm_alpha", [0.0, 0.11, math.nan])
def test_the_alarm_rate_is_over_0_and_at_most_a_tenth(srm_alpha: float) -> None:
    with pytest.raises(InvalidArgument) as caught:
        Analysis(srm_alpha=srm_alpha)

    assert caught.value.reason == "ANALYSIS_INVALID"


@pytest.mark.parametrize("optimal_units", [9, -1, 10**9 + 1])
def test_optimal_units_have_bounds(optimal_units: int) -> None:
    with pytest.raises(InvalidArgument) as caught:
        Analysis(optimal_units=optimal_units)

    assert caught.value.reason == "ANALYSIS_INVALID"


@pytest.mark.parametrize("window", [timedelta(milliseconds=-1), timedelta(days=90, seconds=1)])
def test_a_window_is_0_to_90_days(window: timedelta) -> None:
    with pytest.raises(InvalidArgument) as caught:
        a_metric(window=window)

    assert caught.value.reason == "METRIC_INVALID"


@pytest.mark.parametrize("rule", [{"min_units_per_arm": 1}, {"min_phases": 0}])
def test_a_rule_has_bounds(rule: dict[str, int]) -> None:
    with pytest.raises(InvalidArgument) as caught:
        Rule(**rule)  # type: ignore[arg-type]  # only integers are given

    assert caught.value.reason == "RULE_INVALID"


@pytest.mark.parametrize(
    "second", [Arm(id="a", version=2, weight_bp=5_000), Arm(id="b", version=1, weight_bp=5_000)]
)
def test_arms_differ_in_id_and_version(second: Arm) -> None:
    with pytest.raises(InvalidArgument) as caught:
        design.check_arms([Arm(id="a", version=1, weight_bp=5_000), second])

    assert caught.value.reason == "ARMS_INVALID"


@pytest.mark.parametrize("description", ["x" * 1_001, "a\0b"])
def test_a_description_that_cannot_be_kept_is_refused(description: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        design.check_description(description)

    assert caught.value.reason == "DESCRIPTION_INVALID"
