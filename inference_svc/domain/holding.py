"""One version on this replica: how it gets ready, and how it goes.

WANTED -> LOADING -> READY -> UNLOADING -> (gone)
   ^         |  ^     | ^         |
   |         v  |     | +---------+  wanted again before it had gone
   |       FAILED     |
   +------------------+  lost with what it ran in
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from algolink.names import VersionName


@dataclass(frozen=True, slots=True, order=True)
class WantedVersion:
    """A version that this replica shall hold.

    Attributes:
        digest: SHA-256 of its artifact, 64 lower-case hex digits.
        size_bytes: size of its artifact.
        is_champion: whether it answers requests that name no version; it is the
            same version if that changes.
    """

    name: VersionName
    digest: str
    size_bytes: int
    is_champion: bool = field(default=False, compare=False)


class State(StrEnum):
    """Where a version stands on this replica."""

    WANTED = "WANTED"
    LOADING = "LOADING"
    READY = "READY"
    FAILED = "FAILED"
    UNLOADING = "UNLOADING"


_NEXT: Final[dict[State, frozenset[State]]] = {
    State.WANTED: frozenset({State.LOADING}),
    State.LOADING: frozenset({State.READY, State.FAILED, State.UNLOADING}),
    State.READY: frozenset({State.UNLOADING, State.WANTED}),
    State.FAILED: frozenset({State.LOADING}),
    State.UNLOADING: frozenset({State.READY}),
}


@dataclass(slots=True, eq=False)
class Holding:
    """A version on this replica, equal only to itself. Only its methods change it.

    Attributes:
        version: what it is.
        state: where it stands.
        is_wanted: False once it shall go.
        failures: loads that failed in a row.
        message: why the last load failed; empty unless it did.
        in_flight: requests that run on it.
    """

    version: WantedVersion
    state: State = State.WANTED
    is_wanted: bool = True
    failures: int = 0
    message: str = ""
    in_flight: int = 0

    def begin_loading(self) -> None:
        """Its artifact is being fetched, loaded or warmed."""
        self._move(State.LOADING)

    def become_ready(self) -> None:
        """It is loaded and warm. One that shall go by now never takes a request."""
        self._move(State.READY if self.is_wanted else State.UNLOADING)
        self.failures = 0
        self.message = ""

    def fail(self, message: str) -> None:
        """It could not be loaded."""
        self._move(State.FAILED)
        self.failures += 1
        self.message = message

    def lose(self) -> None:
        """What it ran in is gone: it takes no request until it is loaded again."""
        self._move(State.WANTED)

    def unwant(self) -> None:
        """It shall go: it takes no new request, and ends those that it has."""
        self.is_wanted = False
        if self.state is State.READY:
            self._move(State.UNLOADING)

    def want_again(self) -> None:
        """It shall stay after all; if it is still loaded it takes requests at once."""
        self.is_wanted = True
        if self.state is State.UNLOADING:
            self._move(State.READY)

    def enter(self) -> None:
        """A request begins to run on it."""
        if self.state is not State.READY:
            raise ValueError(f"{self.version.name} is {self.state} and takes no request")
        self.in_flight += 1

    def leave(self) -> None:
        """A request has ended, however it did."""
        if self.in_flight == 0:
            raise ValueError(f"{self.version.name} has no request to end")
        self.in_flight -= 1

    @property
    def may_unload(self) -> bool:
        """Whether it is loaded, shall go, and no request runs on it."""
        return self.state is State.UNLOADING and self.in_flight == 0

    def _move(self, to: State) -> None:
        if to not in _NEXT[self.state]:
            raise ValueError(f"{self.version.name} is {self.state} and cannot become {to}")
        self.state = to
