"""What an experiment is made of, and the calls of the experiment service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from algolink import names, split
from algolink.client.calls import Call, Pages, Wait
from algolink.client.metrics import Use, use_to_proto
from algolink.client.registry import model_name
from algolink.errors import DeadlineExceeded, InvalidArgument
from algolink.experiment.v1 import experiment_pb2 as pb
from algolink.names import ExperimentName, shown

Choice = TypeVar("Choice")

_SERVICE = "/algolink.experiment.v1.ExperimentService"

AGGREGATIONS: dict[str, pb.Aggregation] = {
    "any": pb.AGGREGATION_ANY,
    "sum": pb.AGGREGATION_SUM,
    "mean": pb.AGGREGATION_MEAN,
}
DIRECTIONS: dict[str, pb.Direction] = {
    "increase": pb.DIRECTION_INCREASE,
    "decrease": pb.DIRECTION_DECREASE,
}
UNITS: dict[str, pb.UnitKind] = {"header": pb.UNIT_KIND_HEADER, "request": pb.UNIT_KIND_REQUEST}


@dataclass(frozen=True, slots=True)
class Arm:
    """One of the versions that are compared; the first of an experiment is the control."""

    id: str
    version: int
    weight_bp: int


@dataclass(frozen=True, slots=True)
class Metric:
    """What is measured per unit, and decides.

    Attributes:
        name: under which outcomes are recorded.
        aggregation: `mean`, `sum` or `any` of a unit's outcomes.
        direction: `increase` if more is better, else `decrease`.
        window: how long outcomes count from a unit's first exposure; zero for
            what is known with the answer.
    """

    name: str
    aggregation: str = "mean"
    direction: str = "increase"
    window: timedelta = timedelta()


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """What the statistics rest on; 0 takes the service's default.

    Attributes:
        alpha: two-sided error rate under continuous peeking.
        optimal_units: units at which the interval is tightest.
        srm_alpha: error rate of the sample-ratio alarm.
    """

    alpha: float = 0.0
    optimal_units: int = 0
    srm_alpha: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """When the service concludes by itself; 0 takes the service's default."""

    auto_conclude: bool = False
    min_units_per_arm: int = 0
    min_phases: int = 0


def experiment_name(experiment: str) -> str:
    """Reads `digits-1` or `experiments/digits-1` and returns the whole name.

    Raises:
        InvalidArgument: EXPERIMENT_ID_INVALID.

    >>> experiment_name("digits-1")
    'experiments/digits-1'
    """
    if experiment.startswith("experiments/"):
        return str(ExperimentName.parse(experiment))
    return str(ExperimentName(names.check_experiment_id(experiment)))


def wanted(
    *,
    model: str,
    arms: Sequence[Arm],
    metric: Metric | None,
    metrics: Sequence[Use],
    unit: str,
    analysis: Analysis | None,
    rule: Rule | None,
    description: str,
    allow_incompatible: bool,
    policy: str,
) -> pb.Experiment:
    """An experiment as a caller asks for it."""
    asked = pb.Experiment(
        model=str(model_name(model)),
        arms=[pb.Arm(id=arm.id, version=arm.version, weight_bp=arm.weight_bp) for arm in arms],
        unit=_choice(UNITS, unit, "unit", "UNIT_INVALID"),
        metrics=[use_to_proto(use) for use in metrics],
        description=description,
        allow_incompatible=allow_incompatible,
        policy=_policy(policy),
    )
    if metric is not None:
        asked.primary_metric.CopyFrom(
            pb.Metric(
                name=metric.name,
                aggregation=_choice(
                    AGGREGATIONS, metric.aggregation, "aggregation", "METRIC_INVALID"
                ),
                direction=_choice(DIRECTIONS, metric.direction, "direction", "METRIC_INVALID"),
                window_ms=metric.window // timedelta(milliseconds=1),
            )
        )
    if analysis is not None:
        asked.analysis.CopyFrom(
            pb.Analysis(
                alpha=analysis.alpha,
                optimal_units=analysis.optimal_units,
                srm_alpha=analysis.srm_alpha,
            )
        )
    if rule is not None:
        asked.rule.CopyFrom(
            pb.Rule(
                auto_conclude=rule.auto_conclude,
                min_units_per_arm=rule.min_units_per_arm,
                min_phases=rule.min_phases,
            )
        )
    return asked


