"""What is worth a thread."""

from __future__ import annotations

from inference_svc.engines.pace import Pace


def test_a_size_never_seen_is_not_called_short() -> None:
    assert not Pace(limit_ns=100).is_short(4)


def test_nothing_is_short_without_a_limit() -> None:
    pace = Pace(limit_ns=0)

    pace.took(4, 0)

    assert not pace.is_short(4)


def test_sizes_are_told_apart_by_powers_of_two() -> None:
    pace = Pace(limit_ns=100)

    pace.took(4, 50)
    pace.took(1000, 500)

    assert [pace.is_short(elements) for elements in (4, 7, 8, 1000)] == [True, True, False, False]


def test_a_model_that_has_become_slow_is_noticed_at_the_first_run() -> None:
    pace = Pace(limit_ns=100)
    pace.took(4, 50)

    pace.took(4, 5_000)

    assert not pace.is_short(4)


def test_one_stall_is_forgotten_after_some_quick_runs() -> None:
    pace = Pace(limit_ns=100)
    pace.took(4, 50)
    pace.took(4, 5_000)

    for _ in range(40):
        pace.took(4, 50)

    assert pace.is_short(4)
