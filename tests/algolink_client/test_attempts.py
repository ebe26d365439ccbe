from __future__ import annotations

import pytest

from algolink.client.attempts import MAX_UNREACHABLE, Attempts
from algolink.errors import AlgoLinkError, NotFound, Unavailable

BUSY = Unavailable("DRAINING", "it drains")
UNREACHABLE = Unavailable("ENDPOINT_UNREACHABLE", "nobody listens")


class FakeClock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def pauses(attempts: Attempts, clock: FakeClock, error: AlgoLinkError) -> list[float]:
    taken = []
    while (pause := attempts.pause_after(error)) is not None:
        taken.append(pause)
        clock.now += pause
    return taken


def an_attempts(clock: FakeClock, *, idempotent: bool = True) -> Attempts:
    return Attempts(10.0, idempotent=idempotent, clock=clock, jitter=lambda: 1.0)


def test_pauses_double_up_to_a_limit_and_stay_within_the_timeout() -> None:
    clock = FakeClock()

    taken = pauses(an_attempts(clock), clock, BUSY)

    assert taken[:6] == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 2.0])
    assert sum(taken) < 10.0


def test_what_nobody_listens_to_is_given_up_soon() -> None:
    clock = FakeClock()

    taken = pauses(an_attempts(clock), clock, UNREACHABLE)

    assert len(taken) == MAX_UNREACHABLE


def test_a_call_that_must_not_repeat_is_repeated_only_if_it_never_left() -> None:
    clock = FakeClock()

    assert pauses(an_attempts(clock, idempotent=False), clock, BUSY) == []
    assert pauses(an_attempts(clock, idempotent=False), clock, UNREACHABLE) != []


def test_an_answer_is_not_asked_for_again() -> None:
    clock = FakeClock()

    assert pauses(an_attempts(clock), clock, NotFound("MODEL_NOT_FOUND", "no model")) == []
