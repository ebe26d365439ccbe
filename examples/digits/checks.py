"""Whether all that was promised held; pure, on what the client saw itself."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from algolink.experiment.v1 import experiment_pb2
from algolink.registry.v1 import registry_pb2
from examples.digits.answers import Answer, Journal
from examples.digits.timeline import Allocation, Timeline


@dataclass(frozen=True, slots=True)
class Check:
    """One promise.

    Attributes:
        promise: what must hold.
        kept: whether it did.
        found: the figures that say so.
    """

    promise: str
    kept: bool
    found: str


def nothing_failed(journal: Journal) -> Check:
    """No request failed, through the ramp and the promotion."""
    kinds = Counter(answer.error for answer in journal.answers if answer.error)
    first = f": {kinds.most_common(1)[0][0]}" if kinds else ""
    found = f"{journal.failed} of {len(journal.answers)} requests failed{first}"
    return Check("no request failed", journal.failed == 0 and bool(journal.answers), found)


def version_follows_bucket(journal: Journal, timeline: Timeline) -> Check:
    """Every answer came from the version that its unit's bucket says."""
    wrong, either = 0, 0
    for answer in _answered(journal):
        allocations = timeline.in_force(answer.sent, answer.received)
        expected = {allocation.version_of(answer.unit) for allocation in allocations}
        wrong += answer.version not in expected or answer.version != answer.body_version
        either += len(expected) > 1
    total = len(_answered(journal))
    found = f"{total - wrong} of {total} answers; {either} were under way in a change of their unit"
    return Check("each answer came from the version of its bucket", wrong == 0 and total > 0, found)


def experiment_is_named(journal: Journal, timeline: Timeline) -> Check:
    """Answers name the experiment while it splits traffic, and nothing otherwise."""
    wrong = 0
    for answer in _answered(journal):
        allocations = timeline.in_force(answer.sent, answer.received)
        wrong += answer.experiment not in {_short(a.experiment) for a in allocations}
    named = sum(bool(answer.experiment) for answer in journal.answers)
    return Check("answers name their experiment", wrong == 0, f"{named} named it, {wrong} wrongly")


def ramp_moved_whom_it_must(
    journal: Journal, timeline: Timeline, before: Allocation, after: Allocation
) -> Check:
    """Units that were seen before and after a ramp changed version if, and only if, they had to."""
    seen_before = _version_by_unit(journal, timeline, before)
    seen_after = _version_by_unit(journal, timeline, after)
    both = seen_before.keys() & seen_after.keys()
    moved = {unit for unit in both if seen_before[unit] != seen_after[unit]}
    due = {unit for unit in both if before.version_of(unit) != after.version_of(unit)}
    buckets = sum(a != b for a, b in zip(before.versions, after.versions, strict=True))
    least = sum((Counter(before.versions) - Counter(after.versions)).values())
    found = (
        f"{len(moved)} of {len(both)} returning units moved, {len(due)} had to; "
        f"{buckets} buckets moved, {least} is the least possible"
    )
    kept = moved == due and buckets == least and len(due) > 0
    return Check("the ramp moved the units that had to, and nobody else", kept, found)


def exposures_are_counted(journal: Journal, results: experiment_pb2.Results) -> Check:
    """As many exposures as requests that the experiment's route took, arm by arm."""
    taken = Counter(a.arm for a in _answered(journal) if a.experiment)
    counted = {arm.arm: arm.requests for arm in results.arms}
    found = ", ".join(f"{arm}: {taken[arm]} taken, {n} counted" for arm, n in counted.items())
    kept = (
        taken == Counter(counted)
        and results.facts.exposures == taken.total()
        and results.facts.conflicts == 0
    )
    return Check("each exposure is counted exactly once", kept, found)


def outcomes_are_recorded(journal: Journal, recorded: int) -> Check:
    """As many outcomes as answers."""
    sent = len(_answered(journal))
    return Check("each outcome is recorded", recorded == sent, f"{recorded} of {sent}")


def winner_is_champion(
    experiment: experiment_pb2.Experiment, model: registry_pb2.Model, better: int
) -> Check:
    """The better version won by the rule, and is champion on the verdict's evidence."""
    verdict, champion = experiment.verdict, model.aliases["champion"]
    kept = (
        experiment.state == experiment_pb2.STATE_CONCLUDED
        and not verdict.forced
        and verdict.version == champion.version == better
        and champion.evidence.experiment == experiment.name
        and champion.evidence.verdict_digest == verdict.digest != ""
    )
    found = (
        f"version {verdict.version} won, version {champion.version} is champion, "
        f"evidence {champion.evidence.verdict_digest[:12] or 'none'}"
    )
    return Check("the better version won and was promoted on evidence", kept, found)


def _answered(journal: Journal) -> list[Answer]:
    return [answer for answer in journal.answers if not answer.error]


def _version_by_unit(
    journal: Journal, timeline: Timeline, allocation: Allocation
) -> dict[str, int]:
    """Version that each unit got while nothing but `allocation` can have been in force."""
    return {
        answer.unit: answer.version
        for answer in _answered(journal)
        if timeline.in_force(answer.sent, answer.received) == [allocation]
    }


def _short(experiment: str) -> str:
    return experiment.removeprefix("experiments/")
