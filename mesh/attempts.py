"""How a request is tried: its deadlines, what is tried again, who answers in the end."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ROUTE_TIMEOUT_MS = 30_000
"""How long a request may take, with all its attempts, where nothing else is said."""

MAX_TIMEOUT_MS = 3_600_000
MAX_RETRIES = 10
MAX_BACKOFF_MS = 10_000
MAX_AT_ONCE = 65_536


class Failure(enum.StrEnum):
    """What may go wrong with an attempt; over REST the status of the same meaning."""

    CONNECT = "connect-failure"
    REFUSED = "refused-stream"
    RESET = "reset"
    UNAVAILABLE = "unavailable"
    INTERNAL = "internal"
    EXHAUSTED = "resource-exhausted"
    LATE = "deadline-exceeded"


def _check_timeout(what: str, timeout_ms: int) -> None:
    if not 1 <= timeout_ms <= MAX_TIMEOUT_MS:
        raise ValueError(f"{what} may take 1 to {MAX_TIMEOUT_MS} ms, not {timeout_ms}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fallback:
    """That another version answers for a candidate that fails, or takes too long.

    Attributes:
        attempt_timeout_ms: how long each attempt may take, the other version's too.
        version: the one that answers; None for the champion.
    """

    attempt_timeout_ms: int = 10_000
    version: int | None = None

    def __post_init__(self) -> None:
        _check_timeout("an attempt", self.attempt_timeout_ms)


FALLBACK = Fallback()
"""The champion, as long as nothing else is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """What is tried again, on another replica of the same version.

    Attributes:
        number: attempts after the first, at most; 0 to 10.
        on: failures of an attempt that are followed by another, in the order of
            `Failure`. An attempt that took too long counts as reset.
        backoff_ms: pause before the first retry, at most; doubled each time.
        max_backoff_ms: what it does not grow beyond.
    """

    number: int = 2
    on: tuple[Failure, ...] = (
        Failure.CONNECT,
        Failure.REFUSED,
        Failure.RESET,
        Failure.UNAVAILABLE,
    )
    backoff_ms: int = 5
    max_backoff_ms: int = 50

    def __post_init__(self) -> None:
        if not 0 <= self.number <= MAX_RETRIES:
            raise ValueError(f"0 to {MAX_RETRIES} retries can be made, not {self.number}")
        if self.on != tuple(failure for failure in Failure if failure in self.on):
            raise ValueError(f"failures must be named once and in order: {', '.join(self.on)}")
        if not self.on:
            raise ValueError("retries need a failure to retry on; for none, say number 0")
        if not 1 <= self.backoff_ms <= self.max_backoff_ms <= MAX_BACKOFF_MS:
            raise ValueError(
                f"a pause of {self.backoff_ms} up to {self.max_backoff_ms} ms is not within "
                f"1 to {MAX_BACKOFF_MS} ms, or its end before its beginning"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What an Envoy sends at once to a version that is not the champion.

    What is over a limit is refused at once, and never tried again.

    Attributes:
        requests: under way, 1 to 65,536.
        pending: waiting for a connection; not fewer, for that is where the first
            requests of all wait.
    """

    requests: int = 1_024
    pending: int = 1_024

    def __post_init__(self) -> None:
        if not 1 <= self.requests <= self.pending <= MAX_AT_ONCE:
            raise ValueError(
                f"{self.requests} requests and {self.pending} pending ones: it must be "
                f"1 <= requests <= pending <= {MAX_AT_ONCE}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Handling:
    """How all requests of a model are tried; streams know no retries and no deadline.

    Attributes:
        timeout_ms: for a request with all its attempts.
        attempt_timeout_ms: for each attempt; None for no limit but the request's.
        limits: of each arm and of each version that rules name, on its own.
    """

    timeout_ms: int = ROUTE_TIMEOUT_MS
    attempt_timeout_ms: int | None = None
    retries: Retries = Retries()
    limits: Limits = Limits()

    def __post_init__(self) -> None:
        _check_timeout("a request", self.timeout_ms)
        if self.attempt_timeout_ms is not None:
            _check_timeout("an attempt", self.attempt_timeout_ms)
            if self.attempt_timeout_ms > self.timeout_ms:
                raise ValueError(
                    f"an attempt of {self.attempt_timeout_ms} ms does not fit into a request of "
                    f"{self.timeout_ms} ms"
                )


PLAIN = Handling()
"""How requests are tried where nothing else is said."""


def fallback_to_json(fallback: Fallback) -> dict[str, Any]:
    """JSON values; `fallback_from_json` is the inverse."""
    value = {"attempt_timeout_ms": fallback.attempt_timeout_ms}
    return value if fallback.version is None else {**value, "version": fallback.version}


def fallback_from_json(value: Mapping[str, Any]) -> Fallback:
    """What `fallback_to_json` wrote."""
    return Fallback(**value)


def handling_to_json(handling: Handling) -> dict[str, Any]:
    """JSON values of what is not as by default; `handling_from_json` is the inverse."""
    plain, value = PLAIN, dict[str, Any]()
    if handling.timeout_ms != plain.timeout_ms:
        value["timeout_ms"] = handling.timeout_ms
    if handling.attempt_timeout_ms is not None:
        value["attempt_timeout_ms"] = handling.attempt_timeout_ms
    if handling.retries != plain.retries:
        value["retries"] = {
            "number": handling.retries.number,
            "on": [failure.value for failure in handling.retries.on],
            "backoff_ms": handling.retries.backoff_ms,
            "max_backoff_ms": handling.retries.max_backoff_ms,
        }
    if handling.limits != plain.limits:
        value["limits"] = {
            "requests": handling.limits.requests,
            "pending": handling.limits.pending,
        }
    return value


def handling_from_json(value: Mapping[str, Any]) -> Handling:
    """What `handling_to_json` wrote."""
    given = dict(value)
    if "retries" in given:
        retries = dict(given["retries"])
        retries["on"] = tuple(Failure(failure) for failure in retries["on"])
        given["retries"] = Retries(**retries)
    if "limits" in given:
        given["limits"] = Limits(**given["limits"])
    return Handling(**given)
