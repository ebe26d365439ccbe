from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from algolink.client import Analysis, Arm, Metric, Rule, Use
from algolink.errors import InvalidArgument
from cli import experiment_file

EXAMPLES = Path(__file__).parents[2] / "examples"


def parse(value: object) -> experiment_file.ExperimentFile:
    return experiment_file.parse(yaml.safe_dump(value), "e.yaml")


def a_file(**changes: object) -> dict[str, Any]:
    """The example with other values; None leaves a key out."""
    values = yaml.safe_load(experiment_file.EXAMPLE) | changes
    return {key: value for key, value in values.items() if value is not None}


def test_the_example_means_what_it_says() -> None:
    parsed = experiment_file.parse(experiment_file.EXAMPLE, "e.yaml")

    assert parsed == experiment_file.ExperimentFile(
        name="iris-2",
        model="iris",
        arms=(Arm("champion", 1, 9_000), Arm("challenger", 2, 1_000)),
        metric=Metric("correct"),
        unit="header",
        analysis=Analysis(alpha=0.05, optimal_units=5_000, srm_alpha=0.001),
        rule=Rule(auto_conclude=True, min_units_per_arm=100, min_phases=1),
        description="Is the new one better?",
    )


def test_what_may_be_left_out_takes_the_defaults() -> None:
    parsed = parse(a_file(unit=None, rule=None, analysis=None, description=None))

    assert parsed.unit == "header"
    assert parsed.rule is None
    assert parsed.analysis is None


@pytest.mark.parametrize(
    ("window", "span"),
    [
        ("30s", timedelta(seconds=30)),
        ("7d", timedelta(days=7)),
        ("250ms", timedelta(0, 0, 250_000)),
    ],
)
def test_windows_have_units(window: str, span: timedelta) -> None:
    metric = parse(a_file(metric={"name": "m", "window": window})).metric

    assert metric is not None
    assert metric.window == span


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"modle": "iris"}, r"e.yaml: line \d+: modle: no such key; did you mean model?"),
        ({"name": None}, "e.yaml: name: is missing"),
        ({"model": 7}, r"e.yaml: line \d+: model: '7' must be text"),
        ({"arms": {}}, r"e.yaml: line \d+: arms: '{}' must be a list"),
        ({"arms": [1]}, r"e.yaml: line \d+: arms\[0\] must be a mapping"),
        ({"arms": [{"id": "a", "version": "1", "weight": "1%"}]}, r"arms\[0\].version: '1' must"),
        ({"arms": [{"id": "a", "version": True, "weight": "1%"}]}, r"arms\[0\].version: 'True'"),
        ({"arms": [{"id": "a", "version": 1}]}, r"arms\[0\].weight: give either"),
        ({"arms": [{"id": "a", "version": 1, "weight": "lots"}]}, r"arms\[0\].weight: 'lots'"),
        ({"arms": [{"id": "a", "version": 1, "weight": "1%", "x": 1}]}, r"arms\[0\].x: no such"),
        ({"metric": {"name": "m", "aggregation": "median"}}, "metric.aggregation: 'median' must"),
        ({"metric": {"name": "m", "window": "soon"}}, "metric.window: 'soon' is not a time"),
        ({"rule": {"auto_conclude": "yes please"}}, "rule.auto_conclude: 'yes please' must be"),
        ({"analysis": {"alpha": "small"}}, "analysis.alpha: 'small' must be a number"),
        ({"unit": "users"}, r"e.yaml: line \d+: unit: 'users' must be one of header, request"),
    ],
)
def test_a_mistake_is_named_by_its_key(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message) as caught:
        parse(a_file(**changes))

    assert caught.value.reason == "EXPERIMENT_FILE_INVALID"


@pytest.mark.parametrize("text", ["", "just words", "- a list", "{", "a: b: c"])
def test_what_is_no_mapping_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument, match=r"^e\.yaml"):
        experiment_file.parse(text, "e.yaml")


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.name)
def test_the_examples_of_the_repository_can_be_read(path: Path) -> None:
    assert experiment_file.parse(path.read_text(), path.name).name


def test_metrics_are_named_by_role() -> None:
    parsed = parse(
        a_file(
            metric=None,
            metrics={
                "primary": {"metric": "correct@2", "margin": "1.5%"},
                "secondary": ["revenue"],
                "guardrails": [{"metric": "errors@1", "margin": "20%"}],
                "diagnostic": ["p99"],
            },
        )
    )

    assert parsed.metric is None
    assert parsed.metrics == (
        Use("correct@2", "primary", 0.015),
        Use("revenue", "secondary"),
        Use("errors@1", "guardrail", 0.2),
        Use("p99", "diagnostic"),
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"metrics": {"primary": "correct"}}, "either metric"),
        ({"metric": None}, "either metric"),
        ({"metric": None, "metrics": {"guardrails": "errors"}}, "guardrails: must be a list"),
        (
            {"metric": None, "metrics": {"primary": {"metric": "m", "margin": "2"}}},
            "is not a share",
        ),
        ({"metric": None, "metrics": {"primery": "m"}}, "did you mean primary?"),
    ],
)
def test_metrics_that_contradict_are_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidArgument, match=re.escape(said)):
        parse(a_file(**changes))
