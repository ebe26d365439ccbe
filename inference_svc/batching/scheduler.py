"""Who runs next, and with whom: a queue of one version, driven by values.

It knows neither clocks nor threads nor arrays. Times are nanoseconds of whichever
monotonic clock its owner reads; what a request carries is its owner's.

Requests of one *lane* fit into one run. Whenever an instance is free, the oldest
request starts, and takes along those of its lane that came after it, as many as
fit: what has arrived while the last batch ran is the next batch. A request is
overtaken only by those that ride with an older one, and never within its lane.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

P = TypeVar("P")


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How a version's requests are queued and put together.

    Attributes:
        max_rows: rows of one batch, at least 1; a request that has more by itself
            runs alone.
        max_delay_ns: how long a request waits for company while an instance is
            free; 0 to start at once.
        max_queued: requests that wait, those that run not counted; at least 1.
        instances: batches that run at a time; at least 1.
    """

    max_rows: int = 64
    max_delay_ns: int = 0
    max_queued: int = 1024
    instances: int = 1

    def __post_init__(self) -> None:
        """Refuses what would never run anything."""
        if min(self.max_rows, self.max_queued, self.instances) < 1 or self.max_delay_ns < 0:
            raise ValueError(f"no policy to serve by: {self}")


class QueueFull(Exception):
    """As many requests wait as may."""


@dataclass(slots=True, eq=False)
class Ticket(Generic[P]):
    """A request's place in the queue, equal only to itself.

    Attributes:
        lane: whom it may run with; None for nobody.
        rows: its size.
        arrived_ns: when it was submitted.
        deadline_ns: it does not start at this time or later; None for no limit.
        payload: its owner's.
    """

    lane: Hashable | None
    rows: int
    arrived_ns: int
    deadline_ns: int | None
    payload: P


class Scheduler(Generic[P]):
    """The queue of one version.

    Every ticket leaves it exactly once: by `start`, `withdraw` or `expire`.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._queued: OrderedDict[Ticket[P], _Lane[P]] = OrderedDict()
        self._lanes: dict[Hashable, _Lane[P]] = {}
        self._deadlines: list[tuple[int, int, Ticket[P]]] = []
        self._submitted = 0
        self._running = 0

    @property
    def queued(self) -> int:
        """Requests that wait."""
        return len(self._queued)

    @property
    def running(self) -> int:
        """Batches that have started and not finished."""
        return self._running

    def submit(
        self,
        payload: P,
        *,
        lane: Hashable | None,
        rows: int,
        now_ns: int,
        deadline_ns: int | None = None,
    ) -> Ticket[P]:
        """Queues a request.

        Raises:
            QueueFull: if it would be one too many.
        """
        if len(self._queued) >= self._policy.max_queued:
            raise QueueFull
        ticket = Ticket(lane, rows, now_ns, deadline_ns, payload)
        # A request that runs with nobody is a lane of its own.
        key: Hashable = ticket if lane is None else lane
        joined = self._lanes.get(key)
        if joined is None:
            joined = self._lanes[key] = _Lane(key)
        joined.add(ticket)
        self._queued[ticket] = joined
        self._submitted += 1
        if deadline_ns is not None:
            heapq.heappush(self._deadlines, (deadline_ns, self._submitted, ticket))
            self._forget_deadlines()
        return ticket

    def withdraw(self, ticket: Ticket[P]) -> bool:
        """Takes a request out; False if it is not in the queue any more."""
        if ticket not in self._queued:
            return False
        self._take(ticket)
        return True

    def expire(self, now_ns: int) -> list[Ticket[P]]:
        """Takes out whose deadline has come, earliest deadline first."""
        expired = []
        while self._deadlines and self._deadlines[0][0] <= now_ns:
            ticket = heapq.heappop(self._deadlines)[2]
            if ticket in self._queued:
                self._take(ticket)
                expired.append(ticket)
        return expired

    def start(self, now_ns: int) -> list[Ticket[P]] | None:
        """The next batch, in order of submission; None if nothing is to start now.

        Call `expire` before with the same time, and `finish` once it has run.
        """
        if self._running >= self._policy.instances or not self._queued:
            return None
        lane = self._ripe(now_ns)
        if lane is None:
            return None
        batch = lane.head(self._policy.max_rows)
        for ticket in batch:
            self._take(ticket)
        self._running += 1
        return batch

    def finish(self) -> None:
        """A batch that `start` gave has ended, however it did."""
        if self._running == 0:
            raise ValueError("no batch is running")
        self._running -= 1

    def wake_ns(self) -> int | None:
        """When to call `expire` and `start` again if nothing else happens; None for never."""
        while self._deadlines and self._deadlines[0][2] not in self._queued:
            heapq.heappop(self._deadlines)
        times = [self._deadlines[0][0]] if self._deadlines else []
        if self._queued and self._running < self._policy.instances:
            times.append(next(iter(self._queued)).arrived_ns + self._policy.max_delay_ns)
        return min(times, default=None)

    def _ripe(self, now_ns: int) -> _Lane[P] | None:
        """The lane of the oldest request that need not wait for company."""
        policy = self._policy
        for ticket, lane in self._queued.items():
            if (
                ticket.arrived_ns + policy.max_delay_ns <= now_ns
                or ticket.lane is None
                or lane.rows >= policy.max_rows
            ):
                return lane
        return None

    def _take(self, ticket: Ticket[P]) -> None:
        lane = self._queued.pop(ticket)
        lane.remove(ticket)
        if not lane.tickets:
            del self._lanes[lane.key]

    def _forget_deadlines(self) -> None:
        """Drops deadlines of requests that have gone, once they are the most of them."""
        if len(self._deadlines) > 2 * len(self._queued) + 64:
            self._deadlines = [entry for entry in self._deadlines if entry[2] in self._queued]
            heapq.heapify(self._deadlines)


class _Lane(Generic[P]):
    """Requests that may share a run, in order of submission.

    Attributes:
        rows: of all of them together.
    """

    __slots__ = ("key", "rows", "tickets")

    def __init__(self, key: Hashable) -> None:
        self.key = key
        self.rows = 0
        self.tickets: OrderedDict[Ticket[P], None] = OrderedDict()

    def add(self, ticket: Ticket[P]) -> None:
        self.tickets[ticket] = None
        self.rows += ticket.rows

    def remove(self, ticket: Ticket[P]) -> None:
        del self.tickets[ticket]
        self.rows -= ticket.rows

    def head(self, max_rows: int) -> list[Ticket[P]]:
        """The first one, and those after it as long as they fit."""
        batch: list[Ticket[P]] = []
        rows = 0
        for ticket in self.tickets:
            rows += ticket.rows
            if batch and rows > max_rows:
                break
            batch.append(ticket)
        return batch
