"""Points of a series on the wire, and as they are stored."""

from __future__ import annotations

from google.protobuf import json_format

from algolink.experiment.v1 import experiment_pb2
from algolink.experiment.v1 import series_pb2 as pb
from experiment_svc import convert, convert_measures, convert_results
from experiment_svc.domain.decisions import Recommendation
from experiment_svc.domain.experiments import Experiment
from experiment_svc.domain.metrics import Role
from experiment_svc.domain.results import Results
from experiment_svc.domain.series import Point

_KEPT = {convert_measures.ROLES[role] for role in (Role.PRIMARY, Role.GUARDRAIL)}


def body(experiment: Experiment, found: Results) -> str:
    """The figures of a point, in JSON: what is the same twice has the same text."""
    results = convert_results.results_to_proto(found, Recommendation("", ""))
    message = pb.ResultsPoint(
        phase=len(experiment.phases),
        arms=[_arm(arm) for arm in results.arms],
        metrics=[
            pb.MetricPoint(metric=one.metric, role=one.role, comparisons=one.comparisons)
            for one in results.metrics
            if one.role in _KEPT
        ],
        sample_ratio_mismatch=results.sample_ratio.mismatch,
        exposures=results.facts.exposures,
        lost_exposures=sum(loss.exposures for loss in results.losses),
    )
    if results.sample_ratio.HasField("p_value"):
        message.sample_ratio_p_value = results.sample_ratio.p_value
    return json_format.MessageToJson(
        message, preserving_proto_field_name=True, indent=None, sort_keys=True
    )


def point_to_proto(point: Point) -> pb.ResultsPoint:
    """Inverse of `body`, with what is stored beside it."""
    message = json_format.Parse(point.body, pb.ResultsPoint(), ignore_unknown_fields=True)
    message.time.CopyFrom(convert.time_to_proto(point.time))
    message.revision = point.revision
    message.changed = point.changed
    message.final = point.final
    return message


def _arm(arm: experiment_pb2.ArmResults) -> pb.ArmPoint:
    return pb.ArmPoint(
        arm=arm.arm,
        units=arm.units,
        mean=arm.mean if arm.HasField("mean") else None,
        requests=arm.requests,
        failed_requests=arm.failed_requests,
    )
