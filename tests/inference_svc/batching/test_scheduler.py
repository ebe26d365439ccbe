"""Who runs next, and with whom, for any pattern of arrivals."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from inference_svc.batching.scheduler import Policy, QueueFull, Scheduler, Ticket


def submit(
    scheduler: Scheduler[str],
    name: str,
    *,
    lane: str | None = "lane",
    rows: int = 1,
    at: int = 0,
    deadline: int | None = None,
) -> Ticket[str]:
    return scheduler.submit(name, lane=lane, rows=rows, now_ns=at, deadline_ns=deadline)


def started(scheduler: Scheduler[str], at: int = 0) -> list[str] | None:
    batch = scheduler.start(at)
    return None if batch is None else [ticket.payload for ticket in batch]


def test_a_request_on_an_idle_version_starts_at_once() -> None:
    scheduler: Scheduler[str] = Scheduler(Policy())

    submit(scheduler, "a")

    assert started(scheduler) == ["a"]


def test_what_arrives_while_a_batch_runs_is_the_next_batch() -> None:
    scheduler: Scheduler[str] = Scheduler(Policy())
    submit(scheduler, "a")
    assert started(scheduler) == ["a"]

    for name in "bcd":
        submit(scheduler, name)

    assert started(scheduler) is None
    scheduler.finish()
    assert started(scheduler) == ["b", "c", "d"]


def test_several_instances_run_at_a_time() -> None:
    scheduler: Scheduler[str] = Scheduler(Policy(instances=2, max_rows=1))
    for name in "abc":
        submit(scheduler, name)

    assert [started(scheduler) for _ in range(3)] == [["a"], ["b"], None]


def test_a_batch_holds_as_many_rows_as_it_may() -> None:
    scheduler: Scheduler[str] = Scheduler(Policy(max_rows=8, instances=9))
    for name, rows in [("a", 3), ("b", 5), ("c", 1), ("d", 9), ("e", 1)]:
        submit(scheduler, name, rows=rows)

    assert [started(scheduler) for _ in range(4)] == [["a", "b"], ["c"], ["d"], ["e"]]


def test_what_does_not_fit_together_runs_apart_and_the_oldest_first() -> None:
    scheduler: Scheduler[str] = Scheduler(Policy(instances=9))
    for name, lane in [("a", "short"), ("b", "long"), ("c", "short"), ("d", None), ("e", "long")]:
        submit(scheduler, name, lane=lane)

    assert [started(scheduler) for _ in range(3)] == [["a", "c"], ["b", "e"], ["d"]]


def test_a_request_waits_for_company_as_long_as_asked_and_no_longer() -> None:
    scheduler: Scheduler[str] = Scheduler(Policy(max_delay_ns=100))
    submit(scheduler, "a", at=5)
    submit(scheduler, "b", at=50)

    assert started(scheduler, at=104) is None
    assert scheduler.wake_ns() == 105
    assert started(scheduler, at=105) == ["a", "b"]


def test_a_full_batch_waits_for_nobody() -> None:
    scheduler: Scheduler[str] = Scheduler(Policy(max_delay_ns=100, max_rows=2, instances=9))
    submit(scheduler, "a", lane="other")
    submit(scheduler, "b")
    submit(scheduler, "c")

    assert started(scheduler) == ["b", "c"]
    assert started(scheduler) is None


def test_a_request_past_the_bound_is_refused_and_changes_nothing() -> None:
    scheduler: Scheduler[str] = Scheduler(Policy(max_queued=2))
    submit(scheduler, "a")
    submit(scheduler, "b")

    with pytest.raises(QueueFull):
        submit(scheduler, "c")

    assert started(scheduler) == ["a", "b"]


def test_an_expired_request_never_runs() -> None:
    scheduler: Scheduler[str] = Scheduler(Policy())
    submit(scheduler, "a", deadline=10)
    submit(scheduler, "b", deadline=11)

    assert scheduler.wake_ns() == 0
    assert [ticket.payload for ticket in scheduler.expire(10)] == ["a"]
    assert started(scheduler, at=10) == ["b"]


def test_a_busy_version_is_woken_for_the_next_deadline() -> None:
    scheduler: Scheduler[str] = Scheduler(Policy())
    submit(scheduler, "a")
    scheduler.start(0)
    submit(scheduler, "b", deadline=20)
    first = submit(scheduler, "c", deadline=10)

    assert scheduler.wake_ns() == 10
    assert scheduler.withdraw(first)
    assert scheduler.wake_ns() == 20


def test_a_withdrawn_request_never_runs_and_is_gone_once() -> None:
    scheduler: Scheduler[str] = Scheduler(Policy())
    ticket = submit(scheduler, "a")

    assert scheduler.withdraw(ticket)
    assert not scheduler.withdraw(ticket)
    assert started(scheduler) is None


def test_a_request_that_has_started_cannot_be_withdrawn() -> None:
    scheduler: Scheduler[str] = Scheduler(Policy())
    ticket = submit(scheduler, "a")
    scheduler.start(0)

    assert not scheduler.withdraw(ticket)


def test_deadlines_of_requests_that_have_gone_are_not_kept() -> None:
    scheduler: Scheduler[str] = Scheduler(Policy())

    for time in range(10_000):
        submit(scheduler, "a", at=time, deadline=10**12)
        assert started(scheduler, at=time) == ["a"]
        scheduler.finish()

    assert len(scheduler._deadlines) < 100


def test_no_batch_finishes_that_has_not_started() -> None:
    with pytest.raises(ValueError, match="no batch"):
        Scheduler[str](Policy()).finish()


@pytest.mark.parametrize(
    "wrong", [{"max_rows": 0}, {"max_queued": 0}, {"instances": 0}, {"max_delay_ns": -1}]
)
def test_a_policy_that_would_never_run_anything_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="no policy"):
        Policy(**wrong)


class AnyArrivals(RuleBasedStateMachine):
    """Requests arrive, leave and expire while batches start and finish, in any order.

    `waiting` is all that the machine needs to know: requests in order of
    submission. The scheduler must agree with it at every step.
    """

    tickets = Bundle("tickets")

    @initialize(
        max_rows=st.integers(1, 8),
        max_delay_ns=st.sampled_from([0, 0, 20]),
        max_queued=st.integers(1, 12),
        instances=st.integers(1, 3),
    )
    def begin(self, **policy: int) -> None:
        self.policy = Policy(**policy)
        self.scheduler: Scheduler[int] = Scheduler(self.policy)
        self.waiting: list[Ticket[int]] = []
        self.gone: set[Ticket[int]] = set()
        self.running = 0
        self.now_ns = 0
        self.submitted = 0

    @rule(
        target=tickets,
        lane=st.sampled_from(["a", "b", None]),
        rows=st.integers(1, 10),
        patience_ns=st.none() | st.integers(0, 60),
    )
    def arrives(self, lane: str | None, rows: int, patience_ns: int | None) -> object:
        deadline_ns = None if patience_ns is None else self.now_ns + patience_ns
        is_full = len(self.waiting) == self.policy.max_queued
        try:
            ticket = self.scheduler.submit(
                self.submitted, lane=lane, rows=rows, now_ns=self.now_ns, deadline_ns=deadline_ns
            )
        except QueueFull:
            assert is_full
            return multiple()
        assert not is_full
        self.submitted += 1
        self.waiting.append(ticket)
        return ticket

    @rule(ticket=consumes(tickets))
    def leaves(self, ticket: Ticket[int]) -> None:
        assert self.scheduler.withdraw(ticket) == (ticket in self.waiting)
        if ticket in self.waiting:
            self._go([ticket])

    @rule(passes_ns=st.integers(0, 30))
    def time_passes(self, passes_ns: int) -> None:
        self.now_ns += passes_ns

    @rule()
    def serves(self) -> None:
        expired = self.scheduler.expire(self.now_ns)
        assert set(expired) == {t for t in self.waiting if self._is_late(t)}
        self._go(expired)
        while (batch := self.scheduler.start(self.now_ns)) is not None:
            self._check(batch)
            self._go(batch)
            self.running += 1
        if self.running < self.policy.instances:
            assert not any(self._is_ripe(ticket) for ticket in self.waiting)

    @precondition(lambda self: self.running > 0)
    @rule()
    def finishes(self) -> None:
        self.scheduler.finish()
        self.running -= 1

    @invariant()
    def agrees(self) -> None:
        assert self.scheduler.queued == len(self.waiting)
        assert self.scheduler.running == self.running <= self.policy.instances

    @invariant()
    def wakes_in_time(self) -> None:
        wake_ns = self.scheduler.wake_ns()
        times = [t.deadline_ns for t in self.waiting if t.deadline_ns is not None]
        if self.waiting and self.running < self.policy.instances:
            times.append(self.waiting[0].arrived_ns + self.policy.max_delay_ns)
        assert wake_ns == min(times, default=None)

    def teardown(self) -> None:
        """Whatever still waits is served once everything else has finished: none is lost."""
        while self.running:
            self.finishes()
        self.now_ns += self.policy.max_delay_ns
        while self.waiting:
            self.serves()
            while self.running:
                self.finishes()

    def _check(self, batch: list[Ticket[int]]) -> None:
        lane = batch[0].lane
        assert all(ticket in self.waiting for ticket in batch), "answered twice, or after leaving"
        assert all(ticket.lane == lane for ticket in batch), "mixed"
        assert lane is not None or len(batch) == 1, "one that runs with nobody had company"
        assert len(batch) == 1 or sum(t.rows for t in batch) <= self.policy.max_rows, "too many"
        peers = [t for t in self.waiting if t.lane == lane] if lane is not None else batch
        assert batch == peers[: len(batch)], "reordered"
        oldest = next(ticket for ticket in self.waiting if self._is_ripe(ticket))
        assert oldest in batch or oldest.lane == lane, "an older one was passed over"

    def _go(self, tickets: list[Ticket[int]]) -> None:
        assert self.gone.isdisjoint(tickets)
        self.gone.update(tickets)
        self.waiting = [ticket for ticket in self.waiting if ticket not in self.gone]

    def _is_late(self, ticket: Ticket[int]) -> bool:
        return ticket.deadline_ns is not None and ticket.deadline_ns <= self.now_ns

    def _is_ripe(self, ticket: Ticket[int]) -> bool:
        rows = sum(t.rows for t in self.waiting if t.lane == ticket.lane)
        return (
            ticket.lane is None
            or rows >= self.policy.max_rows
            or ticket.arrived_ns + self.policy.max_delay_ns <= self.now_ns
        )


TestAnyArrivals = AnyArrivals.TestCase
TestAnyArrivals.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
