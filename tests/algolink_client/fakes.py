"""Small services that answer as the protos say, on a real server, with a state in memory."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NoReturn

import grpc
import numpy as np
from google.protobuf import any_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status
from tritonclient.grpc import service_pb2 as oip
from tritonclient.grpc import service_pb2_grpc as oip_grpc

from algolink import audience, errors, names
from algolink.experiment.v1 import (
    assignment_pb2_grpc,
    experiment_pb2,
    experiment_pb2_grpc,
    facts_pb2,
    facts_pb2_grpc,
    losses_pb2,
    losses_pb2_grpc,
    measures_pb2,
    metrics_pb2_grpc,
    policies_pb2_grpc,
    series_pb2,
    series_pb2_grpc,
)
from algolink.registry.v1 import lineage_pb2_grpc, registry_pb2, registry_pb2_grpc
from algolink.router.v1 import (
    fleet_pb2_grpc,
    router_pb2,
    router_pb2_grpc,
    tables_pb2,
    tables_pb2_grpc,
    traffic_pb2_grpc,
)
from tests.algolink_client.fakes_assignment import Assigner
from tests.algolink_client.fakes_fleet import Fleet
from tests.algolink_client.fakes_lineage import Lineages
from tests.algolink_client.fakes_losses import Losses
from tests.algolink_client.fakes_metrics import Metrics
from tests.algolink_client.fakes_series import Decisions, Series
from tests.algolink_client.fakes_traffic import Traffic

TOKEN = "the-admin-token"

Context = Any


def refuse(context: Context, error: errors.AlgoLinkError) -> NoReturn:
    """Answers with an error as the services do."""
    info = error_details_pb2.ErrorInfo(
        reason=error.reason, domain=errors.DOMAIN, metadata=error.metadata
    )
    packed = any_pb2.Any()
    packed.Pack(info)
    status = status_pb2.Status(
        code=code_pb2.Code.Value(error.code), message=error.message, details=[packed]
    )
    context.abort_with_status(rpc_status.to_status(status))
    raise AssertionError("abort returns never")


@dataclass
class World:
    """What the fakes know, and what they were asked.

    Attributes:
        failures: how many of the next calls of a method are UNAVAILABLE.
        calls: methods in the order in which they were called.
        models: by name; the newest version is the last.
        live: whether routes are on every Envoy.
        datatype: of the input `x` of all models.
        units: value of the unit header of each prediction, "" without.
        outcomes: by event id.
        losses: of exposures.
        points: of every experiment's results over time.
    """

    failures: dict[str, int] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    models: dict[str, registry_pb2.Model] = field(default_factory=dict)
    versions: dict[str, list[registry_pb2.Version]] = field(default_factory=dict)
    pushed_by: dict[str, registry_pb2.Version] = field(default_factory=dict)
    experiments: dict[str, experiment_pb2.Experiment] = field(default_factory=dict)
    outcomes: dict[str, facts_pb2.Outcome] = field(default_factory=dict)
    units: list[str] = field(default_factory=list)
    attributes: list[dict[str, str]] = field(default_factory=list)
    losses: list[losses_pb2.Loss] = field(default_factory=list)
    points: list[series_pb2.ResultsPoint] = field(default_factory=list)
    live: bool = True
    datatype: str = "FP32"
    page_size: int = 100

    def called(self, method: str, context: Context, *, token: bool = True) -> None:
        """Notes a call, and fails it if it shall."""
        self.calls.append(method)
        metadata = dict(context.invocation_metadata())
        if token and metadata.get("authorization") != f"Bearer {TOKEN}":
            refuse(context, errors.Unauthenticated("TOKEN_MISSING", "a token is needed"))
        if self.failures.get(method, 0) > 0:
            self.failures[method] -= 1
            context.abort(grpc.StatusCode.UNAVAILABLE, "draining")

    def model(self, name: str, context: Context) -> registry_pb2.Model:
        if name not in self.models:
            refuse(context, errors.NotFound("MODEL_NOT_FOUND", f"no model {name}", name=name))
        return self.models[name]

    def experiment(self, name: str, context: Context) -> experiment_pb2.Experiment:
        if name not in self.experiments:
            refuse(
                context,
                errors.NotFound("EXPERIMENT_NOT_FOUND", f"no experiment {name}", name=name),
            )
        return self.experiments[name]


class Registry(registry_pb2_grpc.RegistryServiceServicer):
    def __init__(self, world: World) -> None:
        self._world = world

    def PushVersion(
        self, request_iterator: Iterator[registry_pb2.PushVersionRequest], context: Context
    ) -> registry_pb2.Version:
        self._world.called("PushVersion", context)
        header = next(request_iterator).header
        content = b"".join(message.chunk for message in request_iterator)
        digest = hashlib.sha256(content).hexdigest()
        if not content:
            refuse(context, errors.InvalidArgument("ARTIFACT_EMPTY", "the artifact is empty"))
        if (digest, len(content)) != (header.digest, header.size_bytes):
            refuse(context, errors.InvalidArgument("DIGEST_MISMATCH", "other bytes arrived"))
        if header.request_id in self._world.pushed_by:
            return self._world.pushed_by[header.request_id]
        return self._add(header)

    def _add(self, header: registry_pb2.PushHeader) -> registry_pb2.Version:
        versions = self._world.versions.setdefault(header.model, [])
        number = len(versions) + 1
        tensor = registry_pb2.TensorSpec(name="x", datatype=self._world.datatype, shape=[-1, 2])
        version = registry_pb2.Version(
            name=f"{header.model}/versions/{number}",
            number=number,
            digest=header.digest,
            size_bytes=header.size_bytes,
            description=header.description,
            signature=registry_pb2.Signature(inputs=[tensor], outputs=[tensor]),
        )
        versions.append(version)
        model = self._world.models.setdefault(header.model, registry_pb2.Model(name=header.model))
        model.latest_version = number
        for alias in [*header.aliases, *([names.CHAMPION] if number == 1 else [])]:
            model.aliases[alias].version = number
        self._world.pushed_by[header.request_id] = version
        return version

    def GetModel(
        self, request: registry_pb2.GetModelRequest, context: Context
    ) -> registry_pb2.Model:
        self._world.called("GetModel", context)
        return self._world.model(request.name, context)

    def ListModels(
        self, request: registry_pb2.ListModelsRequest, context: Context
    ) -> registry_pb2.ListModelsResponse:
        self._world.called("ListModels", context)
        start = int(request.page_token or 0)
        end = start + self._world.page_size
        found = [self._world.models[name] for name in sorted(self._world.models)]
        return registry_pb2.ListModelsResponse(
            models=found[start:end], next_page_token=str(end) if end < len(found) else ""
        )

    def ListVersions(
        self, request: registry_pb2.ListVersionsRequest, context: Context
    ) -> registry_pb2.ListVersionsResponse:
        self._world.called("ListVersions", context)
        if request.parent == "models/-":
            return self._found(request, context)
        self._world.model(request.parent, context)
        newest_first = reversed(self._world.versions[request.parent])
        return registry_pb2.ListVersionsResponse(versions=newest_first)

    def _found(
        self, request: registry_pb2.ListVersionsRequest, context: Context
    ) -> registry_pb2.ListVersionsResponse:
        """Understands filters that are empty or `number = N`."""
        field, _, number = request.filter.partition(" = ")
        if request.filter and field != "number":
            why = f"position 1: there is no field {field!r}"
            refuse(context, errors.InvalidArgument("FILTER_INVALID", why, position=1))
        start = int(request.page_token or 0)
        end = start + min(request.page_size, self._world.page_size)
        found = [
            version
            for name in sorted(self._world.versions)
            for version in reversed(self._world.versions[name])
            if not number or version.number == int(number)
        ]
        return registry_pb2.ListVersionsResponse(
            versions=found[start:end], next_page_token=str(end) if end < len(found) else ""
        )

    def SetAlias(
        self, request: registry_pb2.SetAliasRequest, context: Context
    ) -> registry_pb2.Model:
        self._world.called("SetAlias", context)
        model = self._world.model(request.model, context)
        model.aliases[request.alias].version = request.version
        model.aliases[request.alias].reason = request.reason
        return model


class Experiments(experiment_pb2_grpc.ExperimentServiceServicer):
    def __init__(self, world: World) -> None:
        self._world = world

    def CreateExperiment(
        self, request: experiment_pb2.CreateExperimentRequest, context: Context
    ) -> experiment_pb2.Experiment:
        self._world.called("CreateExperiment", context)
        made = experiment_pb2.Experiment()
        made.CopyFrom(request.experiment)
        made.name = f"experiments/{request.experiment_id}"
        made.state = experiment_pb2.STATE_DRAFT
        made.revision = 1
        self._world.experiments[made.name] = made
        return made

    def GetExperiment(
        self, request: experiment_pb2.GetExperimentRequest, context: Context
    ) -> experiment_pb2.Experiment:
        self._world.called("GetExperiment", context)
        return self._world.experiment(request.name, context)

    def ListExperiments(
        self, request: experiment_pb2.ListExperimentsRequest, context: Context
    ) -> experiment_pb2.ListExperimentsResponse:
        self._world.called("ListExperiments", context)
        return experiment_pb2.ListExperimentsResponse(experiments=self._world.experiments.values())

    def StartExperiment(
        self, request: experiment_pb2.StartExperimentRequest, context: Context
    ) -> experiment_pb2.Experiment:
        self._world.called("StartExperiment", context)
        return self._moved(request.name, experiment_pb2.STATE_RUNNING, context)

    def RampExperiment(
        self, request: experiment_pb2.RampExperimentRequest, context: Context
    ) -> experiment_pb2.Experiment:
        self._world.called("RampExperiment", context)
        experiment = self._moved(request.name, experiment_pb2.STATE_RUNNING, context)
        for arm in experiment.arms:
            arm.weight_bp = request.weights_bp[arm.id]
        return experiment

    def StopExperiment(
        self, request: experiment_pb2.StopExperimentRequest, context: Context
    ) -> experiment_pb2.Experiment:
        self._world.called("StopExperiment", context)
        return self._moved(request.name, experiment_pb2.STATE_STOPPED, context)

    def ConcludeExperiment(
        self, request: experiment_pb2.ConcludeExperimentRequest, context: Context
    ) -> experiment_pb2.Experiment:
        self._world.called("ConcludeExperiment", context)
        if not request.winner:
            refuse(context, errors.FailedPrecondition("NO_DECISION", "100 units are missing"))
        experiment = self._moved(request.name, experiment_pb2.STATE_CONCLUDED, context)
        won = next(arm for arm in experiment.arms if arm.id == request.winner)
        experiment.verdict.winner = won.id
        experiment.verdict.version = won.version
        self._world.models[experiment.model].aliases[names.CHAMPION].version = won.version
        return experiment

    def GetResults(
        self, request: experiment_pb2.GetResultsRequest, context: Context
    ) -> experiment_pb2.Results:
        self._world.called("GetResults", context)
        experiment = self._world.experiment(request.name, context)
        return experiment_pb2.Results(
            experiment=request.name,
            arms=[
                experiment_pb2.ArmResults(arm=arm.id, version=arm.version, units=10, mean=0.5)
                for arm in experiment.arms
            ],
            comparisons=[
                measures_pb2.Comparison(
                    arm=experiment.arms[1].id, effect=0.1, lower=0.05, upper=0.15, p_value=0.01
                )
            ],
            recommendation="10 of 100 units",
        )

    def _moved(
        self, name: str, state: experiment_pb2.State, context: Context
    ) -> experiment_pb2.Experiment:
        experiment = self._world.experiment(name, context)
        experiment.state = state
        experiment.revision += 1
        experiment.start_time.GetCurrentTime()
        return experiment


class Facts(facts_pb2_grpc.FactServiceServicer):
    def __init__(self, world: World) -> None:
        self._world = world

    def GetOutcomeCounts(
        self, request: facts_pb2.GetOutcomeCountsRequest, context: Context
    ) -> facts_pb2.OutcomeCounts:
        self._world.experiment(request.experiment, context)
        revenue = facts_pb2.OutcomeTally(metric="spend", outcome="revenue", strangers=7)
        return facts_pb2.OutcomeCounts(
            tallies=[revenue, facts_pb2.OutcomeTally(metric="read", outcome="read")],
            unused=[facts_pb2.UnusedOutcomes(outcome="revenu", number=3)],
        )

    def RecordOutcomes(
        self, request: facts_pb2.RecordOutcomesRequest, context: Context
    ) -> facts_pb2.RecordResponse:
        known = [o for o in request.outcomes if o.event_id in self._world.outcomes]
        self._world.outcomes.update({o.event_id: o for o in request.outcomes})
        # Stored first: what is refused now may have arrived, as on a broken connection.
        self._world.called("RecordOutcomes", context)
        return facts_pb2.RecordResponse(
            accepted=len(request.outcomes) - len(known), redelivered=len(known)
        )


class Tables(tables_pb2_grpc.TableServiceServicer):
    def __init__(self, world: World) -> None:
        self._world = world

    def GetTable(
        self, request: tables_pb2.GetTableRequest, context: Context
    ) -> tables_pb2.RouteTable:
        self._world.called("GetTable", context)
        routes = [
            {
                "model": name.removeprefix("models/"),
                "pool": "default",
                "champion": model.aliases[names.CHAMPION].version,
                "versions": [model.aliases[names.CHAMPION].version],
                "split": None,
            }
            for name, model in self._world.models.items()
            if not request.models or name.removeprefix("models/") in request.models
        ]
        pool = {"name": "default", "grpc": [["127.0.0.1", 8001]], "http": [["127.0.0.1", 8002]]}
        return tables_pb2.RouteTable(content_json=json.dumps({"routes": routes, "pools": [pool]}))


class Router(router_pb2_grpc.RouterServiceServicer):
    def __init__(self, world: World) -> None:
        self._world = world

    def GetRoute(self, request: router_pb2.GetRouteRequest, context: Context) -> router_pb2.Route:
        self._world.called("GetRoute", context)
        if f"models/{request.model}" not in self._world.models:
            refuse(context, errors.NotFound("ROUTE_NOT_FOUND", f"no route of {request.model}"))
        return self._route(request.model)

    def ListRoutes(
        self, request: router_pb2.ListRoutesRequest, context: Context
    ) -> router_pb2.ListRoutesResponse:
        self._world.called("ListRoutes", context)
        return router_pb2.ListRoutesResponse(
            routes=[self._route(name.removeprefix("models/")) for name in self._world.models]
        )

    def Explain(
        self, request: router_pb2.ExplainRequest, context: Context
    ) -> router_pb2.Explanation:
        self._world.called("Explain", context)
        route = self._route(request.model)
        why = (
            f"as at {request.time.ToJsonString()}"
            if request.HasField("time")
            else "nothing else applies"
        )
        rule = router_pb2.RuleOutcome(rule="champion", decided=True, why=why)
        sent = [
            router_pb2.ConditionOutcome(condition="any", holds=True, found=f"{a.name} is {a.value}")
            for a in request.attributes
        ]
        audience = router_pb2.RuleOutcome(rule="audience", why="nobody is meant", conditions=sent)
        return router_pb2.Explanation(
            model=request.model, version=route.champion_version, rules=[audience, rule]
        )

    def GetStatus(
        self, request: router_pb2.GetStatusRequest, context: Context
    ) -> router_pb2.Status:
        self._world.called("GetStatus", context)
        return router_pb2.Status(
            replicas=[router_pb2.Replica(id="inference-1", pool="default", alive=True)],
            envoys=[router_pb2.EnvoyNode(id="local", connected=True, up_to_date=True)],
        )

    def _route(self, model: str) -> router_pb2.Route:
        route = router_pb2.Route(
            model=model,
            revision="0123456789abcdef",
            champion_version=self._world.models[f"models/{model}"].aliases[names.CHAMPION].version,
            live=self._world.live,
            pending=[] if self._world.live else ["inference-1 loads version 1."],
        )
        for experiment in self._world.experiments.values():
            if experiment.state == experiment_pb2.STATE_RUNNING:
                route.split.experiment = experiment.name
                route.split.experiment_revision = experiment.revision
        return route


class Inference(oip_grpc.GRPCInferenceServiceServicer):  # type: ignore[misc]  # tritonclient is untyped
    """Every model answers `y`, the double of its input `x`."""

    def __init__(self, world: World) -> None:
        self._world = world

    def ModelMetadata(self, request: Any, context: Context) -> Any:
        self._world.called("ModelMetadata", context, token=False)
        if f"models/{request.name}" not in self._world.models:
            context.abort(grpc.StatusCode.NOT_FOUND, f"no model {request.name}")
        tensor = oip.ModelMetadataResponse.TensorMetadata
        return oip.ModelMetadataResponse(
            name=request.name,
            inputs=[tensor(name="x", datatype=self._world.datatype, shape=[-1, 2])],
        )

    def ModelInfer(self, request: Any, context: Context) -> Any:
        self._world.called("ModelInfer", context, token=False)
        metadata = dict(context.invocation_metadata())
        self._world.units.append(metadata.get(names.UNIT_HEADER, ""))
        self._world.attributes.append(
            {
                name.removeprefix(audience.HEADER_PREFIX): value
                for name, value in metadata.items()
                if name.startswith(audience.HEADER_PREFIX)
            }
        )
        if request.inputs[0].datatype != self._world.datatype:
            refuse(context, errors.InvalidArgument("DATATYPE_WRONG", "x has another datatype"))
        dtype = {"FP32": np.float32, "INT64": np.int64}[self._world.datatype]
        doubled = np.frombuffer(request.raw_input_contents[0], dtype) * 2
        champion = self._world.models[f"models/{request.model_name}"].aliases[names.CHAMPION]
        version = request.model_version or str(champion.version)
        context.send_initial_metadata(
            (
                (names.ARM_HEADER, "challenger"),
                (names.EXPERIMENT_HEADER, "e-1"),
                (names.VERSION_HEADER, version),
                (names.REQUEST_ID_HEADER, "a-request"),
            )
        )
        response = oip.ModelInferResponse(
            model_name=request.model_name, raw_output_contents=[doubled.tobytes()]
        )
        response.outputs.add(name="y", datatype=self._world.datatype, shape=request.inputs[0].shape)
        return response


@contextmanager
def serving(world: World) -> Iterator[str]:
    """All fakes on one port: the admin and the data endpoint at once."""
    server = grpc.server(futures.ThreadPoolExecutor(8))
    registry_pb2_grpc.add_RegistryServiceServicer_to_server(Registry(world), server)
    experiment_pb2_grpc.add_ExperimentServiceServicer_to_server(Experiments(world), server)
    facts_pb2_grpc.add_FactServiceServicer_to_server(Facts(world), server)
    losses_pb2_grpc.add_LossServiceServicer_to_server(Losses(world), server)
    policies_pb2_grpc.add_DecisionServiceServicer_to_server(Decisions(world), server)
    series_pb2_grpc.add_SeriesServiceServicer_to_server(Series(world), server)
    metrics_pb2_grpc.add_MetricServiceServicer_to_server(Metrics(world, refuse), server)
    router_pb2_grpc.add_RouterServiceServicer_to_server(Router(world), server)
    tables_pb2_grpc.add_TableServiceServicer_to_server(Tables(world), server)
    lineage_pb2_grpc.add_LineageServiceServicer_to_server(Lineages(world, refuse), server)
    assignment_pb2_grpc.add_AssignmentServiceServicer_to_server(Assigner(world, refuse), server)
    fleet_pb2_grpc.add_FleetServiceServicer_to_server(Fleet(world, refuse), server)
    traffic_pb2_grpc.add_TrafficServiceServicer_to_server(Traffic(world, refuse), server)
    oip_grpc.add_GRPCInferenceServiceServicer_to_server(Inference(world), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(grace=None).wait()
