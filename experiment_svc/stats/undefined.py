"""What a statistic is when it has no value."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Undefined:
    """No value, hence no decision.

    Attributes:
        reason: why, in a phrase for people; never empty.
    """

    reason: str
