"""Results on the wire, and as evidence."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from google.protobuf import json_format

from algolink.experiment.v1 import experiment_pb2 as pb
from experiment_svc import convert
from experiment_svc.domain.decisions import Recommendation
from experiment_svc.domain.results import ArmResults, Comparison, Effect, PhaseMoments, Results


@dataclass(frozen=True, slots=True)
class Evidence:
    """Results as a verdict keeps them.

    Attributes:
        text: canonical JSON: the protobuf JSON mapping with the names of the
            proto file, keys sorted, no white space.
        digest: SHA-256 of its UTF-8, 64 lower-case hex digits.
    """

    text: str
    digest: str


def evidence(results: Results, recommendation: Recommendation) -> Evidence:
    """What a verdict rests on, so that anyone can check the digest."""
    message = results_to_proto(results, recommendation)
    values = json_format.MessageToDict(message, preserving_proto_field_name=True)
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return Evidence(text, hashlib.sha256(text.encode()).hexdigest())


def results_to_proto(results: Results, recommendation: Recommendation) -> pb.Results:
    """The results with what the rule says about them."""
    return pb.Results(
        experiment=str(results.experiment),
        time=convert.time_to_proto(results.time),
        arms=[_arm_to_proto(arm) for arm in results.arms],
        comparisons=[_comparison_to_proto(comparison) for comparison in results.comparisons],
        sample_ratio=pb.SampleRatio(
            p_value=results.sample_ratio.p_value, mismatch=results.sample_ratio.mismatch
        ),
        recommended_winner=recommendation.winner,
        recommendation=recommendation.reason,
        facts=pb.FactCounts(
            exposures=results.exposures,
            redelivered=results.redelivered,
            conflicts=results.conflicts,
            outcomes_outside_window=results.outcomes_outside_window,
        ),
    )


def _arm_to_proto(result: ArmResults) -> pb.ArmResults:
    return pb.ArmResults(
        arm=result.arm.id,
        version=result.arm.version,
        requests=result.requests,
        failed_requests=result.failed_requests,
        units=result.units,
        crossed_units=result.crossed_units,
        units_with_value=result.values.count,
        outcomes=result.outcomes,
        mean=result.values.mean if result.values.count else None,
        latency_p50_ms=result.latency_p50_ms,
        latency_p99_ms=result.latency_p99_ms,
        phases=[_phase_to_proto(phase) for phase in result.phases],
    )


def _phase_to_proto(phase: PhaseMoments) -> pb.PhaseMoments:
    return pb.PhaseMoments(
        phase=phase.phase,
        units=phase.units,
        count=phase.values.count,
        mean=phase.values.mean,
        m2=phase.values.m2,
    )


def _comparison_to_proto(comparison: Comparison) -> pb.Comparison:
    effect = comparison.effect
    if not isinstance(effect, Effect):
        return pb.Comparison(arm=comparison.arm, undefined_reason=effect.reason)
    return pb.Comparison(
        arm=comparison.arm,
        effect=effect.value,
        lower=effect.lower,
        upper=effect.upper,
        p_value=effect.p_value,
        lift=effect.lift,
    )
