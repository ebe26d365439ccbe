"""What the router has heard: models, experiments and replicas."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from algolink.names import CHAMPION, VersionName
from algolink.split import Table
from mesh.table import Endpoint
from router_svc.domain.traffic import Traffic

DEFAULT_POOL = "default"
"""Pool that serves every model."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """What a replica fetches to load a version.

    Attributes:
        digest: SHA-256, 64 lower-case hex digits.
        size_bytes: its size.
    """

    digest: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model as the registry shows it.

    Attributes:
        id: without `models/`.
        revision: counts the registry's writes to the model.
        aliases: version number by alias.
        versions: artifact by version number.
        archived: numbers of versions that nothing new may name.
    """

    id: str
    revision: int
    aliases: Mapping[str, int]
    versions: Mapping[int, Artifact]
    archived: frozenset[int] = frozenset()

    @property
    def champion(self) -> int | None:
        """Version that requests without a version go to."""
        return self.aliases.get(CHAMPION)


class ExperimentState(enum.StrEnum):
    """Where an experiment stands."""

    DRAFT = "draft"
    RUNNING = "running"
    CONCLUDING = "concluding"
    CONCLUDED = "concluded"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """An experiment as its service shows it.

    Attributes:
        id: without `experiments/`.
        model: id of the model whose traffic it splits.
        revision: counts the writes to it.
        arms: version number by arm id, the control first.
        table: arm of each bucket; `None` while there is none.
        phase: number of the open allocation phase, or of the last.
        winner: id of the arm that won, once there is a verdict.
        promoted_model_revision: revision of the model from which the winner is
            its champion; 0 until it is.
    """

    id: str
    model: str
    revision: int
    state: ExperimentState
    arms: Mapping[str, int]
    salt: str
    per_request: bool = False
    table: Table | None = None
    phase: int = 0
    winner: str | None = None
    promoted_model_revision: int = 0


class LoadState(enum.StrEnum):
    """Where a version stands on a replica."""

    LOADING = "loading"
    READY = "ready"
    FAILED = "failed"
    UNLOADING = "unloading"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A version on a replica, and why it failed if it did."""

    state: LoadState
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """A replica as it last announced itself.

    Attributes:
        id: unique in its pool, kept over restarts.
        versions: all that it said it knows.
        renewed: when it last said so; UTC.
        heard: whether it said so to this process; else it is from the database.
        draining: whether it is about to stop.
        foreign: whether its servers read no version from a header.
    """

    id: str
    pool: str
    grpc: Endpoint
    http: Endpoint
    versions: Mapping[VersionName, Loaded] = field(default_factory=dict)
    renewed: datetime
    heard: bool = True
    draining: bool = False
    foreign: bool = False

    def alive(self, *, at: datetime, lease: timedelta) -> bool:
        """Whether it was heard and its lease holds."""
        return self.heard and not self.draining and at < self.renewed + lease

    def is_ready(self, version: VersionName) -> bool:
        """Whether it has said that it answers for `version`."""
        loaded = self.versions.get(version)
        return self.heard and loaded is not None and loaded.state is LoadState.READY

    def standing(self, version: VersionName) -> str:
        """Where `version` stands on it, in words."""
        if not self.heard:
            return "not announced yet"
        loaded = self.versions.get(version)
        if loaded is None:
            return "not loaded yet"
        return f"failed: {loaded.message}" if loaded.state is LoadState.FAILED else loaded.state


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """All that the router has heard, at one moment.

    What is absent is unknown, not gone: only a tombstone takes a route away, so
    that a service that lost its database takes nothing down.

    Attributes:
        deleted_models: ids of models that the registry said are gone.
        deleted_experiments: ids of experiments that are gone.
        complete: whether models and experiments have both been heard in full
            since the start.
        models_complete: whether models have been.
        traffic: what people decided, by model id.
    """

    models: Mapping[str, Model] = field(default_factory=dict)
    experiments: Mapping[str, Experiment] = field(default_factory=dict)
    replicas: tuple[Replica, ...] = ()
    deleted_models: frozenset[str] = frozenset()
    deleted_experiments: frozenset[str] = frozenset()
    complete: bool = True
    models_complete: bool = True
    traffic: Mapping[str, Traffic] = field(default_factory=dict)

    def traffic_of(self, model: str) -> Traffic:
        """What people decided about a model."""
        return self.traffic.get(model) or Traffic(model=model)

    @property
    def frozen(self) -> frozenset[str]:
        """Models whose routes stay as they are."""
        return frozenset(model for model, traffic in self.traffic.items() if traffic.frozen)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How careful the router is.

    Attributes:
        lease: how long an announcement counts.
        settle: how long after a start nothing is withdrawn.
        min_ready: replicas that must have a version before it gets traffic.
        unload_delay: how long after the last Envoy forgot a version it is
            unloaded.
        router_lease: how long a router may be silent before another composes.
    """

    lease: timedelta = timedelta(seconds=5)
    settle: timedelta = timedelta(seconds=30)
    min_ready: int = 1
    unload_delay: timedelta = timedelta(seconds=30)
    router_lease: timedelta = timedelta(seconds=3)
