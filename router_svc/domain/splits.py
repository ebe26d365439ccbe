"""Who splits a model's traffic: an experiment, or a shift."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from algolink.split import BUCKETS, Segment, Table
from mesh.table import Split
from router_svc.domain.traffic import Shift, arm_of
from router_svc.domain.world import Experiment, ExperimentState, Model, World

_SPLITTING = (ExperimentState.RUNNING, ExperimentState.CONCLUDING, ExperimentState.CONCLUDED)
"""States that may split traffic, the most urgent first."""


def splitting(world: World, model: Model) -> Iterator[Experiment]:
    """Experiments that shall split the model's traffic, the most urgent first.

    A concluded one keeps its winner routed until the registry's view is as new
    as the promotion: without it, units would flip back to the old champion.
    """
    of_model = [e for e in world.experiments.values() if e.model == model.id and e.table]
    for state in _SPLITTING:
        for experiment in sorted(of_model, key=lambda e: e.id):
            if experiment.state is not state:
                continue
            promoted = model.revision >= experiment.promoted_model_revision
            if state is ExperimentState.CONCLUDED and promoted:
                continue
            yield experiment


def named_versions(world: World, model: Model) -> set[int]:
    """Versions that aliases, experiments, a shift or rules name, and what stands in for them."""
    traffic = world.traffic_of(model.id)
    arms = {number for e in splitting(world, model) for number in e.arms.values()}
    shifted = set(traffic.shift.versions.values()) if traffic.shift else set()
    ruled = traffic.rules.versions if traffic.rules else set()
    named = set(model.aliases.values()) | arms | shifted | ruled
    return named | {traffic.stand_in(number) for number in named}


def of_experiment(experiment: Experiment) -> Split:
    """The split that the experiment asks for: all to the winner once there is one."""
    table = experiment.table
    if experiment.winner is not None and experiment.state is not ExperimentState.RUNNING:
        table = Table((Segment(0, BUCKETS, experiment.winner),))
    assert table is not None  # noqa: S101 - `splitting` yields none without a table
    return Split(
        experiment=experiment.id,
        phase=experiment.phase,
        salt=experiment.salt,
        per_request=experiment.per_request,
        table=table,
        versions=dict(experiment.arms),
        control=next(iter(experiment.arms)),
        experiment_revision=experiment.revision,
    )


def of_shift(shift: Shift, champion: int) -> Split:
    return Split(
        experiment="",
        phase=0,
        salt=shift.salt,
        per_request=shift.per_request,
        table=shift.table,
        versions=shift.versions,
        control=arm_of_champion(shift.versions, champion),
        experiment_revision=shift.revision,
    )


def arm_of_champion(versions: Mapping[str, int], champion: int) -> str:
    arm = arm_of(champion)
    return arm if arm in versions else ""
