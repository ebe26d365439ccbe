"""Composing with a memory: the same tables, for less work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st

from mesh.table import ModelRoute
from router_svc.domain.memory import Memory
from router_svc.domain.state import State, Step, advance
from router_svc.domain.traffic import Traffic
from router_svc.domain.world import (
    Loaded,
    LoadState,
    Policy,
    World,
)
from tests.router_svc.builders import NOON, a_model, a_replica, a_version, an_experiment

T = TypeVar("T")

MODELS = ("digits", "iris", "wine")
POLICY = Policy()

changes = st.lists(
    st.one_of(
        st.tuples(st.just("model"), st.sampled_from(MODELS), st.integers(1, 3)),
        st.tuples(st.just("deleted"), st.sampled_from(MODELS)),
        st.tuples(st.just("experiment"), st.sampled_from(MODELS), st.integers(0, 10_000)),
        st.tuples(st.just("gone"), st.sampled_from(MODELS)),
        st.tuples(st.just("frozen"), st.sampled_from(MODELS), st.booleans()),
        st.tuples(
            st.just("replica"),
            st.sampled_from(("r1", "r2")),
            st.dictionaries(
                st.tuples(st.sampled_from(MODELS), st.integers(1, 3)), st.sampled_from(LoadState)
            ),
        ),
        st.tuples(st.just("lost"), st.sampled_from(("r1", "r2"))),
        st.tuples(st.just("acknowledged")),
        st.tuples(st.just("complete"), st.booleans()),
    ),
    max_size=30,
)


@dataclass
class Life:
    """What a router hears, one thing after another."""

    world: World = field(default_factory=World)
    acknowledged: int = 0

    def take(self, change: tuple[object, ...], state: State) -> None:
        world = self.world
        match change:
            case ("model", str(model), int(champion)):
                self.world = replace(
                    world,
                    models={**world.models, model: a_model(model, champion=champion)},
                    deleted_models=world.deleted_models - {model},
                )
            case ("deleted", str(model)):
                self.world = replace(
                    world,
                    models=_without(world.models, model),
                    deleted_models=world.deleted_models | {model},
                )
            case ("experiment", str(model), int(share_bp)):
                weights = {"control": 10_000 - share_bp, "challenger": share_bp}
                experiment = an_experiment(f"{model}-1", model=model, weights=weights)
                self.world = replace(
                    world, experiments={**world.experiments, experiment.id: experiment}
                )
            case ("gone", str(model)):
                self.world = replace(
                    world,
                    experiments=_without(world.experiments, f"{model}-1"),
                    deleted_experiments=world.deleted_experiments | {f"{model}-1"},
                )
            case ("frozen", str(model), bool(frozen)):
                traffic = Traffic(model=model, frozen=frozen, revision=1)
                self.world = replace(world, traffic={**world.traffic, model: traffic})
            case ("replica", str(name), dict(loaded)):
                versions = {a_version(n, model): Loaded(s) for (model, n), s in loaded.items()}
                others = tuple(r for r in world.replicas if r.id != name)
                replica = replace(a_replica(name), versions=versions)
                self.world = replace(world, replicas=(*others, replica))
            case ("lost", str(name)):
                self.world = replace(
                    world, replicas=tuple(r for r in world.replicas if r.id != name)
                )
            case ("acknowledged",):
                self.acknowledged = state.sequence
            case ("complete", bool(complete)):
                self.world = replace(world, complete=complete)

    def step(self, state: State, memory: Memory | None) -> Step:
        return advance(
            state,
            self.world,
            at=NOON,
            settling=False,
            acknowledged=self.acknowledged,
            policy=POLICY,
            memory=memory,
        )


def _without(of: Mapping[str, T], key: str) -> dict[str, T]:
    return {other: value for other, value in of.items() if other != key}


@given(changes)
@settings(max_examples=300)
def test_a_memory_changes_no_result(happened: list[tuple[object, ...]]) -> None:
    life, memory, state = Life(), Memory(), State()
    for change in happened:
        life.take(change, state)
        step = life.step(state, memory)

        assert step == life.step(state, None)

        state = step.state


def test_what_did_not_change_stays_the_same_object() -> None:
    life, memory = Life(), Memory()
    everything = {(model, number): LoadState.READY for model in MODELS for number in (1, 2, 3)}
    for change in (
        *(("model", model, 1) for model in MODELS),
        ("replica", "r1", everything),
        ("experiment", "iris", 1_000),
    ):
        life.take(change, State())
    state = _settled(life, memory, State())
    before = dict(state.snapshot.routes)

    life.take(("experiment", "iris", 2_000), state)
    after = _settled(life, memory, state)

    assert _differing(before, after.snapshot.routes) == {"iris"}
    assert after.wanted is state.wanted
    assert life.step(after, memory).state is after


def _settled(life: Life, memory: Memory, state: State) -> State:
    return [state, *_steps(life, memory, state)][-1]


def _steps(life: Life, memory: Memory, state: State) -> Iterator[State]:
    while (following := life.step(state, memory).state) is not state:
        state = following
        yield state


def _differing(before: Mapping[str, ModelRoute], after: Mapping[str, ModelRoute]) -> set[str]:
    return {
        model for model in before.keys() | after.keys() if before.get(model) is not after.get(model)
    }
