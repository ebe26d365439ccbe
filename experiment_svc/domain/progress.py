"""How far a policy has come, what it waits for, and what keeps a winner from its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from algolink.errors import FailedPrecondition
from algolink.names import shown
from experiment_svc.domain import experiments
from experiment_svc.domain.experiments import Experiment, Refusal, State


def stepped(experiment: Experiment, weights: Mapping[str, int], *, at: datetime) -> Experiment:
    """As `experiments.ramp`, for the next step of the policy."""
    ramped = experiments.ramp(experiment, weights, at=at)
    return replace(ramped, step=experiment.step + 1, awaiting="", approved="")


def wait_for_approval(experiment: Experiment, key: str) -> Experiment:
    """Notes what waits for a person; what was approved and is not asked any more is void."""
    if experiment.awaiting == key:
        return experiment
    return replace(experiment, awaiting=key, approved="")


def approve(experiment: Experiment, key: str) -> Experiment:
    """A person lets the policy do what it waits with.

    Raises:
        FailedPrecondition: EXPERIMENT_NOT_RUNNING, NOTHING_TO_APPROVE, or
            APPROVAL_DISAGREES if something else waits.
    """
    experiments.check_running(experiment)
    if not experiment.awaiting:
        raise FailedPrecondition(
            "NOTHING_TO_APPROVE", f"{experiment.name} waits for nobody", name=experiment.name
        )
    if key and key != experiment.awaiting:
        raise FailedPrecondition(
            "APPROVAL_DISAGREES",
            f"{experiment.name} waits with {experiment.awaiting}, not with {shown(key)}",
            name=experiment.name,
            awaiting=experiment.awaiting,
        )
    return replace(experiment, approved=experiment.awaiting)


def refused(experiment: Experiment, *, reason: str, message: str, at: datetime) -> Experiment:
    """Notes that the registry refuses the promotion; the first time of a reason stays.

    Raises:
        FailedPrecondition: STATE_NOT_REACHABLE, if it is not CONCLUDING.
    """
    experiments.check_reachable(experiment, State.CONCLUDED)
    known = experiment.refusal
    if known is not None and known.reason == reason:
        return experiment
    return replace(experiment, refusal=Refusal(reason=reason, message=message, since=at))
