"""Which of all that is decided and heard decides where a request goes."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, replace

import pytest

from mesh.table import Holdout, ModelRoute, Shadow, Snapshot
from router_svc.domain import ruling
from router_svc.domain import traffic as rules
from router_svc.domain.compose import Composed, compose
from router_svc.domain.explain import Explanation, explain
from router_svc.domain.rules import Rules
from router_svc.domain.traffic import Standing, Traffic
from router_svc.domain.world import Experiment, Policy, Replica, World
from tests.router_svc.builders import (
    NOON,
    a_model,
    a_replica,
    a_version,
    an_audience,
    an_experiment,
)

STANDING = Standing(versions={1, 2, 3}, served={1, 2, 3}, champion=1)
NOTHING = Traffic(model="digits")
READY = a_replica("r1", ready=[1, 2, 3])
EVERYBODY_2 = {"control": 0, "challenger": 10_000}


def composed(
    traffic: Traffic,
    previous: Snapshot | None = None,
    *,
    champion: int = 1,
    experiment: Experiment | None = None,
    replica: Replica = READY,
    deleted: bool = False,
) -> Composed:
    model = a_model(champion=champion, aliases={"canary": 2, "nightly": 3})
    world = World(
        models={} if deleted else {"digits": model},
        deleted_models=frozenset({"digits"} if deleted else ()),
        experiments={experiment.id: experiment} if experiment else {},
        replicas=(replica,),
        traffic={"digits": traffic},
    )
    return compose(
        world, previous or Snapshot(), wanted={}, at=NOON, settling=False, policy=Policy()
    )


def route_of(traffic: Traffic, previous: Snapshot | None = None, **world: object) -> ModelRoute:
    return composed(traffic, previous, **world).snapshot.routes["digits"]  # type: ignore[arg-type]


def shifted(weights: dict[int, int], before: Traffic = NOTHING) -> Traffic:
    return rules.shift(before, weights, STANDING)


@dataclass(frozen=True)
class Case:
    """Which of these are there, and what then answers a unit, by which rule."""

    kills_2: bool
    named: int
    experiment: bool
    shift: bool
    version: int
    rule: str


# The experiment gives everybody version 2, the shift version 3, the alias version 1.
PRECEDENCE = [
    Case(False, 0, False, False, 1, "champion"),
    Case(False, 0, False, True, 3, "shift"),
    Case(False, 0, True, False, 2, "experiment"),
    Case(False, 0, True, True, 2, "experiment"),
    Case(False, 3, False, False, 3, "explicit-version"),
    Case(False, 3, True, True, 3, "explicit-version"),
    Case(True, 2, False, False, 0, "kill"),
    Case(True, 2, True, True, 0, "kill"),
    Case(True, 3, True, True, 3, "explicit-version"),
    Case(True, 0, True, True, 1, "kill"),
    Case(True, 0, False, True, 3, "shift"),
    Case(True, 0, False, False, 1, "champion"),
]


@pytest.mark.parametrize("case", PRECEDENCE, ids=str)
@pytest.mark.parametrize("frozen", [False, True])
def test_the_strongest_rule_decides(case: Case, frozen: bool) -> None:
    traffic = shifted({3: 10_000}) if case.shift else NOTHING
    experiment = an_experiment(weights=EVERYBODY_2) if case.experiment else None
    before = composed(traffic, experiment=experiment).snapshot
    if frozen:
        traffic = rules.freeze(traffic, STANDING)
    if case.kills_2:
        traffic = rules.kill(traffic, 2, STANDING)

    # What is frozen stays although the alias moves and the experiment ends.
    heard = {"champion": 3} if frozen else {"experiment": experiment}
    explanation = explained(route_of(traffic, before, **heard), case.named)

    assert (explanation.version, decided(explanation)) == (case.version, [case.rule])


def explained(route: ModelRoute, version: int = 0) -> Explanation:
    return explain(route, unit="user-1", version=version)


def decided(explanation: Explanation) -> list[str]:
    return [rule.name for rule in explanation.rules if rule.decided]


# What is asked comes before a split, the stronger first; the experiment gives version 2.
RULES = {
    "override": Rules(overrides={"user-1": 3}),
    "audience": Rules(audiences=(an_audience(version=3),)),
    "holdout": Rules(holdout=Holdout(layer="everybody", share_bp=10_000)),
}


def together(names: Iterable[str]) -> Rules:
    merged = Rules()
    for name in names:
        rules = RULES[name]
        merged = replace(
            merged,
            overrides=rules.overrides or merged.overrides,
            audiences=rules.audiences or merged.audiences,
            holdout=rules.holdout or merged.holdout,
        )
    return merged


@pytest.mark.parametrize(
    "names", [names for n in range(4) for names in itertools.combinations(RULES, n)], ids=str
)
@pytest.mark.parametrize("named", [0, 2])
def test_rules_decide_in_their_order(names: tuple[str, ...], named: int) -> None:
    traffic = shifted({1: 5_000, 3: 5_000})
    if names:
        traffic = ruling.set_rules(traffic, together(names), STANDING)
    route = route_of(traffic, experiment=an_experiment(weights=EVERYBODY_2))

    explanation = explain(route, unit="user-1", version=named, attributes={"country": ["FR"]})

    strongest = "explicit-version" if named else names[0] if names else "experiment"
    versions = {"override": 3, "audience": 3, "holdout": 1}
    assert decided(explanation) == [strongest]
    assert explanation.version == versions.get(strongest, 2)


@pytest.mark.parametrize("name", ["override", "audience"])
def test_a_kill_wins_over_every_rule_and_leaves_the_champion(name: str) -> None:
    ruled = ruling.set_rules(NOTHING, RULES[name], STANDING)
    route = route_of(rules.kill(ruled, 3, STANDING), experiment=an_experiment(weights=EVERYBODY_2))

    explanation = explain(route, unit="user-1", version=0, attributes={"country": ["FR"]})

    assert (explanation.version, decided(explanation)) == (1, ["kill"])


def test_a_killed_shadow_drops_out_and_stays_loaded() -> None:
    ruled = ruling.set_rules(NOTHING, Rules(shadow=Shadow(version=3, share_bp=9)), STANDING)
    before = composed(ruled)
    after = composed(rules.kill(ruled, 3, STANDING), before.snapshot)

    route = after.snapshot.routes["digits"]
    assert (route.killed, 3 in route.versions) == ((3,), False)
    assert explained(route).shadow is None
    assert a_version(3) in after.targets


def test_rules_wait_together_for_their_versions_while_those_before_stay() -> None:
    half_ready = a_replica("r1", ready=[1, 2], loading=[3])
    first = ruling.set_rules(NOTHING, Rules(overrides={"user-1": 2}), STANDING)
    before = composed(first, replica=half_ready)
    second = ruling.set_rules(
        first, Rules(overrides={"user-1": 3}, audiences=(an_audience(version=1),)), STANDING
    )

    waiting = composed(second, before.snapshot, replica=half_ready)
    done = composed(second, waiting.snapshot)

    assert waiting.snapshot == before.snapshot
    assert waiting.undone == {"digits"}
    assert any(s.startswith("rules: version 3 is not ready") for s in waiting.pending["digits"])
    assert a_version(3) in waiting.targets
    assert done.undone == frozenset()
    route = done.snapshot.routes["digits"]
    assert (route.overrides, route.rules_revision) == ({"user-1": 3}, 2)
    assert len(route.audiences) == 1


def test_versions_of_rules_are_loaded_and_given_up_with_them() -> None:
    world = World(models={"digits": a_model()}, replicas=(READY,))
    ruled = ruling.set_rules(NOTHING, Rules(fallback=3, overrides={"ann": 2}), STANDING)

    def targets(traffic: Traffic) -> set[int]:
        composed = compose(
            replace(world, traffic={"digits": traffic}),
            Snapshot(),
            wanted={},
            at=NOON,
            settling=False,
            policy=Policy(),
        )
        return {version.number for version in composed.targets}

    assert targets(ruled) == {1, 2, 3}
    assert targets(ruling.clear_rules(ruled)) == {1}


def test_rules_that_came_too_late_for_a_freeze_are_told_to_wait() -> None:
    before = composed(NOTHING).snapshot
    traffic = rules.freeze(
        ruling.set_rules(NOTHING, Rules(overrides={"user-1": 2}), STANDING), STANDING
    )

    frozen = composed(traffic, before)

    assert frozen.snapshot == before
    assert frozen.pending["digits"][1] == "rules: they came too late for the frozen route"
    assert route_of(rules.unfreeze(traffic), frozen.snapshot).overrides == {"user-1": 2}


def test_an_experiment_falls_back_as_the_rules_say() -> None:
    experiment = an_experiment(weights=EVERYBODY_2)
    ruled = ruling.set_rules(NOTHING, Rules(fallback=3), STANDING)
    nobody = ruling.set_rules(NOTHING, Rules(falls_back=False), STANDING)

    fallbacks = [
        route.split.fallback
        for traffic in (NOTHING, ruled, nobody)
        if (route := route_of(traffic, experiment=experiment)).split
    ]

    assert [f and f.version for f in fallbacks] == [None, 3, None]
    assert [f is None for f in fallbacks] == [False, False, True]


def test_a_shift_waits_for_its_versions_while_the_one_before_stays() -> None:
    half_ready = a_replica("r1", ready=[1, 2], loading=[3])
    first = shifted({1: 9_000, 2: 1_000})
    before = composed(first, replica=half_ready)
    second = shifted({1: 8_000, 2: 1_000, 3: 1_000}, first)

    waiting = composed(second, before.snapshot, replica=half_ready)
    done = composed(second, waiting.snapshot)

    assert waiting.snapshot == before.snapshot
    assert "digits" in waiting.undone
    assert any(s.startswith("shift: version 3 is not ready") for s in waiting.pending["digits"])
    assert a_version(3) in waiting.targets
    assert done.undone == frozenset()
    split_now = done.snapshot.routes["digits"].split
    assert split_now is not None
    assert split_now.table.weights() == {"v1": 8_000, "v2": 1_000, "v3": 1_000}


def test_a_shift_that_is_ended_leaves_the_champion() -> None:
    traffic = shifted({1: 5_000, 2: 5_000})
    before = composed(traffic).snapshot

    assert route_of(rules.clear(traffic), before).split is None


def test_the_arm_of_the_champion_follows_the_alias() -> None:
    traffic = shifted({1: 5_000, 2: 5_000})
    before = composed(traffic).snapshot

    controls = [
        route.split.control
        for champion in (1, 2, 3)
        if (route := route_of(traffic, before, champion=champion)).split
    ]

    assert controls == ["v1", "v2", ""]


def test_a_killed_champion_is_replaced_until_it_is_revived() -> None:
    traffic = rules.kill(NOTHING, 1, STANDING, to=3)
    before = composed(NOTHING).snapshot

    killed = composed(traffic, before)
    revived = route_of(rules.revive(traffic, 1), killed.snapshot)

    route = killed.snapshot.routes["digits"]
    assert (route.champion, route.killed, 1 in route.versions) == (3, (1,), False)
    assert (revived.champion, revived.killed) == (1, ())


def test_an_alias_that_moves_to_a_killed_version_leaves_what_stands_in() -> None:
    traffic = rules.kill(NOTHING, 2, STANDING)
    before = composed(traffic).snapshot

    assert route_of(traffic, before, champion=2).champion == 1


def test_a_kill_waits_for_no_replica() -> None:
    before = composed(NOTHING).snapshot
    nobody_answers = a_replica("r1", loading=[1, 2, 3])

    route = route_of(rules.kill(NOTHING, 2, STANDING), before, replica=nobody_answers)

    assert (route.killed, 2 in route.versions) == ((2,), False)


def test_a_revived_version_stays_out_until_its_replicas_are_ready() -> None:
    experiment = an_experiment(weights=EVERYBODY_2)
    killed = rules.kill(NOTHING, 2, STANDING)
    before = composed(killed, experiment=experiment).snapshot
    lost_it = a_replica("r1", ready=[1, 3], loading=[2])

    early = composed(rules.revive(killed, 2), before, experiment=experiment, replica=lost_it)
    done = route_of(rules.revive(killed, 2), early.snapshot, experiment=experiment)

    assert early.snapshot == before
    assert "digits" in early.undone
    assert a_version(2) in early.targets
    assert explained(done).version == 2


def test_a_killed_version_holds_no_replica_back() -> None:
    before = composed(NOTHING).snapshot
    killed = composed(rules.kill(NOTHING, 2, STANDING), before).snapshot
    failing = a_replica("r1", ready=[1, 3], failed={2: "out of memory"})

    after = composed(rules.kill(NOTHING, 2, STANDING), killed, replica=failing).snapshot

    assert after.pools["default"].grpc == (failing.grpc,)


def test_what_is_frozen_outlives_even_the_model() -> None:
    frozen = rules.freeze(NOTHING, STANDING)
    before = composed(frozen).snapshot

    after = composed(frozen, before, deleted=True)

    assert after.snapshot.routes == before.routes
    assert after.pending["digits"] == ("the traffic is frozen: the route stays as it is",)


def test_what_is_frozen_is_let_go() -> None:
    frozen = rules.freeze(NOTHING, STANDING)
    before = composed(frozen).snapshot

    assert route_of(frozen, before, champion=2).champion == 1
    assert route_of(rules.unfreeze(frozen), before, champion=2).champion == 2


def test_a_kill_that_is_taken_back_while_frozen_leaves_the_route_as_it_was() -> None:
    traffic = rules.freeze(shifted({1: 5_000, 2: 5_000}), STANDING)
    before = composed(traffic).snapshot
    killed = rules.kill(traffic, 2, STANDING)
    between = composed(killed, before).snapshot

    after = composed(rules.revive(killed, 2), between).snapshot

    assert between != before
    assert after == before


def test_a_shift_that_came_too_late_for_a_freeze_is_told_to_wait() -> None:
    before = composed(NOTHING).snapshot
    traffic = rules.freeze(shifted({1: 5_000, 2: 5_000}), STANDING)

    frozen = composed(traffic, before)

    assert frozen.snapshot == before
    assert frozen.pending["digits"][1] == "shift: it came too late for the frozen route"
    assert route_of(rules.unfreeze(traffic), frozen.snapshot).split is not None
