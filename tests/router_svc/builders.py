"""Values for tests; each builder takes only what a test is about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from algolink import split
from algolink.audience import Condition, Equals
from algolink.experiment.v1 import experiment_pb2
from algolink.names import CHAMPION, VersionName
from algolink.registry.v1 import registry_pb2
from algolink.router.v1 import router_pb2
from mesh.table import Audience, Endpoint
from router_svc.domain.world import (
    Artifact,
    Experiment,
    ExperimentState,
    Loaded,
    LoadState,
    Model,
    Replica,
)

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)

WEIGHTS = {"control": 9_000, "challenger": 1_000}


def digest_of(number: int) -> str:
    return f"{number:064x}"


def a_version(number: int, model: str = "digits") -> VersionName:
    return VersionName(model, number)


def a_model(
    model: str = "digits",
    *,
    champion: int | None = 1,
    versions: Iterable[int] = (1, 2, 3),
    aliases: Mapping[str, int] | None = None,
    revision: int = 1,
) -> Model:
    named = dict(aliases or {})
    if champion is not None:
        named[CHAMPION] = champion
    return Model(
        id=model,
        revision=revision,
        aliases=named,
        versions={number: Artifact(digest_of(number), 100 * number) for number in versions},
    )


def an_experiment(
    experiment: str = "digits-1",
    *,
    model: str = "digits",
    state: ExperimentState = ExperimentState.RUNNING,
    arms: Mapping[str, int] | None = None,
    weights: Mapping[str, int] | None = None,
    phase: int = 1,
    winner: str | None = None,
    promoted_model_revision: int = 0,
    revision: int = 2,
) -> Experiment:
    return Experiment(
        id=experiment,
        model=model,
        revision=revision,
        state=state,
        arms=arms or {"control": 1, "challenger": 2},
        salt=f"{experiment}-x",
        table=None if state is ExperimentState.DRAFT else split.allocate(weights or WEIGHTS),
        phase=phase,
        winner=winner,
        promoted_model_revision=promoted_model_revision,
    )


def a_replica(
    replica_id: str = "r1",
    *,
    ready: Iterable[int] = (),
    loading: Iterable[int] = (),
    failed: Mapping[int, str] | None = None,
    unloading: Iterable[int] = (),
    model: str = "digits",
    port: int | None = None,
    renewed: datetime = NOON,
    heard: bool = True,
    draining: bool = False,
    foreign: bool = False,
) -> Replica:
    number = int(replica_id.removeprefix("r"))
    versions = {
        **{a_version(v, model): Loaded(LoadState.READY) for v in ready},
        **{a_version(v, model): Loaded(LoadState.LOADING) for v in loading},
        **{a_version(v, model): Loaded(LoadState.UNLOADING) for v in unloading},
        **{a_version(v, model): Loaded(LoadState.FAILED, m) for v, m in (failed or {}).items()},
    }
    first_port = port if port is not None else 8_000 + 10 * number
    return Replica(
        id=replica_id,
        pool="default",
        grpc=Endpoint("127.0.0.1", first_port),
        http=Endpoint("127.0.0.1", first_port + 1),
        versions=versions,
        renewed=renewed,
        heard=heard,
        draining=draining,
        foreign=foreign,
    )


def an_audience(*, country: str = "FR", version: int | None = 2, name: str = "") -> Audience:
    """Predictions from one country."""
    condition = Condition(attribute="country", test=Equals(country))
    return Audience(conditions=(condition,), version=version, name=name)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def model_state(model: Model) -> registry_pb2.ModelState:
    """The message that the registry sends for `model`."""
    return registry_pb2.ModelState(
        model=registry_pb2.Model(
            name=f"models/{model.id}",
            aliases={a: registry_pb2.Alias(version=v) for a, v in model.aliases.items()},
            latest_version=max(model.versions),
            revision=model.revision,
        ),
        versions=[
            registry_pb2.Version(
                name=f"models/{model.id}/versions/{number}",
                number=number,
                digest=artifact.digest,
                size_bytes=artifact.size_bytes,
            )
            for number, artifact in sorted(model.versions.items(), reverse=True)
        ],
    )


def experiment_message(experiment: Experiment) -> experiment_pb2.Experiment:
    """The message that the experiment service sends for `experiment`."""
    segments = experiment.table.segments if experiment.table else ()
    message = experiment_pb2.Experiment(
        name=f"experiments/{experiment.id}",
        model=f"models/{experiment.model}",
        arms=[experiment_pb2.Arm(id=a, version=v) for a, v in experiment.arms.items()],
        state=f"STATE_{experiment.state.upper()}",
        salt=experiment.salt,
        segments=[experiment_pb2.Segment(start=s.start, end=s.end, arm=s.arm) for s in segments],
        phases=[experiment_pb2.Phase(number=n + 1) for n in range(experiment.phase)],
        promoted_model_revision=experiment.promoted_model_revision,
        revision=experiment.revision,
    )
    if experiment.winner is not None:
        message.verdict.winner = experiment.winner
    return message


def announcement(replica: Replica) -> router_pb2.AnnounceRequest:
    """The message that `replica` sends."""
    return router_pb2.AnnounceRequest(
        replica_id=replica.id,
        pool=replica.pool,
        grpc_address=str(replica.grpc),
        http_address=str(replica.http),
        versions=[
            router_pb2.LoadedVersion(
                model=version.model,
                version=version.number,
                state=f"LOAD_STATE_{loaded.state.upper()}",
                message=loaded.message,
            )
            for version, loaded in replica.versions.items()
        ],
        draining=replica.draining,
        foreign=replica.foreign,
    )
