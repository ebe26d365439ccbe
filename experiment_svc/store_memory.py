"""The store in memory: for tests, and as a second opinion on the SQL."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

from algolink.names import ExperimentName, ModelName
from chassis.watch import Change, Notifier
from experiment_svc import records, store
from experiment_svc.domain import counting, definitions, facts, windows
from experiment_svc.domain.aggregates import Aggregates
from experiment_svc.domain.counting import UnitState
from experiment_svc.domain.decision_log import Decision
from experiment_svc.domain.definitions import Definition, DefinitionKind
from experiment_svc.domain.experiments import ROUTED, Experiment, State
from experiment_svc.domain.facts import Exposure, Outcome, Receipt
from experiment_svc.domain.metrics import Kind, Metric
from experiment_svc.domain.windows import Event
from experiment_svc.store_memory_groups import Group, has_event, quantiles
from experiment_svc.store_memory_losses import LossesByKey, MemoryLosses
from experiment_svc.store_memory_outcomes import MemoryOutcomes
from experiment_svc.store_memory_series import MemorySeries, SeriesByName

_Fact = TypeVar("_Fact", Exposure, Outcome)
_RequestCounts = Counter[tuple[str, str, int]]


@dataclass
class _State:
    """Everything; a transaction works on a copy."""

    experiments: dict[str, Change[Experiment]] = field(default_factory=dict)
    change: int = 0
    exposures: dict[object, Exposure] = field(default_factory=dict)
    outcomes: dict[object, Outcome] = field(default_factory=dict)
    units: dict[tuple[str, str], UnitState] = field(default_factory=dict)
    requests: _RequestCounts = field(default_factory=Counter)
    failures: _RequestCounts = field(default_factory=Counter)
    latency: _RequestCounts = field(default_factory=Counter)
    lowest_p: dict[tuple[str, str], float] = field(default_factory=dict)
    definitions: dict[tuple[str, str], list[Definition]] = field(default_factory=dict)
    losses: LossesByKey = field(default_factory=dict)
    series: SeriesByName = field(default_factory=dict)
    decisions: dict[str, list[Decision]] = field(default_factory=dict)
    leases: dict[str, tuple[str, int, datetime]] = field(default_factory=dict)
    announced: set[tuple[str, int]] = field(default_factory=set)
    batches: dict[object, int] = field(default_factory=dict)
    redelivered: int = 0
    conflicts: int = 0

    def copy(self) -> _State:
        return replace(
            self,
            experiments=dict(self.experiments),
            exposures=dict(self.exposures),
            outcomes=dict(self.outcomes),
            units=dict(self.units),
            requests=Counter(self.requests),
            failures=Counter(self.failures),
            latency=Counter(self.latency),
            lowest_p=dict(self.lowest_p),
            decisions={key: list(made) for key, made in self.decisions.items()},
            leases=dict(self.leases),
            announced=set(self.announced),
            batches=dict(self.batches),
            definitions={key: list(versions) for key, versions in self.definitions.items()},
            losses=dict(self.losses),
            series=dict(self.series),
        )


class MemoryStore:
    """Experiments and facts, as long as the process lives."""

    def __init__(self) -> None:
        self.notifier = Notifier()
        self._name = uuid.uuid4().hex
        self._state = _State()
        self._writing = asyncio.Lock()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[MemoryTransaction]:
        """A consistent view."""
        yield MemoryTransaction(self._name, self._state)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[MemoryTransaction]:
        """Commits when left, unless by an error."""
        async with self._writing:
            state = self._state.copy()
            yield MemoryTransaction(self._name, state)
            changed = state.change != self._state.change
            self._state = state
        if changed:
            self.notifier.notify()


class MemoryTransaction(MemoryLosses, MemorySeries, MemoryOutcomes):
    """Reads and writes one copy of the state."""

    def __init__(self, name: str, state: _State) -> None:
        MemoryLosses.__init__(self, state.losses)
        MemorySeries.__init__(self, state.series)
        self._name = name
        self._state = state
        self._seen = state

    async def get_experiment(self, name: ExperimentName) -> Experiment:
        """The experiment, its verdict with the evidence."""
        change = self._state.experiments.get(name.experiment)
        if change is None:
            raise store.not_found(name)
        return change.item

    async def list_experiments(
        self,
        *,
        limit: int,
        before: store.Position | None = None,
        model: ModelName | None = None,
    ) -> Sequence[Experiment]:
        """Newest first, those older than `before`."""
        found = [
            (position, change.item)
            for change in self._state.experiments.values()
            if (position := _position(change.item))
            and (before is None or position < before)
            and (model is None or change.item.model == model)
        ]
        found.sort(key=lambda pair: pair[0], reverse=True)
        return [experiment for _, experiment in found[:limit]]

    async def experiments_in(self, state: State) -> Sequence[Experiment]:
        """All in that state, oldest first."""
        found = [c.item for c in self._state.experiments.values() if c.item.state == state]
        return [_light(experiment) for experiment in sorted(found, key=_position)]

    async def head(self) -> tuple[str, int]:
        """Id of the database, and the number of the last change."""
        return self._name, self._state.change

    async def changes_since(self, change: int) -> Sequence[Change[Experiment]]:
        """Latest state of what changed later, in order."""
        later = [c for c in self._state.experiments.values() if c.revision > change]
        later.sort(key=lambda c: c.revision)
        return [replace(c, item=_light(c.item)) for c in later]

    async def facts_accepted(self) -> int:
        """Facts so far."""
        return self._facts()

    def _facts(self) -> int:
        return len(self._state.exposures) + len(self._state.outcomes)

    async def get_decision(self, name: ExperimentName, number: int = 0) -> Decision:
        """One decision; 0 is the last."""
        made = self._state.decisions.get(name.experiment, [])
        if not 0 <= number <= len(made) or not made:
            raise store.decision_not_found(name, number)
        return made[number - 1]

    async def list_decisions(
        self, name: ExperimentName, *, after: int = 0, limit: int = 1_000
    ) -> Sequence[Decision]:
        """Those with a higher number, in order, without evidence."""
        made = self._state.decisions.get(name.experiment, [])[after : after + limit]
        return [replace(decision, evidence="") for decision in made]

    async def get_aggregates(
        self, experiment: Experiment, *, at: datetime, upto: int | None = None
    ) -> Aggregates:
        """What the facts say about a started experiment at `at`."""
        name, state = experiment.name.experiment, self._state
        latency: defaultdict[str, dict[int, int]] = defaultdict(dict)
        for (of, arm, bucket), count in state.latency.items():
            if of == name:
                latency[arm][bucket] = count
        measured = {
            measure.metric: self._groups(experiment, measure.metric, at, upto)
            for measure in experiment.measures
        }
        return Aggregates(
            cells={
                metric.name: cells
                for metric, groups in measured.items()
                if metric.kind is not Kind.LATENCY_QUANTILE
                for cells in [[g.cell(metric, *key) for key, g in sorted(groups.items())]]
            },
            quantiles={
                metric.name: quantiles(metric, groups)
                for metric, groups in measured.items()
                if metric.kind is Kind.QUANTILE
            },
            requests=_of(name, state.requests),
            failures=_of(name, state.failures),
            latency=latency,
            redelivered=state.redelivered,
            conflicts=state.conflicts,
            lowest_p={key: p for (of, key), p in state.lowest_p.items() if of == name},
        )

    async def unannounced(self, *, since: datetime, limit: int) -> Sequence[Decision]:
        """Decisions from `since` on that nobody was told of, the oldest first."""
        found = [
            replace(decision, evidence="")
            for name, made in self._state.decisions.items()
            for decision in made
            if decision.time >= since and (name, decision.number) not in self._state.announced
        ]
        found.sort(key=lambda one: (one.time, one.experiment, one.number))
        return found[:limit]

    async def get_definition(
        self, kind: DefinitionKind, definition_id: str, version: int = 0
    ) -> Definition:
        """One version; 0 is the newest."""
        versions = self._state.definitions.get((kind, definition_id), [])
        if not 0 <= version <= len(versions) or not versions:
            raise definitions.not_found(kind, definition_id, version)
        return versions[version - 1]

    async def list_definitions(
        self, kind: DefinitionKind, definition_id: str = ""
    ) -> Sequence[Definition]:
        """All versions of one, newest first; or the newest of each, by id."""
        if definition_id:
            return self._state.definitions.get((kind, definition_id), [])[::-1]
        of_kind = [found for (of, _), found in self._state.definitions.items() if of == kind]
        return sorted((found[-1] for found in of_kind), key=lambda newest: newest.id)

    async def add_definition(
        self, kind: DefinitionKind, definition_id: str, body: str, *, at: datetime
    ) -> Definition:
        """The next version; the newest one itself if that says the same."""
        versions = self._state.definitions.setdefault((kind, definition_id), [])
        if versions and versions[-1].body == body:
            return versions[-1]
        added = Definition(
            kind=kind, id=definition_id, version=len(versions) + 1, body=body, create_time=at
        )
        versions.append(added)
        return added

    async def add_experiment(self, experiment: Experiment) -> Experiment:
        """Stores a new one, as revision 1."""
        if experiment.name.experiment in self._state.experiments:
            raise store.exists(experiment.name)
        return self._put(replace(experiment, revision=1))

    async def put_experiment(self, experiment: Experiment) -> Experiment:
        """Stores the next state of what was read in this transaction."""
        if experiment.state in ROUTED:
            for change in self._state.experiments.values():
                other = change.item
                if (
                    other.model == experiment.model
                    and other.state in ROUTED
                    and other.name != experiment.name
                ):
                    raise store.model_taken(experiment, str(other.name))
        return self._put(replace(experiment, revision=experiment.revision + 1))

    async def add_exposures(
        self,
        exposures: Sequence[Exposure],
        *,
        node: str,  # noqa: ARG002  of use to who reads the database; here nobody does
    ) -> Receipt:
        """Stores what is new, and counts it."""
        state = self._state
        known: dict[object, bytes] = {
            key: exposure.digest for key, exposure in state.exposures.items()
        }
        new, receipt = facts.sort_out(exposures, known)
        state.exposures.update((exposure.key, exposure) for exposure in new)
        state.batches.update((exposure.key, self._facts()) for exposure in new)
        increment = counting.increment(new)
        for key, unit in increment.units.items():
            state.units[key] = state.units[key] + unit if key in state.units else unit
        state.requests.update(increment.requests)
        state.failures.update(increment.failures)
        state.latency.update(increment.latency)
        return self._counted(receipt)

    async def add_outcomes(self, batches: Sequence[Sequence[Outcome]]) -> Sequence[Receipt]:
        """Stores what is new; a receipt for each batch."""
        known: dict[object, bytes] = {
            key: outcome.digest for key, outcome in self._state.outcomes.items()
        }
        receipts, added = [], []
        for batch in batches:
            new, receipt = facts.sort_out(batch, known)
            self._state.outcomes.update((outcome.key, outcome) for outcome in new)
            added += new
            receipts.append(self._counted(receipt))
        self._state.batches.update((outcome.key, self._facts()) for outcome in added)
        return receipts

    async def add_decision(self, decision: Decision) -> Decision:
        """Stores it under the next number of its experiment."""
        made = self._state.decisions.setdefault(decision.experiment.experiment, [])
        made.append(replace(decision, number=len(made) + 1))
        return made[-1]

    async def mark_announced(self, decision: Decision) -> None:
        """Notes that it was told."""
        self._state.announced.add((decision.experiment.experiment, decision.number))

    async def take_lease(
        self, lease: str, *, holder: str, at: datetime, length: timedelta
    ) -> int | None:
        """Takes a lease that nobody holds, or renews one's own."""
        known, token, until = self._state.leases.get(lease, ("", 0, at))
        if known != holder and at < until:
            return None
        token += known != holder
        self._state.leases[lease] = (holder, token, at + length)
        return token

    async def check_lease(self, lease: str, token: int) -> None:
        """Holds the lease until the transaction ends."""
        if self._state.leases.get(lease, ("", 0, None))[1] != token:
            raise store.lease_lost(lease)

    async def lower_p_values(self, name: ExperimentName, values: Mapping[str, float]) -> None:
        """Keeps the smaller of each value and the one that is stored."""
        for comparison, p_value in values.items():
            key = (name.experiment, comparison)
            self._state.lowest_p[key] = min(p_value, self._state.lowest_p.get(key, 1.0))

    def _put(self, experiment: Experiment) -> Experiment:
        self._state.change += 1
        self._state.experiments[experiment.name.experiment] = Change(self._state.change, experiment)
        return experiment

    def _counted(self, receipt: Receipt) -> Receipt:
        self._state.redelivered += receipt.redelivered
        self._state.conflicts += receipt.conflicts
        return receipt

    def _groups(
        self, experiment: Experiment, metric: Metric, at: datetime, upto: int | None
    ) -> dict[tuple[str, int], Group]:
        events = self._events(experiment, metric, upto)
        units = self._state.units
        if upto is not None:
            units = counting.increment(self._known(self._state.exposures, upto)).units
        groups: defaultdict[tuple[str, int], Group] = defaultdict(Group)
        for (name, unit), state in units.items():
            if name == experiment.name.experiment:
                first, phase, arm = state.first
                window = windows.window(experiment, metric, phase=phase, first=first, at=at)
                value = windows.unit_value(metric, window, events[unit])
                groups[arm, phase].add(value, crossed=state.crossed, first=first)
        return groups

    def _known(self, facts: Mapping[object, _Fact], upto: int | None) -> list[_Fact]:
        """Facts of the first `upto`; all for None."""
        batches = self._state.batches
        return [fact for key, fact in facts.items() if upto is None or batches[key] <= upto]

    def _events(
        self, experiment: Experiment, metric: Metric, upto: int | None
    ) -> defaultdict[str, list[Event]]:
        by_unit: defaultdict[str, list[Event]] = defaultdict(list)
        if not metric.of_requests:
            for outcome in self._known(self._state.outcomes, upto):
                by_unit[outcome.unit].append(
                    Event(outcome.metric, outcome.value, outcome.time, outcome.received)
                )
            return by_unit
        for exposure in self._known(self._state.exposures, upto):
            if exposure.counts and exposure.experiment == experiment.name.experiment:
                value = float(has_event(metric, exposure))
                by_unit[exposure.unit].append(Event("", value, exposure.time, exposure.time))
        return by_unit


def _of(name: str, counts: _RequestCounts) -> dict[tuple[str, int], int]:
    return {(arm, phase): n for (of, arm, phase), n in counts.items() if of == name}


def _light(experiment: Experiment) -> Experiment:
    if experiment.verdict is None:
        return experiment
    return replace(experiment, verdict=replace(experiment.verdict, evidence=""))


def _position(experiment: Experiment) -> store.Position:
    return store.Position(records.to_us(experiment.create_time), experiment.name.experiment)
