"""Experiments between the wire and the domain."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from google.protobuf import json_format
from google.protobuf.timestamp_pb2 import Timestamp

from algolink.errors import InvalidArgument
from algolink.experiment.v1 import experiment_pb2 as pb
from algolink.names import PolicyName
from experiment_svc import convert_measures
from experiment_svc.domain.design import Analysis, Arm, Rule, UnitKind
from experiment_svc.domain.experiments import Experiment, Phase, State, Verdict

_STATES = {
    State.DRAFT: pb.STATE_DRAFT,
    State.RUNNING: pb.STATE_RUNNING,
    State.CONCLUDING: pb.STATE_CONCLUDING,
    State.CONCLUDED: pb.STATE_CONCLUDED,
    State.STOPPED: pb.STATE_STOPPED,
}
_UNITS = {
    pb.UNIT_KIND_UNSPECIFIED: UnitKind.HEADER,
    pb.UNIT_KIND_HEADER: UnitKind.HEADER,
    pb.UNIT_KIND_REQUEST: UnitKind.REQUEST,
}
_UNITS_BACK = {UnitKind.HEADER: pb.UNIT_KIND_HEADER, UnitKind.REQUEST: pb.UNIT_KIND_REQUEST}


def time_to_proto(time: datetime) -> Timestamp:
    """A moment on the wire, to the microsecond."""
    stamp = Timestamp()
    stamp.FromDatetime(time)
    return stamp


def time_from_proto(stamp: Timestamp) -> datetime:
    """A moment from the wire, cut to the microsecond; UTC.

    Raises:
        ValueError: if it is not a valid timestamp.
    """
    if not 0 <= stamp.nanos <= 999_999_999:
        raise ValueError(f"time has {stamp.nanos} nanos: it must be 0 to 999,999,999")
    try:
        return _EPOCH + timedelta(seconds=stamp.seconds, microseconds=stamp.nanos // 1_000)
    except OverflowError as error:
        raise ValueError(f"time has {stamp.seconds} seconds: it is beyond the year 9999") from error


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def arms_from_proto(experiment: pb.Experiment) -> list[Arm]:
    """The arms as asked for, not checked yet."""
    return [Arm(id=arm.id, version=arm.version, weight_bp=arm.weight_bp) for arm in experiment.arms]


def unit_from_proto(unit: pb.UnitKind) -> UnitKind:
    """Raises UNIT_KIND_INVALID for a value that is not in the contract."""
    if unit not in _UNITS:
        raise InvalidArgument("UNIT_KIND_INVALID", f"{unit} is not a kind of unit", unit=unit)
    return _UNITS[unit]


def analysis_from_proto(analysis: pb.Analysis) -> Analysis:
    """The analysis; what is 0 takes its default.

    Raises:
        InvalidArgument: ANALYSIS_INVALID.
    """
    default = Analysis()
    return Analysis(
        alpha=analysis.alpha or default.alpha,
        optimal_units=analysis.optimal_units or default.optimal_units,
        srm_alpha=analysis.srm_alpha or default.srm_alpha,
    )


def rule_from_proto(experiment: pb.Experiment) -> Rule | None:
    """The rule, if there is one; what is 0 takes its default.

    Raises:
        InvalidArgument: RULE_INVALID.
    """
    if not experiment.HasField("rule"):
        return None
    rule = experiment.rule
    default = Rule()
    return Rule(
        auto_conclude=rule.auto_conclude,
        min_units_per_arm=rule.min_units_per_arm or default.min_units_per_arm,
        min_phases=rule.min_phases or default.min_phases,
    )


def experiment_to_proto(experiment: Experiment) -> pb.Experiment:
    """The whole experiment; its verdict has the evidence if the domain's has."""
    weights = experiment.weights()
    message = pb.Experiment(
        name=str(experiment.name),
        model=str(experiment.model),
        arms=[
            pb.Arm(id=arm.id, version=arm.version, weight_bp=weights[arm.id])
            for arm in experiment.arms
        ],
        unit=_UNITS_BACK[experiment.unit],
        analysis=pb.Analysis(
            alpha=experiment.analysis.alpha,
            optimal_units=experiment.analysis.optimal_units,
            srm_alpha=experiment.analysis.srm_alpha,
        ),
        description=experiment.description,
        state=_STATES[experiment.state],
        salt=experiment.salt,
        phases=[_phase_to_proto(phase) for phase in experiment.phases],
        promoted_model_revision=experiment.promoted_model_revision,
        create_time=time_to_proto(experiment.create_time),
        etag=experiment.etag,
        revision=experiment.revision,
        metrics=[convert_measures.measure_to_proto(one) for one in experiment.measures],
        allow_incompatible=experiment.allow_incompatible,
        policy_step=experiment.step,
        awaiting_approval="" if experiment.approved else experiment.awaiting,
    )
    policy = experiment.policy
    if policy is not None:
        message.policy = str(PolicyName(policy.name, policy.version))
    primary = experiment.primary
    if primary is not None and not primary.metric.version:
        message.primary_metric.CopyFrom(convert_measures.own_metric_to_proto(primary.metric))
    if experiment.rule is not None:
        message.rule.CopyFrom(_rule_to_proto(experiment.rule))
    if experiment.table is not None:
        message.segments.extend(
            pb.Segment(start=segment.start, end=segment.end, arm=segment.arm)
            for segment in experiment.table.segments
        )
    if experiment.verdict is not None:
        message.verdict.CopyFrom(_verdict_to_proto(experiment.verdict))
    if experiment.refusal is not None:
        message.promotion_refusal.CopyFrom(
            pb.PromotionRefusal(
                reason=experiment.refusal.reason,
                message=experiment.refusal.message,
                time=time_to_proto(experiment.refusal.since),
            )
        )
    if experiment.start_time is not None:
        message.start_time.CopyFrom(time_to_proto(experiment.start_time))
    if experiment.end_time is not None:
        message.end_time.CopyFrom(time_to_proto(experiment.end_time))
    return message


def _phase_to_proto(phase: Phase) -> pb.Phase:
    return pb.Phase(
        number=phase.number,
        start_time=time_to_proto(phase.start),
        end_time=None if phase.end is None else time_to_proto(phase.end),
        weights_bp=phase.weights_bp,
    )


def _rule_to_proto(rule: Rule) -> pb.Rule:
    return pb.Rule(
        auto_conclude=rule.auto_conclude,
        min_units_per_arm=rule.min_units_per_arm,
        min_phases=rule.min_phases,
    )


def _verdict_to_proto(verdict: Verdict) -> pb.Verdict:
    message = pb.Verdict(
        winner=verdict.winner,
        version=verdict.version,
        summary=verdict.summary,
        forced=verdict.forced,
        digest=verdict.digest,
        time=time_to_proto(verdict.time),
    )
    if verdict.evidence:
        json_format.ParseDict(json.loads(verdict.evidence), message.evidence)
    return message
