"""Looking at an experiment: the results now, what the rule says, and the verdict.

The servicer and the decision loop look and conclude alike, through this module.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from algolink.names import ExperimentName
from experiment_svc import convert_results
from experiment_svc.domain import decisions, experiments, results
from experiment_svc.domain.decisions import Recommendation
from experiment_svc.domain.experiments import Experiment, State, Verdict
from experiment_svc.domain.results import Results
from experiment_svc.store import Reading, Store, Transaction


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen at one moment.

    Attributes:
        lowered: p-values that are smaller than at any look before; they are
            kept, so that a p-value never rises.
    """

    results: Results
    recommendation: Recommendation
    lowered: dict[str, float]


async def look(reading: Reading, experiment: Experiment, *, at: datetime) -> Look:
    """Results of a started experiment from all facts stored now."""
    facts = (await reading.get_aggregates(experiment, at=at)).rounded()
    losses = await reading.losses_of(experiment.name)
    computed = results.compute(experiment, facts, losses, at=at)
    lowered = {
        key: p_value
        for key, p_value in computed.p_values().items()
        if p_value < facts.lowest_p.get(key, 1.0)
    }
    return Look(computed, decisions.recommend(experiment, computed), lowered)


async def keep_p_values(store: Store, name: ExperimentName, seen: Look) -> None:
    """Stores the p-values that fell, if any did."""
    if seen.lowered:
        async with store.transaction() as tx:
            await tx.lower_p_values(name, seen.lowered)


async def conclude(
    tx: Transaction,
    experiment: Experiment,
    *,
    winner: str = "",
    force: bool = False,
    at: datetime,
) -> Experiment:
    """Stores the verdict, and gives the winner all traffic, in one transaction.

    What the verdict rests on is read in the same transaction, so that no facts
    come between the two.

    Args:
        winner: id of the arm that wins; empty lets the rule say.
        force: conclude with `winner` whatever the rule says.

    Raises:
        InvalidArgument: ARM_UNKNOWN.
        FailedPrecondition: EXPERIMENT_NOT_RUNNING, NO_DECISION or
            VERDICT_DISAGREES.
    """
    if winner:
        experiment.arm(winner)
    experiments.check_running(experiment)
    seen = await look(tx, experiment, at=at)
    agrees = bool(winner) and winner == seen.recommendation.winner
    forced = force and bool(winner) and not agrees
    chosen = winner if forced else decisions.check_agrees(winner, seen.recommendation)
    given = _verdict(experiment, seen.results, seen.recommendation, chosen, forced=forced, at=at)
    await tx.lower_p_values(experiment.name, seen.lowered)
    return await tx.put_experiment(experiments.conclude(experiment, given, at=at))


def may_be_due(experiment: Experiment) -> bool:
    """Whether the service may have to do something about it by itself."""
    rule = experiment.rule
    if experiment.policy is not None:
        return experiment.state is State.RUNNING
    return (
        experiment.state is State.RUNNING
        and rule is not None
        and rule.auto_conclude
        and len(experiment.phases) >= rule.min_phases
    )


def verdict(
    experiment: Experiment, found: Results, winner: str, reason: str, *, at: datetime
) -> Verdict:
    """The verdict for the arm that a policy promotes."""
    recommendation = Recommendation(winner, reason)
    return _verdict(experiment, found, recommendation, winner, forced=False, at=at)


def _verdict(
    experiment: Experiment,
    found: Results,
    recommendation: Recommendation,
    winner: str,
    *,
    forced: bool,
    at: datetime,
) -> Verdict:
    arm = experiment.arm(winner)
    evidence = convert_results.evidence(found, recommendation)
    return Verdict(
        winner=winner,
        version=arm.version,
        summary=decisions.summary(experiment, found, arm, forced=forced),
        forced=forced,
        evidence=evidence.text,
        digest=evidence.digest,
        time=at,
    )
