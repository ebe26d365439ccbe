"""ExperimentService: parse, load, decide, save, reply."""

from __future__ import annotations

import asyncio
import logging
import random
import string
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from typing import Any

import grpc

from algolink.errors import FailedPrecondition
from algolink.experiment.v1 import experiment_pb2 as pb
from algolink.experiment.v1 import experiment_pb2_grpc as rpc
from algolink.names import (
    ExperimentName,
    ModelName,
    VersionName,
    check_experiment_id,
)
from chassis import watch
from experiment_svc import (
    convert,
    convert_results,
    drafting,
    evaluation,
    pages,
    records,
)
from experiment_svc.domain import candidates, experiments
from experiment_svc.domain.experiments import Experiment, State
from experiment_svc.registry import Registry
from experiment_svc.store import Position, Reading, Store

_log = logging.getLogger(__name__)

Context = grpc.aio.ServicerContext[Any, Any]


class ExperimentServicer(rpc.ExperimentServiceServicer):
    """Experiments over a store.

    Args:
        now: the clock; UTC.
        generator: makes the salts' suffixes.
        draining: ends the watches when set.
    """

    def __init__(
        self,
        store: Store,
        registry: Registry,
        *,
        now: Callable[[], datetime],
        generator: random.Random,
        draining: asyncio.Event,
    ) -> None:
        self._store = store
        self._registry = registry
        self._now = now
        self._random = generator
        self._draining = draining

    async def CreateExperiment(
        self, request: pb.CreateExperimentRequest, context: Context
    ) -> pb.Experiment:
        wanted = request.experiment
        draft = await drafting.draft(
            self._store,
            wanted,
            name=ExperimentName(check_experiment_id(request.experiment_id)),
            suffix="".join(self._random.choices(string.hexdigits[:16], k=8)),
            at=self._now(),
        )
        await self._check_versions(draft)
        async with self._store.transaction() as tx:
            added = await tx.add_experiment(draft)
        return convert.experiment_to_proto(added)

    async def GetExperiment(
        self, request: pb.GetExperimentRequest, context: Context
    ) -> pb.Experiment:
        name = ExperimentName.parse(request.name)
        async with self._store.reading() as reading:
            experiment = await reading.get_experiment(name)
        return convert.experiment_to_proto(experiment)

    async def ListExperiments(
        self, request: pb.ListExperimentsRequest, context: Context
    ) -> pb.ListExperimentsResponse:
        size = pages.size(request.page_size)
        before = pages.position(request.page_token)
        model = ModelName.parse(request.model) if request.model else None
        async with self._store.reading() as reading:
            found = await reading.list_experiments(limit=size + 1, before=before, model=model)
        return pb.ListExperimentsResponse(
            experiments=[convert.experiment_to_proto(experiment) for experiment in found[:size]],
            next_page_token=_next_page(found, size),
        )

    async def StartExperiment(
        self, request: pb.StartExperimentRequest, context: Context
    ) -> pb.Experiment:
        name = ExperimentName.parse(request.name)
        async with self._store.reading() as reading:
            present = await _load(reading, name, request.etag)
        if present.state is State.DRAFT:
            await self._check_versions(present)
        async with self._store.transaction() as tx:
            experiment = await _load(tx, name, request.etag)
            started = experiments.start(experiment, at=self._now())
            if started is not experiment:
                started = await tx.put_experiment(started)
        return convert.experiment_to_proto(started)

    async def RampExperiment(
        self, request: pb.RampExperimentRequest, context: Context
    ) -> pb.Experiment:
        name = ExperimentName.parse(request.name)
        async with self._store.transaction() as tx:
            experiment = await _load(tx, name, request.etag)
            ramped = experiments.ramp(experiment, request.weights_bp, at=self._now())
            if ramped is not experiment:
                ramped = await tx.put_experiment(ramped)
        return convert.experiment_to_proto(ramped)

    async def StopExperiment(
        self, request: pb.StopExperimentRequest, context: Context
    ) -> pb.Experiment:
        name = ExperimentName.parse(request.name)
        async with self._store.transaction() as tx:
            experiment = await _load(tx, name, request.etag)
            stopped = experiments.stop(experiment, at=self._now())
            if stopped is not experiment:
                stopped = await tx.put_experiment(stopped)
        return convert.experiment_to_proto(stopped)

    async def ConcludeExperiment(
        self, request: pb.ConcludeExperimentRequest, context: Context
    ) -> pb.Experiment:
        name = ExperimentName.parse(request.name)
        async with self._store.transaction() as tx:
            experiment = await _load(tx, name, request.etag)
            if not experiments.has_verdict_for(experiment, request.winner):
                experiment = await evaluation.conclude(
                    tx, experiment, winner=request.winner, force=request.force, at=self._now()
                )
        return convert.experiment_to_proto(experiment)

    async def GetResults(self, request: pb.GetResultsRequest, context: Context) -> pb.Results:
        name = ExperimentName.parse(request.name)
        async with self._store.reading() as reading:
            experiment = await reading.get_experiment(name)
            _check_started(experiment)
            seen = await evaluation.look(reading, experiment, at=self._now())
        if experiment.state is State.RUNNING:
            await evaluation.keep_p_values(self._store, name, seen)
        return convert_results.results_to_proto(seen.results, seen.recommendation)

    async def WatchExperiments(
        self, request: pb.WatchExperimentsRequest, context: Context
    ) -> AsyncIterator[pb.WatchExperimentsResponse]:
        async with self._store.reading() as reading:
            instance, head = await reading.head()
        since, restarted = watch.ResumeToken.start(
            request.resume_token, instance=instance, head=head
        )
        async for step in watch.follow(
            self._changes_since, self._store.notifier, self._draining, since
        ):
            response = pb.WatchExperimentsResponse(
                resume_token=str(watch.ResumeToken(instance, step.revision)), restarted=restarted
            )
            restarted = False
            if isinstance(step, watch.Synced):
                response.synced.SetInParent()
            else:
                response.experiment.CopyFrom(convert.experiment_to_proto(step.item))
            yield response

    async def _changes_since(self, change: int) -> Sequence[watch.Change[Experiment]]:
        async with self._store.reading() as reading:
            return await reading.changes_since(change)

    async def _check_versions(self, draft: Experiment) -> None:
        """Asks the registry whether the arms may be routed and compared."""
        model = draft.model
        champion = await self._registry.champion(model)
        names = {arm.version: VersionName(model.model, arm.version) for arm in draft.arms}
        retired = {number: await self._registry.retired(name) for number, name in names.items()}
        candidates.check_champion(model, draft.control, champion)
        candidates.check_states(
            model, {number: state for number, state in retired.items() if state}
        )
        control = names.pop(draft.control.version)
        breaking = {
            number: await self._registry.breaking(control, name) for number, name in names.items()
        }
        candidates.check_compatible(
            model, breaking, draft.control.version, forced=draft.allow_incompatible
        )


async def _load(reading: Reading, name: ExperimentName, etag: str) -> Experiment:
    experiment = await reading.get_experiment(name)
    experiments.check_etag(experiment, etag)
    return experiment


def _check_started(experiment: Experiment) -> None:
    if not experiment.phases:
        raise FailedPrecondition(
            "EXPERIMENT_NOT_STARTED",
            f"{experiment.name} is {experiment.state} and was never started",
            name=experiment.name,
            state=experiment.state,
        )


def _next_page(found: Sequence[Experiment], size: int) -> str:
    if len(found) <= size:
        return ""
    last = found[size - 1]
    return pages.token(Position(records.to_us(last.create_time), last.name.experiment))
