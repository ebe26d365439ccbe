from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from algolink.errors import InvalidArgument
from experiment_svc.domain import experiments, judging, results
from experiment_svc.domain.aggregates import Aggregates, Cell
from experiment_svc.domain.design import Rule
from experiment_svc.domain.experiments import Experiment
from experiment_svc.domain.judging import Judgement
from experiment_svc.domain.metrics import (
    Aggregation,
    Direction,
    Kind,
    Measure,
    Metric,
    Role,
)
from experiment_svc.domain.policies import (
    Action,
    Freeze,
    Guard,
    Policy,
    Promote,
    Step,
    weights_at,
)
from experiment_svc.stats.joint import JointMoments
from experiment_svc.stats.moments import Moments
from tests.experiment_svc.builders import NOON, a_draft, arms

CANARY = {"a": 9_000, "b": 1_000}
HALF = {"a": 5_000, "b": 5_000}
HOUR = timedelta(hours=1)
ERRORS = Metric(
    name="errors", kind=Kind.ERROR_RATE, aggregation=Aggregation.ANY, direction=Direction.DECREASE
)
CORRECT = Metric(
    name="correct",
    kind=Kind.BINARY,
    aggregation=Aggregation.ANY,
    direction=Direction.INCREASE,
    outcome="correct",
    minimum_effect=0.05,
)
MEASURES = [
    Measure(metric=CORRECT, role=Role.PRIMARY, margin=0.1),
    Measure(metric=ERRORS, role=Role.GUARDRAIL, margin=0.5),
]
Counts = Mapping[str, tuple[int, int]]
"""Units and those with an event, by arm."""


def a_policy(**changes: Any) -> Policy:
    return Policy(name="careful", **changes)


def running(policy: Policy, weights: Mapping[str, int] = HALF) -> Experiment:
    draft = replace(a_draft(weights=weights, measures=MEASURES), policy=policy)
    return experiments.start(draft, at=NOON)


def cells(counts: Counts, phase: int, newest: timedelta) -> list[Cell]:
    return [
        Cell(
            arm=arm,
            phase=phase,
            units=units,
            crossed=0,
            values=JointMoments.of_single(
                Moments(units, events / units, events * (1 - events / units))
            ),
            outcomes=units,
            outside=0,
            newest=NOON + newest,
        )
        for arm, (units, events) in counts.items()
    ]


