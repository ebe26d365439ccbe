"""The table that is served, what replicas hold for it, and the step to the next one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from algolink.names import VersionName
from mesh.table import Snapshot
from router_svc.domain.compose import Composed, compose
from router_svc.domain.memory import Memory
from router_svc.domain.world import Artifact, Loaded, LoadState, Policy, World


@dataclass(frozen=True, slots=True)
class Drain:
    """A version that no table names any more and that replicas still hold.

    Attributes:
        sequence: of the first table without it.
        forgotten: when every registered Envoy had acknowledged that table; UTC,
            `None` before.
    """

    sequence: int
    forgotten: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What is written down before anybody is told.

    Attributes:
        sequence: counts the tables from 1; 0 before the first.
        snapshot: the table.
        wanted: what replicas shall hold.
        drains: versions among `wanted` that are on their way out.
    """

    sequence: int = 0
    snapshot: Snapshot = field(default_factory=Snapshot)
    wanted: Mapping[VersionName, Artifact] = field(default_factory=dict)
    drains: Mapping[VersionName, Drain] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The next state, and what is still on the way; `undone` as in `Composed`."""

    state: State
    pending: Mapping[str, tuple[str, ...]]
    undone: frozenset[str] = frozenset()


def is_settling(
    world: World,
    state: State,
    *,
    known_before: Collection[tuple[str, str]],
    started: datetime,
    at: datetime,
    policy: Policy,
) -> bool:
    """Whether replicas from before the start are still given time.

    A router that finds nothing in its database may have lost it: it waits as
    well, until it could make a table that lacks nothing.

    Args:
        known_before: (pool, id) of the replicas that the database named.
    """
    if at >= started + policy.settle:
        return False
    if known_before:
        heard = {(r.pool, r.id) for r in world.replicas if r.heard}
        return not heard.issuperset(known_before)
    return state.sequence == 0


def advance(
    state: State,
    world: World,
    *,
    at: datetime,
    settling: bool,
    acknowledged: int | None,
    policy: Policy,
    memory: Memory | None = None,
) -> Step:
    """Takes one step: composes, and lets go of what nobody needs any more.

    Args:
        acknowledged: sequence of the newest table that every registered Envoy
            has acknowledged; `None` if none is registered.
        memory: of the steps before this one; it spares work and changes nothing
            else.
    """
    if state.sequence == 0 and not _may_begin(world):
        return Step(state=state, pending={})
    before = state
    if state.sequence == 0:
        # What is held may still be routed by Envoys that a lost database described.
        state = replace(state, wanted={**_held(world, at=at, policy=policy), **state.wanted})
    told = state.sequence > 0 and not settling
    memory = memory or Memory()
    leaving = _leaving(world, state, at=at, policy=policy, memory=memory) if told else frozenset()
    composed = compose(
        world,
        state.snapshot,
        wanted=state.wanted,
        leaving=leaving,
        still_routed={v for v, drain in state.drains.items() if drain.forgotten is None},
        at=at,
        settling=settling,
        policy=policy,
        memory=memory,
    )
    snapshot, sequence = _published(state, composed, settling=settling)
    drains = _drains(state, composed, sequence, at=at, acknowledged=acknowledged, policy=policy)
    wanted = composed.targets
    if drains or any(version in wanted for version in leaving):
        wanted = {version: a for version, a in wanted.items() if version not in leaving}
        wanted |= {version: state.wanted[version] for version in drains}
        wanted = state.wanted if wanted == state.wanted else wanted
    advanced = State(sequence=sequence, snapshot=snapshot, wanted=wanted, drains=drains)
    # Equal states are one state, so that nothing is written or sent twice.
    return Step(
        state=before if advanced == before else advanced,
        pending=composed.pending,
        undone=composed.undone,
    )


def next_deadline(state: State, world: World, *, at: datetime, policy: Policy) -> datetime | None:
    """When time alone next changes something, after `at`; `None` if never."""
    leases = [
        r.renewed + policy.lease for r in world.replicas if r.alive(at=at, lease=policy.lease)
    ]
    unloads = [d.forgotten + policy.unload_delay for d in state.drains.values() if d.forgotten]
    return min((moment for moment in leases + unloads if moment > at), default=None)


def _may_begin(world: World) -> bool:
    """Whether enough has been heard for a first table.

    Where there are no models there is nothing to split: an Envoy that starts
    with all the others need not wait for the experiments.
    """
    return world.complete or (world.models_complete and not world.models)


def _published(state: State, composed: Composed, *, settling: bool) -> tuple[Snapshot, int]:
    """The table to serve and its sequence.

    The first table waits until it lacks nothing: Envoys may still serve what a
    lost database described.
    """
    if state.sequence == 0 and settling and composed.pending:
        return state.snapshot, 0
    if state.sequence > 0 and composed.snapshot == state.snapshot:
        return state.snapshot, state.sequence
    return composed.snapshot, state.sequence + 1


def _held(world: World, *, at: datetime, policy: Policy) -> dict[VersionName, Artifact]:
    """Versions that live replicas answer with, as far as the registry knows them."""
    held: dict[VersionName, Artifact] = {}
    for replica in world.replicas:
        if not replica.alive(at=at, lease=policy.lease):
            continue
        for version, loaded in replica.versions.items():
            model = world.models.get(version.model)
            artifact = model.versions.get(version.number) if model else None
            if loaded.state is LoadState.READY and artifact is not None:
                held[version] = artifact
    return held


def _leaving(
    world: World, state: State, *, at: datetime, policy: Policy, memory: Memory
) -> frozenset[VersionName]:
    """Versions that a live replica reports and was not told to hold.

    It is unloading them, whatever it last said: they are not wanted again before
    they have gone.
    """
    alive = [replica for replica in world.replicas if replica.alive(at=at, lease=policy.lease)]
    return frozenset[VersionName]().union(
        *(memory.unwanted(replica.versions, state.wanted, _unwanted) for replica in alive)
    )


def _unwanted(
    held: Mapping[VersionName, Loaded], wanted: Mapping[VersionName, Artifact]
) -> frozenset[VersionName]:
    return frozenset(
        version
        for version, loaded in held.items()
        if loaded.state is not LoadState.FAILED and version not in wanted
    )


def _drains(
    state: State,
    composed: Composed,
    sequence: int,
    *,
    at: datetime,
    acknowledged: int | None,
    policy: Policy,
) -> dict[VersionName, Drain]:
    drains: dict[VersionName, Drain] = {}
    if state.wanted is composed.targets:
        return drains
    for version in state.wanted.keys() - composed.targets.keys():
        drain = state.drains.get(version, Drain(max(sequence, 1)))
        unknown = sequence > 0 and (acknowledged is None or acknowledged >= drain.sequence)
        if drain.forgotten is None and unknown:
            drain = replace(drain, forgotten=at)
        if drain.forgotten is None or at < drain.forgotten + policy.unload_delay:
            drains[version] = drain
    return drains
