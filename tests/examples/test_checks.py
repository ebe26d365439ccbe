from __future__ import annotations

import pytest

from algolink.experiment.v1 import experiment_pb2
from algolink.registry.v1 import registry_pb2
from examples.digits import checks
from tests.examples.builders import a_journal, a_timeline, a_unit, an_allocation, an_answer

LOW = range(5_000)
MIDDLE = range(5_000, 9_000)
HIGH = range(9_000, 10_000)


def test_nothing_failed_is_not_kept_by_silence() -> None:
    assert not checks.nothing_failed(a_journal()).kept


def test_one_failure_is_one_too_many() -> None:
    fine, failed = an_answer("a", 1), an_answer("b", 0, error="UNAVAILABLE: no healthy upstream")

    check = checks.nothing_failed(a_journal(fine, failed))

    assert not check.kept
    assert check.found == "1 of 2 requests failed: UNAVAILABLE: no healthy upstream"


@pytest.mark.parametrize(("version", "kept"), [(1, True), (2, False)])
def test_an_answer_has_to_come_from_the_version_of_its_bucket(version: int, kept: bool) -> None:
    journal = a_journal(an_answer(a_unit(LOW), version))

    assert checks.version_follows_bucket(journal, a_timeline(an_allocation(9_000))).kept is kept


def test_header_and_body_have_to_name_the_same_version() -> None:
    journal = a_journal(an_answer(a_unit(LOW), 1, body_version=2))

    assert not checks.version_follows_bucket(journal, a_timeline(an_allocation(9_000))).kept


@pytest.mark.parametrize(
    ("sent", "version", "kept"),
    [
        (4.0, 1, True),
        (4.0, 2, False),  # answered before anybody asked for the change
        (4.95, 2, True),  # under way when it was asked for
        (5.5, 1, True),
        (5.5, 2, True),
        (6.5, 2, True),
        (6.5, 1, False),  # sent after everybody had the change
    ],
)
def test_either_table_is_right_only_while_they_change(
    sent: float, version: int, kept: bool
) -> None:
    change = a_timeline(an_allocation(9_000), an_allocation(5_000, begun=5.0, settled=6.0))
    journal = a_journal(an_answer(a_unit(MIDDLE), version, sent=sent))

    assert checks.version_follows_bucket(journal, change).kept is kept


@pytest.mark.parametrize(("experiment", "kept"), [("e", True), ("", False), ("f", False)])
def test_an_answer_has_to_name_the_experiment_that_took_it(experiment: str, kept: bool) -> None:
    journal = a_journal(an_answer("a", 1, experiment=experiment))

    assert checks.experiment_is_named(journal, a_timeline(an_allocation(9_000))).kept is kept


def a_ramp(*, low_after: int = 1, middle_after: int = 2) -> checks.Check:
    low, middle, high = a_unit(LOW), a_unit(MIDDLE), a_unit(HIGH)
    before, after = an_allocation(9_000), an_allocation(5_000, begun=5.0, settled=6.0)
    journal = a_journal(
        an_answer(low, 1, sent=1),
        an_answer(middle, 1, sent=1),
        an_answer(high, 2, sent=1),
        an_answer(low, low_after, sent=9),
        an_answer(middle, middle_after, sent=9),
        an_answer(high, 2, sent=9),
    )
    return checks.ramp_moved_whom_it_must(journal, a_timeline(before, after), before, after)


def test_a_ramp_moves_the_units_of_the_buckets_that_move() -> None:
    check = a_ramp()

    assert check.kept
    assert check.found == (
        "1 of 3 returning units moved, 1 had to; 4000 buckets moved, 4000 is the least possible"
    )


def test_a_unit_that_moves_without_having_to_is_seen() -> None:
    assert not a_ramp(low_after=2).kept


def test_a_unit_that_stays_although_it_had_to_move_is_seen() -> None:
    assert not a_ramp(middle_after=1).kept


@pytest.mark.parametrize(
    ("counted", "exposures", "conflicts", "kept"),
    [(2, 3, 0, True), (1, 2, 0, False), (3, 4, 0, False), (2, 3, 1, False)],
)
def test_exposures_have_to_be_counted_exactly(
    counted: int, exposures: int, conflicts: int, kept: bool
) -> None:
    outside = an_answer("c", 1, experiment="", arm="")
    taken = [an_answer("a", 1), an_answer("b", 1), an_answer("c", 2)]
    results = experiment_pb2.Results(
        arms=[
            experiment_pb2.ArmResults(arm="arm-1", requests=counted),
            experiment_pb2.ArmResults(arm="arm-2", requests=1),
        ],
        facts=experiment_pb2.FactCounts(exposures=exposures, conflicts=conflicts),
    )

    assert checks.exposures_are_counted(a_journal(outside, *taken), results).kept is kept


def test_an_arm_without_requests_takes_part_in_the_count() -> None:
    results = experiment_pb2.Results(
        arms=[
            experiment_pb2.ArmResults(arm="arm-1", requests=1),
            experiment_pb2.ArmResults(arm="arm-2", requests=0),
        ],
        facts=experiment_pb2.FactCounts(exposures=1),
    )

    assert checks.exposures_are_counted(a_journal(an_answer("a", 1)), results).kept


@pytest.mark.parametrize(
    ("digest", "champion", "forced", "kept"),
    [("d", 2, False, True), ("x", 2, False, False), ("d", 1, False, False), ("d", 2, True, False)],
)
def test_the_better_version_has_to_be_promoted_on_its_verdict(
    digest: str, champion: int, forced: bool, kept: bool
) -> None:
    experiment = experiment_pb2.Experiment(
        name="experiments/e",
        state=experiment_pb2.STATE_CONCLUDED,
        verdict=experiment_pb2.Verdict(version=2, digest="d", forced=forced),
    )
    evidence = registry_pb2.Evidence(experiment="experiments/e", verdict_digest=digest)
    model = registry_pb2.Model(
        aliases={"champion": registry_pb2.Alias(version=champion, evidence=evidence)}
    )

    assert checks.winner_is_champion(experiment, model, 2).kept is kept
