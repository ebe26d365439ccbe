"""Exposures that were lost before they could be counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from algolink import names
from algolink.errors import AlgoLinkError, InvalidArgument
from experiment_svc.domain.fact_checks import MAX_BATCH, MAX_TEXT

MAX_NOTE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """Who took note of a loss, when (UTC), and what they said."""

    by: str
    time: datetime
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What one run of one Envoy lost of one experiment, as reported last.

    Attributes:
        experiment: its id.
        exposures: how many; 0 with `at_least` means that nobody knows.
        at_least: whether more may be lost than were counted.
        revision: of the report; a higher one replaces it.
        time: when the agent found out; UTC.
        acknowledgement: None while nobody has taken note of it.
    """

    experiment: str
    node: str
    run: str
    revision: int
    exposures: int
    at_least: bool
    cause: str
    time: datetime
    acknowledgement: Acknowledgement | None = None

    @property
    def is_any(self) -> bool:
        """Whether something is, or may be, lost."""
        return self.exposures > 0 or self.at_least

    @property
    def is_open(self) -> bool:
        """Whether it forbids decisions."""
        return self.is_any and self.acknowledgement is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that is known of one run of one Envoy; `losses` by experiment."""

    node: str
    run: str
    revision: int
    losses: Sequence[Loss]


def check_report(report: Report) -> None:
    """Checks what an agent says.

    Raises:
        InvalidArgument: LOSS_INVALID.
    """
    for field, value in (("node", report.node), ("run", report.run)):
        if not value or not _is_text(value):
            raise _invalid(f"{field} is {names.shown(value)}: 1 to {MAX_TEXT} ASCII characters")
    if not 1 <= report.revision < 2**62:
        raise _invalid(f"revision is {report.revision}: it counts from 1")
    if len(report.losses) > MAX_BATCH:
        raise _invalid(f"{len(report.losses)} losses at once: at most {MAX_BATCH}")
    if len({loss.experiment for loss in report.losses}) < len(report.losses):
        raise _invalid("an experiment is there twice")
    for loss in report.losses:
        try:
            names.check_experiment_id(loss.experiment)
        except AlgoLinkError as error:
            raise _invalid(f"experiment: {error.message}") from error
        if not 0 <= loss.exposures < 2**62:
            raise _invalid(f"{loss.experiment} lost {loss.exposures} exposures")
        if not _is_text(loss.cause):
            raise _invalid(f"cause is {names.shown(loss.cause)}: at most {MAX_TEXT} ASCII")


def merge(known: Sequence[Loss], report: Report) -> list[Loss]:
    """What has to be stored of `report`, given what is stored of the same run.

    An acknowledgement holds as long as the loss does not grow.
    """
    before = {loss.experiment: loss for loss in known}
    if any(loss.revision >= report.revision for loss in known):
        return []
    changed = [_grown(before.get(loss.experiment), loss) for loss in report.losses]
    gone = before.keys() - {loss.experiment for loss in report.losses}
    changed += [
        replace(before[name], revision=report.revision, exposures=0, at_least=False)
        for name in sorted(gone)
    ]
    return changed


def blocking(losses: Sequence[Loss]) -> str:
    """Why nothing may be decided, given the losses of an experiment; empty if it may."""
    found = [loss for loss in losses if loss.is_open]
    if not found:
        return ""
    exposures = sum(loss.exposures for loss in found)
    count = f"at least {exposures}" if any(loss.at_least for loss in found) else str(exposures)
    nodes = ", ".join(sorted({loss.node for loss in found}))
    return (
        f"exposures are lost ({count}, at {nodes}: {found[0].cause}): "
        "nothing is decided until somebody acknowledges it"
    )


def _grown(before: Loss | None, after: Loss) -> Loss:
    if before is None or before.acknowledgement is None:
        return after
    grew = after.exposures > before.exposures or (after.at_least and not before.at_least)
    return after if grew else replace(after, acknowledgement=before.acknowledgement)


def _is_text(value: str) -> bool:
    return len(value) <= MAX_TEXT and value.isascii() and (value.isprintable() or not value)


def _invalid(message: str) -> InvalidArgument:
    return InvalidArgument("LOSS_INVALID", message, cause=message)
