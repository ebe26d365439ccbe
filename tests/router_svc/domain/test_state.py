from __future__ import annotations

from datetime import timedelta

import pytest

from router_svc.domain.state import State, Step, advance, is_settling, next_deadline
from router_svc.domain.world import Model, Policy, Replica, World
from tests.router_svc.builders import NOON, a_model, a_replica, a_version, minutes

POLICY = Policy(unload_delay=timedelta(seconds=30))


def a_world(
    *replicas: Replica, models: tuple[Model, ...] = (a_model(),), complete: bool = True
) -> World:
    return World(models={m.id: m for m in models}, replicas=replicas, complete=complete)


def stepped(
    state: State,
    world: World,
    *,
    seconds: float = 0,
    settling: bool = False,
    acknowledged: int | None = None,
) -> Step:
    return advance(
        state,
        world,
        at=NOON + timedelta(seconds=seconds),
        settling=settling,
        acknowledged=acknowledged,
        policy=POLICY,
    )


def a_flipped_state() -> State:
    """Version 2 has just taken over from version 1 in table 2."""
    one = stepped(State(), a_world(a_replica(ready=[1]))).state
    wanting = stepped(one, a_world(a_replica(ready=[1]), models=(a_model(champion=2),))).state
    return stepped(wanting, FLIPPED, acknowledged=1).state


FLIPPED = a_world(a_replica(ready=[1, 2]), models=(a_model(champion=2),))


def test_nothing_is_composed_before_the_first_watches_are_synced() -> None:
    state = State()
    unheard = World(complete=False, models_complete=False)

    assert stepped(state, a_world(a_replica(ready=[1]), complete=False)).state is state
    assert stepped(state, unheard).state is state


def test_a_first_start_without_models_makes_a_table_before_experiments_are_heard() -> None:
    state = stepped(State(), a_world(models=(), complete=False), settling=True).state

    assert state.sequence == 1
    assert state.snapshot.routes == {}
    assert state.snapshot.pools.keys() == {"default"}


def test_a_router_that_lost_its_database_waits_until_its_table_lacks_nothing() -> None:
    waiting = stepped(State(), a_world(a_replica(loading=[1])), settling=True)
    whole = stepped(waiting.state, a_world(a_replica(ready=[1])), settling=True)

    assert waiting.state.sequence == 0
    assert waiting.state.wanted.keys() == {a_version(1)}
    assert whole.state.sequence == 1
    assert whole.state.snapshot.routes["digits"].champion == 1


def test_a_router_that_lost_its_database_waits_no_longer_than_it_settles() -> None:
    state = stepped(State(), a_world(a_replica(loading=[1])), settling=False).state

    assert state.sequence == 1


def test_what_envoys_may_route_by_a_lost_database_stays_until_they_have_the_first_table() -> None:
    world = a_world(a_replica(ready=[1, 2], loading=[3]), models=(a_model(versions=(1, 2, 3)),))
    later = a_world(
        a_replica(ready=[1, 2], renewed=NOON + minutes(2)), models=(a_model(versions=(1, 2, 3)),)
    )

    waiting = stepped(State(), a_world(a_replica(ready=[2], loading=[1])), settling=True).state
    first = stepped(waiting, world).state
    reconnected = stepped(first, later, seconds=29, acknowledged=0).state
    unloaded = stepped(first, later, seconds=31, acknowledged=1).state

    assert waiting.sequence == 0
    assert waiting.wanted.keys() == {a_version(1), a_version(2)}
    assert first.sequence == 1
    assert first.wanted.keys() == {a_version(1), a_version(2)}
    assert a_version(2) in reconnected.wanted
    assert unloaded.wanted.keys() == {a_version(1)}


def test_what_the_registry_does_not_know_is_not_wanted_for_being_held() -> None:
    state = stepped(State(), a_world(a_replica(ready=[1, 9]))).state

    assert state.wanted.keys() == {a_version(1)}


def test_the_same_world_makes_the_same_state() -> None:
    world = a_world(a_replica(ready=[1]))
    state = stepped(State(), world).state

    assert stepped(state, world).state is state


def test_a_version_that_is_no_longer_routed_stays_until_every_envoy_forgot_it() -> None:
    flipped = a_flipped_state()

    held = stepped(flipped, FLIPPED, seconds=4, acknowledged=1).state

    assert flipped.sequence == 2
    assert a_version(1) in held.wanted
    assert held is flipped


def test_it_is_unloaded_after_the_delay_that_follows() -> None:
    forgotten = stepped(a_flipped_state(), FLIPPED, acknowledged=2).state
    world = a_world(
        a_replica(ready=[1, 2], renewed=NOON + minutes(1)), models=(a_model(champion=2),)
    )

    assert a_version(1) in stepped(forgotten, world, seconds=29, acknowledged=2).state.wanted
    assert stepped(forgotten, world, seconds=30, acknowledged=2).state.wanted.keys() == {
        a_version(2)
    }


def test_a_version_that_is_wanted_again_in_time_is_not_unloaded() -> None:
    back = stepped(a_flipped_state(), a_world(a_replica(ready=[1, 2]))).state

    assert back.snapshot.routes["digits"].champion == 1
    assert back.drains.keys() == {a_version(2)}


def test_a_version_that_is_being_unloaded_is_not_wanted_again_before_it_has_gone() -> None:
    gone = State(sequence=1)
    unloading = stepped(gone, a_world(a_replica(ready=[1])))

    assert unloading.state.wanted == {}
    assert unloading.state.snapshot.routes == {}
    assert "is being unloaded" in unloading.pending["digits"][0]
    assert stepped(unloading.state, a_world(a_replica())).state.wanted.keys() == {a_version(1)}


def test_a_replica_that_lacks_what_an_envoy_may_still_route_does_not_enter() -> None:
    flipped = a_flipped_state()
    newcomer = a_replica("r2", ready=[2])
    world = a_world(a_replica(ready=[1, 2]), newcomer, models=(a_model(champion=2),))

    before = stepped(flipped, world, acknowledged=1).state
    after = stepped(before, world, acknowledged=2).state
    settled = stepped(after, world, acknowledged=2).state

    assert newcomer.grpc not in before.snapshot.pools["default"].grpc
    assert newcomer.grpc in settled.snapshot.pools["default"].grpc


def test_the_next_deadline_is_the_next_lapse_or_unload() -> None:
    forgotten = stepped(a_flipped_state(), FLIPPED, acknowledged=2).state

    lease = next_deadline(forgotten, FLIPPED, at=NOON, policy=POLICY)
    unload = next_deadline(forgotten, FLIPPED, at=NOON + timedelta(seconds=5), policy=POLICY)

    assert lease == NOON + timedelta(seconds=5)
    assert unload == NOON + timedelta(seconds=30)
    assert next_deadline(forgotten, FLIPPED, at=NOON + minutes(1), policy=POLICY) is None


@pytest.mark.parametrize(
    ("heard", "seconds", "expected"),
    [(("r1", "r2"), 0, False), (("r1",), 0, True), (("r1",), 30, False)],
)
def test_settling_ends_with_the_last_replica_or_with_time(
    heard: tuple[str, ...], seconds: float, expected: bool
) -> None:
    replicas = [a_replica(r, heard=r in heard) for r in ("r1", "r2")]

    settling = is_settling(
        a_world(*replicas),
        State(sequence=3),
        known_before={("default", "r1"), ("default", "r2")},
        started=NOON,
        at=NOON + timedelta(seconds=seconds),
        policy=POLICY,
    )

    assert settling is expected
