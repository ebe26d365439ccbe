"""A draft from what a caller asks for: with the metrics and the policy that it names."""

from __future__ import annotations

import json
from datetime import datetime

from algolink.experiment.v1 import experiment_pb2 as pb
from algolink.names import ExperimentName, ModelName, PolicyName
from experiment_svc import convert, convert_measures, records_metrics, records_policies
from experiment_svc.domain import experiments
from experiment_svc.domain.definitions import DefinitionKind
from experiment_svc.domain.experiments import Experiment
from experiment_svc.domain.metrics import Measure
from experiment_svc.domain.policies import Policy
from experiment_svc.store import Reading, Store


async def draft(
    store: Store, wanted: pb.Experiment, *, name: ExperimentName, suffix: str, at: datetime
) -> Experiment:
    """The experiment that `wanted` says, with the newest versions of what it names.

    Args:
        suffix: 8 random characters of `a-z0-9`, for the salt.
        at: now; UTC.

    Raises:
        InvalidArgument: as `experiments.draft`, and for what cannot be read.
        NotFound: METRIC_NOT_FOUND or POLICY_NOT_FOUND.
    """
    measures = convert_measures.own_measures(wanted)
    named = [convert_measures.named_from_proto(one) for one in wanted.metrics]
    async with store.reading() as reading:
        measures += [await _measure(reading, one) for one in named]
        policy = await _policy(reading, wanted.policy) if wanted.policy else None
    return experiments.draft(
        name=name,
        model=ModelName.parse(wanted.model),
        arms=convert.arms_from_proto(wanted),
        unit=convert.unit_from_proto(wanted.unit),
        measures=measures,
        analysis=convert.analysis_from_proto(wanted.analysis),
        rule=convert.rule_from_proto(wanted),
        description=wanted.description,
        allow_incompatible=wanted.allow_incompatible,
        policy=policy,
        suffix=suffix,
        at=at,
    )


async def _measure(reading: Reading, named: convert_measures.Named) -> Measure:
    found = await reading.get_definition(
        DefinitionKind.METRIC, named.name.metric, named.name.version
    )
    metric = records_metrics.load(json.loads(found.body), version=found.version)
    return Measure(metric=metric, role=named.role, margin=named.margin)


async def _policy(reading: Reading, policy: str) -> Policy:
    name = PolicyName.parse(policy)
    found = await reading.get_definition(DefinitionKind.POLICY, name.policy, name.version)
    return records_policies.load(json.loads(found.body), version=found.version)
