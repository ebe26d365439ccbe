from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from algolink.names import VersionName
from mesh.table import Endpoint, Pool, Snapshot
from router_svc.domain.compose import Composed, compose
from router_svc.domain.world import (
    Artifact,
    Experiment,
    ExperimentState,
    Model,
    Policy,
    Replica,
    World,
)
from tests.router_svc.builders import (
    NOON,
    a_model,
    a_replica,
    a_version,
    an_experiment,
    digest_of,
    minutes,
)


def a_world(
    *replicas: Replica,
    models: tuple[Model, ...] = (a_model(),),
    experiments: tuple[Experiment, ...] = (),
    complete: bool = True,
    deleted_models: frozenset[str] = frozenset(),
    deleted_experiments: frozenset[str] = frozenset(),
) -> World:
    return World(
        models={model.id: model for model in models},
        experiments={experiment.id: experiment for experiment in experiments},
        replicas=replicas,
        complete=complete,
        deleted_models=deleted_models,
        deleted_experiments=deleted_experiments,
    )


def composed(
    world: World,
    previous: Snapshot | None = None,
    *,
    wanted: Mapping[VersionName, Artifact] | None = None,
    settling: bool = False,
    min_ready: int = 1,
    at_minutes: float = 0,
) -> Composed:
    return compose(
        world,
        previous or Snapshot(),
        wanted=wanted or {},
        at=NOON + minutes(at_minutes),
        settling=settling,
        policy=Policy(min_ready=min_ready),
    )


def served(*replicas: Replica, **world: object) -> Snapshot:
    """A table that was composed of a world before."""
    return composed(a_world(*replicas, **world)).snapshot  # type: ignore[arg-type]


R1, R2 = a_replica("r1", ready=[1]), a_replica("r2", ready=[1])
TRITON = a_replica("r9", ready=[1], foreign=True)
BOTH_1_2 = (a_replica("r1", ready=[1, 2]), a_replica("r2", ready=[1, 2]))


def test_the_first_version_is_routed_once_every_replica_has_it() -> None:
    route = composed(a_world(R1, R2)).snapshot.routes["digits"]

    assert (route.champion, route.versions, route.split) == (1, (1,), None)


def test_a_model_is_not_routed_while_a_replica_still_loads_it() -> None:
    result = composed(a_world(R1, a_replica("r2", loading=[1])))

    assert result.snapshot.routes == {}
    assert result.pending["digits"] == ("champion 1: version 1 is not ready on r2 (loading)",)
    assert result.targets == {a_version(1): Artifact(digest_of(1), 100)}


def test_a_model_is_not_routed_without_the_replicas_that_it_needs() -> None:
    result = composed(a_world(R1), min_ready=2)

    assert result.snapshot.routes == {}
    assert "at least 2 must have it" in result.pending["digits"][0]


def test_a_new_champion_waits_while_the_old_one_stays() -> None:
    before = served(R1, R2)
    waiting = a_replica("r2", ready=[1], failed={2: "disk full"})

    result = composed(
        a_world(a_replica("r1", ready=[1, 2]), waiting, models=(a_model(champion=2),)), before
    )

    assert result.snapshot == before
    assert result.pending["digits"] == (
        "champion 2: version 2 is not ready on r2 (failed: disk full)",
    )
    assert result.targets.keys() == {a_version(1), a_version(2)}


def test_a_new_champion_takes_over_once_every_replica_has_it() -> None:
    route = composed(
        a_world(*BOTH_1_2, models=(a_model(champion=2),)), served(R1, R2)
    ).snapshot.routes["digits"]

    assert (route.champion, route.versions) == (2, (2,))


def test_a_version_with_an_alias_may_be_asked_for_once_it_is_ready_everywhere() -> None:
    canary = a_model(aliases={"canary": 2})

    assert served(*BOTH_1_2, models=(canary,)).routes["digits"].versions == (1, 2)
    assert served(R1, BOTH_1_2[1], models=(canary,)).routes["digits"].versions == (1,)