def judged(
    policy: Policy,
    correct: Counts,
    errors: Counts | None = None,
    *,
    experiment: Experiment | None = None,
    after: timedelta = HOUR,
    newest: timedelta = HOUR,
) -> Judgement:
    experiment = experiment or running(policy)
    phase = experiment.phases[-1].number
    facts = Aggregates(
        cells={
            "correct": cells(correct, phase, newest),
            "errors": cells(
                errors or {arm: (units, units // 10) for arm, (units, _) in correct.items()},
                phase,
                newest,
            ),
        }
    )
    at = NOON + after
    return judging.judge(experiment, policy, results.compute(experiment, facts, at=at), at=at)


EQUAL: Counts = {"a": (1_000, 500), "b": (1_000, 500)}
BETTER: Counts = {"a": (4_000, 1_000), "b": (4_000, 3_000)}
WORSE: Counts = {"a": (4_000, 3_000), "b": (4_000, 1_000)}
FAILING: Counts = {"a": (1_000, 10), "b": (1_000, 200)}
RATHER_SURE: Counts = {"a": (40_000, 8_000), "b": (40_000, 8_000)}
SUPERIOR = {"promote": Promote.SUPERIOR}


def test_a_broken_guardrail_rolls_back_whatever_else_holds() -> None:
    always = Freeze(days=(6,), start=timedelta(), length=timedelta(hours=24))
    policy = a_policy(steps=(Step(share_bp=9_000),), freezes=(always,))

    found = judged(policy, BETTER, FAILING, newest=timedelta())

    assert found.action is Action.ROLL_BACK
    assert "b on errors" in found.reason


def test_a_step_waits_for_its_time_and_its_units() -> None:
    policy = a_policy(steps=(Step(share_bp=9_000, hold=HOUR, min_units=1_000),))
    too_few: Counts = {"a": (1_000, 500), "b": (999, 500)}

    early = judged(policy, EQUAL, after=HOUR - timedelta(seconds=1), newest=timedelta(minutes=55))

    assert early.action is Action.HOLD
    assert "holds for" in early.reason
    assert judged(policy, too_few).action is Action.HOLD
    found = judged(policy, EQUAL)
    assert (found.action, found.weights) == (Action.RAMP, {"a": 1_000, "b": 9_000})
    assert not found.waits


def test_nothing_moves_on_old_facts() -> None:
    policy = a_policy(steps=(Step(share_bp=9_000),), max_age=timedelta(minutes=5))

    found = judged(policy, EQUAL, newest=timedelta(minutes=54))

    assert found.action is Action.HOLD
    assert "older than" in found.reason


def test_nothing_moves_while_units_are_in_the_wrong_place() -> None:
    policy = a_policy(steps=(Step(share_bp=9_000),))

    found = judged(policy, {"a": (9_000, 900), "b": (1_000, 100)})

    assert found.action is Action.HOLD
    assert "not to be trusted" in found.reason


def test_what_blocks_decisions_does_not_block_a_rollback() -> None:
    policy = a_policy(steps=(Step(share_bp=9_000),))
    experiment = running(policy)

    def found(errors: Counts) -> Judgement:
        facts = Aggregates(
            cells={"correct": cells(EQUAL, 1, HOUR), "errors": cells(errors, 1, HOUR)}
        )
        at = NOON + HOUR
        computed = results.compute(experiment, facts, at=at)
        return judging.judge(experiment, policy, computed, blocked="exposures are lost", at=at)

    assert found(EQUAL).reason == "exposures are lost"
    assert found(FAILING).action is Action.ROLL_BACK


def test_a_freeze_stops_steps_but_reaches_into_the_next_day() -> None:
    night = Freeze(days=(5,), start=timedelta(hours=22), length=timedelta(hours=16))
    policy = a_policy(steps=(Step(share_bp=9_000),), freezes=(night,))

    assert NOON.weekday() == 6
    assert judged(policy, EQUAL).reason == "a freeze is on"
    later = judged(policy, EQUAL, after=2 * HOUR, newest=2 * HOUR)
    assert later.action is Action.RAMP


def test_a_winner_is_promoted_after_the_last_step_only() -> None:
    policy = a_policy(steps=(Step(share_bp=9_000),), **SUPERIOR, guardrails=Guard.UNBROKEN)
    done = replace(running(policy), step=1)

    assert judged(policy, BETTER).action is Action.RAMP
    found = judged(policy, BETTER, experiment=done)
    assert (found.action, found.winner) == (Action.PROMOTE, "b")
    assert judged(policy, EQUAL, experiment=done).action is Action.HOLD


def test_promotion_waits_until_guardrails_are_clear() -> None:
    clear, unbroken = a_policy(**SUPERIOR), a_policy(**SUPERIOR, guardrails=Guard.UNBROKEN)
    sure: Counts = {"a": (40_000, 8_000), "b": (40_000, 12_000)}

    few: Counts = {"a": (4_000, 4), "b": (4_000, 4)}

    assert judged(clear, BETTER, few).action is Action.HOLD
    assert judged(unbroken, BETTER, few).action is Action.PROMOTE
    assert judged(clear, sure, RATHER_SURE).action is Action.PROMOTE


def test_what_is_not_worse_may_be_promoted() -> None:
    policy = a_policy(promote=Promote.NON_INFERIOR, guardrails=Guard.UNBROKEN)

    assert judged(policy, EQUAL).action is Action.HOLD
    assert judged(policy, RATHER_SURE).action is Action.PROMOTE


def test_it_stops_when_all_lose_when_nobody_can_win_and_when_time_is_up() -> None:
    plain = a_policy(**SUPERIOR)
    futile = a_policy(**SUPERIOR, futility=True)
    ending = a_policy(**SUPERIOR, max_duration=HOUR)

    assert judged(plain, WORSE).action is Action.STOP
    assert judged(plain, RATHER_SURE).action is Action.HOLD
    assert judged(futile, RATHER_SURE).action is Action.STOP
    assert judged(ending, EQUAL).action is Action.STOP


def test_too_few_units_decide_nothing() -> None:
    assert judged(a_policy(**SUPERIOR, min_units=4_001), BETTER).action is Action.HOLD
    assert judged(a_policy(**SUPERIOR, min_units=4_001), WORSE).action is Action.HOLD


def test_what_a_person_must_approve_waits() -> None:
    policy = a_policy(
        steps=(Step(share_bp=9_000),), **SUPERIOR, approvals=(Action.RAMP, Action.PROMOTE)
    )

    found = judged(policy, EQUAL)

    assert found.waits
    assert found.key == "ramp a=1000 b=9000"


def test_arms_keep_their_proportion() -> None:
    three = arms({"a": 9_000, "b": 700, "c": 300})

    assert weights_at(three, 5_001) == {"a": 4_999, "b": 3_501, "c": 1_500}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"steps": (Step(share_bp=5_000), Step(share_bp=5_000))}, "steps"),
        ({"steps": (Step(share_bp=10_001),)}, "steps"),
        ({"steps": (Step(share_bp=1, hold=-HOUR),)}, "steps"),
        ({"steps": (Step(share_bp=1, hold=2 * HOUR),), "max_duration": HOUR}, "max_duration"),
        ({"min_units": 1}, "min_units"),
        ({"approvals": (Action.STOP,)}, "approvals"),
        ({"approvals": (Action.PROMOTE,)}, "approvals"),
        ({"approvals": (Action.RAMP,), **SUPERIOR}, "approvals"),
        ({"freezes": (Freeze(days=(7,), start=HOUR, length=HOUR),)}, "freezes"),
        (
            {"freezes": (Freeze(days=tuple(range(7)), start=HOUR, length=24 * HOUR),)},
            "freezes",
        ),
        ({"max_age": timedelta()}, "max_age"),
    ],
)
def test_a_policy_that_contradicts_itself_is_refused(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        a_policy(**changes)

    assert (caught.value.reason, caught.value.metadata["field"]) == ("POLICY_INVALID", field)


@pytest.mark.parametrize(
    ("policy", "measures", "rule"),
    [
        (a_policy(**SUPERIOR), MEASURES[1:], None),
        (a_policy(**SUPERIOR), MEASURES, Rule(auto_conclude=True)),
        (
            a_policy(promote=Promote.NON_INFERIOR),
            [Measure(metric=CORRECT, role=Role.PRIMARY)],
            None,
        ),
        (
            a_policy(futility=True),
            [Measure(metric=replace(CORRECT, minimum_effect=0.0), role=Role.PRIMARY)],
            None,
        ),
        (a_policy(steps=(Step(share_bp=1_000),)), MEASURES, None),
    ],
)
def test_a_policy_that_does_not_fit_the_experiment_is_refused(
    policy: Policy, measures: list[Measure], rule: Rule | None
) -> None:
    with pytest.raises(InvalidArgument) as caught:
        a_draft(weights=CANARY, measures=measures, rule=rule, policy=policy)

    assert caught.value.reason == "POLICY_UNFIT"
