from __future__ import annotations

from datetime import timedelta

import pytest

from algolink.errors import FailedPrecondition, InvalidArgument
from registry_svc.domain import ledger, models
from registry_svc.domain.ledger import AliasMove
from registry_svc.domain.models import Model
from tests.registry_svc.builders import NOON, a_model, a_move

LATER = NOON + timedelta(days=1)


def moves(before: Model, after: Model, last: AliasMove | None = None) -> list[AliasMove]:
    return list(ledger.moves_between(before, after, last=last, at=LATER, mover="ann"))


def test_a_move_tells_from_where_to_where_by_whom_and_why() -> None:
    before = a_model(versions=2)
    after = models.point_alias(before, "champion", 2, at=LATER, reason="better")

    (move,) = moves(before, after, a_move(number=1))

    assert move == a_move(
        number=2, version=2, previous_version=1, commit_time=LATER, mover="ann", reason="better"
    )


def test_what_points_where_it_pointed_is_not_written_down() -> None:
    model = a_model(versions=2)

    assert moves(model, models.with_next_version(model, aliases=(), at=LATER)) == []


def test_a_push_with_two_aliases_makes_two_moves() -> None:
    before = a_model()
    after = models.with_next_version(before, aliases=["nightly", "candidate"], at=LATER)

    made = moves(before, after, a_move(number=1))

    assert [(m.number, m.alias, m.version) for m in made] == [
        (2, "candidate", 2),
        (3, "nightly", 2),
    ]


def test_a_removal_is_a_move_to_nothing() -> None:
    before = models.point_alias(a_model(), "nightly", 1, at=NOON)

    (move,) = moves(before, models.remove_alias(before, "nightly", at=LATER))

    assert (move.version, move.previous_version) == (None, 1)


def test_time_never_runs_backwards_in_a_ledger() -> None:
    before = a_model(versions=2)
    after = models.point_alias(before, "champion", 2, at=LATER)
    from_the_future = a_move(commit_time=LATER + timedelta(hours=1))

    (move,) = moves(before, after, from_the_future)

    assert move.commit_time == from_the_future.commit_time


def test_a_rollback_without_an_earlier_move_is_refused() -> None:
    with pytest.raises(FailedPrecondition) as caught:
        ledger.roll_back(a_model(), a_move(), None, at=LATER)

    assert caught.value.reason == "NO_EARLIER_MOVE"


def test_a_rollback_of_a_move_that_made_an_alias_anew_removes_it_again() -> None:
    model = models.point_alias(a_model(), "nightly", 1, at=NOON)
    removal = a_move(number=2, alias="nightly", version=None)

    rolled_back = ledger.roll_back(model, a_move(number=3, alias="nightly"), removal, at=LATER)

    assert "nightly" not in rolled_back.aliases


def test_nobody_knows_where_an_alias_will_point() -> None:
    with pytest.raises(InvalidArgument) as caught:
        ledger.check_asked_time(LATER, now=NOON)

    assert caught.value.reason == "TIME_IN_FUTURE"
    assert ledger.check_asked_time(NOON, now=NOON) == NOON
