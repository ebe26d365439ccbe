"""What was lost of one run of Envoy: logged, and in no line. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from algolink import files
from mesh_agent.statistics import Statistics

KILLED = "Envoy was killed with lines in its memory"
WRITE_FAILED = "Envoy could not write its log, as when a disk is full"
MISSING = "lines are missing from the log"
GIVEN_UP = "the backlog was too large and its oldest file was given up"

_RECENT_S = 30.0
"""As long as a request may take: one of an experiment that had none for that long is over."""


@dataclass(frozen=True, slots=True)
class Lost:
    """Exposures of one experiment; `at_least` says that there may be more."""

    exposures: int
    at_least: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """What is known to be lost of one run.

    Attributes:
        revision: counts what was found out, from 1; 0 before.
        cause: for people.
        time_s: when it was found out, in seconds since 1970.
        lost: by the experiment's id.
        reported: revision that the experiment service has acknowledged.
        settled: whether the run is over and its loss is counted for good.
    """

    revision: int = 0
    cause: str = ""
    time_s: float = 0.0
    lost: Mapping[str, Lost] = field(default_factory=dict)
    reported: int = 0
    settled: bool = False

    @property
    def is_reported(self) -> bool:
        """Whether the experiment service knows all of it."""
        return self.reported >= self.revision

    def found(self, lost: Mapping[str, Lost], *, cause: str, time_s: float) -> Self:
        """With what is lost now; itself if that is known already."""
        if lost == self.lost:
            return self
        return replace(
            self,
            revision=self.revision + 1,
            cause=cause,
            time_s=time_s,
            lost=lost,
        )

    @classmethod
    def load(cls, path: Path) -> Self:
        """What was saved last; an empty one without it, or if it cannot be read."""
        try:
            saved: dict[str, Any] = json.loads(path.read_bytes())
            lost = {name: Lost(*value) for name, value in saved.pop("lost").items()}
            return cls(lost=lost, **saved)
        except (FileNotFoundError, ValueError, TypeError, KeyError):
            return cls()

    def save(self, path: Path) -> None:
        """Puts it on disk."""
        values = {
            "revision": self.revision,
            "cause": self.cause,
            "time_s": self.time_s,
            "lost": {name: [lost.exposures, lost.at_least] for name, lost in self.lost.items()},
            "reported": self.reported,
            "settled": self.settled,
        }
        files.replace(path, json.dumps(values).encode())


def missing(said: Statistics, survey: Mapping[str, int]) -> dict[str, Lost]:
    """Exposures that Envoy has counted and that are in no line.

    Exact where nothing was in Envoy's memory when it said so and the lines were
    surveyed afterwards; else a lower bound.
    """
    found = {name: count - survey.get(name, 0) for name, count in said.exposures.items()}
    return {name: Lost(count, False) for name, count in sorted(found.items()) if count > 0}


def killed(said: Statistics | None, survey: Mapping[str, int], *, watched: bool) -> dict[str, Lost]:
    """What a run lost whose Envoy did not end in order.

    What it logged after it was last asked, and what it was asked and had not
    answered yet, nobody has counted: every experiment that had requests shortly
    before may have lost more.

    Args:
        said: when Envoy was last asked; None if it never was.
        watched: whether that was shortly before its end; if not, each experiment
            that it ever logged is taken for one that may have lost some.
    """
    counted = missing(said, survey) if said else {}
    suspects = set(survey)
    if said is not None:
        suspects |= set(said.exposures)
        if watched and not said.active:
            recent = {
                name for name, moved in said.moved_s.items() if said.time_s - moved <= _RECENT_S
            }
            later = {name for name in survey if survey[name] > said.exposures.get(name, 0)}
            suspects = recent | later | set(counted)
    return {
        name: Lost(counted[name].exposures if name in counted else 0, True)
        for name in sorted(suspects)
    }


def losing(said: Statistics, lost: Mapping[str, Lost]) -> dict[str, Lost]:
    """What is known while Envoy goes on losing: at least `lost`, of whom it logs now."""
    recent = {name for name, moved in said.moved_s.items() if said.time_s - moved <= _RECENT_S}
    return {
        name: Lost(lost[name].exposures if name in lost else 0, True)
        for name in sorted(recent | set(lost))
    }
