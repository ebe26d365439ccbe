"""An experiment's message -> what assigns its units."""

from __future__ import annotations

from algolink import split
from algolink.assignment import Plan, Standing
from algolink.experiment.v1 import experiment_pb2 as pb
from algolink.names import ExperimentName

_STANDING = {
    pb.STATE_RUNNING: Standing.SPLIT,
    pb.STATE_CONCLUDING: Standing.SPLIT,
    pb.STATE_CONCLUDED: Standing.SETTLED,
}


def plan_of(experiment: pb.Experiment) -> Plan:
    """What assigns the units of `experiment`."""
    standing = _STANDING.get(experiment.state, Standing.OFF)
    segments = tuple(split.Segment(s.start, s.end, s.arm) for s in experiment.segments)
    return Plan(
        experiment=ExperimentName.parse(experiment.name).experiment,
        standing=standing,
        salt=experiment.salt,
        table=split.Table(segments) if segments else None,
        versions={arm.id: arm.version for arm in experiment.arms},
        winner=experiment.verdict.winner if standing is Standing.SETTLED else "",
        by_request=experiment.unit == pb.UNIT_KIND_REQUEST,
        phase=len(experiment.phases),
        revision=experiment.revision,
    )
