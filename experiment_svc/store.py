"""What the service keeps. All of it is in the store: a restart loses nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from algolink.errors import Aborted, AlreadyExists, FailedPrecondition, NotFound
from algolink.names import ExperimentName, ModelName
from chassis.watch import Change, Notifier
from experiment_svc.domain.aggregates import Aggregates
from experiment_svc.domain.decision_log import Decision
from experiment_svc.domain.definitions import Definition, DefinitionKind
from experiment_svc.domain.experiments import Experiment, State
from experiment_svc.domain.facts import Exposure, Outcome, Receipt
from experiment_svc.domain.feedback import Taken
from experiment_svc.domain.losses import Acknowledgement, Loss, Report
from experiment_svc.domain.outcome_counts import OutcomeCounts
from experiment_svc.domain.series import Point


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """Where an experiment stands in the list, which is sorted by age."""

    created_us: int
    experiment: str


class Reading(Protocol):
    """One state of the store."""

    async def get_experiment(self, name: ExperimentName) -> Experiment:
        """The experiment, its verdict with the evidence; locked in a transaction.

        Raises:
            NotFound: EXPERIMENT_NOT_FOUND.
        """

    async def list_experiments(
        self, *, limit: int, before: Position | None = None, model: ModelName | None = None
    ) -> Sequence[Experiment]:
        """Newest first, those older than `before`; verdicts with evidence."""

    async def experiments_in(self, state: State) -> Sequence[Experiment]:
        """All in that state, oldest first; verdicts without evidence."""

    async def head(self) -> tuple[str, int]:
        """Id of the database, and the number of the last change to an experiment."""

    async def changes_since(self, change: int) -> Sequence[Change[Experiment]]:
        """Latest state of what changed later, in order; verdicts without evidence."""

    async def get_aggregates(
        self, experiment: Experiment, *, at: datetime, upto: int | None = None
    ) -> Aggregates:
        """What the facts say about a started experiment at `at`.

        Args:
            upto: cells as if no facts had come after this many (`facts_accepted`);
                None for all. Everything else is as it is now.
        """

    async def get_outcome_counts(self, experiment: Experiment) -> OutcomeCounts:
        """What became of the outcomes that have to do with an experiment."""

    async def get_requests(self, ids: Sequence[str]) -> Mapping[str, Taken]:
        """Those of the requests that are known, by id."""

    async def facts_accepted(self) -> int:
        """Facts so far: while it stays, so do the aggregates of closed windows."""

    async def get_decision(self, name: ExperimentName, number: int = 0) -> Decision:
        """One decision; 0 is the last.

        Raises:
            NotFound: DECISION_NOT_FOUND.
        """

    async def list_decisions(
        self, name: ExperimentName, *, after: int = 0, limit: int = 1_000
    ) -> Sequence[Decision]:
        """Those with a higher number, in order, without evidence."""

    async def unannounced(self, *, since: datetime, limit: int) -> Sequence[Decision]:
        """Decisions from `since` on that nobody was told of, the oldest first."""

    async def get_definition(
        self, kind: DefinitionKind, definition_id: str, version: int = 0
    ) -> Definition:
        """One version; 0 is the newest.

        Raises:
            NotFound: METRIC_NOT_FOUND, by its kind.
        """

    async def list_definitions(
        self, kind: DefinitionKind, definition_id: str = ""
    ) -> Sequence[Definition]:
        """All versions of one, newest first; or the newest of each, by id."""

    async def series_of(self, name: ExperimentName) -> Sequence[Point]:
        """Points of an experiment, the oldest first."""

    async def open_series(self) -> Sequence[ExperimentName]:
        """Experiments with points, but without a final one, by name."""

    async def losses_of(self, name: ExperimentName) -> Sequence[Loss]:
        """What is, or may be, lost of an experiment's exposures, newest first."""

    async def open_losses(self, *, limit: int) -> Sequence[Loss]:
        """Losses that nobody has acknowledged, newest first."""


class Transaction(Reading, Protocol):
    """All that is written in it is written together, or not at all."""

    async def add_experiment(self, experiment: Experiment) -> Experiment:
        """Stores a new one, as revision 1.

        Raises:
            AlreadyExists: EXPERIMENT_EXISTS.
        """

    async def put_experiment(self, experiment: Experiment) -> Experiment:
        """Stores the next state of what was read in this transaction.

        Raises:
            FailedPrecondition: MODEL_HAS_RUNNING_EXPERIMENT, if it is routed
                now and another one of its model is too.
        """

    async def add_definition(
        self, kind: DefinitionKind, definition_id: str, body: str, *, at: datetime
    ) -> Definition:
        """The next version; the newest one itself if that says the same."""

    async def add_exposures(self, exposures: Sequence[Exposure], *, node: str) -> Receipt:
        """Stores what is new, and counts it."""

    async def add_outcomes(self, batches: Sequence[Sequence[Outcome]]) -> Sequence[Receipt]:
        """Stores what is new; a receipt for each batch."""

    async def report_losses(self, report: Report) -> None:
        """Stores a report, unless one of the same or a higher revision is there."""

    async def acknowledge_losses(
        self, name: ExperimentName, acknowledgement: Acknowledgement
    ) -> Sequence[Loss]:
        """Acknowledges those of an experiment that are open; returns them."""

    async def add_decision(self, decision: Decision) -> Decision:
        """Stores it under the next number of its experiment."""

    async def add_point(self, point: Point) -> Point:
        """Stores it under the next number, and lets those go that it takes the place of.

        Only for who holds the lease of decisions.
        """

    async def mark_announced(self, decision: Decision) -> None:
        """Notes that it was told."""

    async def take_lease(
        self, lease: str, *, holder: str, at: datetime, length: timedelta
    ) -> int | None:
        """Takes a lease that nobody holds, or renews one's own.

        Returns:
            The token, which is new with every new holder; None if another holds it.
        """

    async def check_lease(self, lease: str, token: int) -> None:
        """Holds the lease until the transaction ends.

        Raises:
            Aborted: LEASE_LOST, if somebody took it since.
        """

    async def lower_p_values(self, name: ExperimentName, values: Mapping[str, float]) -> None:
        """Keeps the smaller of each value and the one that is stored."""


class Store(Protocol):
    """Experiments and facts.

    Attributes:
        notifier: notified after each write to an experiment.
    """

    notifier: Notifier

    def reading(self) -> AbstractAsyncContextManager[Reading]:
        """A consistent view."""

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Commits when left, unless by an error."""


def decision_not_found(name: ExperimentName, number: int) -> NotFound:
    """No such decision; 0 asked for the last."""
    which = f"decision {number}" if number else "decision"
    return NotFound("DECISION_NOT_FOUND", f"{name} has no {which}", name=name, number=number)


def lease_lost(lease: str) -> Aborted:
    """Somebody else took it."""
    return Aborted("LEASE_LOST", f"the lease {lease} was taken by another", lease=lease)


def not_found(name: ExperimentName) -> NotFound:
    """No such experiment."""
    return NotFound("EXPERIMENT_NOT_FOUND", f"there is no {name}", name=name)


def exists(name: ExperimentName) -> AlreadyExists:
    """The id is taken."""
    return AlreadyExists("EXPERIMENT_EXISTS", f"{name} exists already", name=name)


def model_taken(experiment: Experiment, other: str) -> FailedPrecondition:
    """One experiment at a time routes a model."""
    return FailedPrecondition(
        "MODEL_HAS_RUNNING_EXPERIMENT",
        f"{experiment.model} has a running experiment: {other}",
        model=experiment.model,
        running=other,
    )
