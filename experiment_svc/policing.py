"""Lets a policy act: look, judge, do and record, in one transaction; and replay it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from experiment_svc import evaluation, records
from experiment_svc.domain import experiments, judging, losses, progress, results
from experiment_svc.domain.aggregates import Aggregates, Cell
from experiment_svc.domain.comparing import Effect
from experiment_svc.domain.decision_log import Decision
from experiment_svc.domain.experiments import Experiment
from experiment_svc.domain.judging import Judgement
from experiment_svc.domain.policies import Action, Policy
from experiment_svc.domain.results import Results
from experiment_svc.records import from_us, to_us
from experiment_svc.store import Reading, Transaction


@dataclass(frozen=True, slots=True)
class Replay:
    """A decision computed again from the facts.

    Attributes:
        decision: as it is stored.
        digest: of the evidence computed again.
        evidence: computed again, in canonical JSON.
        differences: paths of what is not the same; empty if the digests agree.
    """

    decision: Decision
    digest: str
    evidence: str
    differences: list[str]


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was looked at, and what it says."""

    facts: Aggregates
    results: Results
    blocked: str
    judgement: Judgement


async def judge_now(reading: Reading, experiment: Experiment, *, at: datetime) -> Judgement:
    """What the experiment's policy says now."""
    facts = await reading.get_aggregates(experiment, at=at)
    return _judge(experiment, facts, await _blocked(reading, experiment), at).judgement


async def act(tx: Transaction, experiment: Experiment, *, at: datetime) -> Decision | None:
    """Does what the policy says, and records it.

    Everything is read in the transaction that writes, so no facts come between
    what it rests on and what it does; a crash leaves all of it, or nothing.

    Returns:
        What was done or is waited with; None if there is nothing new.
    """
    experiments.check_running(experiment)
    known = await tx.facts_accepted()
    facts = await tx.get_aggregates(experiment, at=at)
    seen = _judge(experiment, facts, await _blocked(tx, experiment), at)
    judgement = seen.judgement
    await tx.lower_p_values(experiment.name, _lowered(seen))
    if judgement.action is Action.HOLD:
        if experiment.awaiting:
            await tx.put_experiment(progress.wait_for_approval(experiment, ""))
        return None
    waits = judgement.waits and experiment.approved != judgement.key
    if waits and experiment.awaiting == judgement.key:
        return None
    text = _evidence(experiment, seen, at=at, known=known)
    decision = Decision(
        experiment=experiment.name,
        time=at,
        action=judgement.action,
        waits=waits,
        reason=judgement.reason,
        winner=judgement.winner,
        evidence=text,
        digest=_digest(text),
    )
    await tx.put_experiment(
        progress.wait_for_approval(experiment, judgement.key)
        if waits
        else _done(experiment, seen, at)
    )
    return await tx.add_decision(decision)


async def replay(reading: Reading, decision: Decision) -> Replay:
    """Computes a decision again, from the facts of its moment and the rule.

    The units are made anew from the single exposures: nothing is taken from what was
    counted on the way. The smallest p-values of the looks before, and whether losses
    forbade it, are taken as they were written down.
    """
    stored = json.loads(decision.evidence)
    experiment = records.load(json.dumps(stored["experiment"]), revision=stored["revision"])
    at, known = from_us(stored["at_us"]), stored["facts"]
    facts = await reading.get_aggregates(experiment, at=at, upto=known)
    facts = replace(facts, lowest_p=stored["lowest_p"])
    seen = _judge(experiment, facts, stored["blocked"], at)
    text = _evidence(experiment, seen, at=at, known=known)
    return Replay(decision, _digest(text), text, _differences("", stored, json.loads(text)))


async def _blocked(reading: Reading, experiment: Experiment) -> str:
    """Why the facts are not to be acted on: exposures were lost; empty if none were."""
    return losses.blocking(await reading.losses_of(experiment.name))


def _judge(experiment: Experiment, facts: Aggregates, blocked: str, at: datetime) -> _Seen:
    policy = experiment.policy or Policy(name="none")
    rounded = facts.rounded()
    computed = results.compute(experiment, rounded, at=at)
    judgement = judging.judge(experiment, policy, computed, blocked=blocked, at=at)
    return _Seen(rounded, computed, blocked, judgement)


def _done(experiment: Experiment, seen: _Seen, at: datetime) -> Experiment:
    judgement = seen.judgement
    match judgement.action:
        case Action.RAMP:
            return progress.stepped(experiment, judgement.weights, at=at)
        case Action.PROMOTE:
            verdict = evaluation.verdict(
                experiment, seen.results, judgement.winner, judgement.reason, at=at
            )
            return experiments.conclude(experiment, verdict, at=at)
        case _:
            return experiments.stop(experiment, at=at)


def _lowered(seen: _Seen) -> dict[str, float]:
    return {
        key: p_value
        for key, p_value in seen.results.p_values().items()
        if p_value < seen.facts.lowest_p.get(key, 1.0)
    }


def _evidence(experiment: Experiment, seen: _Seen, *, at: datetime, known: int) -> str:
    """Inputs, statistics, rule and outcome, in canonical JSON."""
    judgement = seen.judgement
    body = {
        "experiment": json.loads(records.dump(experiment)),
        "revision": experiment.revision,
        "at_us": to_us(at),
        "facts": known,
        "lowest_p": dict(seen.facts.lowest_p),
        "blocked": seen.blocked,
        "cells": {
            name: [_cell(cell) for cell in sorted(cells, key=lambda one: (one.phase, one.arm))]
            for name, cells in seen.facts.cells.items()
        },
        "comparisons": _comparisons(seen.results),
        "sample_ratio_p": seen.results.sample_ratio.p_value,
        "judgement": {
            "action": judgement.action,
            "reason": judgement.reason,
            "winner": judgement.winner,
            "weights": judgement.weights,
            "waits": judgement.waits,
        },
    }
    return json.dumps(body, sort_keys=True, separators=(",", ":"))


def _cell(cell: Cell) -> dict[str, Any]:
    return {
        "arm": cell.arm,
        "phase": cell.phase,
        "units": cell.units,
        "crossed": cell.crossed,
        "outcomes": cell.outcomes,
        "outside": cell.outside,
        "late": cell.late,
        "newest_us": cell.newest and to_us(cell.newest),
        "count": cell.values.count,
        "means": list(cell.values.means),
        "products": [list(row) for row in cell.values.products],
    }


def _comparisons(found: Results) -> dict[str, dict[str, Any]]:
    return {
        one.measure.metric.label: {
            comparison.arm: [
                comparison.effect.value,
                comparison.effect.lower,
                comparison.effect.upper,
                comparison.effect.p_value,
            ]
            if isinstance(comparison.effect, Effect)
            else comparison.effect.reason
            for comparison in one.comparisons
        }
        for one in found.measured
    }


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _differences(path: str, stored: Any, again: Any) -> list[str]:
    """Where two JSON values differ, by path."""
    if isinstance(stored, Mapping) and isinstance(again, Mapping):
        return [
            found
            for key in sorted(stored.keys() | again.keys())
            for found in _differences(f"{path}.{key}", stored.get(key), again.get(key))
        ]
    if _is_list(stored) and _is_list(again) and len(stored) == len(again):
        return [
            found
            for index, pair in enumerate(zip(stored, again, strict=True))
            for found in _differences(f"{path}[{index}]", *pair)
        ]
    return [] if stored == again else [path.lstrip(".")]


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)
