from __future__ import annotations

import pytest

from experiment_svc.stats.lift import lift
from experiment_svc.stats.moments import Moments
from experiment_svc.stats.phases import Phase
from experiment_svc.stats.undefined import Undefined


def test_the_lift_is_the_effect_over_the_control_in_the_units_that_count() -> None:
    first = (Moments.of([9.0, 11.0]), Moments.of([10.0, 12.0]))
    second = (Moments.of([29.0, 31.0] * 3), Moments.of([32.0, 34.0] * 3))
    does_not_count = (Moments.of([1e6, 1e6]), Moments())

    # (1/4 * 1 + 3/4 * 3) / (1/4 * 10 + 3/4 * 30)
    assert lift([first, second, does_not_count]) == pytest.approx(2.5 / 25.0)


def test_more_of_a_negative_metric_is_still_more() -> None:
    assert lift([(Moments.of([-5.0, -3.0]), Moments.of([-3.0, -1.0]))]) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("phases", "reason"),
    [
        ([(Moments.of([-1.0, 1.0]), Moments.of([1.0, 2.0]))], "mean is 0"),
        ([(Moments.of([-1e-300, 0.0]), Moments.of([1e100, 2e100]))], "too close to 0"),
        ([], "no phase"),
    ],
    ids=["zero", "almost zero", "no data"],
)
def test_without_a_control_mean_there_is_no_lift(phases: list[Phase], reason: str) -> None:
    found = lift(phases)

    assert isinstance(found, Undefined)
    assert reason in found.reason
