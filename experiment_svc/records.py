"""Experiments as JSON, as they lie in the database."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from algolink.names import ExperimentName, ModelName
from algolink.split import Segment, Table
from experiment_svc import records_metrics, records_policies
from experiment_svc.domain.design import Analysis, Arm, Rule, UnitKind
from experiment_svc.domain.experiments import Experiment, Phase, Refusal, State, Verdict
from experiment_svc.domain.metrics import Measure

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_us(time: datetime) -> int:
    """Microseconds since 1970 UTC."""
    return (time - _EPOCH) // _MICROSECOND


def from_us(time_us: int) -> datetime:
    """Inverse of `to_us`."""
    return _EPOCH + time_us * _MICROSECOND


def dump(experiment: Experiment) -> str:
    """All of `experiment` but the revision and the verdict's evidence."""
    rule, verdict, policy = experiment.rule, experiment.verdict, experiment.policy
    body: dict[str, Any] = {
        "name": experiment.name.experiment,
        "model": experiment.model.model,
        "arms": [[arm.id, arm.version, arm.weight_bp] for arm in experiment.arms],
        "unit": experiment.unit,
        "measures": [records_metrics.dump_measure(measure) for measure in experiment.measures],
        "analysis": {
            "alpha": experiment.analysis.alpha,
            "optimal_units": experiment.analysis.optimal_units,
            "srm_alpha": experiment.analysis.srm_alpha,
        },
        "rule": rule
        and {
            "auto_conclude": rule.auto_conclude,
            "min_units_per_arm": rule.min_units_per_arm,
            "min_phases": rule.min_phases,
        },
        "description": experiment.description,
        "salt": experiment.salt,
        "create_us": to_us(experiment.create_time),
        "state": experiment.state,
        "segments": experiment.table
        and [[segment.start, segment.end, segment.arm] for segment in experiment.table.segments],
        "phases": [
            {
                "number": phase.number,
                "start_us": to_us(phase.start),
                "end_us": _optional_us(phase.end),
                "weights_bp": phase.weights_bp,
            }
            for phase in experiment.phases
        ],
        "verdict": verdict
        and {
            "winner": verdict.winner,
            "version": verdict.version,
            "summary": verdict.summary,
            "forced": verdict.forced,
            "digest": verdict.digest,
            "time_us": to_us(verdict.time),
        },
        "promoted_model_revision": experiment.promoted_model_revision,
        "refusal": experiment.refusal
        and {
            "reason": experiment.refusal.reason,
            "message": experiment.refusal.message,
            "since_us": to_us(experiment.refusal.since),
        },
        "allow_incompatible": experiment.allow_incompatible,
        "policy": policy and records_policies.dump(policy) | {"version": policy.version},
        "step": experiment.step,
        "awaiting": experiment.awaiting,
        "approved": experiment.approved,
        "start_us": _optional_us(experiment.start_time),
        "end_us": _optional_us(experiment.end_time),
    }
    return json.dumps(body, separators=(",", ":"))


def load(text: str, *, revision: int, evidence: str = "") -> Experiment:
    """Inverse of `dump`, given what it leaves out."""
    body = json.loads(text)
    rule, verdict, policy = body["rule"], body["verdict"], body.get("policy")
    return Experiment(
        name=ExperimentName(body["name"]),
        model=ModelName(body["model"]),
        arms=tuple(
            Arm(id=arm, version=version, weight_bp=weight_bp)
            for arm, version, weight_bp in body["arms"]
        ),
        unit=UnitKind(body["unit"]),
        measures=_measures(body),
        analysis=Analysis(**body["analysis"]),
        rule=rule and Rule(**rule),
        description=body["description"],
        salt=body["salt"],
        create_time=from_us(body["create_us"]),
        state=State(body["state"]),
        table=body["segments"] and Table(tuple(Segment(*part) for part in body["segments"])),
        phases=tuple(_phase(phase) for phase in body["phases"]),
        verdict=verdict and _verdict(verdict, evidence),
        promoted_model_revision=body["promoted_model_revision"],
        refusal=_refusal(body.get("refusal")),
        allow_incompatible=body.get("allow_incompatible", False),
        policy=policy and records_policies.load(policy, version=policy["version"]),
        step=body.get("step", 0),
        awaiting=body.get("awaiting", ""),
        approved=body.get("approved", ""),
        start_time=_optional(body["start_us"]),
        end_time=_optional(body["end_us"]),
        revision=revision,
    )


def _measures(body: dict[str, Any]) -> tuple[Measure, ...]:
    if "metric" in body:
        return (records_metrics.load_only_metric(body["metric"]),)
    return tuple(records_metrics.load_measure(measure) for measure in body["measures"])


def _phase(body: dict[str, Any]) -> Phase:
    return Phase(
        number=body["number"],
        start=from_us(body["start_us"]),
        end=_optional(body["end_us"]),
        weights_bp=body["weights_bp"],
    )


def _verdict(body: dict[str, Any], evidence: str) -> Verdict:
    return Verdict(
        winner=body["winner"],
        version=body["version"],
        summary=body["summary"],
        forced=body["forced"],
        evidence=evidence,
        digest=body["digest"],
        time=from_us(body["time_us"]),
    )


def _refusal(body: dict[str, Any] | None) -> Refusal | None:
    if body is None:
        return None
    since = from_us(body["since_us"])
    return Refusal(reason=body["reason"], message=body["message"], since=since)


def _optional(time_us: int | None) -> datetime | None:
    return None if time_us is None else from_us(time_us)


def _optional_us(time: datetime | None) -> int | None:
    return None if time is None else to_us(time)
