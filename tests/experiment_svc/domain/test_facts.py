from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiment_svc.domain import counting, fact_checks, facts
from experiment_svc.domain.counting import UnitState
from experiment_svc.domain.facts import Kind, Receipt
from tests.experiment_svc.builders import NOON, an_exposure, an_outcome


@pytest.mark.parametrize("grpc_status", [2, 4, 8, 13, 14, 15])
def test_a_grpc_status_that_is_the_servers_fault_is_a_failure(grpc_status: int) -> None:
    assert facts.failed(an_exposure(grpc_status=grpc_status))


@pytest.mark.parametrize("grpc_status", [0, 1, 3, 5, 7, 9, 11, 12, 16])
def test_a_grpc_status_that_is_the_callers_doing_is_none(grpc_status: int) -> None:
    assert not facts.failed(an_exposure(grpc_status=grpc_status, http_status=200))


@pytest.mark.parametrize("http_status", [0, 429, 500, 502, 503, 504])
def test_an_http_status_that_is_the_servers_fault_is_a_failure(http_status: int) -> None:
    assert facts.failed(an_exposure(http_status=http_status))


@pytest.mark.parametrize("http_status", [200, 204, 400, 404, 413, 422])
def test_an_http_status_that_is_the_callers_doing_is_none(http_status: int) -> None:
    assert not facts.failed(an_exposure(http_status=http_status))


@pytest.mark.parametrize("flags", ["DC", "UT,DR"])
def test_a_client_that_left_is_no_failure(flags: str) -> None:
    assert not facts.failed(an_exposure(http_status=0, response_flags=flags))


@pytest.mark.parametrize("flags", ["UC", "UR", "UT"])
def test_an_answer_cut_short_is_a_failure(flags: str) -> None:
    assert facts.failed(an_exposure(http_status=200, response_flags=flags))


def test_an_answer_of_another_version_is_a_failure_of_the_assigned_one() -> None:
    assert facts.failed(an_exposure(assigned_version=2, answered_version=1, grpc_status=0))
    assert facts.failed(an_exposure(assigned_version=2, answered_version=1, http_status=200))
    assert not facts.failed(an_exposure(assigned_version=2, answered_version=2, grpc_status=0))


def test_a_fallback_that_the_client_did_not_wait_for_is_a_failure_too() -> None:
    assert facts.failed(
        an_exposure(assigned_version=2, answered_version=1, http_status=0, response_flags="DC")
    )


units = st.builds(
    lambda seconds, phase, arm: UnitState((NOON + timedelta(seconds=seconds), phase, arm)),
    st.integers(0, 3),
    st.integers(1, 2),
    st.sampled_from(["a", "b", "c"]),
)


@given(st.data())
def test_a_unit_is_the_same_in_whatever_order_its_exposures_come(data: st.DataObject) -> None:
    states = data.draw(st.lists(units, min_size=1, max_size=6))
    shuffled = data.draw(st.permutations(states))

    def merged(order: list[UnitState]) -> UnitState:
        total = order[0]
        for state in order[1:]:
            total = total + state
        return total

    assert merged(shuffled) == merged(states)
    assert merged(states).crossed == (len({state.first[2] for state in states}) > 1)
    assert merged(states).first == min(state.first for state in states)


def test_only_requests_of_an_experiment_count() -> None:
    increment = counting.increment(
        [
            an_exposure(),
            an_exposure(kind=Kind.ATTEMPT, attempt=1),
            an_exposure(kind=Kind.SHADOW),
            an_exposure(experiment=""),
        ]
    )

    assert increment.requests == {("digits", "champion", 1): 1}
    assert len(increment.units) == 1


def test_a_batch_with_a_fact_twice_takes_it_once() -> None:
    first = an_outcome(event_id="e")
    batch = [first, an_outcome(event_id="e"), an_outcome(event_id="e", content="other")]

    new, receipt = facts.sort_out(batch, {})

    assert new == [first]
    assert receipt == Receipt(accepted=1, redelivered=1, conflicts=1)


@pytest.mark.parametrize(
    "bad",
    [
        {"request_id": "with\0nul"},
        {"request_id": "x" * 257},
        {"unit": "two words"},
        {"unit": "ü"},
        {"unit": "x" * 10_000},
        {"unit": ""},
        {"phase": 0},
        {"arm": "Not an arm"},
        {"attempt": 1},
        {"kind": Kind.ATTEMPT, "attempt": 0},
        {"duration_us": -1},
        {"http_status": -1},
    ],
)
def test_a_bad_exposure_is_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=list(bad)[-1]):
        fact_checks.check_exposure(an_exposure(**bad))  # type: ignore[arg-type]  # each is of its kind


@pytest.mark.parametrize(
    "bad",
    [
        {"value": float("nan")},
        {"value": float("inf")},
        {"value": float("-inf")},
        {"value": 1e300},
        {"unit": "two words"},
        {"unit": "x" * 129},
        {"unit": ""},
        {"metric": "Not A Metric"},
        {"metric": ""},
        {"event_id": "x" * 129},
        {"event_id": "ü"},
    ],
)
def test_a_bad_outcome_is_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=list(bad)[-1]):
        fact_checks.check_outcome(an_outcome(**bad))  # type: ignore[arg-type]  # each is of its kind


def test_good_facts_pass() -> None:
    fact_checks.check_exposure(an_exposure())
    fact_checks.check_exposure(an_exposure(experiment=""))
    fact_checks.check_exposure(an_exposure(kind=Kind.ATTEMPT, attempt=3))
    fact_checks.check_outcome(an_outcome(value=-1e100))
