"""What composing remembers from one step to the next.

Of thousands of models a change touches one. What was composed of the same values
comes out the same, so it is kept; a memory that is empty changes no result.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from algolink.names import VersionName
from mesh.table import ModelRoute
from router_svc.domain.placement import Members
from router_svc.domain.world import Artifact, Loaded, Replica, World

K = TypeVar("K")
V = TypeVar("V")

_REPLICAS = 64
"""Of so many replicas it is remembered what they hold and should not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """All that routes are composed of; see `compose` for what each is."""

    world: World
    routes: Mapping[str, ModelRoute]
    members: Members
    leaving: Collection[VersionName]
    still_routed: Collection[VersionName]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What was composed for one model.

    Attributes:
        lacking: ids of replicas that lack a version which may be sent to them.
    """

    route: ModelRoute | None
    pending: tuple[str, ...]
    undone: bool
    targets: Mapping[VersionName, Artifact]
    lacking: frozenset[str]


@dataclass(slots=True)
class Memory:
    """The last composition; a new one knows nothing.

    Attributes:
        parts: by model id.
        routes: the routes of `parts`; never changed in place, like what follows.
        targets: the targets of `parts`.
        pending: of those models for which something is.
        undone: as in `Composed`.
        lacking: of those models for which some replica lacks something.
    """

    inputs: Inputs | None = None
    parts: dict[str, Part] = field(default_factory=dict)
    routes: Mapping[str, ModelRoute] = field(default_factory=dict)
    targets: Mapping[VersionName, Artifact] = field(default_factory=dict)
    pending: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    undone: frozenset[str] = frozenset()
    lacking: Mapping[str, frozenset[str]] = field(default_factory=dict)
    _unwanted: list[
        tuple[
            Mapping[VersionName, Loaded],
            Mapping[VersionName, Artifact],
            frozenset[VersionName],
        ]
    ] = field(default_factory=list)

    def forget(self) -> None:
        """Knows nothing any more."""
        self.inputs, self.parts = None, {}
        self.routes, self.targets, self.pending, self.lacking = {}, {}, {}, {}
        self.undone = frozenset()

    def take(self, inputs: Inputs, stale: Collection[str], parts: Mapping[str, Part]) -> None:
        """Replaces what was composed for `stale`."""
        before = {model: self.parts.pop(model) for model in stale if model in self.parts}
        self.inputs = inputs
        self.parts |= parts
        self.routes = _patched(
            self.routes, stale, {m: p.route for m, p in parts.items() if p.route is not None}
        )
        self.pending = _patched(
            self.pending, stale, {m: p.pending for m, p in parts.items() if p.pending}
        )
        self.lacking = _patched(
            self.lacking, stale, {m: p.lacking for m, p in parts.items() if p.lacking}
        )
        self.undone = self.undone.difference(stale).union(m for m, p in parts.items() if p.undone)
        self.targets = _patched(
            self.targets,
            [version for part in before.values() for version in part.targets],
            {version: a for part in parts.values() for version, a in part.targets.items()},
        )

    def unwanted(
        self,
        held: Mapping[VersionName, Loaded],
        wanted: Mapping[VersionName, Artifact],
        work_out: Callable[
            [Mapping[VersionName, Loaded], Mapping[VersionName, Artifact]], frozenset[VersionName]
        ],
    ) -> frozenset[VersionName]:
        """`work_out(held, wanted)`, worked out once for the same two objects."""
        for known in self._unwanted:
            if known[0] is held and known[1] is wanted:
                return known[2]
        self._unwanted = [
            *(k for k in self._unwanted if k[1] is wanted and k[0] is not held),
            (held, wanted, work_out(held, wanted)),
        ][-_REPLICAS:]
        return self._unwanted[-1][2]

    def stale(self, now: Inputs) -> set[str] | None:
        """Models of which something differs; `None` if all are to be composed anew."""
        before = self.inputs
        if before is None or _differs_for_all(before, now):
            return None
        was, world = before.world, now.world
        stale = (
            _differing(was.models, world.models)
            | _differing(was.traffic, world.traffic)
            | _differing(before.routes, now.routes)
            | (was.deleted_models ^ world.deleted_models)
            | {version.model for version in set(before.leaving) ^ set(now.leaving)}
            | {version.model for version in set(before.still_routed) ^ set(now.still_routed)}
        )
        for experiment_id in _differing(was.experiments, world.experiments):
            for experiments in (was.experiments, world.experiments):
                if experiment_id in experiments:
                    stale.add(experiments[experiment_id].model)
        for then, replica in zip(_counted(before), _counted(now), strict=True):
            if then.versions is not replica.versions:
                changed = then.versions.items() ^ replica.versions.items()
                stale |= {version.model for version, _ in changed}
        return stale


def _counted(inputs: Inputs) -> tuple[Replica, ...]:
    return inputs.members.alive + inputs.members.awaited


def _differs_for_all(before: Inputs, now: Inputs) -> bool:
    def common(inputs: Inputs) -> tuple[object, ...]:
        members = inputs.members
        return (
            inputs.world.complete,
            inputs.world.deleted_experiments,
            members.pool,
            members.min_ready,
            [(replica.id, replica.heard) for replica in members.alive],
            [replica.id for replica in members.awaited],
        )

    return common(before) != common(now)


def _patched(before: Mapping[K, V], stale: Collection[K], now: Mapping[K, V]) -> Mapping[K, V]:
    """`before` with `now` in place of its `stale` keys; itself if that is the same."""
    if all(before.get(k) == now.get(k) for k in stale) and now.keys() <= before.keys():
        return before
    patched = dict(before)
    for key in stale:
        patched.pop(key, None)
    patched.update(now)
    return patched


def _differing(before: Mapping[K, object], now: Mapping[K, object]) -> set[K]:
    """Keys whose values are not the same object."""
    if before is now:
        return set()
    differing = {key for key, value in now.items() if before.get(key) is not value}
    return differing | (before.keys() - now.keys())
