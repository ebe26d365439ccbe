"""Every move of a model's aliases, in the order in which they happened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from algolink import names
from algolink.errors import FailedPrecondition, InvalidArgument, NotFound
from algolink.names import ModelName
from registry_svc.domain import models
from registry_svc.domain.models import Evidence, Model


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasMove:
    """One entry of a model's ledger; it never changes.

    Attributes:
        number: position in the model's ledger, from 1.
        version: number of the version that the alias points at since; None if it
            was removed.
        previous_version: what it pointed at before; None if it did not exist.
        commit_time: UTC; never before that of the entry ahead of it.
        mover: name of the caller; empty where nobody wrote it down.
        reason: in the mover's words; may be empty.
        evidence: what the move rests on; None for a move by hand.
        restores: number of the move that a rollback returned to; None if it is
            none. That one is never itself a rollback.
    """

    model: ModelName
    number: int
    alias: str
    version: int | None
    previous_version: int | None
    commit_time: datetime
    mover: str
    reason: str = ""
    evidence: Evidence | None = None
    restores: int | None = None

    @property
    def origin(self) -> int:
        """Number of the move that first brought about what this one did."""
        return self.restores or self.number


def moves_between(
    before: Model,
    after: Model,
    *,
    last: AliasMove | None,
    at: datetime,
    mover: str,
    removal_reason: str = "",
    restores: int | None = None,
) -> Iterator[AliasMove]:
    """What has to be written down when `before` becomes `after`.

    Args:
        last: newest entry of the model's ledger; None if it is empty.
        at: now; an entry takes the time of the one ahead of it if that is later,
            for a clock may be set back.
        removal_reason: why aliases that `after` lacks were removed.
        restores: the move that this one returns to.
    """
    number = last.number if last else 0
    commit_time = max(at, last.commit_time) if last else at
    for alias in sorted({*before.aliases, *after.aliases}):
        source, target = before.aliases.get(alias), after.aliases.get(alias)
        if (source and source.version) == (target and target.version):
            continue
        number += 1
        yield AliasMove(
            model=after.name,
            number=number,
            alias=alias,
            version=target.version if target else None,
            previous_version=source.version if source else None,
            commit_time=commit_time,
            mover=mover,
            reason=target.reason if target else removal_reason,
            evidence=target.evidence if target else None,
            restores=restores,
        )


def roll_back(
    model: Model, present: AliasMove, earlier: AliasMove | None, *, at: datetime, reason: str = ""
) -> Model:
    """`model` with an alias where it was before its last move.

    Args:
        present: the alias's last move.
        earlier: the one ahead of `present.origin`; None if there is none.

    Raises:
        FailedPrecondition: NO_EARLIER_MOVE.
        InvalidArgument: REASON_TOO_LONG.
    """
    if earlier is None:
        raise FailedPrecondition(
            "NO_EARLIER_MOVE",
            f"the ledger of {model.name} holds nothing that {present.alias} could go back to",
            model=model.name,
            alias=present.alias,
        )
    if earlier.version is None:
        models.check_reason(reason)
        return models.remove_alias(model, present.alias, at=at)
    return models.point_alias(model, present.alias, earlier.version, at=at, reason=reason)


def check_asked_time(time: datetime, *, now: datetime) -> datetime:
    """Returns `time` if it has been, else raises TIME_IN_FUTURE: nobody knows yet."""
    if time > now:
        raise InvalidArgument(
            "TIME_IN_FUTURE",
            f"{time.isoformat()} has not been yet: it is {now.isoformat()}",
            time=time.isoformat(),
            now=now.isoformat(),
        )
    return time


def alias_not_set(model: ModelName, alias: str, time: datetime | None = None) -> NotFound:
    """What a caller gets who asks about an alias that did not exist (at a time)."""
    when = f" at {time.isoformat()}" if time else ""
    return NotFound(
        "ALIAS_NOT_SET",
        f"{model} had no alias {names.shown(alias)}{when}",
        model=model,
        alias=names.shown(alias),
        **({"time": time.isoformat()} if time else {}),
    )
