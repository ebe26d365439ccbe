"""`algolink metric`, and files of metrics."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from algolink.client import Covariate, Definition
from algolink.errors import InvalidArgument
from algolink.experiment.v1 import experiment_pb2, measures_pb2
from cli import metric_file, output
from cli.views import experiments as views
from tests.cli.conftest import Run

SLOW = {"name": "slow", "kind": "slow-share", "threshold_ms": 80}


def test_the_example_means_what_it_says() -> None:
    name, definition = metric_file.parse(metric_file.EXAMPLE, "m.yaml")

    assert name == "revenue-per-visit"
    assert definition == Definition(
        kind="ratio",
        direction="increase",
        outcome="revenue",
        denominator="visits",
        window=timedelta(days=7),
        lateness=timedelta(hours=1),
        covariate=Covariate(outcome="revenue", denominator="visits", period=timedelta(days=14)),
        minimum_effect=0.05,
        description="Money for each visit",
    )


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"kind": "median"}, "kind"),
        ({"window": "7 days"}, "window"),
        ({"upper_cap": "high"}, "upper_cap"),
        ({"tresholds": 3}, "tresholds"),
        ({"covariate": {"period": "1d"}}, "covariate.outcome"),
    ],
)
def test_a_file_that_says_something_else_names_the_key(
    changes: dict[str, object], key: str
) -> None:
    with pytest.raises(InvalidArgument) as caught:
        metric_file.parse(yaml.safe_dump(SLOW | changes), "m.yaml")

    assert caught.value.reason == "METRIC_FILE_INVALID"
    assert caught.value.metadata["key"] == key


def test_metrics_are_made_listed_and_shown(connected: Run, tmp_path: Path) -> None:
    file = tmp_path / "m.yaml"
    file.write_text(metric_file.EXAMPLE)

    made = connected("metric", "create", "-f", str(file))
    connected("metric", "create", "-f", str(file))
    listed = connected("metric", "list")
    shown = connected("metric", "show", "revenue-per-visit@1", "-o", "json")

    assert made.status == listed.status == 0
    assert "Name it in an experiment: revenue-per-visit@1" in made.out
    assert "revenue-per-visit@2" in listed.out
    assert "revenue / visits" in listed.out
    assert json.loads(shown.out)["window_ms"] == str(7 * 86_400_000)


def test_a_metric_that_is_not_there_is_one_line(connected: Run) -> None:
    done = connected("metric", "show", "nothing")

    assert done.status == 1
    assert "there is no metrics/nothing" in done.err


def test_results_show_every_metric_and_broken_guardrails(
    capsys: pytest.CaptureFixture[str],
) -> None:
    broken = measures_pb2.Comparison(
        arm="b",
        effect=0.02,
        lower=0.01,
        upper=0.03,
        p_value=0.001,
        standing=measures_pb2.STANDING_INFERIOR,
        harm_p_value=0.0004,
    )
    found = experiment_pb2.Results(
        experiment="experiments/e",
        metrics=[
            measures_pb2.MetricResults(
                metric="metrics/correct/versions/2",
                role=measures_pb2.METRIC_ROLE_PRIMARY,
                kind="ratio",
                arms=[measures_pb2.MetricArmResults(arm="a", units=7, estimate=0.5, late=3)],
                comparisons=[measures_pb2.Comparison(arm="b", undefined_reason="no units")],
            ),
            measures_pb2.MetricResults(
                metric="metrics/errors/versions/1",
                role=measures_pb2.METRIC_ROLE_GUARDRAIL,
                kind="error-rate",
                comparisons=[broken],
            ),
        ],
    )

    output.stdout_console().print(views.results(found))

    shown = capsys.readouterr().out
    assert "correct@2" in shown
    assert "no units" in shown
    assert "BROKEN (harm p = 0.0004)" in shown
