"""What Envoy says of itself: how many exposures it has logged. Pure but for load and save."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from mesh import exposure_log

_EXPOSURES = f"{exposure_log.COUNTER}.{exposure_log.COUNTER_TAG}."
_BUFFERED = "filesystem.write_total_buffered"
_FAILED = "filesystem.write_failed"
_ACTIVE = "http.data.downstream_rq_active"

FILTER = r"^(algolink\.exposures\.|filesystem\.write_|http\.data\.downstream_rq_active$)"
"""Matches the names of what is read here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """Envoy's counters at one moment.

    Attributes:
        time_s: when they were read, in seconds since 1970.
        exposures: lines of requests of each experiment that were handed to the
            log, by the experiment's id.
        moved_s: when each of them was last seen to change, in seconds since 1970.
        buffered_bytes: of the log that are in Envoy's memory.
        failed_writes: of parts of the log.
        active: requests under way.
    """

    time_s: float
    exposures: Mapping[str, int] = field(default_factory=dict)
    moved_s: Mapping[str, float] = field(default_factory=dict)
    buffered_bytes: int = 0
    failed_writes: int = 0
    active: int = 0

    @classmethod
    def parse(cls, text: str, *, before: Self | None, time_s: float) -> Self:
        """Reads Envoy's own JSON.

        Args:
            before: what was read before of the same run.

        Raises:
            ValueError: if it is not that.
        """
        values = {
            str(entry["name"]): int(entry["value"])
            for entry in json.loads(text)["stats"]
            if "value" in entry
        }
        exposures = {
            name.removeprefix(_EXPOSURES): value
            for name, value in values.items()
            if name.startswith(_EXPOSURES) and name != _EXPOSURES
        }
        known = before.exposures if before else {}
        moved = dict(before.moved_s) if before else {}
        moved |= {name: time_s for name, n in exposures.items() if n != known.get(name)}
        return cls(
            time_s=time_s,
            exposures=exposures,
            moved_s=moved,
            buffered_bytes=values.get(_BUFFERED, 0),
            failed_writes=values.get(_FAILED, 0),
            active=values.get(_ACTIVE, 0),
        )

    @classmethod
    def load(cls, path: Path) -> Self | None:
        """What was saved last; None without it, or if it cannot be read."""
        try:
            saved: dict[str, Any] = json.loads(path.read_bytes())
            return cls(**saved)
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def save(self, path: Path) -> None:
        """Keeps it for whoever comes after this process.

        It is not forced onto the disk: it tells of a process that ends with the
        machine, too.
        """
        beside = path.with_name(path.name + ".new")
        beside.write_text(json.dumps(asdict(self)))
        beside.replace(path)
