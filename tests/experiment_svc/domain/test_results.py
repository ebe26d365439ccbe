from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pytest

from experiment_svc.domain import decisions, experiments, results
from experiment_svc.domain.aggregates import Aggregates, Cell
from experiment_svc.domain.comparing import Effect
from experiment_svc.domain.design import Rule
from experiment_svc.domain.experiments import Experiment
from experiment_svc.domain.metrics import Direction
from experiment_svc.domain.results import SAMPLE_RATIO
from experiment_svc.stats.joint import JointMoments
from experiment_svc.stats.moments import Moments
from experiment_svc.stats.undefined import Undefined
from tests.experiment_svc.builders import NOON, a_metric, a_running, a_verdict

LATER = NOON + timedelta(hours=1)
HALF = {"a": 5_000, "b": 5_000}
THIRDS = {"a": 3_334, "b": 3_333, "c": 3_333}


def share_right(count: int, right: int) -> Moments:
    """Moments of `count` zeros and ones, `right` of them ones."""
    return Moments(count, right / count, right * (1 - right / count)) if count else Moments()


def facts(
    cells: Mapping[tuple[str, int], Moments], *, lowest_p: Mapping[str, float] | None = None
) -> Aggregates:
    """Moments by (arm, phase), every unit with a value."""
    return Aggregates(
        cells={
            "correct": [
                Cell(
                    arm=arm,
                    phase=phase,
                    units=values.count,
                    crossed=0,
                    values=JointMoments.of_single(values),
                    outcomes=values.count,
                    outside=0,
                )
                for (arm, phase), values in cells.items()
            ]
        },
        lowest_p=lowest_p or {},
    )


def a_split(
    weights: Mapping[str, int] = HALF,
    *,
    direction: Direction = Direction.INCREASE,
    rule: Rule | None = None,
) -> Experiment:
    return a_running(weights=weights, metric=a_metric(direction=direction), rule=rule)


def effect_of(experiment: Experiment, aggregates: Aggregates, arm: str = "b") -> Effect:
    found = results.compute(experiment, aggregates, at=LATER)
    effect = next(item.effect for item in found.comparisons if item.arm == arm)
    assert isinstance(effect, Effect)
    return effect


def winner_of(experiment: Experiment, aggregates: Aggregates) -> str:
    found = results.compute(experiment, aggregates, at=LATER)
    return decisions.recommend(experiment, found).winner


def test_drift_between_phases_is_no_effect() -> None:
    """The pooled means say that b is worse, though in each phase it is as good."""
    experiment = experiments.ramp(
        a_split({"a": 9_000, "b": 1_000}), {"a": 1_000, "b": 9_000}, at=LATER
    )
    aggregates = facts(
        {
            ("a", 1): share_right(900, 810),
            ("b", 1): share_right(100, 90),
            ("a", 2): share_right(100, 10),
            ("b", 2): share_right(900, 90),
        }
    )

    assert effect_of(experiment, aggregates).value == pytest.approx(0.0)
    pooled = results.compute(experiment, aggregates, at=LATER).measured[0].arms
    assert pooled[0].estimate == pytest.approx(0.82)
    assert pooled[1].estimate == pytest.approx(0.18)


def test_the_winners_own_phase_changes_nothing() -> None:
    running = a_split()
    first = {("a", 1): share_right(500, 250), ("b", 1): share_right(500, 300)}
    concluded = experiments.conclude(running, a_verdict("b", 2), at=LATER)
    more = {**first, ("b", 2): share_right(4_000, 4_000)}

    before = results.compute(running, facts(first), at=LATER)
    after = results.compute(concluded, facts(more), at=LATER)

    assert after.comparisons == before.comparisons
    assert after.sample_ratio == before.sample_ratio


def test_arms_share_the_error_rate() -> None:
    two = {("a", 1): share_right(500, 250), ("b", 1): share_right(500, 300)}
    three = {**two, ("c", 1): share_right(500, 260)}

    alone = effect_of(a_split(), facts(two))
    beside = effect_of(a_split(THIRDS), facts(three))

    assert beside.value == alone.value
    assert beside.upper - beside.lower > alone.upper - alone.lower
    assert beside.p_value > alone.p_value


