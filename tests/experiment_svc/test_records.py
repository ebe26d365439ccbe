"""Experiments as they lie in the database, those of earlier releases too."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

from experiment_svc import records
from experiment_svc.domain.metrics import (
    Aggregation,
    Covariate,
    Direction,
    Kind,
    Measure,
    Metric,
    Role,
)
from experiment_svc.domain.policies import Action, Freeze, Guard, Policy, Promote, Step
from tests.experiment_svc.builders import a_metric, a_running, primary

HOUR = timedelta(hours=1)


def test_everything_comes_back() -> None:
    metric = Metric(
        name="per-visit",
        version=3,
        kind=Kind.RATIO,
        aggregation=Aggregation.SUM,
        direction=Direction.INCREASE,
        outcome="revenue",
        denominator="visits",
        window=HOUR,
        lateness=timedelta(),
        covariate=Covariate(outcome="revenue", denominator="visits", period=HOUR),
        minimum_effect=0.5,
    )
    policy = Policy(
        name="careful",
        version=2,
        steps=(Step(share_bp=6_000, hold=HOUR, min_units=5),),
        promote=Promote.NON_INFERIOR,
        guardrails=Guard.UNBROKEN,
        futility=True,
        max_duration=9 * HOUR,
        approvals=(Action.PROMOTE, Action.RAMP),
        freezes=(Freeze(days=(0, 6), start=HOUR, length=2 * HOUR),),
        max_age=HOUR,
    )
    running = replace(
        a_running(measures=[Measure(metric=metric, role=Role.PRIMARY, margin=0.1)], policy=policy),
        step=1,
        awaiting="promote b",
        approved="promote b",
        allow_incompatible=True,
    )

    assert records.load(records.dump(running), revision=running.revision) == running


def test_an_experiment_from_before_there_were_several_metrics_has_its_one() -> None:
    running = a_running(metric=a_metric(aggregation=Aggregation.ANY, window=HOUR))
    body = json.loads(records.dump(running))
    for key in ("measures", "policy", "step", "awaiting", "approved", "refusal"):
        del body[key]
    del body["allow_incompatible"]
    body["metric"] = {
        "name": "correct",
        "aggregation": "any",
        "direction": "increase",
        "window_us": 3_600_000_000,
    }

    loaded = records.load(json.dumps(body), revision=running.revision)

    assert loaded == running
    assert loaded.measures == (primary(running.measures[0].metric),)
