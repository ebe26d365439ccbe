"""The blocking client."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Self

from algolink import names
from algolink.client import artifact, experiments, outcomes, registry, router
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
from algolink.client.sync_archive import Archives
from algolink.client.sync_artifacts import Artifacts
from algolink.client.sync_assignments import Assignments
from algolink.client.sync_audit import Audit
from algolink.client.sync_facts import Facts
from algolink.client.sync_fleet import FleetClient
from algolink.client.sync_history import History
from algolink.client.sync_lifecycle import Lifecycle
from algolink.client.sync_lineage import LineageClient
from algolink.client.sync_losses import LossesClient
from algolink.client.sync_metrics import Metrics
from algolink.client.sync_policies import Policies
from algolink.client.sync_search import Search
from algolink.client.sync_tables import Tables
from algolink.client.sync_traffic import TrafficClient
from algolink.client.sync_transport import SyncTransport
from algolink.errors import InvalidArgument
from algolink.experiment.v1 import experiment_pb2, facts_pb2
from algolink.registry.v1 import registry_pb2
from algolink.router.v1 import router_pb2, tables_pb2


class Client:
    """Pushes, predicts, measures and asks. Safe to share between threads.

    What is not given is taken from the environment (`ALGOLINK_ENDPOINT`,
    `ALGOLINK_DATA_ENDPOINT`, `ALGOLINK_TOKEN`, `ALGOLINK_DATA_DIR`), from what
    `algolink up` wrote into the data folder, or from the defaults. Names may be
    short (`iris`) or whole (`models/iris`).

    `history` holds what the registry remembers of aliases, `lifecycle` what may
    become of versions, `audit` who changed what, `assignments` who is in which arm;
    `search` finds models and versions, `lineage` where they came from.

    Every method raises a class of `algolink.errors`: `Unavailable` with reason
    ENDPOINT_UNREACHABLE where nothing listens, otherwise what the service said.
    Calls that are safe to repeat are repeated with backoff within `timeout_s`.
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
        self._transport = SyncTransport(self.connection)
        self.traffic = TrafficClient(self._transport, timeout_s)
        self.fleet = FleetClient(self._transport, timeout_s)
        self.losses = LossesClient(self._transport, timeout_s)
        self.facts = Facts(self._transport, timeout_s)
        self.history = History(self._transport, timeout_s)
        self.lifecycle = Lifecycle(self._transport, timeout_s)
        self.artifacts = Artifacts(self._transport)
        self.archives = Archives(
            self._transport, self.artifacts, self.history, self.lifecycle, timeout_s
        )
        self.audit = Audit(self._transport, timeout_s)
        self.assignments = Assignments(self._transport, timeout_s)
        self.metrics = Metrics(self._transport, timeout_s)
        self.search = Search(self._transport, timeout_s)
        self.tables = Tables(self._transport)
        self.lineage = LineageClient(self._transport, timeout_s)
        self.policies = Policies(self._transport, timeout_s)
        self._takes: dict[tuple[str, int | None], Takes] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self._transport.close()

    # Models

    def push(
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
        """Uploads an ONNX model as the next version of `name`.

        The first version of a model becomes its champion by itself.

        Args:
            onnx: a path, the bytes, or an object such as `onnx.ModelProto`; the path of
                a folder for a model whose weights lie beside it. What is large, or
                a folder, goes on where it stopped when the push is repeated.
            name: the model's id; made by its first push.
            aliases: to point at the new version in the same step.
            description: in your words, at most 1,000 characters.
            tags: notes by key.
            metrics: offline metrics by name; finite.
            request_id: the same id with the same bytes gives the same version,
                so a push can be repeated; minted if it is None.
            wait: whether to return only once requests are answered by the new
                version, where it became the champion.
            wait_timeout_s: for that.
            timeout_s: for the upload with its retries.
            progress: called with the bytes sent so far and in all.

        Raises:
            InvalidArgument: ARTIFACT_NOT_LOADABLE, for example.
            DeadlineExceeded: ROUTE_NOT_LIVE, if the wait was too short; the
                version exists.
            OSError: if the file cannot be read.
        """
        pieces = Artifact.of(onnx).pieces()
        header = artifact.push_header(
            pieces[-1],
            model=name,
            aliases=aliases,
            description=description,
            tags=tags or {},
            metrics=metrics or {},
            request_id=request_id or str(uuid.uuid4()),
        )
        version = self.artifacts.push(header, pieces, progress, timeout_s)
        if wait:
            model = self.model(name)
            if model.aliases[names.CHAMPION].version == version.number:
                self._transport.wait(router.champion_is_live(model, version.number), wait_timeout_s)
        return version

    def models(self) -> list[registry_pb2.Model]:
        """All models, ordered by name."""
        return self._transport.items(registry.list_models(), self._timeout_s)

    def model(self, name: str) -> registry_pb2.Model:
        """One model with its aliases."""
        return self._transport.unary(registry.get_model(name), self._timeout_s)

    def versions(self, name: str, *, deleted: bool = False) -> list[registry_pb2.Version]:
        """All versions of a model, newest first; deleted ones only if asked."""
        return self._transport.items(registry.list_versions(name, deleted=deleted), self._timeout_s)

    def version(self, name: str, number: int) -> registry_pb2.Version:
        """One version of a model."""
        return self._transport.unary(registry.get_version(name, number), self._timeout_s)

    def set_alias(
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
        """Points `alias` at a version; waits, for the champion, until it answers.

        Raises:
            Aborted: ETAG_MISMATCH, if `etag` is given and stale.
            DeadlineExceeded: ROUTE_NOT_LIVE; the alias has moved.
        """
        call = registry.set_alias(name, alias, version, etag=etag, reason=reason)
        model = self._transport.unary(call, self._timeout_s)
        if wait and alias == names.CHAMPION:
            self._transport.wait(router.champion_is_live(model, version), wait_timeout_s)
        return model

    # Predictions

    def predict(
        self,
        name: str,
        x: Inputs,
        *,
        unit: str | None = None,
        version: int | None = None,
        attributes: Mapping[str, str] | None = None,
        timeout_s: float = PREDICT_TIMEOUT_S,
    ) -> Prediction:
        """Asks a model, through Envoy, as any client of the data plane would.

        A request that may have arrived is not sent again: each is an exposure,
        and Envoy itself already retries on another replica.

        Args:
            name: the model's id.
            x: the value of its only input, or a mapping of values by input name;
                converted to the input's type.
            unit: whom or what it is for, a user or a session: decides the arm.
            version: asks for exactly that version instead.
            attributes: value by name, for audiences: `{"country": "FR"}`.
            timeout_s: for everything.

        Raises:
            NotFound: if there is no such model or version.
            InvalidArgument: TENSOR_INVALID, INPUT_UNKNOWN, INPUT_NAME_REQUIRED,
                UNIT_INVALID or ATTRIBUTE_INVALID, or what the model says about
                the input.
        """
        takes = self._takes.get((name, version))
        known = takes is not None
        takes = takes or self._learn(name, version, timeout_s)
        try:
            return self._infer(name, x, takes, (unit, attributes), version, timeout_s)
        except InvalidArgument:
            # A new champion may take something else than what is remembered.
            if not known or (fresh := self._learn(name, version, timeout_s)) == takes:
                raise
            return self._infer(name, x, fresh, (unit, attributes), version, timeout_s)

    def _learn(self, name: str, version: int | None, timeout_s: float) -> Takes:
        from algolink.client import oip

        metadata, _ = self._transport.data(
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

    def _infer(
        self,
        name: str,
        x: Inputs,
        takes: Takes,
        who: tuple[str | None, Mapping[str, str] | None],
        version: int | None,
        timeout_s: float,
    ) -> Prediction:
        from algolink.client import oip

        answer, headers = self._transport.data(
            oip.INFER_PATH,
            oip.infer_request(name, x, takes, version),
            oip.InferReply,
            oip.request_metadata(*who),
            timeout_s,
            idempotent=False,
        )
        return oip.to_prediction(name, answer, headers)

    # Outcomes

    def outcome(
        self,
        unit: str,
        metric: str,
        value: float,
        *,
        event_id: str | None = None,
        time: datetime | None = None,
    ) -> facts_pb2.RecordResponse:
        """Records what happened to a unit; on disk when this returns.

        Args:
            unit: as given to `predict`.
            metric: name of the metric.
            value: finite, in the metric's unit.
            event_id: the same id counts once however often it is sent; minted.
            time: when it happened, aware; now if it is None.
        """
        return self.outcomes([outcomes.one(unit, metric, value, event_id, time)])

    def outcomes(self, batch: Iterable[Outcome]) -> facts_pb2.RecordResponse:
        """Records many outcomes, 5,000 in a call; the counts of all calls together."""
        return outcomes.total(
            [self._transport.unary(call, self._timeout_s) for call in outcomes.record(batch)]
        )

    # Experiments

    def create_experiment(
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
        """Makes a draft; nothing is routed by it yet.

        Args:
            name: the experiment's id.
            model: whose traffic is split.
            arms: the first is the control and must be the champion.
            metric: what decides, defined here.
            metrics: what is measured, by versions of defined metrics; one of the two.
            unit: `header` (the value of `x-algolink-unit`) or `request`.
            analysis: what the statistics rest on.
            rule: when to conclude without being asked.
            description: in your words, at most 1,000 characters.
            allow_incompatible: whether arms may lack what the control's callers
                rely on.
            policy: what is done without being asked: `careful` or `careful@2`.
        """
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
        return self._transport.unary(call, self._timeout_s)

    def experiments(self, *, model: str | None = None) -> list[experiment_pb2.Experiment]:
        """All experiments, or those of one model, newest first."""
        return self._transport.items(experiments.list_all(model), self._timeout_s)

    def experiment(self, name: str) -> experiment_pb2.Experiment:
        """One experiment."""
        return self._transport.unary(experiments.get(name), self._timeout_s)

    def start_experiment(
        self,
        name: str,
        *,
        etag: str = "",
        wait: bool = True,
        wait_timeout_s: float = WAIT_TIMEOUT_S,
    ) -> experiment_pb2.Experiment:
        """Starts a draft, and waits until Envoy splits the traffic.

        Raises:
            DeadlineExceeded: ROUTE_NOT_LIVE; the experiment is started.
        """
        call = experiments.start(name, etag=etag)
        experiment = self._transport.unary(call, self._timeout_s)
        if wait:
            self._transport.wait(router.split_is_live(experiment), wait_timeout_s)
        return experiment

    def ramp_experiment(
        self,
        name: str,
        weights_bp: Mapping[str, int],
        *,
        etag: str = "",
        wait: bool = True,
        wait_timeout_s: float = WAIT_TIMEOUT_S,
    ) -> experiment_pb2.Experiment:
        """Changes the shares of all arms (basis points), and waits until they hold.

        Raises:
            DeadlineExceeded: ROUTE_NOT_LIVE; the experiment is ramped.
        """
        call = experiments.ramp(name, weights_bp, etag=etag)
        experiment = self._transport.unary(call, self._timeout_s)
        if wait:
            self._transport.wait(router.split_is_live(experiment), wait_timeout_s)
        return experiment

    def stop_experiment(
        self,
        name: str,
        *,
        etag: str = "",
        wait: bool = True,
        wait_timeout_s: float = WAIT_TIMEOUT_S,
    ) -> experiment_pb2.Experiment:
        """Ends it without a winner, and waits until the champion has all traffic.

        Raises:
            DeadlineExceeded: ROUTE_NOT_LIVE; the experiment is stopped.
        """
        call = experiments.stop(name, etag=etag)
        experiment = self._transport.unary(call, self._timeout_s)
        if wait and experiment.HasField("start_time"):
            self._transport.wait(router.split_is_gone(experiment), wait_timeout_s)
        return experiment

    def conclude_experiment(
        self,
        name: str,
        *,
        winner: str | None = None,
        force: bool = False,
        etag: str = "",
        wait: bool = True,
        wait_timeout_s: float = WAIT_TIMEOUT_S,
    ) -> experiment_pb2.Experiment:
        """Gives a verdict and promotes the winner, and waits until it has all traffic.

        Args:
            name: the experiment's id.
            winner: id of the arm; None lets the rule say.
            force: conclude with `winner` whatever the rule says.
            etag: as last seen; empty writes unconditionally.
            wait: whether to return only once the winner is champion.
            wait_timeout_s: for that.

        Raises:
            FailedPrecondition: NO_DECISION or VERDICT_DISAGREES.
            DeadlineExceeded: PROMOTION_PENDING or ROUTE_NOT_LIVE; the verdict
                stands.
        """
        call = experiments.conclude(name, winner=winner, force=force, etag=etag)
        experiment = self._transport.unary(call, self._timeout_s)
        if wait:
            experiment = self._transport.wait(experiments.is_concluded(experiment), wait_timeout_s)
            self._transport.wait(router.split_is_gone(experiment), wait_timeout_s)
        return experiment

    def results(self, name: str) -> experiment_pb2.Results:
        """What was measured so far, valid however often it is asked."""
        return self._transport.unary(experiments.results(name), self._timeout_s)

    # Routes

    def routes(self) -> list[router_pb2.Route]:
        """All routes, ordered by model."""
        return list(self._transport.unary(router.list_routes(), self._timeout_s).routes)

    def route(self, model: str) -> router_pb2.Route:
        """How requests for a model are routed."""
        return self._transport.unary(router.get_route(model), self._timeout_s)

    def route_table(self, *models: str) -> tables_pb2.RouteTable:
        """The table as a whole, or its part about `models`, as a route table file has it."""
        return self._transport.unary(router.get_table(models), self._timeout_s)

    def explain(
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
        return self._transport.unary(call, self._timeout_s)

    def status(self) -> router_pb2.Status:
        """Which replicas and Envoys are connected."""
        return self._transport.unary(router.get_status(), self._timeout_s)
