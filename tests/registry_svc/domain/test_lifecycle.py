from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from algolink.errors import FailedPrecondition
from registry_svc.domain import lifecycle, models
from registry_svc.domain.models import Model
from registry_svc.domain.versions import State, Version
from tests.registry_svc.builders import NOON, a_model, a_version

LATER = NOON + timedelta(days=1)
GRACE = timedelta(days=30)


def moved(version: Version, to: State, *, model: Model | None = None, **more: Any) -> Version:
    model = model or a_model(versions=2)
    return lifecycle.move(version, to, model=model, delete_grace=GRACE, **{"at": LATER, **more})


def unused(state: State = State.READY) -> Version:
    return a_version(number=2, state=state)


def test_a_move_keeps_when_and_why() -> None:
    deprecated = moved(unused(), State.DEPRECATED, reason="old")

    assert (deprecated.state, deprecated.state_time, deprecated.state_reason) == (
        State.DEPRECATED,
        LATER,
        "old",
    )


@pytest.mark.parametrize("state", list(State))
def test_asking_for_the_present_state_changes_nothing(state: State) -> None:
    version = unused(state)

    assert moved(version, state) is version


@pytest.mark.parametrize(
    ("state", "to"),
    [
        (State.ARCHIVED, State.DEPRECATED),
        (State.DELETED, State.DEPRECATED),
        (State.DELETED, State.ARCHIVED),
    ],
)
def test_nothing_becomes_less_retired_but_by_being_restored(state: State, to: State) -> None:
    with pytest.raises(FailedPrecondition) as caught:
        moved(unused(state), to)

    assert caught.value.reason == "STATE_NOT_REACHABLE"
    assert moved(unused(state), State.READY).state is State.READY


@pytest.mark.parametrize("to", [State.ARCHIVED, State.DELETED])
def test_what_an_alias_names_does_not_retire(to: State) -> None:
    model = models.point_alias(a_model(versions=2), "nightly", 1, at=NOON)

    with pytest.raises(FailedPrecondition) as caught:
        moved(a_version(number=1), to, model=model)

    assert caught.value.reason == "VERSION_IN_USE"
    assert caught.value.metadata["aliases"] == "champion,nightly"
    assert moved(a_version(number=1), State.DEPRECATED, model=model).state is State.DEPRECATED


def test_a_deleted_version_is_restored_within_the_grace_and_not_after() -> None:
    deleted = moved(unused(), State.DELETED)

    restored = moved(deleted, State.READY, at=LATER + GRACE - timedelta(seconds=1))

    assert deleted.purge_time == LATER + GRACE
    assert (restored.state, restored.purge_time) == (State.READY, None)
    with pytest.raises(FailedPrecondition) as caught:
        moved(deleted, State.READY, at=LATER + GRACE)
    assert caught.value.reason == "RESTORE_EXPIRED"


@pytest.mark.parametrize("state", [State.ARCHIVED, State.DELETED])
def test_no_alias_is_pointed_at_what_retired(state: State) -> None:
    with pytest.raises(FailedPrecondition) as caught:
        lifecycle.check_not_retired(unused(state))

    assert caught.value.reason == "VERSION_RETIRED"
    lifecycle.check_not_retired(unused(State.DEPRECATED))


def test_notes_that_are_not_named_stay() -> None:
    first = lifecycle.annotate(
        unused(), description="d", set_tags={"a": "1", "b": "2"}, set_metrics={"auc": 0.9}
    )

    second = lifecycle.annotate(
        first, set_tags={"b": "3"}, remove_tags=["a"], set_metrics={"f1": 0.8}
    )

    assert second.description == "d"
    assert second.tags == {"b": "3"}
    assert second.metrics == {"auc": 0.9, "f1": 0.8}