def test_a_running_experiment_splits_once_all_arms_are_ready() -> None:
    experiment = an_experiment(weights={"control": 7_000, "challenger": 3_000}, phase=2)

    waiting = composed(a_world(R1, R2, experiments=(experiment,)))
    ready = composed(a_world(*BOTH_1_2, experiments=(experiment,)), waiting.snapshot)

    assert waiting.snapshot.routes["digits"].split is None
    assert "experiments/digits-1: version 2 is not ready" in waiting.pending["digits"][0]
    split = ready.snapshot.routes["digits"].split
    assert split is not None
    assert split.table.weights() == {"control": 7_000, "challenger": 3_000}
    assert (split.phase, split.control, split.salt) == (2, "control", "digits-1-x")


def test_a_ramp_needs_no_replica() -> None:
    before = served(*BOTH_1_2, experiments=(an_experiment(),))
    ramped = an_experiment(weights={"control": 5_000, "challenger": 5_000}, revision=3)

    result = composed(a_world(experiments=(ramped,)), before, at_minutes=5)

    split = result.snapshot.routes["digits"].split
    assert split is not None
    assert split.table.weights() == {"control": 5_000, "challenger": 5_000}


@pytest.mark.parametrize("state", [ExperimentState.CONCLUDING, ExperimentState.CONCLUDED])
def test_the_winner_has_all_traffic_until_the_registry_shows_it_as_champion(
    state: ExperimentState,
) -> None:
    before = served(*BOTH_1_2, experiments=(an_experiment(),))
    won = an_experiment(state=state, winner="challenger", promoted_model_revision=7)

    split = (
        composed(a_world(*BOTH_1_2, models=(a_model(revision=6),), experiments=(won,)), before)
        .snapshot.routes["digits"]
        .split
    )

    assert split is not None
    assert split.table.weights() == {"challenger": 10_000}


def test_a_promotion_that_the_registry_shows_ends_the_split() -> None:
    before = served(*BOTH_1_2, experiments=(an_experiment(),))
    won = an_experiment(
        state=ExperimentState.CONCLUDED, winner="challenger", promoted_model_revision=7
    )

    route = composed(
        a_world(*BOTH_1_2, models=(a_model(champion=2, revision=7),), experiments=(won,)), before
    ).snapshot.routes["digits"]

    assert (route.champion, route.versions, route.split) == (2, (2,), None)


def test_an_experiment_that_is_stopped_gives_all_back_to_the_champion() -> None:
    before = served(*BOTH_1_2, experiments=(an_experiment(),))
    stopped = an_experiment(state=ExperimentState.STOPPED)

    route = composed(a_world(*BOTH_1_2, experiments=(stopped,)), before).snapshot.routes["digits"]

    assert (route.champion, route.versions, route.split) == (1, (1,), None)


def test_the_next_experiment_takes_over_only_once_its_arms_are_ready() -> None:
    won = an_experiment(
        state=ExperimentState.CONCLUDED, winner="challenger", promoted_model_revision=7
    )
    before = served(*BOTH_1_2, experiments=(won,))
    following = an_experiment("digits-2", arms={"control": 2, "challenger": 3})

    result = composed(a_world(*BOTH_1_2, experiments=(won, following)), before)

    split = result.snapshot.routes["digits"].split
    assert split is not None
    assert split.experiment == "digits-1"
    assert result.pending["digits"][0].startswith("experiments/digits-2: version 3 is not ready")


def test_what_the_neighbours_do_not_show_stays_as_it_was() -> None:
    before = served(*BOTH_1_2, experiments=(an_experiment(),))
    wanted = {a_version(n): Artifact(digest_of(n), 100 * n) for n in (1, 2)}

    lost_registry = composed(a_world(*BOTH_1_2, models=()), before, wanted=wanted)
    lost_experiments = composed(a_world(*BOTH_1_2), before, wanted=wanted)

    assert lost_registry.snapshot == before
    assert lost_registry.targets == wanted
    assert lost_experiments.snapshot == before
    assert "its split stays as it was" in lost_experiments.pending["digits"][0]


def test_tombstones_take_routes_and_splits_away() -> None:
    before = served(*BOTH_1_2, experiments=(an_experiment(),))

    no_model = composed(a_world(*BOTH_1_2, models=(), deleted_models=frozenset({"digits"})), before)
    no_experiment = composed(
        a_world(*BOTH_1_2, deleted_experiments=frozenset({"digits-1"})), before
    )

    assert no_model.snapshot.routes == {}
    assert no_model.targets == {}
    assert no_experiment.snapshot.routes["digits"].split is None


