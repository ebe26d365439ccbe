"""The asyncio client: the same surface as `sync.Client`, awaited."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Self

from algolink import names
from algolink.client import artifact, experiments, outcomes, registry, router
from algolink.client.aio_artifacts import AsyncArtifacts
from algolink.client.aio_assignments import AsyncAssignments
from algolink.client.aio_audit import AsyncAudit
from algolink.client.aio_facts import AsyncFacts
from algolink.client.aio_fleet import AsyncFleetClient
from algolink.client.aio_history import AsyncHistory
from algolink.client.aio_lifecycle import AsyncLifecycle
from algolink.client.aio_lineage import AsyncLineageClient
from algolink.client.aio_losses import AsyncLossesClient
from algolink.client.aio_metrics import AsyncMetrics
from algolink.client.aio_policies import AsyncPolicies
from algolink.client.aio_search import AsyncSearch
from algolink.client.aio_tables import AsyncTables
from algolink.client.aio_traffic import AsyncTrafficClient
from algolink.client.aio_transport import AioTransport
from algolink.client.artifact import Artifact, Progress, Serializable
from algolink.client.channels import (
    DEFAULT_TIMEOUT_S,
    PREDICT_TIMEOUT_S,
    PUSH_TIMEOUT_S,
    WAIT_TIMEOUT_S,
)
from algolink.client.connection import Connection, resolve
from algolink.client.experiments import Analysis, Arm, Metric, Rule
from algolink.client.metrics import Use
from algolink.client.outcomes import Outcome
from algolink.client.prediction import Inputs, Prediction, Takes
from algolink.errors import InvalidArgument
from algolink.experiment.v1 import experiment_pb2, facts_pb2
from algolink.registry.v1 import registry_pb2
from algolink.router.v1 import router_pb2, tables_pb2


class AsyncClient:
    """`Client` for asyncio: the same methods, arguments and errors, as coroutines.

    One client belongs to one event loop.
    """

    def __init__(
        self,
        endpoint: str | None = None,
        *,
        data_endpoint: str | None = None,
        token: str | None = None,
        data_dir: str | os.PathLike[str] | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
    ) -> None:
        self.connection: Connection = resolve(
            endpoint, data_endpoint=data_endpoint, token=token, data_dir=data_dir
        )
        self._timeout_s = timeout_s
        self._transport = AioTransport(self.connection)
        self.traffic = AsyncTrafficClient(self._transport, timeout_s)
        self.fleet = AsyncFleetClient(self._transport, timeout_s)
        self.losses = AsyncLossesClient(self._transport, timeout_s)
        self.facts = AsyncFacts(self._transport, timeout_s)
        self.history = AsyncHistory(self._transport, timeout_s)
        self.lifecycle = AsyncLifecycle(self._transport, timeout_s)
        self.artifacts = AsyncArtifacts(self._transport)
        self.audit = AsyncAudit(self._transport, timeout_s)
        self.assignments = AsyncAssignments(self._transport, timeout_s)
        self.metrics = AsyncMetrics(self._transport, timeout_s)
        self.search = AsyncSearch(self._transport, timeout_s)
        self.tables = AsyncTables(self._transport)
        self.lineage = AsyncLineageClient(self._transport, timeout_s)
        self.policies = AsyncPolicies(self._transport, timeout_s)
        self._takes: dict[tuple[str, int | None], Takes] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the connections."""
        await self._transport.close()

    # Models

    async def push(
        self,
        onnx: str | os.PathLike[str] | bytes | Serializable,
        *,
        name: str,
        aliases: Sequence[str] = (),
        description: str = "",
        tags: Mapping[str, str] | None = None,
        metrics: Mapping[str, float] | None = None,
        request_id: str | None = None,
        wait: bool = True,
        wait_timeout_s: float = WAIT_TIMEOUT_S,
        timeout_s: float = PUSH_TIMEOUT_S,
        progress: Progress | None = None,
    ) -> registry_pb2.Version:
        """Uploads an ONNX model as the next version of `name`."""
        # Hashing a large file would hold the event loop.
        pieces = await asyncio.to_thread(Artifact.of(onnx).pieces)
        header = artifact.push_header(
            pieces[-1],
            model=name,
            aliases=aliases,
            description=description,
            tags=tags or {},
            metrics=metrics or {},
            request_id=request_id or str(uuid.uuid4()),
        )
        version = await self.artifacts.push(header, pieces, progress, timeout_s)
        if wait:
            model = await self.model(name)
            if model.aliases[names.CHAMPION].version == version.number:
                await self._transport.wait(
                    router.champion_is_live(model, version.number), wait_timeout_s
                )
        return version

    async def models(self) -> list[registry_pb2.Model]:
        """All models, ordered by name."""
        return await self._transport.items(registry.list_models(), self._timeout_s)

    async def model(self, name: str) -> registry_pb2.Model:
        """One model with its aliases."""
        return await self._transport.unary(registry.get_model(name), self._timeout_s)

    async def versions(self, name: str, *, deleted: bool = False) -> list[registry_pb2.Version]:
        """All versions of a model, newest first; deleted ones only if asked."""
        return await self._transport.items(
            registry.list_versions(name, deleted=deleted), self._timeout_s
        )

    async def version(self, name: str, number: int) -> registry_pb2.Version:
        """One version of a model."""
        return await self._transport.unary(registry.get_version(name, number), self._timeout_s)

    async def set_alias(
        self,
        name: str,
        alias: str,
        version: int,
        *,
        reason: str = "",
        etag: str = "",
        wait: bool = True,
        wait_timeout_s: float = WAIT_TIMEOUT_S,
    ) -> registry_pb2.Model:
        """Points `alias` at a version; waits, for the champion, until it answers."""
        call = registry.set_alias(name, alias, version, etag=etag, reason=reason)
        model = await self._transport.unary(call, self._timeout_s)
        if wait and alias == names.CHAMPION:
            await self._transport.wait(router.champion_is_live(model, version), wait_timeout_s)
        return model

    # Predictions

    async def predict(
        self,
        name: str,
        x: Inputs,
        *,
        unit: str | None = None,
        version: int | None = None,
        attributes: Mapping[str, str] | None = None,
        timeout_s: float = PREDICT_TIMEOUT_S,
    ) -> Prediction:
        """Asks a model, through Envoy, as any client of the data plane would."""
        takes = self._takes.get((name, version))
        known = takes is not None
        takes = takes or await self._learn(name, version, timeout_s)
        try:
            return await self._infer(name, x, takes, (unit, attributes), version, timeout_s)
        except InvalidArgument:
            # A new champion may take something else than what is remembered.
            if not known or (fresh := await self._learn(name, version, timeout_s)) == takes:
                raise
            return await self._infer(name, x, fresh, (unit, attributes), version, timeout_s)

    async def _learn(self, name: str, version: int | None, timeout_s: float) -> Takes:
        from algolink.client import oip

        metadata, _ = await self._transport.data(
            oip.METADATA_PATH,
            oip.metadata_request(name, version),
            oip.MetadataReply,
            (),
            timeout_s,
            idempotent=True,
        )
        takes = oip.to_takes(metadata)
        self._takes[name, version] = takes
        return takes

    async def _infer(
        self,
        name: str,
        x: Inputs,
        takes: Takes,
        who: tuple[str | None, Mapping[str, str] | None],
        version: int | None,
        timeout_s: float,
    ) -> Prediction:
        from algolink.client import oip

        answer, headers = await self._transport.data(
            oip.INFER_PATH,
            oip.infer_request(name, x, takes, version),
            oip.InferReply,
            oip.request_metadata(*who),
            timeout_s,
            idempotent=False,
        )
        return oip.to_prediction(name, answer, headers)

    # Outcomes

    async def outcome(
        self,
        unit: str,
        metric: str,
        value: float,
        *,
        event_id: str | None = None,
        time: datetime | None = None,
    ) -> facts_pb2.RecordResponse:
        """Records what happened to a unit; on disk when this returns."""
        return await self.outcomes([outcomes.one(unit, metric, value, event_id, time)])

    async def outcomes(self, batch: Iterable[Outcome]) -> facts_pb2.RecordResponse:
        """Records many outcomes, 5,000 in a call; the counts of all calls together."""
        return outcomes.total(
            [await self._transport.unary(call, self._timeout_s) for call in outcomes.record(batch)]
        )

    # Experiments

    async def create_experiment(
        self,
        name: str,
        *,
        model: str,
        arms: Sequence[Arm],
        metric: Metric | None = None,
        metrics: Sequence[Use] = (),
        unit: str = "header",
        analysis: Analysis | None = None,
        rule: Rule | None = None,
        description: str = "",
        allow_incompatible: bool = False,
        policy: str = "",
    ) -> experiment_pb2.Experiment:
        """Makes a draft; nothing is routed by it yet."""
        asked = experiments.wanted(
            model=model,
            arms=arms,
            metric=metric,
            metrics=metrics,
            unit=unit,
            analysis=analysis,
            rule=rule,
            description=description,
            allow_incompatible=allow_incompatible,
            policy=policy,
        )
        call = experiments.create(name, asked)
        return await self._transport.unary(call, self._timeout_s)

    async def experiments(self, *, model: str | None = None) -> list[experiment_pb2.Experiment]:
        """All experiments, or those of one model, newest first."""
        return await self._transport.items(experiments.list_all(model), self._timeout_s)

    async def experiment(self, name: str) -> experiment_pb2.Experiment:
        """One experiment."""
        return await self._transport.unary(experiments.get(name), self._timeout_s)

    async def start_experiment(
        self,
        name: str,
        *,
        etag: str = "",
        wait: bool = True,
        wait_timeout_s: float = WAIT_TIMEOUT_S,
    ) -> experiment_pb2.Experiment:
        """Starts a draft, and waits until Envoy splits the traffic."""
        call = experiments.start(name, etag=etag)
        experiment = await self._transport.unary(call, self._timeout_s)
        if wait:
            await self._transport.wait(router.split_is_live(experiment), wait_timeout_s)
        return experiment

    async def ramp_experiment(
        self,
        name: str,
        weights_bp: Mapping[str, int],
        *,
        etag: str = "",
        wait: bool = True,
        wait_timeout_s: float = WAIT_TIMEOUT_S,
    ) -> experiment_pb2.Experiment:
        """Changes the shares of all arms (basis points), and waits until they hold."""
        call = experiments.ramp(name, weights_bp, etag=etag)
        experiment = await self._transport.unary(call, self._timeout_s)
        if wait:
            await self._transport.wait(router.split_is_live(experiment), wait_timeout_s)
        return experiment

    async def stop_experiment(
        self,
        name: str,
        *,
        etag: str = "",
        wait: bool = True,
        wait_timeout_s: float = WAIT_TIMEOUT_S,
    ) -> experiment_pb2.Experiment:
        """Ends it without a winner, and waits until the champion has all traffic."""
        call = experiments.stop(name, etag=etag)
        experiment = await self._transport.unary(call, self._timeout_s)
        if wait and experiment.HasField("start_time"):
            await self._transport.wait(router.split_is_gone(experiment), wait_timeout_s)
        return experiment

    async def conclude_experiment(
        self,
        name: str,
        *,
        winner: str | None = None,
        force: bool = False,
        etag: str = "",
        wait: bool = True,
        wait_timeout_s: float = WAIT_TIMEOUT_S,
    ) -> experiment_pb2.Experiment:
        """Gives a verdict and promotes the winner, and waits until it has all traffic."""
        call = experiments.conclude(name, winner=winner, force=force, etag=etag)
        experiment = await self._transport.unary(call, self._timeout_s)
        if wait:
            experiment = await self._transport.wait(
                experiments.is_concluded(experiment), wait_timeout_s
            )
            await self._transport.wait(router.split_is_gone(experiment), wait_timeout_s)
        return experiment

    async def results(self, name: str) -> experiment_pb2.Results:
        """What was measured so far, valid however often it is asked."""
        return await self._transport.unary(experiments.results(name), self._timeout_s)

    # Routes

    async def routes(self) -> list[router_pb2.Route]:
        """All routes, ordered by model."""
        reply = await self._transport.unary(router.list_routes(), self._timeout_s)
        return list(reply.routes)

    async def route(self, model: str) -> router_pb2.Route:
        """How requests for a model are routed."""
        return await self._transport.unary(router.get_route(model), self._timeout_s)

    async def route_table(self, *models: str) -> tables_pb2.RouteTable:
        """The table as a whole, or its part about `models`, as a route table file has it."""
        return await self._transport.unary(router.get_table(models), self._timeout_s)

    async def explain(
        self,
        model: str,
        *,
        unit: str = "",
        version: int | None = None,
        attributes: router.Attributes | None = None,
        at: datetime | None = None,
    ) -> router_pb2.Explanation:
        """Where a request would go, and why; with `at` (aware), where it went then."""
        call = router.explain(model, unit=unit, version=version or 0, attributes=attributes, at=at)
        return await self._transport.unary(call, self._timeout_s)

    async def status(self) -> router_pb2.Status:
        """Which replicas and Envoys are connected."""
        return await self._transport.unary(router.get_status(), self._timeout_s)
