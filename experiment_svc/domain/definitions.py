"""Definitions that never change: another one under the same id is the next version."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from algolink.errors import NotFound


class DefinitionKind(StrEnum):
    """What is defined: the collection in resource names."""

    METRIC = "metrics"
    POLICY = "policies"


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """One version of a definition.

    Attributes:
        id: of what is defined.
        version: from 1, in order.
        body: canonical JSON, so that equal definitions have equal text.
        create_time: when it was first stored; UTC.
    """

    kind: DefinitionKind
    id: str
    version: int
    body: str
    create_time: datetime


def not_found(kind: DefinitionKind, definition_id: str, version: int) -> NotFound:
    """There is no such definition, or no such version; 0 asked for the newest."""
    name = f"{kind}/{definition_id}" + (f"/versions/{version}" if version else "")
    return NotFound(_REASONS[kind], f"there is no {name}", name=name)


_REASONS = {
    DefinitionKind.METRIC: "METRIC_NOT_FOUND",
    DefinitionKind.POLICY: "POLICY_NOT_FOUND",
}
