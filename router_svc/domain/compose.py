"""What is heard, made into one consistent table."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from algolink.names import VersionName
from algolink.split import BUCKETS, Segment, Table
from mesh.table import ModelRoute, Pool, Snapshot, Split
from router_svc.domain import placement
from router_svc.domain.world import (
    DEFAULT_POOL,
    Artifact,
    Experiment,
    ExperimentState,
    Model,
    Policy,
    World,
)

_SPLITTING = (ExperimentState.RUNNING, ExperimentState.CONCLUDING, ExperimentState.CONCLUDED)
"""States that may split traffic, the most urgent first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """A table, and what is on the way to it.

    Attributes:
        pending: by model id, what is wanted but not routed yet and why, one
            sentence each.
        targets: what replicas shall hold for it: everything routed, and
            everything that shall be.
    """

    snapshot: Snapshot
    pending: Mapping[str, tuple[str, ...]]
    targets: Mapping[VersionName, Artifact]


def compose(
    world: World,
    previous: Snapshot,
    *,
    wanted: Mapping[VersionName, Artifact],
    leaving: Collection[VersionName] = frozenset(),
    still_routed: Collection[VersionName] = frozenset(),
    at: datetime,
    settling: bool,
    policy: Policy,
) -> Composed:
    """Makes the next table from what is heard and the table before.

    A version gets traffic only once every replica that counts has it; until then
    what was routed stays. What the world does not mention stays as it was.

    Args:
        wanted: what replicas were last told to hold.
        leaving: versions that replicas were told to unload and may still be
            unloading: they are not ready, whatever a replica says.
        still_routed: versions that an Envoy may still send requests to.
        settling: whether replicas from before the start are still awaited.
    """
    members = placement.members(world, DEFAULT_POOL, at=at, settling=settling, policy=policy)
    routes: dict[str, ModelRoute] = {}
    pending: dict[str, tuple[str, ...]] = {}
    for model_id in sorted((world.models.keys() | previous.routes.keys()) - world.deleted_models):
        composing = _Route(
            world=world,
            model=world.models.get(model_id),
            previous=previous.routes.get(model_id),
            members=members,
            leaving=leaving,
        )
        route = composing.compose()
        if route is not None:
            routes[model_id] = route
        if composing.pending:
            pending[model_id] = tuple(composing.pending)
    required = _versions(routes) | _versions(previous.routes) | set(still_routed)
    before = previous.pools.get(DEFAULT_POOL, Pool(name=DEFAULT_POOL))
    pools = {
        **{name: pool for name, pool in previous.pools.items() if name != DEFAULT_POOL},
        DEFAULT_POOL: placement.endpoints(members, before, required),
    }
    return Composed(
        snapshot=Snapshot(routes=routes, pools=pools),
        pending=pending,
        targets=_targets(world, routes, wanted),
    )


class _Route:
    """Composes the route of one model, noting what is pending."""

    def __init__(
        self,
        *,
        world: World,
        model: Model | None,
        previous: ModelRoute | None,
        members: placement.Members,
        leaving: Collection[VersionName],
    ) -> None:
        self._world = world
        self._model = model
        self._previous = previous
        self._members = members
        self._leaving = leaving
        self.pending: list[str] = []

    def compose(self) -> ModelRoute | None:
        model, previous = self._model, self._previous
        if model is None:
            self.pending.append("the registry has not shown this model: its route stays as it was")
            return previous
        champion = self._champion(model)
        if champion is None:
            return None
        split = self._split(model)
        routed = {champion} | (set(split.versions.values()) if split else set())
        named = {number for number in named_versions(self._world, model) if self._usable(number)}
        return ModelRoute(
            model=model.id,
            pool=previous.pool if previous else DEFAULT_POOL,
            champion=champion,
            versions=tuple(sorted(routed | named)),
            split=split,
        )

    def _champion(self, model: Model) -> int | None:
        """The alias's version once it is usable, the routed one until then."""
        previous = self._previous.champion if self._previous else None
        if model.champion is None:
            self.pending.append("the model has no champion")
            return previous
        why = self._why_not_usable(model.champion)
        if why is None:
            return model.champion
        self.pending.append(f"champion {model.champion}: {why}")
        return previous

    def _split(self, model: Model) -> Split | None:
        """The first experiment whose arms are all usable.

        An experiment whose arms are not ready does not yet end the one before
        it: units would flip to the champion and away again.
        """
        for experiment in splitting(self._world, model):
            split = _split_of(experiment)
            whys = {self._why_not_usable(number) for number in split.versions.values()} - {None}
            if not whys:
                return split
            self.pending.extend(
                f"experiments/{experiment.id}: {why}" for why in sorted(map(str, whys))
            )
        previous = self._previous.split if self._previous else None
        if previous is None or previous.experiment in self._world.deleted_experiments:
            return None
        known = self._world.experiments.get(previous.experiment)
        if known is None:
            self.pending.append(
                f"experiments/{previous.experiment} is not shown by its service: "
                "its split stays as it was"
            )
            return previous
        return None

    def _usable(self, number: int) -> bool:
        return self._why_not_usable(number) is None

    def _why_not_usable(self, number: int) -> str | None:
        if self._previous is not None and number in self._previous.versions:
            return None
        assert self._model is not None  # noqa: S101 - composed only for a known model
        version = VersionName(self._model.id, number)
        if number not in self._model.versions:
            return f"version {number} is not shown by the registry yet"
        if version in self._leaving:
            return f"version {number} is being unloaded, and loaded again after that"
        return self._members.why_not_ready(version)


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
    """Versions that an alias or an experiment names."""
    arms = {number for e in splitting(world, model) for number in e.arms.values()}
    return set(model.aliases.values()) | arms


def _split_of(experiment: Experiment) -> Split:
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


def _targets(
    world: World, routes: Mapping[str, ModelRoute], wanted: Mapping[VersionName, Artifact]
) -> dict[VersionName, Artifact]:
    """What replicas shall hold.

    Until all has been heard since the start, and for a model that the registry
    does not show, what was wanted stays wanted.
    """
    targets = {
        version: artifact
        for version, artifact in wanted.items()
        if version.model not in world.deleted_models
        and (not world.complete or version.model not in world.models)
    }
    for model in world.models.values():
        route = routes.get(model.id)
        numbers = named_versions(world, model) | set(route.versions if route else ())
        for number in numbers:
            version = VersionName(model.id, number)
            artifact = model.versions.get(number) or wanted.get(version)
            if artifact is not None:
                targets[version] = artifact
    return targets


def _versions(routes: Mapping[str, ModelRoute]) -> set[VersionName]:
    return {VersionName(r.model, number) for r in routes.values() for number in r.versions}
