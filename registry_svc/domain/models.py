"""A named line of versions, and the aliases that point at them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from algolink import names
from algolink.errors import Aborted, FailedPrecondition, InvalidArgument, NotFound
from algolink.names import ExperimentName, ModelName, VersionName
from registry_svc.domain.versions import Version

MAX_REASON = 1_000
"""Characters that the reason of an alias move may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a promotion rests on.

    Attributes:
        experiment: whose verdict it is.
        verdict_digest: SHA-256 of the verdict, 64 lower-case hex digits.
    """

    experiment: ExperimentName
    verdict_digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """Where an alias points, and why.

    Attributes:
        version: number of the version.
        update_time: when it was pointed there; UTC.
        reason: in the mover's words; may be empty.
        evidence: what the move rests on; None for a move by hand.
    """

    version: int
    update_time: datetime
    reason: str = ""
    evidence: Evidence | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A named line of versions.

    Attributes:
        aliases: by name; a model with versions always has the champion.
        latest_version: number of the newest version; 0 before the first.
        create_time: when it was made; UTC.
        update_time: when an alias or the list of versions last changed; UTC.
        revision: counts writes from 1; 0 before the first.
    """

    name: ModelName
    aliases: Mapping[str, Alias] = field(default_factory=dict)
    latest_version: int = 0
    create_time: datetime
    update_time: datetime
    revision: int = 0

    @property
    def etag(self) -> str:
        """Differs for every write."""
        return f"r{self.revision}"


@dataclass(frozen=True, slots=True)
class ModelState:
    """A model with all its versions, newest first."""

    model: Model
    versions: tuple[Version, ...]


def new(name: ModelName, *, at: datetime) -> Model:
    """A model without versions, as its first push finds it."""
    return Model(name=name, create_time=at, update_time=at)


def with_next_version(model: Model, *, aliases: Collection[str], at: datetime) -> Model:
    """`model` with one more version, and `aliases` pointing at it.

    The first version becomes the champion whether asked to or not.
    """
    number = model.latest_version + 1
    moved = set(aliases) if model.latest_version else {names.CHAMPION, *aliases}
    pointed = {alias: Alias(version=number, update_time=at) for alias in sorted(moved)}
    return replace(
        model, latest_version=number, aliases={**model.aliases, **pointed}, update_time=at
    )


def next_version_name(model: Model) -> VersionName:
    """Name of the version that the next push makes."""
    return VersionName(model.name.model, model.latest_version + 1)


def point_alias(
    model: Model,
    alias: str,
    version: int,
    *,
    at: datetime,
    reason: str = "",
    evidence: Evidence | None = None,
) -> Model:
    """`model` with `alias` pointing at `version`.

    Asking for the version that it points at already changes nothing, so retries
    are safe.

    Raises:
        InvalidArgument: ALIAS_INVALID or REASON_TOO_LONG.
        NotFound: VERSION_NOT_FOUND.
    """
    names.check_alias(alias)
    check_reason(reason)
    if not 1 <= version <= model.latest_version:
        raise version_not_found(model.name, version)
    present = model.aliases.get(alias)
    if present is not None and present.version == version:
        return model
    pointed = Alias(version=version, update_time=at, reason=reason, evidence=evidence)
    return replace(model, aliases={**model.aliases, alias: pointed}, update_time=at)


def remove_alias(model: Model, alias: str, *, at: datetime) -> Model:
    """`model` without `alias`.

    Raises:
        FailedPrecondition: CHAMPION_REQUIRED.
        NotFound: ALIAS_NOT_FOUND.
    """
    if alias not in model.aliases:
        raise NotFound(
            "ALIAS_NOT_FOUND",
            f"{model.name} has no alias {names.shown(alias)}",
            model=model.name,
            alias=names.shown(alias),
        )
    if alias == names.CHAMPION:
        raise FailedPrecondition(
            "CHAMPION_REQUIRED",
            f"{model.name} cannot be without {alias}: point it at another version instead",
            model=model.name,
            alias=alias,
        )
    kept = {name: target for name, target in model.aliases.items() if name != alias}
    return replace(model, aliases=kept, update_time=at)


def check_reason(reason: str) -> str:
    """Returns `reason` if it is short enough, else raises REASON_TOO_LONG."""
    if len(reason) > MAX_REASON:
        raise InvalidArgument(
            "REASON_TOO_LONG",
            f"the reason has {len(reason)} characters, at most {MAX_REASON} are allowed",
            length=len(reason),
            limit=MAX_REASON,
        )
    return reason


def check_etag(model: Model, etag: str) -> None:
    """Checks that `model` is still what the caller last saw; an empty etag always passes.

    Raises:
        Aborted: ETAG_MISMATCH.
    """
    if etag and etag != model.etag:
        raise Aborted(
            "ETAG_MISMATCH",
            f"{model.name} has changed: its etag is {model.etag}, not {names.shown(etag)}",
            model=model.name,
            etag=model.etag,
            requested=names.shown(etag),
        )


def model_not_found(name: ModelName) -> NotFound:
    """What a caller gets who names a model that there is not."""
    return NotFound("MODEL_NOT_FOUND", f"there is no {name}", model=name)


def version_not_found(model: ModelName, number: int) -> NotFound:
    """What a caller gets who names a version that `model` has not."""
    return NotFound(
        "VERSION_NOT_FOUND", f"{model} has no version {number}", model=model, version=number
    )