def create(experiment: str, asked: pb.Experiment) -> Call[pb.Experiment]:
    name = ExperimentName.parse(experiment_name(experiment))
    return Call(
        path=f"{_SERVICE}/CreateExperiment",
        request=pb.CreateExperimentRequest(experiment_id=name.experiment, experiment=asked),
        reply=pb.Experiment,
        idempotent=False,
    )


def _policy(policy: str) -> str:
    """The whole name of `careful` or `careful@2`; empty for none."""
    name, at, version = policy.removeprefix("policies/").partition("@")
    return f"policies/{name}{at and '/versions/'}{version}" if policy else ""


def get(experiment: str) -> Call[pb.Experiment]:
    return Call(
        path=f"{_SERVICE}/GetExperiment",
        request=pb.GetExperimentRequest(name=experiment_name(experiment)),
        reply=pb.Experiment,
    )


def list_all(model: str | None) -> Pages[pb.ListExperimentsResponse, pb.Experiment]:
    of_model = "" if model is None else str(model_name(model))
    return Pages(
        page=lambda token: Call(
            path=f"{_SERVICE}/ListExperiments",
            request=pb.ListExperimentsRequest(page_size=1_000, page_token=token, model=of_model),
            reply=pb.ListExperimentsResponse,
        ),
        items=lambda page: page.experiments,
        next_token=lambda page: page.next_page_token,
    )


def start(experiment: str, *, etag: str) -> Call[pb.Experiment]:
    return Call(
        path=f"{_SERVICE}/StartExperiment",
        request=pb.StartExperimentRequest(name=experiment_name(experiment), etag=etag),
        reply=pb.Experiment,
        idempotent=not etag,
    )


def ramp(experiment: str, weights_bp: Mapping[str, int], *, etag: str) -> Call[pb.Experiment]:
    split.check_weights(weights_bp)
    return Call(
        path=f"{_SERVICE}/RampExperiment",
        request=pb.RampExperimentRequest(
            name=experiment_name(experiment), weights_bp=dict(weights_bp), etag=etag
        ),
        reply=pb.Experiment,
        idempotent=not etag,
    )


def stop(experiment: str, *, etag: str) -> Call[pb.Experiment]:
    return Call(
        path=f"{_SERVICE}/StopExperiment",
        request=pb.StopExperimentRequest(name=experiment_name(experiment), etag=etag),
        reply=pb.Experiment,
        idempotent=not etag,
    )


def conclude(experiment: str, *, winner: str | None, force: bool, etag: str) -> Call[pb.Experiment]:
    return Call(
        path=f"{_SERVICE}/ConcludeExperiment",
        request=pb.ConcludeExperimentRequest(
            name=experiment_name(experiment), winner=winner or "", force=force, etag=etag
        ),
        reply=pb.Experiment,
        # Without a winner the rule could say something else the second time.
        idempotent=bool(winner) and not etag,
    )


def results(experiment: str) -> Call[pb.Results]:
    return Call(
        path=f"{_SERVICE}/GetResults",
        request=pb.GetResultsRequest(name=experiment_name(experiment)),
        reply=pb.Results,
    )


def is_concluded(experiment: pb.Experiment) -> Wait[pb.Experiment]:
    """Until the registry has made the winner champion, or has refused for good."""

    def late(last: pb.Experiment | None, waited_s: float) -> DeadlineExceeded:
        state = pb.State.Name(last.state if last is not None else experiment.state)
        refusal = last.promotion_refusal.message if last is not None else ""
        return DeadlineExceeded(
            "PROMOTION_PENDING",
            f"{experiment.name} has its verdict, but is {state} after {waited_s:g} s: "
            f"its winner is not champion yet{refusal and ': '}{refusal}",
            experiment=experiment.name,
            state=state,
        )

    return Wait(
        call=get(experiment.name),
        # Stopped, it was refused: the answer says why.
        done=lambda seen: seen.state in (pb.STATE_CONCLUDED, pb.STATE_STOPPED),
        late=late,
    )


def _choice(table: Mapping[str, Choice], value: str, what: str, reason: str) -> Choice:
    if value not in table:
        raise InvalidArgument(
            reason, f"{what} {shown(value)} is not one of {', '.join(table)}", value=shown(value)
        )
    return table[value]