@pytest.mark.parametrize("right", range(240, 360, 10))
@pytest.mark.parametrize("weights", [HALF, THIRDS])
def test_the_p_value_is_under_alpha_exactly_when_the_interval_excludes_0(
    right: int, weights: Mapping[str, int]
) -> None:
    aggregates = facts({("a", 1): share_right(500, 250), ("b", 1): share_right(500, right)})

    effect = effect_of(a_split(weights), aggregates)

    assert (effect.p_value <= 0.05) == (not effect.lower <= 0.0 <= effect.upper)


def test_what_cannot_be_computed_says_why() -> None:
    same = facts({("a", 1): share_right(500, 500), ("b", 1): share_right(500, 500)})

    none = results.compute(a_split(), Aggregates(), at=LATER).comparisons[0].effect
    flat = results.compute(a_split(), same, at=LATER).comparisons[0].effect

    assert isinstance(none, Undefined)
    assert isinstance(flat, Undefined)
    assert none.reason
    assert flat.reason


def test_p_values_stay_at_their_lowest() -> None:
    aggregates = facts(
        {("a", 1): share_right(500, 250), ("b", 1): share_right(500, 250)},
        lowest_p={"b": 0.01, SAMPLE_RATIO: 0.0005},
    )

    found = results.compute(a_split(), aggregates, at=LATER)

    assert found.p_values() == {"b": 0.01, SAMPLE_RATIO: 0.0005}
    assert found.sample_ratio.mismatch


def test_each_phase_has_its_own_expected_ratio() -> None:
    experiment = experiments.ramp(a_split({"a": 9_000, "b": 1_000}), HALF, at=LATER)
    as_the_weights_say = facts(
        {
            ("a", 1): share_right(9_000, 1),
            ("b", 1): share_right(1_000, 1),
            ("a", 2): share_right(1_000, 1),
            ("b", 2): share_right(1_000, 1),
        }
    )
    other_way_round = facts(
        {
            ("a", 1): share_right(5_000, 1),
            ("b", 1): share_right(5_000, 1),
            ("a", 2): share_right(5_000, 1),
            ("b", 2): share_right(5_000, 1),
        }
    )

    assert not results.compute(experiment, as_the_weights_say, at=LATER).sample_ratio.mismatch
    assert results.compute(experiment, other_way_round, at=LATER).sample_ratio.mismatch


CLEAR = {("a", 1): share_right(500, 100), ("b", 1): share_right(500, 400)}


def test_the_better_arm_is_recommended() -> None:
    assert winner_of(a_split(), facts(CLEAR)) == "b"


def test_where_less_is_better_the_control_is() -> None:
    assert winner_of(a_split(direction=Direction.DECREASE), facts(CLEAR)) == "a"


def test_the_best_of_several_better_arms_is_recommended() -> None:
    cells = {**CLEAR, ("c", 1): share_right(500, 450)}

    assert winner_of(a_split(THIRDS), facts(cells)) == "c"


def test_the_control_wins_only_when_all_others_are_worse() -> None:
    worse = {("a", 1): share_right(500, 400), ("b", 1): share_right(500, 100)}

    open_still = {**worse, ("c", 1): share_right(500, 395)}
    all_worse = {**worse, ("c", 1): share_right(500, 90)}

    assert winner_of(a_split(THIRDS), facts(open_still)) == ""
    assert winner_of(a_split(THIRDS), facts(all_worse)) == "a"


def test_a_mismatch_of_the_ratio_forbids_a_recommendation() -> None:
    cells = {("a", 1): share_right(900, 100), ("b", 1): share_right(300, 280)}

    found = results.compute(a_split(), facts(cells), at=LATER)

    recommendation = decisions.recommend(a_split(), found)
    assert recommendation.winner == ""
    assert "not to be trusted" in recommendation.reason


def test_too_few_units_forbid_a_recommendation() -> None:
    rule = Rule(min_units_per_arm=501)

    assert winner_of(a_split(rule=rule), facts(CLEAR)) == ""


def test_exposures_of_an_arm_that_it_does_not_have_are_counted_but_not_analysed() -> None:
    aggregates = Aggregates(requests={("a", 1): 3, ("stranger", 9): 2})

    found = results.compute(a_split(), aggregates, at=LATER)

    assert found.exposures == 5
    assert [arm.requests for arm in found.arms] == [3, 0]
