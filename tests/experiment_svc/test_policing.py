"""Policies over every store: what they do, once, and what it rested on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from algolink.names import ExperimentName
from experiment_svc import policing
from experiment_svc.deciding import Decider
from experiment_svc.domain.aggregates import Aggregates, Cell
from experiment_svc.domain.decision_log import Decision
from experiment_svc.domain.experiments import Experiment, State
from experiment_svc.domain.metrics import Aggregation, Direction, Kind, Measure, Metric, Role
from experiment_svc.domain.policies import Action, Guard, Policy, Promote, Step
from experiment_svc.domain.progress import approve
from experiment_svc.store import Store
from tests.experiment_svc.builders import (
    FakeClock,
    a_metric,
    a_running,
    an_exposure,
    an_outcome,
    primary,
)

NAME = ExperimentName("digits")
CANARY = {"champion": 9_000, "challenger": 1_000}
ERRORS = Measure(
    metric=Metric(
        name="errors",
        kind=Kind.ERROR_RATE,
        aggregation=Aggregation.ANY,
        direction=Direction.DECREASE,
    ),
    role=Role.GUARDRAIL,
    margin=0.5,
)
RAMPING = Policy(
    name="careful",
    version=1,
    steps=(Step(share_bp=5_000, hold=timedelta(minutes=10), min_units=50),),
    promote=Promote.SUPERIOR,
    guardrails=Guard.UNBROKEN,
    min_units=50,
)


async def add(store: Store, policy: Policy = RAMPING) -> Experiment:
    running = a_running(weights=CANARY, measures=[primary(a_metric()), ERRORS], policy=policy)
    async with store.transaction() as tx:
        return await tx.add_experiment(running)


async def get(store: Store) -> Experiment:
    async with store.reading() as reading:
        return await reading.get_experiment(NAME)


async def decided(store: Store) -> list[Decision]:
    async with store.reading() as reading:
        return list(await reading.list_decisions(NAME))


async def feed(
    store: Store,
    clock: FakeClock,
    counts: Mapping[str, int],
    *,
    phase: int = 1,
    failing: bool = False,
) -> None:
    """Units of each arm; all of the challenger are right, and a fifth of the champion."""
    exposures, outcomes = [], []
    for arm, count in counts.items():
        for number in range(count):
            unit = f"{arm}-{phase}-{number}"
            challenger = arm == "challenger"
            status = 503 if failing and challenger and number % 2 else 200
            exposures.append(
                an_exposure(unit=unit, arm=arm, phase=phase, at=clock.now, http_status=status)
            )
            right = challenger or number % 5 == 0
            outcomes.append(an_outcome(unit=unit, value=float(right), at=clock.now))
    async with store.transaction() as tx:
        await tx.add_exposures(exposures, node="node-1")
        await tx.add_outcomes([outcomes])


async def test_a_policy_ramps_and_promotes_and_every_decision_is_replayed(
    store: Store, clock: FakeClock
) -> None:
    await add(store)
    decider = Decider(store, clock)
    clock.advance(minutes=9)
    await feed(store, clock, {"champion": 900, "challenger": 100})
    await decider.look_once()
    assert (await decided(store)) == []

    clock.advance(minutes=1)
    await decider.look_once()
    ramped = await get(store)
    assert (ramped.weights(), ramped.step) == ({"champion": 5_000, "challenger": 5_000}, 1)

    clock.advance(minutes=1)
    await feed(store, clock, {"champion": 100, "challenger": 100}, phase=2)
    await decider.look_once()
    await decider.look_once()

    concluded = await get(store)
    assert concluded.state is State.CONCLUDING
    assert concluded.verdict is not None
    assert concluded.verdict.winner == "challenger"
    found = await decided(store)
    assert [(one.number, one.action) for one in found] == [(1, Action.RAMP), (2, Action.PROMOTE)]

    # Facts that come later, and that are older than all others, change nothing about it.
    clock.now -= timedelta(minutes=30)
    await feed(store, clock, {"challenger": 700}, phase=1, failing=True)
    for number in (1, 2):
        async with store.reading() as reading:
            decision = await reading.get_decision(NAME, number)
            replayed = await policing.replay(reading, decision)
        assert replayed.differences == []
        assert replayed.digest == decision.digest
        assert replayed.evidence == decision.evidence


async def test_a_replay_says_what_differs(store: Store, clock: FakeClock) -> None:
    await add(store)
    clock.advance(minutes=10)
    await feed(store, clock, {"champion": 90, "challenger": 60}, failing=True)
    await Decider(store, clock).look_once()
    async with store.reading() as reading:
        decision = await reading.get_decision(NAME)
        body = json.loads(decision.evidence)
        body["cells"]["errors"][0]["count"] += 1
        body["judgement"]["reason"] = "because"
        forged = replace(decision, evidence=json.dumps(body))

        replayed = await policing.replay(reading, forged)

    assert replayed.differences == ["cells.errors[0].count", "judgement.reason"]
    assert replayed.digest == decision.digest


async def test_a_broken_guardrail_gives_the_champion_its_traffic_back(
    store: Store, clock: FakeClock
) -> None:
    await add(store)
    await feed(store, clock, {"champion": 900, "challenger": 100}, failing=True)

    await Decider(store, clock).look_once()

    stopped = await get(store)
    assert stopped.state is State.STOPPED
    (decision,) = await decided(store)
    assert decision.action is Action.ROLL_BACK
    assert "challenger on errors" in decision.reason


async def test_a_crash_before_the_commit_leaves_nothing_and_the_next_does_it(
    store: Store, clock: FakeClock
) -> None:
    await add(store)
    await feed(store, clock, {"champion": 900, "challenger": 100}, failing=True)

    async def killed() -> None:
        async with store.transaction() as tx:
            await policing.act(tx, await tx.get_experiment(NAME), at=clock.now)
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        await killed()
    assert (await get(store)).state is State.RUNNING
    assert await decided(store) == []

    await Decider(store, clock).look_once()

    assert (await get(store)).state is State.STOPPED
    assert len(await decided(store)) == 1


async def test_what_waits_for_a_person_is_asked_once_and_done_when_approved(
    store: Store, clock: FakeClock
) -> None:
    await add(store, Policy(name="p", version=1, steps=RAMPING.steps, approvals=(Action.RAMP,)))
    decider = Decider(store, clock)
    clock.advance(minutes=10)
    await feed(store, clock, {"champion": 900, "challenger": 100})

    await decider.look_once()
    await decider.look_once()

    waiting = await get(store)
    assert waiting.awaiting == "ramp champion=5000 challenger=5000"
    assert waiting.weights() == CANARY
    (asked,) = await decided(store)
    assert asked.waits

    async with store.transaction() as tx:
        await tx.put_experiment(approve(await tx.get_experiment(NAME), ""))
    await decider.look_once()

    ramped = await get(store)
    assert (ramped.step, ramped.awaiting, ramped.approved) == (1, "", "")
    assert [one.waits for one in await decided(store)] == [True, False]


async def test_an_approval_of_what_does_not_hold_any_more_is_void(
    store: Store, clock: FakeClock
) -> None:
    await add(store, Policy(name="p", version=1, steps=RAMPING.steps, approvals=(Action.RAMP,)))
    decider = Decider(store, clock)
    clock.advance(minutes=10)
    await feed(store, clock, {"champion": 900, "challenger": 100})
    await decider.look_once()
    async with store.transaction() as tx:
        await tx.put_experiment(approve(await tx.get_experiment(NAME), ""))

    clock.advance(hours=1)
    await decider.look_once()

    present = await get(store)
    assert (present.step, present.awaiting, present.approved) == (0, "", "")


async def test_units_made_anew_from_exposures_are_those_that_were_kept(
    store: Store, clock: FakeClock
) -> None:
    experiment = await add(store)
    await feed(store, clock, {"champion": 40, "challenger": 30})
    crossing = [
        an_exposure(
            unit=f"champion-1-{number}", arm="challenger", at=clock.now + timedelta(hours=1)
        )
        for number in range(7)
    ]
    async with store.transaction() as tx:
        await tx.add_exposures(crossing, node="node-1")
    at = clock.advance(hours=2)

    async with store.reading() as reading:
        known = await reading.facts_accepted()
        kept = await reading.get_aggregates(experiment, at=at)
        anew = await reading.get_aggregates(experiment, at=at, upto=known)
        nothing = await reading.get_aggregates(experiment, at=at, upto=0)

    def ordered(found: Aggregates) -> dict[str, list[Cell]]:
        cells = found.rounded().cells
        return {
            name: sorted(of, key=lambda one: (one.phase, one.arm)) for name, of in cells.items()
        }

    assert ordered(anew) == ordered(kept)
    assert sum(cell.crossed for cell in anew.cells["errors"]) == 7
    assert all(not cells for cells in nothing.cells.values())
