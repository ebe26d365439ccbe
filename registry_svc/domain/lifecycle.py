"""Which states a version goes through, and what each allows."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from algolink import names
from algolink.errors import Aborted, FailedPrecondition
from registry_svc.domain import models, notes
from registry_svc.domain.models import Model
from registry_svc.domain.versions import State, Version

_FROM: Mapping[State, frozenset[State]] = {
    State.READY: frozenset({State.DEPRECATED, State.ARCHIVED, State.DELETED}),
    State.DEPRECATED: frozenset({State.READY}),
    State.ARCHIVED: frozenset({State.READY, State.DEPRECATED}),
    State.DELETED: frozenset({State.READY, State.DEPRECATED, State.ARCHIVED}),
}
"""States from which each can be reached."""

_RETIRED = frozenset({State.ARCHIVED, State.DELETED})


def move(
    version: Version,
    to: State,
    *,
    model: Model,
    at: datetime,
    delete_grace: timedelta,
    reason: str = "",
) -> Version:
    """Moves `version` to state `to`.

    Asking for the state it already has changes nothing, so retries are safe.

    Args:
        model: of the version, as it is now.
        delete_grace: how long a deleted version can be restored.

    Raises:
        FailedPrecondition: STATE_NOT_REACHABLE, if `to` cannot follow the present
            state; VERSION_IN_USE, if it would retire and an alias names it;
            RESTORE_EXPIRED, if it was deleted too long ago.
        InvalidArgument: REASON_TOO_LONG.
    """
    models.check_reason(reason)
    if to == version.state:
        return version
    if version.state not in _FROM[to]:
        raise FailedPrecondition(
            "STATE_NOT_REACHABLE",
            f"{version.name} is {version.state} and cannot become {to}",
            version=version.name,
            state=version.state,
            requested=to,
        )
    if to in _RETIRED:
        _check_not_in_use(version, model)
    if version.purge_time is not None and at >= version.purge_time:
        raise FailedPrecondition(
            "RESTORE_EXPIRED",
            f"{version.name} was deleted for good at {version.purge_time.isoformat()}",
            version=version.name,
            purge_time=version.purge_time.isoformat(),
        )
    return replace(
        version,
        state=to,
        state_time=at,
        state_reason=reason,
        purge_time=at + delete_grace if to is State.DELETED else None,
    )


def annotate(
    version: Version,
    *,
    description: str | None = None,
    set_tags: Mapping[str, str],
    remove_tags: Collection[str] = (),
    set_metrics: Mapping[str, float],
    remove_metrics: Collection[str] = (),
) -> Version:
    """`version` with other notes; what is not named stays.

    Args:
        description: None leaves it as it is.

    Raises:
        InvalidArgument: as `notes` says.
    """
    tags = {key: value for key, value in version.tags.items() if key not in remove_tags}
    metrics = {key: value for key, value in version.metrics.items() if key not in remove_metrics}
    return replace(
        version,
        description=version.description
        if description is None
        else notes.check_description(description),
        tags=notes.check_tags({**tags, **set_tags}),
        metrics=notes.check_metrics({**metrics, **set_metrics}),
    )


def check_not_retired(version: Version) -> None:
    """Checks that an alias may be pointed at `version`.

    Raises:
        FailedPrecondition: VERSION_RETIRED.
    """
    if version.state in _RETIRED:
        raise FailedPrecondition(
            "VERSION_RETIRED",
            f"{version.name} is {version.state}: restore it first",
            version=version.name,
            state=version.state,
        )


def check_etag(version: Version, etag: str) -> None:
    """Checks that `version` is still what the caller last saw; an empty etag always passes.

    Raises:
        Aborted: ETAG_MISMATCH.
    """
    if etag and etag != version.etag:
        raise Aborted(
            "ETAG_MISMATCH",
            f"{version.name} has changed: its etag is {version.etag}, not {names.shown(etag)}",
            version=version.name,
            etag=version.etag,
            requested=names.shown(etag),
        )


def _check_not_in_use(version: Version, model: Model) -> None:
    number = version.name.number
    using = [name for name, alias in sorted(model.aliases.items()) if alias.version == number]
    if using:
        raise FailedPrecondition(
            "VERSION_IN_USE",
            f"{version.name} is what {', '.join(using)} names: move the alias first",
            version=version.name,
            aliases=",".join(using),
        )
