"""Results on the wire, and as evidence."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from google.protobuf import json_format

from algolink.experiment.v1 import experiment_pb2 as pb
from algolink.experiment.v1 import measures_pb2
from experiment_svc import convert, convert_losses, convert_measures
from experiment_svc.domain.aggregates import Cell
from experiment_svc.domain.comparing import Comparison, Effect
from experiment_svc.domain.decisions import Recommendation
from experiment_svc.domain.results import ArmResults, Measured, MeasuredArm, Results
from experiment_svc.stats.non_inferiority import Standing


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
        arms=[_arm_to_proto(arm, _under(results.primary, arm.arm.id)) for arm in results.arms],
        comparisons=_comparisons(results.primary) if results.primary else [],
        metrics=[_measured_to_proto(measured) for measured in results.measured],
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
        losses=[convert_losses.loss_to_proto(loss) for loss in results.losses],
    )


_STANDINGS = {
    Standing.NON_INFERIOR: measures_pb2.STANDING_NON_INFERIOR,
    Standing.UNDECIDED: measures_pb2.STANDING_UNDECIDED,
    Standing.INFERIOR: measures_pb2.STANDING_INFERIOR,
}


def _under(measured: Measured | None, arm: str) -> MeasuredArm | None:
    """An arm under the primary metric; None without one."""
    return next((one for one in measured.arms if one.arm == arm), None) if measured else None


def _arm_to_proto(result: ArmResults, primary: MeasuredArm | None) -> pb.ArmResults:
    return pb.ArmResults(
        arm=result.arm.id,
        version=result.arm.version,
        requests=result.requests,
        failed_requests=result.failed_requests,
        units=result.units,
        crossed_units=result.crossed_units,
        units_with_value=primary.units if primary else 0,
        outcomes=primary.outcomes if primary else 0,
        mean=primary.estimate if primary else None,
        latency_p50_ms=result.latency_p50_ms,
        latency_p99_ms=result.latency_p99_ms,
        phases=_phases(primary) if primary else [],
    )


def _phases(primary: MeasuredArm) -> list[pb.PhaseMoments]:
    return [
        pb.PhaseMoments(
            phase=number,
            units=cell.units if cell else 0,
            count=cell.values.count if cell else 0,
            mean=cell.values.means[0] if cell else 0.0,
            m2=cell.values.products[0][0] if cell else 0.0,
        )
        for number, cell in enumerate(primary.cells, start=1)
    ]


def _measured_to_proto(measured: Measured) -> measures_pb2.MetricResults:
    measure = measured.measure
    return measures_pb2.MetricResults(
        metric=convert_measures.metric_name(measure.metric),
        role=convert_measures.ROLES[measure.role],
        kind=measure.metric.kind,
        arms=[_measured_arm_to_proto(arm) for arm in measured.arms],
        comparisons=_comparisons(measured),
    )


def _measured_arm_to_proto(arm: MeasuredArm) -> measures_pb2.MetricArmResults:
    return measures_pb2.MetricArmResults(
        arm=arm.arm,
        units=arm.units,
        outcomes=arm.outcomes,
        outside_window=arm.outside,
        late=arm.late,
        estimate=arm.estimate,
        lower=arm.lower,
        upper=arm.upper,
        cells=[_cell_to_proto(cell) for cell in arm.cells if cell is not None],
    )


def _cell_to_proto(cell: Cell) -> measures_pb2.MetricCell:
    size = len(cell.values.means)
    return measures_pb2.MetricCell(
        phase=cell.phase,
        units=cell.units,
        count=cell.values.count,
        means=cell.values.means,
        products=[cell.values.products[i][j] for i in range(size) for j in range(i, size)],
    )


def _comparisons(measured: Measured) -> list[measures_pb2.Comparison]:
    return [
        _comparison_to_proto(one, measured.adjusted_p.get(one.arm)) for one in measured.comparisons
    ]


def _comparison_to_proto(
    comparison: Comparison, adjusted_p: float | None
) -> measures_pb2.Comparison:
    message = measures_pb2.Comparison(arm=comparison.arm, adjusted_p_value=adjusted_p)
    effect, against = comparison.effect, comparison.against
    if isinstance(effect, Effect):
        message.effect, message.lower, message.upper = effect.value, effect.lower, effect.upper
        message.p_value = effect.p_value
        if effect.lift is not None:
            message.lift = effect.lift
    else:
        message.undefined_reason = effect.reason
    if against is not None:
        message.standing = _STANDINGS[against.standing]
        if against.harm_p is not None:
            message.harm_p_value = against.harm_p
    return message
