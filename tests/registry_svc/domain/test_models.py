from __future__ import annotations

from datetime import timedelta

import pytest

from algolink.errors import Aborted, FailedPrecondition, InvalidArgument, NotFound
from algolink.names import ModelName
from registry_svc.domain import models
from tests.registry_svc.builders import NOON, a_model

LATER = NOON + timedelta(days=1)


def test_the_first_version_becomes_the_champion() -> None:
    model = models.with_next_version(models.new(ModelName("iris"), at=NOON), aliases=(), at=LATER)

    assert model.latest_version == 1
    assert {alias: a.version for alias, a in model.aliases.items()} == {"champion": 1}
    assert (model.create_time, model.update_time) == (NOON, LATER)


def test_a_later_version_moves_only_the_aliases_it_names() -> None:
    model = models.with_next_version(a_model(), aliases=["candidate"], at=LATER)

    assert {alias: a.version for alias, a in model.aliases.items()} == {
        "champion": 1,
        "candidate": 2,
    }


def test_an_alias_moves_with_its_reason() -> None:
    model = models.point_alias(a_model(versions=2), "champion", 2, at=LATER, reason="better")

    assert model.aliases["champion"].version == 2
    assert model.aliases["champion"].reason == "better"
    assert model.aliases["champion"].update_time == LATER
    assert model.update_time == LATER


def test_pointing_an_alias_where_it_points_changes_nothing() -> None:
    model = a_model()

    assert models.point_alias(model, "champion", 1, at=LATER, reason="again") is model


@pytest.mark.parametrize("number", [0, -1, 3])
def test_an_alias_points_only_at_a_version_that_exists(number: int) -> None:
    with pytest.raises(NotFound) as caught:
        models.point_alias(a_model(versions=2), "champion", number, at=LATER)

    assert caught.value.reason == "VERSION_NOT_FOUND"


def test_a_reason_has_a_limit() -> None:
    with pytest.raises(InvalidArgument) as caught:
        models.point_alias(a_model(), "champion", 1, at=LATER, reason="a" * 1_001)

    assert caught.value.reason == "REASON_TOO_LONG"


def test_an_alias_that_is_removed_is_gone() -> None:
    model = models.point_alias(a_model(), "candidate", 1, at=NOON)

    removed = models.remove_alias(model, "candidate", at=LATER)

    assert set(removed.aliases) == {"champion"}
    assert removed.update_time == LATER


def test_the_champion_is_never_removed() -> None:
    with pytest.raises(FailedPrecondition) as caught:
        models.remove_alias(a_model(), "champion", at=LATER)

    assert caught.value.reason == "CHAMPION_REQUIRED"


def test_an_alias_that_is_not_there_is_not_found() -> None:
    with pytest.raises(NotFound) as caught:
        models.remove_alias(a_model(), "candidate", at=LATER)

    assert caught.value.reason == "ALIAS_NOT_FOUND"


def test_a_stale_etag_is_refused_with_the_present_one() -> None:
    with pytest.raises(Aborted) as caught:
        models.check_etag(a_model(), "r999")

    assert caught.value.reason == "ETAG_MISMATCH"
    assert caught.value.metadata["etag"] == a_model().etag


@pytest.mark.parametrize("etag", ["", a_model().etag])
def test_no_etag_and_the_present_one_pass(etag: str) -> None:
    models.check_etag(a_model(), etag)
