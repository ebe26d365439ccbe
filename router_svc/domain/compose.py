"""What is heard, made into one consistent table."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from algolink.names import VersionName
from mesh.table import ModelRoute, Pool, Snapshot, Split
from router_svc.domain import placement, splits
from router_svc.domain.memory import Inputs, Memory, Part
from router_svc.domain.rules import NO_RULES, Rules, of_route
from router_svc.domain.world import (
    DEFAULT_POOL,
    Artifact,
    Experiment,
    Model,
    Policy,
    World,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """A table, and what is on the way to it.

    Attributes:
        pending: by model id, what is wanted but not routed yet and why, one
            sentence each.
        targets: what replicas shall hold for it: everything routed, and
            everything that shall be.
        undone: ids of models for which people decided what is not routed yet.
    """

    snapshot: Snapshot
    pending: Mapping[str, tuple[str, ...]]
    targets: Mapping[VersionName, Artifact]
    undone: frozenset[str] = frozenset()


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
    memory: Memory | None = None,
) -> Composed:
    """Makes the next table from what is heard and the table before.

    A version gets traffic only once every replica that counts has it; until then
    what was routed stays. What the world does not mention stays as it was, and so
    does what is frozen; a kill holds at once and everywhere.

    Args:
        wanted: what replicas were last told to hold.
        leaving: versions that replicas were told to unload and may still be
            unloading: they are not ready, whatever a replica says.
        still_routed: versions that an Envoy may still send requests to.
        settling: whether replicas from before the start are still awaited.
        memory: of compositions before this one, of the same router; it spares
            work and changes nothing else.
    """
    members = placement.members(world, DEFAULT_POOL, at=at, settling=settling, policy=policy)
    memory = memory or Memory()
    inputs = Inputs(
        world=world,
        routes=previous.routes,
        members=members,
        leaving=leaving,
        still_routed=still_routed,
    )
    _recall(memory, inputs, wanted)
    before = previous.pools.get(DEFAULT_POOL, Pool(name=DEFAULT_POOL))
    lacking = frozenset[str]().union(*memory.lacking.values())
    pools = {
        **{name: pool for name, pool in previous.pools.items() if name != DEFAULT_POOL},
        DEFAULT_POOL: placement.endpoints(members, before, lacking),
    }
    is_same = memory.routes == previous.routes and pools == previous.pools
    return Composed(
        snapshot=previous if is_same else Snapshot(routes=memory.routes, pools=pools),
        pending=memory.pending,
        targets=memory.targets,
        undone=memory.undone,
    )


def _recall(memory: Memory, inputs: Inputs, wanted: Mapping[VersionName, Artifact]) -> None:
    """Brings `memory` to `inputs`."""
    stale = memory.stale(inputs)
    if stale is None:
        memory.forget()
        stale = {
            *inputs.world.models,
            *inputs.routes,
            *(version.model for version in wanted),
        }
    memory.take(inputs, stale, dict(_parts(inputs, stale, wanted)))
    if memory.targets is not wanted and memory.targets == wanted:
        # One object for what is the same, so that the next step sees it at once.
        memory.targets = wanted


def _parts(
    inputs: Inputs, models: Collection[str], wanted: Mapping[VersionName, Artifact]
) -> Iterator[tuple[str, Part]]:
    """What is composed for each of `models`."""
    experiments: dict[str, dict[str, Experiment]] = {model: {} for model in models}
    for experiment in inputs.world.experiments.values() if models else ():
        if experiment.model in experiments:
            experiments[experiment.model][experiment.id] = experiment
    still_routed: dict[str, set[VersionName]] = {}
    for version in inputs.still_routed:
        still_routed.setdefault(version.model, set()).add(version)
    for model_id in sorted(models):
        world = replace(inputs.world, experiments=experiments[model_id])
        yield model_id, _part(inputs, world, model_id, wanted, still_routed.get(model_id, set()))


def _part(
    inputs: Inputs,
    world: World,
    model_id: str,
    wanted: Mapping[VersionName, Artifact],
    still_routed: Collection[VersionName],
) -> Part:
    previous = inputs.routes.get(model_id)
    gone = model_id in world.deleted_models and not world.traffic_of(model_id).frozen
    composing = _Route(
        world=world,
        model_id=model_id,
        previous=previous,
        members=inputs.members,
        leaving=inputs.leaving,
    )
    route = None
    if not gone and (model_id in world.models or previous is not None):
        route = composing.compose()
    required = _versions(route) | _versions(previous) | set(still_routed)
    return Part(
        route=previous if route == previous else route,
        pending=tuple(composing.pending),
        undone=composing.undone,
        targets=_targets(world, model_id, route, wanted, gone=gone),
        lacking=frozenset(
            replica.id
            for replica in inputs.members.alive
            if not all(replica.is_ready(version) for version in required)
        ),
    )


class _Route:
    """Composes the route of one model, noting what is pending.

    Attributes:
        pending: what is wanted but not routed yet, and why.
        undone: whether that is something that people decided.
    """

    def __init__(
        self,
        *,
        world: World,
        model_id: str,
        previous: ModelRoute | None,
        members: placement.Members,
        leaving: Collection[VersionName],
    ) -> None:
        self._world = world
        self._model_id = model_id
        self._model = world.models.get(model_id)
        self._previous = previous
        self._members = members
        self._leaving = leaving
        self._traffic = world.traffic_of(model_id)
        self.pending: list[str] = []
        self.undone = False
        self._killed = set(self._traffic.killed) | self._revived_too_early()

    def compose(self) -> ModelRoute | None:
        model, previous = self._model, self._previous
        if previous is not None and self._traffic.frozen:
            self.pending.append("the traffic is frozen: the route stays as it is")
            if self._is_shifted_later(previous):
                self.pending.append("shift: it came too late for the frozen route")
            if self._is_ruled_later(previous):
                self.pending.append("rules: they came too late for the frozen route")
            return self._kept(previous)
        if model is None:
            self.pending.append("the registry has not shown this model: its route stays as it was")
            return self._kept(previous) if previous else None
        champion = self._champion(model)
        if champion is None:
            return None
        split = self._split(model, champion)
        rules = self._rules()
        routed = {champion} | (set(split.versions.values()) if split else set()) | rules.versions
        named = {
            number for number in splits.named_versions(self._world, model) if self._usable(number)
        }
        route = ModelRoute(
            model=model.id,
            pool=previous.pool if previous else DEFAULT_POOL,
            champion=champion,
            versions=tuple(sorted((routed | named) - self._killed)),
            split=replace(split, fallback=None) if split else None,
            killed=tuple(sorted(self._killed)),
        )
        return rules.applied(route)

    def _rules(self) -> Rules:
        """What is decided once its versions are usable, what was routed until then."""
        wanted = self._traffic.rules or NO_RULES
        whys = {self._why_not_usable(n) for n in wanted.versions if n not in self._killed}
        if whys <= {None}:
            return wanted
        self.undone = True
        self.pending.extend(f"rules: {why}" for why in sorted(map(str, whys - {None})))
        return of_route(self._previous) if self._previous else NO_RULES

    def _is_shifted_later(self, previous: ModelRoute) -> bool:
        """Whether the freeze came before the last shift had its versions ready."""
        shift, split = self._traffic.shift, previous.split
        if shift is None or (split is not None and split.experiment):
            return False
        return split is None or split.experiment_revision != shift.revision

    def _is_ruled_later(self, previous: ModelRoute) -> bool:
        """Whether the freeze came before the last rules had their versions ready."""
        return previous.rules_revision != (self._traffic.rules or NO_RULES).revision

    def _kept(self, previous: ModelRoute) -> ModelRoute:
        """The route as it was, but for kills; what was revived may be asked for again."""
        champion = self._champion_as_before(previous)
        versions = (set(previous.versions) | set(previous.killed) | {champion}) - self._killed
        return replace(
            previous,
            champion=champion,
            versions=tuple(sorted(n for n in versions if n == champion or self._usable(n))),
            killed=tuple(sorted(self._killed)),
        )

    def _revived_too_early(self) -> set[int]:
        """Versions that are killed no more, and whose replicas are not ready."""
        if self._previous is None:
            return set()
        early = {
            number
            for number in set(self._previous.killed) - self._traffic.killed.keys()
            if self._is_named(number) and not self._usable(number)
        }
        for number in sorted(early):
            self.undone = True
            self.pending.append(f"revived {number}: {self._why_not_usable(number)}")
        return early

    def _is_named(self, number: int) -> bool:
        named = splits.named_versions(self._world, self._model) if self._model else set()
        return number in named or (self._previous is not None and number in self._previous.named())

    def _champion(self, model: Model) -> int | None:
        """The alias's version once it is usable, the routed one until then."""
        if model.champion is None:
            self.pending.append("the model has no champion")
        else:
            wanted = self._traffic.stand_in(model.champion)
            why = self._why_not_usable(wanted)
            if why is None:
                return wanted
            self.pending.append(f"champion {wanted}: {why}")
        return self._champion_as_before(self._previous) if self._previous else None

    def _champion_as_before(self, previous: ModelRoute) -> int:
        """The champion as it was, or what stands in for it once it is killed.

        A stand-in is served when it is named. Only if it leaves the table at that
        very moment is it not ready here: an answer of a killed version beats none.
        """
        champion = self._traffic.stand_in(previous.champion)
        if self._usable(champion):
            return champion
        self.undone = True
        self.pending.append(
            f"version {previous.champion} stays: {champion} is not ready to stand in"
        )
        self._killed.discard(previous.champion)
        return previous.champion

    def _split(self, model: Model, champion: int) -> Split | None:
        return self._experiment(model) or self._shift(champion)

    def _shift(self, champion: int) -> Split | None:
        """The shift once its versions are usable, the one before it until then."""
        shift = self._traffic.shift
        if shift is None:
            return None
        whys = {self._why_not_usable(n) for n in shift.versions.values() if n not in self._killed}
        if whys <= {None}:
            return splits.of_shift(shift, champion)
        self.undone = True
        self.pending.extend(f"shift: {why}" for why in sorted(map(str, whys - {None})))
        previous = self._previous.split if self._previous else None
        if previous is None or previous.experiment:
            return None
        return replace(previous, control=splits.arm_of_champion(previous.versions, champion))

    def _experiment(self, model: Model) -> Split | None:
        """The first experiment whose arms are all usable, killed ones aside.

        An experiment whose arms are not ready does not yet end the one before
        it: units would flip to the champion and away again.
        """
        for experiment in splits.splitting(self._world, model):
            split = splits.of_experiment(experiment)
            numbers = set(split.versions.values()) - self._killed
            whys = {self._why_not_usable(number) for number in numbers} - {None}
            if not whys:
                return split
            self.pending.extend(
                f"experiments/{experiment.id}: {why}" for why in sorted(map(str, whys))
            )
        previous = self._previous.split if self._previous else None
        if previous is None or not previous.experiment:
            return None
        if previous.experiment in self._world.deleted_experiments:
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
        version = VersionName(self._model_id, number)
        if self._model is None or number not in self._model.versions:
            return f"version {number} is not shown by the registry yet"
        if version in self._leaving:
            return f"version {number} is being unloaded, and loaded again after that"
        return self._members.why_not_ready(version)


def _targets(
    world: World,
    model_id: str,
    route: ModelRoute | None,
    wanted: Mapping[VersionName, Artifact],
    *,
    gone: bool,
) -> dict[VersionName, Artifact]:
    """What replicas shall hold of one model.

    Until all has been heard since the start, and for a model that the registry
    does not show, what was wanted stays wanted.
    """
    targets: dict[VersionName, Artifact] = {}
    model = world.models.get(model_id)
    if not gone and (model is None or not world.complete):
        targets = {version: a for version, a in wanted.items() if version.model == model_id}
    if model is not None:
        for number in splits.named_versions(world, model) | set(route.versions if route else ()):
            version = VersionName(model_id, number)
            artifact = model.versions.get(number) or wanted.get(version)
            if artifact is not None:
                targets[version] = artifact
    return targets


def _versions(route: ModelRoute | None) -> set[VersionName]:
    return {VersionName(route.model, number) for number in route.versions} if route else set()
