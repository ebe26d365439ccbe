from __future__ import annotations

from datetime import timedelta

import pytest

from algolink.errors import Aborted
from algolink.names import ExperimentName
from experiment_svc.deciding import Decider
from experiment_svc.domain import experiments
from experiment_svc.domain.design import Rule
from experiment_svc.domain.experiments import Experiment, State
from experiment_svc.domain.metrics import Aggregation
from experiment_svc.store import Store
from tests.experiment_svc.builders import (
    FakeClock,
    a_metric,
    a_running,
    an_exposure,
    an_outcome,
)

NAME = ExperimentName("digits")
AUTO = Rule(auto_conclude=True)
HALF = {"champion": 5_000, "challenger": 5_000}


async def add(store: Store, experiment: Experiment) -> Experiment:
    async with store.transaction() as tx:
        return await tx.add_experiment(experiment)


async def put(store: Store, experiment: Experiment) -> Experiment:
    async with store.transaction() as tx:
        return await tx.put_experiment(experiment)


async def get(store: Store) -> Experiment:
    async with store.reading() as reading:
        return await reading.get_experiment(NAME)


async def feed(
    store: Store, *, units: int = 400, phase: int = 1, clock: FakeClock, champion_units: int = 0
) -> None:
    """As many units in each arm; the challenger's are all right, of the champion's a fifth."""
    exposures, outcomes = [], []
    for arm, count in (("champion", champion_units or units), ("challenger", units)):
        for number in range(count):
            unit = f"{arm}-{phase}-{number}"
            right = arm == "challenger" or number % 5 == 0
            exposures.append(an_exposure(unit=unit, arm=arm, phase=phase, at=clock.now))
            outcomes.append(an_outcome(unit=unit, value=float(right), at=clock.now))
    async with store.transaction() as tx:
        await tx.add_exposures(exposures, node="node-1")
        await tx.add_outcomes([outcomes])


async def test_a_decided_experiment_is_concluded_once(store: Store, clock: FakeClock) -> None:
    await add(store, a_running(weights=HALF, rule=AUTO))
    await feed(store, clock=clock)
    decider = Decider(store, clock)

    await decider.look_once()
    concluded = await get(store)
    await decider.look_once()

    assert concluded.state is State.CONCLUDING
    assert concluded.verdict is not None
    assert (concluded.verdict.winner, concluded.verdict.forced) == ("challenger", False)
    assert concluded.weights() == {"champion": 0, "challenger": 10_000}
    assert await get(store) == concluded


async def test_nothing_is_decided_without_facts(store: Store, clock: FakeClock) -> None:
    await add(store, a_running(weights=HALF, rule=AUTO))

    await Decider(store, clock).look_once()

    assert (await get(store)).state is State.RUNNING


async def test_a_rule_that_does_not_act_only_recommends(store: Store, clock: FakeClock) -> None:
    await add(store, a_running(weights=HALF, rule=Rule(auto_conclude=False)))
    await feed(store, clock=clock)

    await Decider(store, clock).look_once()

    assert (await get(store)).state is State.RUNNING


async def test_too_few_units_are_waited_for(store: Store, clock: FakeClock) -> None:
    rule = Rule(auto_conclude=True, min_units_per_arm=401)
    await add(store, a_running(weights=HALF, rule=rule))
    await feed(store, units=400, clock=clock)
    decider = Decider(store, clock)

    await decider.look_once()
    assert (await get(store)).state is State.RUNNING

    async with store.transaction() as tx:
        for arm in HALF:
            await tx.add_exposures([an_exposure(unit=f"{arm}-one-more", arm=arm)], node="node-1")
            await tx.add_outcomes([[an_outcome(unit=f"{arm}-one-more")]])
    await decider.look_once()
    assert (await get(store)).state is State.CONCLUDING


async def test_a_rule_waits_for_its_phases(store: Store, clock: FakeClock) -> None:
    rule = Rule(auto_conclude=True, min_phases=2)
    running = await add(store, a_running(weights=HALF, rule=rule))
    await feed(store, clock=clock)
    decider = Decider(store, clock)

    await decider.look_once()
    assert (await get(store)).state is State.RUNNING

    clock.advance(minutes=5)
    weights = {"champion": 4_000, "challenger": 6_000}
    await put(store, experiments.ramp(running, weights, at=clock.now))
    await decider.look_once()
    assert (await get(store)).state is State.CONCLUDING


async def test_units_in_the_wrong_place_forbid_a_decision(store: Store, clock: FakeClock) -> None:
    await add(store, a_running(weights=HALF, rule=AUTO))
    await feed(store, units=200, champion_units=900, clock=clock)

    await Decider(store, clock).look_once()

    assert (await get(store)).state is State.RUNNING


async def test_windows_that_close_without_new_facts_are_seen(
    store: Store, clock: FakeClock
) -> None:
    metric = a_metric(aggregation=Aggregation.ANY, window=timedelta(hours=1))
    await add(store, a_running(weights=HALF, rule=AUTO, metric=metric))
    await feed(store, clock=clock)
    decider = Decider(store, clock)

    await decider.look_once()
    assert (await get(store)).state is State.RUNNING

    clock.advance(hours=1)
    await decider.look_once()
    assert (await get(store)).state is State.CONCLUDING


async def test_a_new_decider_finds_what_a_dead_one_left(store: Store, clock: FakeClock) -> None:
    await add(store, a_running(weights=HALF, rule=AUTO))
    await Decider(store, clock).look_once()
    await feed(store, clock=clock)
    clock.advance(seconds=10)

    await Decider(store, clock).look_once()

    assert (await get(store)).state is State.CONCLUDING


async def test_of_two_deciders_one_looks(store: Store, clock: FakeClock) -> None:
    await add(store, a_running(weights=HALF, rule=AUTO))
    first, second = Decider(store, clock), Decider(store, clock)
    await first.look_once()
    await feed(store, clock=clock)

    await second.look_once()
    assert (await get(store)).state is State.RUNNING
    await first.look_once()

    assert (await get(store)).state is State.CONCLUDING


async def test_a_lease_that_was_lost_is_not_held(store: Store, clock: FakeClock) -> None:
    length = timedelta(seconds=5)

    async def take(holder: str) -> int | None:
        async with store.transaction() as tx:
            return await tx.take_lease("l", holder=holder, at=clock.now, length=length)

    slow, refused = await take("slow"), await take("quick")
    renewed = await take("slow")
    clock.advance(seconds=5)
    quick = await take("quick")

    assert slow is not None
    assert quick is not None
    assert refused is None
    assert renewed == slow
    assert quick > slow
    async with store.transaction() as tx:
        await tx.check_lease("l", quick)
        with pytest.raises(Aborted) as caught:
            await tx.check_lease("l", slow)
    assert caught.value.reason == "LEASE_LOST"
