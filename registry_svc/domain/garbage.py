"""Artifacts that nobody needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from algolink.errors import InvalidArgument
from algolink.names import VersionName

DEFAULT_LIMIT = 1_000
MAX_LIMIT = 10_000
MAX_VERSIONS = 10
"""Versions that are named in an explanation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Garbage:
    """An artifact that nobody needs.

    Attributes:
        time: when it was written; UTC.
        versions: that had it and are deleted for good.
    """

    digest: str
    size_bytes: int
    time: datetime
    versions: tuple[VersionName, ...]

    @property
    def explanation(self) -> str:
        """Why it may go, for people."""
        if not self.versions:
            return "no version was ever made of it"
        names = ", ".join(map(str, self.versions))
        return f"only versions had it that are deleted for good: {names}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """What was removed, or would be, and what stays.

    Attributes:
        more: whether the limit was reached.
        needed: how many artifacts versions need.
        recent: how many may be needed by a version that is on its way.
        given_up: ids of uploads that were dropped.
    """

    garbage: Sequence[Garbage]
    more: bool
    needed: int
    recent: int
    given_up: Sequence[str]


def check_limit(limit: int) -> int:
    """Returns how many artifacts to remove at most, else raises LIMIT_INVALID."""
    if not 0 <= limit <= MAX_LIMIT:
        raise InvalidArgument(
            "LIMIT_INVALID", f"{limit} is not a limit: use 0 to {MAX_LIMIT}", limit=limit
        )
    return limit or DEFAULT_LIMIT
