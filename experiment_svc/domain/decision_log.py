"""What policies did, with what it rested on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from algolink.names import ExperimentName
from experiment_svc.domain.policies import Action


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One thing that a policy did, or waits with for a person.

    Attributes:
        number: from 1, in the order of an experiment's decisions; 0 before it is stored.
        waits: whether a person must approve it first; then nothing was done.
        reason: one sentence, with the figures.
        winner: id of the arm that was promoted; empty otherwise.
        evidence: all that it rested on and what came of it, in canonical JSON;
            empty where it was not asked for.
        digest: SHA-256 of the evidence, 64 lower-case hex digits.
        time: when; UTC.
    """

    experiment: ExperimentName
    number: int = 0
    time: datetime
    action: Action
    waits: bool
    reason: str
    winner: str
    evidence: str
    digest: str