def test_a_replica_enters_the_endpoints_with_every_version_that_the_pool_routes() -> None:
    before = served(R1)

    loading = composed(a_world(R1, a_replica("r2", loading=[1])), before).snapshot
    ready = composed(a_world(R1, R2), before).snapshot

    assert loading.pools["default"].grpc == (R1.grpc,)
    assert ready.pools["default"].grpc == (R1.grpc, R2.grpc)
    assert ready.pools["default"].http == (R1.http, R2.http)


@pytest.mark.parametrize(
    "gone",
    [
        a_replica("r2", ready=[1], renewed=NOON - timedelta(seconds=5)),
        a_replica("r2", ready=[1], draining=True),
        a_replica("r2", failed={1: "corrupt"}),
    ],
    ids=["lapsed", "draining", "lost the version"],
)
def test_a_replica_that_cannot_serve_leaves_the_endpoints(gone: Replica) -> None:
    snapshot = composed(a_world(R1, gone), served(R1, R2)).snapshot

    assert snapshot.pools["default"].grpc == (R1.grpc,)
    assert snapshot.routes["digits"].champion == 1


def test_the_last_endpoints_stay_when_every_lease_lapses() -> None:
    before = served(R1, R2)

    assert composed(a_world(R1, R2), before, at_minutes=1).snapshot == before


def test_a_pool_is_of_the_kind_of_its_first_replica() -> None:
    assert served(TRITON).pools["default"] == Pool(
        name="default", grpc=(TRITON.grpc,), http=(TRITON.http,), foreign=True
    )
    assert not served(R1).pools["default"].foreign


@pytest.mark.parametrize(
    ("serving", "other"), [(R1, TRITON), (TRITON, R1)], ids=["ours", "foreign"]
)
def test_a_replica_of_the_other_kind_waits_until_none_is_left_that_serves(
    serving: Replica, other: Replica
) -> None:
    before = served(serving)

    both = composed(a_world(serving, other), before).snapshot
    draining = composed(a_world(replace(serving, draining=True), other), both).snapshot

    assert both == before
    assert draining.pools["default"].grpc == (other.grpc,)
    assert draining.pools["default"].foreign is other.foreign


def test_while_settling_an_awaited_replica_keeps_its_pool_of_its_kind() -> None:
    before = served(TRITON)

    awaiting = composed(
        a_world(R1, replace(TRITON, heard=False, foreign=False)), before, settling=True
    ).snapshot

    assert awaiting == before


def test_while_settling_a_replica_that_is_awaited_stays_and_holds_back_what_is_new() -> None:
    before = served(R1, R2)
    awaited = a_replica("r2", heard=False)

    result = composed(
        a_world(BOTH_1_2[0], awaited, models=(a_model(champion=2),)), before, settling=True
    )

    assert result.snapshot == before
    assert result.pending["digits"] == (
        "champion 2: version 2 is not ready on r2 (not announced yet)",
    )


def test_a_replica_that_comes_back_elsewhere_is_replaced_while_settling() -> None:
    moved = a_replica("r1", ready=[1], port=9_000)

    snapshot = composed(
        a_world(moved, a_replica("r2", heard=False)), served(R1, R2), settling=True
    ).snapshot

    assert snapshot.pools["default"].grpc == (R2.grpc, Endpoint("127.0.0.1", 9_000))


def test_until_all_has_been_heard_nothing_that_was_wanted_is_dropped() -> None:
    wanted = {a_version(n): Artifact(digest_of(n), 100 * n) for n in (1, 3)}

    assert composed(a_world(R1, complete=False), wanted=wanted).targets.keys() == wanted.keys()
    assert composed(a_world(R1), wanted=wanted).targets.keys() == {a_version(1)}


def test_an_arm_that_the_registry_does_not_show_yet_is_awaited() -> None:
    experiment = an_experiment(arms={"control": 1, "challenger": 9})

    result = composed(a_world(R1, experiments=(experiment,)))

    assert result.snapshot.routes["digits"].split is None
    assert result.pending["digits"] == (
        "experiments/digits-1: version 9 is not shown by the registry yet",
    )
